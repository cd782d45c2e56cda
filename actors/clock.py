"""The market's clock as this machine knows it, learned from the venue's heartbeats; and the machine's own.

Feed threads tell it what they hear, the main thread reads it for each tick. On a replayed market the venue's clock may run many
times faster than the machine's: the rate is learned too, but only where the system was told to expect it (the embedded exchange).
"""

from __future__ import annotations

import time

import msgspec

from trader.market.clock import Now

MEASURE_S = 2.0
REPLAY_S = 3600.0
"""On the embedded exchange a clock this far off is a recorded market's, and its distance means nothing."""


class _Reading(msgspec.Struct, frozen=True, gc=False):
    """One heartbeat: both clocks at the same moment."""

    market_time: float
    machine_time: float


class MarketClock:
    """Gives `Now`. Never runs backward. `free_running` allows a market clock that is not the machine's.

    `skew_s` is the market's clock less this machine's UTC clock at the last heartbeat, None before the first and on a recorded market.
    """

    def __init__(self, *, free_running: bool) -> None:
        self._free_running = free_running
        self._anchor: _Reading | None = None
        self._rate = 1.0
        self._latest = 0.0
        self.skew_s: float | None = None

    def hear(self, market_time: float, machine_time: float) -> None:
        """Take one heartbeat's two times, or the venue's answer at the start. Feed threads."""
        reading = _Reading(market_time, machine_time)
        anchor = self._anchor
        skew_s = market_time - (time.time() + machine_time - time.monotonic())
        self.skew_s = None if self._free_running and abs(skew_s) > REPLAY_S else skew_s
        if anchor is None:
            self._anchor = reading
            return
        elapsed = machine_time - anchor.machine_time
        if elapsed < MEASURE_S:
            return
        measured = (market_time - anchor.market_time) / elapsed
        self._rate = measured if self._free_running and abs(measured - 1.0) > 0.05 else 1.0
        self._anchor = reading

    def now(self) -> Now:
        """Return both clocks now. Before the first heartbeat the market's clock is this machine's UTC clock."""
        machine_time = time.monotonic()
        anchor = self._anchor
        market_time = anchor.market_time + (machine_time - anchor.machine_time) * self._rate if anchor else time.time()
        self._latest = max(self._latest, market_time)
        return Now(self._latest, machine_time)
