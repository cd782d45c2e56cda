"""The trading window: the hours of the UTC day in which entries are allowed; used by risk, config and reports.

It gates entries only (D38): an exit never waits for a window. The start belongs to the window, the end does not.
"""

import re

import msgspec

_SECONDS_PER_DAY = 86_400
_PATTERN = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)", re.ASCII)


class TradingWindow(msgspec.Struct, frozen=True, gc=False):
    """A daily window in UTC, from `opens_s` to `closes_s` seconds after midnight; it may cross midnight."""

    opens_s: int
    closes_s: int

    @classmethod
    def parse(cls, text: str) -> "TradingWindow | None":
        """The window written as "14:00-15:00", or None for "" (always open); ValueError for anything else."""
        if text == "":
            return None
        match = _PATTERN.fullmatch(text)
        if match is None:
            raise ValueError('a trading window is written "HH:MM-HH:MM" in UTC, for example "14:00-15:00"')
        opens_h, opens_min, closes_h, closes_min = (int(part) for part in match.groups())
        window = cls(opens_h * 3600 + opens_min * 60, closes_h * 3600 + closes_min * 60)
        if window.opens_s == window.closes_s:
            raise ValueError('a trading window needs two different times; "" means always open')
        return window

    def contains(self, utc_seconds: float) -> bool:
        """Whether entries are allowed at this UNIX time of the market's clock."""
        second = utc_seconds % _SECONDS_PER_DAY
        if self.opens_s < self.closes_s:
            return self.opens_s <= second < self.closes_s
        return second >= self.opens_s or second < self.closes_s

    def opens_in_s(self, utc_seconds: float) -> float:
        """Seconds until the window opens; 0 while it is open."""
        if self.contains(utc_seconds):
            return 0.0
        return (self.opens_s - utc_seconds) % _SECONDS_PER_DAY

    def __str__(self) -> str:
        return f"{_clock(self.opens_s)}-{_clock(self.closes_s)}"


def _clock(second: int) -> str:
    return f"{second // 3600:02d}:{second % 3600 // 60:02d}"
