"""Closed bars made from what the venue still knows, so that a window is warm seconds after a start.

Sources, best first: the broker's own ring of marks, the newest public trades (a bar's close is its last trade; a bar without a trade
repeats the one before), and one-minute candles, whose path is drawn straight from open to close. Pure. Such bars only warm the
averages: entries are decided on bars that closed live.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from trader.market.instrument import Instrument
from trader.market.quote import Candle, Trade

CANDLE_SECONDS = 60


def closes_from(
    candles: Sequence[Candle],
    trades: Sequence[Trade],
    ring: Sequence[tuple[float, int]],
    instrument: Instrument,
    bar_seconds: int,
    bars: int,
    market_time: float,
) -> tuple[tuple[float, int], ...]:
    """Return up to `bars` contiguous closed bars as (start, half ticks), oldest first, ending before the bar of `market_time`.

    `candles` and `trades` are oldest first. Fewer are returned when the sources reach less far back; none when all are empty.
    """
    open_bar = market_time // bar_seconds * bar_seconds
    known: dict[float, int] = {}
    for candle in candles:
        known.update(_path(candle, instrument, bar_seconds))
    first_trade = trades[0].market_time // bar_seconds * bar_seconds if trades else float("inf")
    last_mark: int | None = None
    by_bar: dict[float, int] = {}
    for trade in trades:
        by_bar[trade.market_time // bar_seconds * bar_seconds] = _half_ticks(trade.price, instrument)
    known.update(by_bar)
    known.update(ring)
    if not known:
        return ()
    closes: list[tuple[float, int]] = []
    start = max(min(known), open_bar - bars * bar_seconds)
    for earlier in sorted(known):
        if earlier < start:
            last_mark = known[earlier]
    while start < open_bar:
        quiet = start > first_trade and start not in by_bar and start not in dict(ring)
        mark = last_mark if quiet and last_mark is not None else known.get(start, last_mark)
        if mark is not None:
            closes.append((start, mark))
            last_mark = mark
        start += bar_seconds
    return tuple(closes)


def _path(candle: Candle, instrument: Instrument, bar_seconds: int) -> dict[float, int]:
    """Return the closes of the bars inside one candle, on a straight line from its open to its close."""
    steps = max(CANDLE_SECONDS // bar_seconds, 1)
    opened, closed = candle.open, candle.close
    return {
        (candle.start + step * bar_seconds) // bar_seconds * bar_seconds: _half_ticks(
            opened + (closed - opened) * (step + 1) / steps, instrument
        )
        for step in range(steps)
    }


def _half_ticks(price: Decimal, instrument: Instrument) -> int:
    return int(price * 2 / instrument.price_increment)
