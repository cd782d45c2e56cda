"""Candles into bars of marks: joined, sorted, never cut."""

from __future__ import annotations

from decimal import Decimal

from trader.market.bars import bars_from_candles
from trader.market.instrument import Instrument, ProductKind
from trader.market.quote import Bar, Candle

BTC = Instrument(
    "BTC-USD", "BTC-USD", ProductKind.SPOT, "BTC", "USD",
    Decimal("0.01"), Decimal("0.00000001"), Decimal("0.00000001"), Decimal(3400), Decimal(1),
)  # fmt: skip


def candle(start: float, open_: str, high: str, low: str, close: str) -> Candle:
    """A candle with a volume nobody reads."""
    return Candle(start, Decimal(open_), Decimal(high), Decimal(low), Decimal(close), Decimal(1))


def test_candles_of_the_bars_own_length_become_bars_in_half_ticks() -> None:
    """Newest first and doubled, as a venue may answer, makes no difference."""
    newer, older = candle(120, "2", "4", "1", "3.01"), candle(60, "1", "2", "0.5", "2")
    assert bars_from_candles([newer, older, older], 60, 60, BTC) == (
        Bar("BTC-USD", 60, 200, 400, 100, 400),
        Bar("BTC-USD", 120, 400, 800, 200, 602),
    )


def test_shorter_candles_are_joined_into_a_bar() -> None:
    """First open, highest high, lowest low, last close."""
    candles = [candle(0, "2", "3", "2", "3"), candle(60, "3", "5", "1", "4"), candle(300, "4", "4", "4", "4")]
    assert bars_from_candles(candles, 60, 300, BTC)[0] == Bar("BTC-USD", 0, 400, 1000, 200, 800)


def test_a_candle_longer_than_a_bar_or_uneven_gives_nothing() -> None:
    """Nobody knows the path inside a candle."""
    assert bars_from_candles([candle(0, "2", "3", "2", "3")], 60, 5, BTC) == ()
    assert bars_from_candles([candle(0, "2", "3", "2", "3")], 60, 90, BTC) == ()
