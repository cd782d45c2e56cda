"""Market-regime filter: the moving-average cross, taken only in a market that goes somewhere. Experimental.

Imported by registry.py when named. The measure is the efficiency ratio over the long period: the net move over the
way travelled, 1 for a straight line and near 0 for noise (P. J. Kaufman, Smarter Trading, 1995). Exits are the
cross's own.
"""

from __future__ import annotations

from itertools import pairwise

from trader.market.instrument import Instrument
from trader.market.window import MarkWindow
from trader.strategy.ma_cross import MovingAverageCross
from trader.strategy.settings import FilterLimits, SizingSettings, StrategySettings

__experimental__ = True

EFFICIENCY_MIN_PCT = 30
"""Below this many hundredths the market counts as ranging and a cross is not followed."""


class RegimeCross(MovingAverageCross):
    """The cross in trending markets only."""

    def signal(self, window: MarkWindow) -> int:
        """The cross where the market trends, else 0; the ratio is worked out only where a cross asks for it."""
        sign = super().signal(window)
        if sign == 0:
            return 0
        net, travelled = self._net_and_travelled(window)
        return sign if 100 * net >= EFFICIENCY_MIN_PCT * travelled and travelled else 0

    signal_free_bars = MovingAverageCross.signal_free_bars
    """A filter takes signals away and adds none, so where the cross says nothing this one says nothing too."""

    def describe(self, window: MarkWindow, instrument: Instrument) -> str:
        """The cross's numbers and the efficiency ratio."""
        net, travelled = self._net_and_travelled(window)
        ratio = net / travelled if travelled else 0.0
        return f"{super().describe(window, instrument)}, efficiency {ratio:.2f}"

    def _net_and_travelled(self, window: MarkWindow) -> tuple[int, int]:
        """Net move and way travelled over the long period, in half ticks."""
        closes = window.closes[-self._long - 1 :]
        return abs(closes[-1] - closes[0]), sum(abs(now - before) for before, now in pairwise(closes))


def create(settings: StrategySettings, filters: FilterLimits, sizing: SizingSettings) -> RegimeCross:
    """Make one instance for one symbol."""
    return RegimeCross(settings, filters, sizing)
