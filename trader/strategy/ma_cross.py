"""The documents' strategy: a moving-average crossover with an epsilon band and confirmation bars.

Imported lazily by registry.py. With diff = short average - long average and eps = mark x epsilon_bps / 10000, a
bullish cross is at the bar where the previous diff is at most eps and this diff is above it; bearish is its mirror
image. With k confirmation bars the signal fires k bars after the cross if diff stayed beyond its band at every bar
since: once per cross, at one bar and no other. The opposite cross stands while diff has been beyond the other band
for k + 1 bars; at its first bar that is the cross itself, and later bars repeat an exit that was lost, refused or
only partly filled.

Everything is integers: averages are compared as sums times the other period, the band as a ratio. The signal depends
on the last `long + 1 + k` closes alone, so no restart and no longer history can change it.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache
from itertools import chain
from typing import NamedTuple

from trader.market.instrument import Instrument
from trader.market.window import MarkWindow
from trader.strategy.settings import FilterLimits, SizingSettings, StrategySettings
from trader.strategy.signal_strategy import SignalStrategy

BPS = 10_000


class AveragePreset(NamedTuple):
    """A pair of periods with the market it suits."""

    short_ma_period: int
    long_ma_period: int


MA_PRESETS = {
    "volatile": AveragePreset(3, 10),
    "trending": AveragePreset(5, 20),
    "ranging": AveragePreset(10, 50),
}
LEVERAGE_PRESETS = {"testing": Decimal(1), "conservative": Decimal(2), "aggressive": Decimal(3)}


class MovingAverageCross(SignalStrategy):
    """Crossover of two simple averages of closes."""

    def __init__(self, settings: StrategySettings, filters: FilterLimits, sizing: SizingSettings) -> None:
        self._short = settings.short_ma_period
        self._long = settings.long_ma_period
        self._confirm = settings.confirmation_bars
        assert 0 < self._short < self._long, "short_ma_period must be below long_ma_period"
        band, scale = settings.epsilon_bps.as_integer_ratio()
        self._gap_scale = BPS * scale
        self._band_scale = band * self._short * self._long
        super().__init__(settings, filters, sizing)

    @property
    def signal_bars(self) -> int:
        """The long average, one bar before it, and the confirmation bars."""
        return self._long + 1 + self._confirm

    @property
    def sum_periods(self) -> tuple[int, ...]:
        """Both averages."""
        return (self._short, self._long)

    def signal(self, window: MarkWindow) -> int:
        """+1 at the bar that completes a bullish cross, -1 a bearish one, else 0."""
        closes, short, long = window.closes, self._short, self._long
        short_sum, long_sum = window.sum(short), window.sum(long)
        gap = (short_sum * long - long_sum * short) * self._gap_scale
        if abs(gap) <= closes[-1] * self._band_scale:
            return 0
        sign = 1 if gap > 0 else -1
        for back in range(1, self._confirm + 2):
            band = closes[-back] * self._band_scale
            short_sum += closes[-back - short] - closes[-back]
            long_sum += closes[-back - long] - closes[-back]
            gap = sign * (short_sum * long - long_sum * short) * self._gap_scale
            if back > self._confirm:
                return sign if gap <= band else 0
            if gap <= closes[-back - 1] * self._band_scale:
                return 0
        raise AssertionError("unreachable: the last step returns")

    def exit_due(self, window: MarkWindow, sign: int) -> bool:
        """True while the averages have stood beyond the opposite band for the confirmation bars and one."""
        closes, short, long = window.closes, self._short, self._long
        short_sum, long_sum = window.sum(short), window.sum(long)
        if -sign * (short_sum * long - long_sum * short) * self._gap_scale <= closes[-1] * self._band_scale:
            return False
        for back in range(1, self._confirm + 1):
            short_sum += closes[-back - short] - closes[-back]
            long_sum += closes[-back - long] - closes[-back]
            gap = -sign * (short_sum * long - long_sum * short) * self._gap_scale
            if gap <= closes[-back - 1] * self._band_scale:
                return False
        return True

    def signal_free_bars(self, window: MarkWindow, marks: Sequence[int], sign: int) -> int:
        """As `signal` and `exit_due` would say bar by bar, in one pass: the gap moves by what enters and leaves both sums.

        Every bar from a cross to its last confirmation counts as a signal, and so does any bar beyond the band against
        a position: those few are looked at one by one.
        """
        short, long, band_scale, confirm = self._short, self._long, self._band_scale, self._confirm
        closes = window.closes
        short_weight, long_weight = long * self._gap_scale, short * self._gap_scale
        gap = window.sum(short) * short_weight - window.sum(long) * long_weight
        since_cross = self._bars_since_cross(closes)
        leaving = zip(marks, chain(closes[-short:], marks), chain(closes[-long:], marks), strict=False)
        for count, (mark, left_short, left_long) in enumerate(leaving):
            before, band = gap, mark * band_scale
            gap += (mark - left_short) * short_weight - (mark - left_long) * long_weight
            if -band <= gap <= band:
                since_cross = confirm
                continue
            side = 1 if gap > 0 else -1
            since_cross = 0 if before * side <= band else since_cross + 1
            if since_cross <= confirm or side == -sign:
                return count
        return len(marks)

    def _bars_since_cross(self, closes: Sequence[int]) -> int:
        """How many bars ago the averages crossed, or the confirmation bars when that is longer ago."""
        short, long = self._short, self._long
        for back in range(self._confirm):
            gap, before = (
                (sum(closes[end - short : end]) * long - sum(closes[end - long : end]) * short) * self._gap_scale
                for end in (len(closes) - back, len(closes) - back - 1)
            )
            band = closes[-1 - back] * self._band_scale
            if (gap > band and before <= band) or (gap < -band and before >= -band):
                return back
        return self._confirm

    def describe(self, window: MarkWindow, instrument: Instrument) -> str:
        """Both averages and the gap between them in basis points."""
        tick = instrument.price_increment / 2
        fast = tick * window.sum(self._short) / self._short
        slow = tick * window.sum(self._long) / self._long
        digits = _digits(instrument.price_increment)
        gap_bps = (fast - slow) * BPS / slow
        band = self.settings.epsilon_bps
        return f"fast {fast:.{digits}f}, slow {slow:.{digits}f}, gap {gap_bps:+.1f} bp, band {band} bp"


@lru_cache(maxsize=64)
def _digits(increment: Decimal) -> int:
    """Decimal places of a price increment."""
    return max(0, -int(increment.normalize().as_tuple().exponent))


def create(settings: StrategySettings, filters: FilterLimits, sizing: SizingSettings) -> MovingAverageCross:
    """Make one instance for one symbol."""
    return MovingAverageCross(settings, filters, sizing)
