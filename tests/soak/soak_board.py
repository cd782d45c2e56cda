"""The exchange's control endpoint of faults, for the tests of this folder."""

from __future__ import annotations

from typing import Any

import requests
from trader_process import ExchangeRecords


class Board:
    """Arms and disarms faults of a running exchange."""

    def __init__(self, exchange: ExchangeRecords) -> None:
        self._url = f"{exchange.ready['rest_url']}/_exchange/faults"
        self._session = requests.Session()
        self._session.trust_env = False

    def arm(self, fault_id: str, **terms: Any) -> None:
        """Arm one fault."""
        answer = self._session.post(self._url, json={"id": fault_id, **terms}, timeout=10)
        assert answer.status_code == 200, answer.text

    def fired(self, fault_id: str) -> int:
        """How often a fault has acted."""
        return int(self._session.get(self._url, timeout=10).json()["fired"].get(fault_id, 0))

    def clear(self) -> None:
        """Disarm everything."""
        self._session.delete(self._url, timeout=10)

    def close(self) -> None:
        """Disarm everything and let the connection go."""
        self.clear()
        self._session.close()
