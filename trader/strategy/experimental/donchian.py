"""Donchian breakout: follow a close beyond the range of the bars before it. Experimental.

Imported by registry.py when named. The entry channel is `long_ma_period` bars, the exit channel `short_ma_period`;
both leave out the newest bar, so that it can break them. The channels are looked over anew at each bar: at most 250 bars.
"""

from __future__ import annotations

from trader.market.instrument import Instrument
from trader.market.window import MarkWindow
from trader.strategy.settings import FilterLimits, SizingSettings, StrategySettings
from trader.strategy.signal_strategy import SignalStrategy

__experimental__ = True


class DonchianBreakout(SignalStrategy):
    """Enters on a new extreme of the long channel, leaves on an opposite extreme of the short one."""

    @property
    def signal_bars(self) -> int:
        """The entry channel and the bar that breaks it."""
        return self.settings.long_ma_period + 1

    def signal(self, window: MarkWindow) -> int:
        """+1 above the channel, -1 below it."""
        close, bars = window.closes[-1], self.settings.long_ma_period
        return 1 if close > window.highest(bars, skip=1) else -1 if close < window.lowest(bars, skip=1) else 0

    def exit_due(self, window: MarkWindow, sign: int) -> bool:
        """The close broke the exit channel against the position."""
        close, bars = window.closes[-1], self.settings.short_ma_period
        return close < window.lowest(bars, skip=1) if sign > 0 else close > window.highest(bars, skip=1)

    def describe(self, window: MarkWindow, instrument: Instrument) -> str:
        """Close and channel."""
        price, bars = instrument.from_half_ticks, self.settings.long_ma_period
        low, high = price(window.lowest(bars, skip=1)), price(window.highest(bars, skip=1))
        return f"close {price(window.closes[-1])}, channel {low} to {high} over {bars} bars"


def create(settings: StrategySettings, filters: FilterLimits, sizing: SizingSettings) -> DonchianBreakout:
    """Make one instance for one symbol."""
    return DonchianBreakout(settings, filters, sizing)
