"""The exchange's two clocks.

Imported by server.py, rest.py and stream.py; the only place where the exchange reads the time.
"""

from __future__ import annotations

import time


class VenueClock:
    """Market time that starts at a moment and runs `speed` times as fast as the machine's clock."""

    def __init__(self, *, start: float | None = None, speed: float = 1.0) -> None:
        self.speed = speed
        self._began = time.monotonic()
        self._start = time.time() if start is None else start

    def market_time(self) -> float:
        """UNIX seconds in the market's own calendar."""
        return self._start + (time.monotonic() - self._began) * self.speed

    @staticmethod
    def machine_time() -> float:
        """UNIX seconds of this computer: for tokens and for the arrival of requests."""
        return time.time()

    def uptime(self) -> float:
        """Machine seconds since the exchange started."""
        return time.monotonic() - self._began
