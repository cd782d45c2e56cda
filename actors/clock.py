"""The market's clock as this machine knows it, learned from the venue's heartbeats; and the machine's own.

Feed threads tell it what they hear, the main thread reads it for each tick. On a replayed market the venue's clock may run many
times faster than the machine's: the rate is learned too, but only where the system was told to expect it (the embedded exchange).
"""

from __future__ import annotations

import time

import msgspec
from loguru import logger

from trader.market.clock import Now
from trader.orders.reason import Reason
from trader.risk.holds import ACCOUNT, Hold, Level

MEASURE_S = 2.0
REPLAY_S = 3600.0
"""On the embedded exchange a clock this far off is a recorded market's, and its distance means nothing."""
LATE_S = 1.0
AHEAD_S = 2.0
PATIENCE_S = 10.0
"""A heartbeat that is late waited in a buffer, as after a pause of this process; late ones for this long are the truth."""

SKEW_WARN_S = 0.5
SKEW_MAX_S = 2.0
SKEW_HOLD_S = 60.0
"""How long one look at a wrong clock keeps the account reduce-only (C-26); looked at again every half of it."""


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
        self._doubt_since: float | None = None
        self.skew_s: float | None = None

    def hear(self, market_time: float, machine_time: float) -> None:
        """Take one heartbeat's two times, or the venue's answer at the start. Feed threads.

        A reading that is far behind this clock has waited in a buffer, one far ahead of it is wrong or a leap of the venue's: neither
        counts until it has been repeated for `PATIENCE_S`. A market that may run at its own speed is only doubted when it is behind.
        """
        late_s = self.late_s(market_time, machine_time)
        doubtful = late_s > LATE_S or (late_s < -AHEAD_S and not self._free_running)
        if not doubtful:
            self._doubt_since = None
        elif self._doubt_since is None or machine_time - self._doubt_since < PATIENCE_S:
            self._doubt_since = self._doubt_since or machine_time
            return
        self._take(_Reading(market_time, machine_time))

    def _take(self, reading: _Reading) -> None:
        anchor = self._anchor
        skew_s = reading.market_time - (time.time() + reading.machine_time - time.monotonic())
        self.skew_s = None if self._free_running and abs(skew_s) > REPLAY_S else skew_s
        if anchor is None:
            self._anchor = reading
            return
        elapsed = reading.machine_time - anchor.machine_time
        if elapsed < MEASURE_S:
            return
        measured = (reading.market_time - anchor.market_time) / elapsed
        self._rate = measured if self._free_running and abs(measured - 1.0) > 0.05 else 1.0
        self._anchor = reading

    def late_s(self, market_time: float, machine_time: float) -> float:
        """Return how many machine seconds something stamped `market_time` came later than this clock says; 0 before the first reading."""
        anchor = self._anchor
        if anchor is None or self._rate <= 0:
            return 0.0
        return (anchor.market_time - market_time) / self._rate + machine_time - anchor.machine_time

    def now(self) -> Now:
        """Return both clocks now. Before the first heartbeat the market's clock is this machine's UTC clock."""
        machine_time = time.monotonic()
        anchor = self._anchor
        market_time = anchor.market_time + (machine_time - anchor.machine_time) * self._rate if anchor else time.time()
        self._latest = max(self._latest, market_time)
        return Now(self._latest, machine_time)


class SkewWatch:
    """Judges how far this machine's clock is from the venue's (C-26): above 0.5 s it warns, above 2 s the account is reduce-only.

    The hold ends by itself a minute after the clock is right again. Main thread.
    """

    def __init__(self) -> None:
        self._looked_at = float("-inf")

    def judge(self, skew_s: float | None, now: Now) -> Hold | None:
        """Return the hold to place, None when there is nothing to say; looks twice a minute. `skew_s` is None where it is unknown."""
        if skew_s is None or now.machine_time - self._looked_at < SKEW_HOLD_S / 2:
            return None
        if abs(skew_s) <= SKEW_WARN_S:
            return None
        self._looked_at = now.machine_time
        side = "behind" if skew_s > 0 else "ahead of"
        text = f"this machine's clock is {abs(skew_s):.1f} s {side} the venue's, limit {SKEW_MAX_S:g} s; synchronize it (chrony)"
        logger.warning("{}", text)
        if abs(skew_s) <= SKEW_MAX_S:
            return None
        ends_at = now.market_time + SKEW_HOLD_S
        return Hold("clock_skew", Level.REDUCE_ONLY, ACCOUNT, Reason.CLOCK_SKEW, text, "the clock", ends_at=ends_at)
