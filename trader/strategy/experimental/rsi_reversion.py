"""RSI mean reversion: buy what fell too fast, sell what rose too fast, leave at the middle. Experimental.

Imported by registry.py when named. Uses the configured RSI period and thresholds; the D10 confirmation is its
opposite and must be off (`require_rsi_confirmation = false`), which is refused here rather than silently never
trading.
"""

from __future__ import annotations

from trader.market.instrument import Instrument
from trader.market.rsi import NEUTRAL
from trader.market.window import MarkWindow
from trader.strategy.settings import FilterLimits, SizingSettings, StrategySettings
from trader.strategy.signal_strategy import SignalStrategy

__experimental__ = True


class RsiReversion(SignalStrategy):
    """Against the move while the index is beyond its threshold; `max_adds` keeps it to one entry."""

    @property
    def signal_bars(self) -> int:
        """The RSI's first value."""
        return self.settings.rsi_period + 1

    @property
    def rsi_period(self) -> int | None:
        """Always needed."""
        return self.settings.rsi_period

    def signal(self, window: MarkWindow) -> int:
        """+1 below oversold, -1 above overbought."""
        rsi = window.rsi
        if rsi is None:
            return 0
        return 1 if rsi < self.settings.rsi_oversold else -1 if rsi > self.settings.rsi_overbought else 0

    def exit_due(self, window: MarkWindow, sign: int) -> bool:
        """The index is back at or past the middle."""
        rsi = window.rsi
        return rsi is not None and sign * (rsi - NEUTRAL) >= 0

    def describe(self, window: MarkWindow, instrument: Instrument) -> str:
        """The index and its thresholds."""
        rsi = "unknown" if window.rsi is None else f"{window.rsi:.1f}"
        return f"{instrument.symbol} RSI {rsi}, buys below {self.settings.rsi_oversold}"


def create(settings: StrategySettings, filters: FilterLimits, sizing: SizingSettings) -> RsiReversion:
    """Make one instance for one symbol; ValueError when the settings contradict the method."""
    if settings.require_rsi_confirmation:
        raise ValueError(
            "set strategy.require_rsi_confirmation = false: it forbids the entries rsi_reversion looks for"
        )
    return RsiReversion(settings, filters, sizing)
