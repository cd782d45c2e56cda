"""A user's strategy in thirty lines: buy a close above the average of the last bars, leave below it."""

from trader.market.instrument import Instrument
from trader.market.window import MarkWindow
from trader.strategy.settings import FilterLimits, SizingSettings, StrategySettings
from trader.strategy.signal_strategy import SignalStrategy


class AboveAverage(SignalStrategy):
    """Warm-up, filters, sizing, one order at a time and the trailing stop come with the base class."""

    @property
    def signal_bars(self) -> int:
        return self.settings.long_ma_period

    @property
    def sum_periods(self) -> tuple[int, ...]:
        return (self.settings.long_ma_period,)

    def signal(self, window: MarkWindow) -> int:
        return 1 if window.closes[-1] * self.signal_bars > window.sum(self.signal_bars) else 0

    def exit_due(self, window: MarkWindow, sign: int) -> bool:
        return self.signal(window) == 0

    def describe(self, window: MarkWindow, instrument: Instrument) -> str:
        return f"{instrument.symbol} close {instrument.from_half_ticks(window.closes[-1])}"


def create(settings: StrategySettings, filters: FilterLimits, sizing: SizingSettings) -> AboveAverage:
    return AboveAverage(settings, filters, sizing)
