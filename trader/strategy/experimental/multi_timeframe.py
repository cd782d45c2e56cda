"""Multi-timeframe trend filter: the moving-average cross, taken only in the direction of a slower trend. Experimental.

Imported by registry.py when named. The slower trend is the close against the average of `TREND_FACTOR` times the long
period, read from the same exact sums. Exits are the cross's own: a filter never keeps a position.
"""

from __future__ import annotations

from trader.market.instrument import Instrument
from trader.market.window import MarkWindow
from trader.strategy.ma_cross import MovingAverageCross
from trader.strategy.settings import FilterLimits, SizingSettings, StrategySettings

__experimental__ = True

TREND_FACTOR = 6


class MultiTimeframeCross(MovingAverageCross):
    """The cross with the wind."""

    @property
    def _trend_bars(self) -> int:
        return self._long * TREND_FACTOR

    @property
    def signal_bars(self) -> int:
        """The slower average, or the cross if that needs more."""
        return max(super().signal_bars, self._trend_bars)

    @property
    def sum_periods(self) -> tuple[int, ...]:
        """Both averages and the slower one."""
        return (*super().sum_periods, self._trend_bars)

    def signal(self, window: MarkWindow) -> int:
        """The cross where the close stands on the same side of the slower average, else 0."""
        sign = super().signal(window)
        above = window.closes[-1] * self._trend_bars - window.sum(self._trend_bars)
        return sign if sign * above > 0 else 0

    signal_free_bars = MovingAverageCross.signal_free_bars
    """A filter takes signals away and adds none, so where the cross says nothing this one says nothing too."""

    def describe(self, window: MarkWindow, instrument: Instrument) -> str:
        """The cross's numbers and the slower average."""
        trend = window.sum(self._trend_bars) * instrument.price_increment / (2 * self._trend_bars)
        return f"{super().describe(window, instrument)}, trend average {trend:.8g}"


def create(settings: StrategySettings, filters: FilterLimits, sizing: SizingSettings) -> MultiTimeframeCross:
    """Make one instance for one symbol."""
    return MultiTimeframeCross(settings, filters, sizing)
