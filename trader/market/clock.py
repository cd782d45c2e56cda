"""The two clocks as one value, so that nobody below the actors reads either of them.

Anyone may import this. `market_time` is UNIX seconds of the market's clock (bars, cooldowns, day roll, trading window, funding);
`machine_time` is this machine's monotonic seconds (ages, time-outs, approval life, rates). They may run at different speeds.
"""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

SECONDS_PER_DAY = 86_400


class Now(msgspec.Struct, frozen=True, gc=False):
    """One moment on both clocks."""

    market_time: float
    machine_time: float

    @property
    def utc_day(self) -> int:
        """Days since 1970-01-01 UTC on the market's clock."""
        return int(self.market_time // SECONDS_PER_DAY)


def utc_text(unix_s: float) -> str:
    """Return UNIX seconds as `2026-11-20T17:14:09.120Z`."""
    return datetime.fromtimestamp(unix_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
