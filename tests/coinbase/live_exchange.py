"""An embedded exchange as its own process, its key, and its own ledger to judge by."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import requests

from tests.planted_secrets import plant
from trader.coinbase.auth import Credentials
from trader.coinbase.rest import CoinbaseVenue
from trader.coinbase.settings import RestSettings

ROOT = Path(__file__).resolve().parents[2]


class LiveExchange:
    """A running exchange: where it is, its key, and its own ledger to judge by."""

    def __init__(self, ready: dict[str, Any]) -> None:
        self.rest_url = str(ready["rest_url"])
        self.ws_url = str(ready["ws_url"])
        self.ws_user_url = str(ready["ws_user_url"])
        self.credentials = Credentials.parse(ready["api_key"], plant(ready["api_secret"]))

    def venue(self, **options: Any) -> CoinbaseVenue:
        """A client of ours."""
        settings = RestSettings(enable_throttle=False, retry_delay_s=0.05)
        return CoinbaseVenue(self.rest_url, self.credentials, settings, **options)

    def ledger(self) -> dict[str, Any]:
        """The exchange's own record, which no client can colour."""
        with requests.Session() as session:
            session.trust_env = False
            return dict(session.get(f"{self.rest_url}/_exchange/ledger", timeout=10).json())


@contextlib.contextmanager
def running_exchange(*flags: str) -> Iterator[LiveExchange]:
    """Start an exchange on a free port and end it, by its own pid, with the block."""
    command = [sys.executable, "-m", "trader.exchange", "--port", "0", "--seed", "7", "--die-with-parent", *flags]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line, "the exchange did not start"
        yield LiveExchange(json.loads(line))
    finally:
        process.stdin.close()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
