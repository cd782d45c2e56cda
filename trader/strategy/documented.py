"""The documents' calling form of the baseline strategy.

A factory from a plain mapping, and `decide` with its six inputs.

For notebooks, tests and readers of the documents; the symbol actor uses the protocol directly. Both forms run the
very same code. `decide` is pure but for the trailing stop's peak: each call builds a window from `recent_marks`, one
bar per mark, so it costs O(marks). The documents' baseline has no market filters, hence none here; risk is asked by
the caller, never by the strategy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

import msgspec

from trader.market.instrument import Instrument
from trader.market.quote import BookTop, Quote
from trader.market.window import MarkWindow
from trader.strategy.ma_cross import MovingAverageCross
from trader.strategy.protocol import ONE, Context, Decision, PositionView
from trader.strategy.settings import FilterLimits, SizingSettings, StrategySettings

ZERO = Decimal(0)
NO_FILTERS = FilterLimits(ZERO, ZERO, ZERO, ZERO)


class BaselineStrategy:
    """`decide` around one moving-average cross. One instance per symbol, because the stop's peak is the symbol's."""

    def __init__(self, settings: StrategySettings, sizing: SizingSettings, leverage_cap: Decimal) -> None:
        self._strategy = MovingAverageCross(settings, NO_FILTERS, sizing)
        self._leverage_cap = leverage_cap

    def decide(
        self,
        symbol: str,
        current_mark: Decimal,
        position_state: PositionView,
        recent_marks: Sequence[Decimal],
        equity: Decimal,
        product: Instrument,
    ) -> Decision:
        """Decide at `current_mark`, which follows `recent_marks` (oldest first).

        Prices in quote currency, equity in USD.
        """
        window = MarkWindow(symbol, 1, self._strategy.window_plan)
        marks = [product.half_ticks(mark, mark) for mark in (*recent_marks, current_mark)]
        for second, half_ticks in enumerate(marks):
            window.add(half_ticks, float(second))
        window.advance(float(len(marks)))
        context = self._context(symbol, current_mark, marks[-1], equity, product, float(len(marks)))
        stopped = self._strategy.on_mark(marks[-1], position_state, context)
        return stopped or self._strategy.on_bar(window, position_state, context)

    def _context(
        self, symbol: str, mark: Decimal, half_ticks: int, equity: Decimal, product: Instrument, time: float
    ) -> Context:
        quote = Quote(symbol, mark, mark, ZERO, ZERO, half_ticks, mark, ZERO, time, time)
        book = BookTop(symbol, (), (), time, time)
        return Context(product, quote, equity, time, time, book, leverage_cap=self._leverage_cap)


def create_baseline_strategy(config: Mapping[str, object], leverage_cap: Decimal = ONE) -> BaselineStrategy:
    """Build the baseline from the documents' keys (`short_ma_period`, `target_leverage`, ...).

    Values may be numbers or text. msgspec.ValidationError names a value of the wrong type, ValueError a key that does
    not exist.
    """
    text = {key: str(value) if isinstance(value, (float, Decimal)) else value for key, value in config.items()}
    strategy_keys, sizing_keys = StrategySettings.__struct_fields__, SizingSettings.__struct_fields__
    unknown = sorted(set(text) - set(strategy_keys) - set(sizing_keys))
    if unknown:
        raise ValueError(f"unknown strategy keys {', '.join(unknown)}: use {', '.join((*strategy_keys, *sizing_keys))}")
    settings = msgspec.convert({k: v for k, v in text.items() if k in strategy_keys}, StrategySettings, strict=False)
    sizing = msgspec.convert({k: v for k, v in text.items() if k in sizing_keys}, SizingSettings, strict=False)
    return BaselineStrategy(settings, sizing, leverage_cap)
