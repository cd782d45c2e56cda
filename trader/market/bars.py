"""Bars of marks out of the venue's candles: what warms a window before the first live mark.

Anyone may import this. A candle is made of trades and a bar of mids, so the two differ by about half a spread; that
is why only warm-up uses candles. Candles longer than a bar cannot be cut honestly and give nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Decimal

from trader.market.instrument import Instrument
from trader.market.quote import Bar, Candle


def bars_from_candles(
    candles: Iterable[Candle], candle_seconds: float, bar_seconds: float, instrument: Instrument
) -> tuple[Bar, ...]:
    """Join candles into bars, oldest first; the venue's order and repeats do not matter.

    Empty when a bar is shorter than a candle or no whole number of candles. The newest bar may lack its last candles
    where the venue had not finished them: leave out a forming candle before the call.
    """
    if bar_seconds < candle_seconds or bar_seconds % candle_seconds:
        return ()
    bars: dict[float, Bar] = {}
    for candle in sorted({candle.start: candle for candle in candles}.values(), key=lambda candle: candle.start):
        start = candle.start // bar_seconds * bar_seconds
        open_, high, low, close = (
            _half_ticks(price, instrument) for price in (candle.open, candle.high, candle.low, candle.close)
        )
        begun = bars.get(start)
        if begun is None:
            bars[start] = Bar(instrument.symbol, start, open_, high, low, close)
        else:
            bars[start] = Bar(instrument.symbol, start, begun.open, max(begun.high, high), min(begun.low, low), close)
    return tuple(bars.values())


def _half_ticks(price: Decimal, instrument: Instrument) -> int:
    return int((2 * price / instrument.price_increment).to_integral_value(ROUND_HALF_EVEN))
