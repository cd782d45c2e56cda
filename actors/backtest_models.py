"""The models a backtest adds to recorded candles: spread, depth, latency, slippage, fees and funding, each with a name.

Candles say what was traded, not what could have been: everything else about the market is an assumption, and each stands here
once, as a number that the backtest prints with its result. Imported by the venue and the feed of the backtest. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from enum import StrEnum

import msgspec

BPS = 10_000
LEVELS = 10


class Latency(StrEnum):
    """Where an order meets the market after it was decided on a candle's close."""

    NEXT_OPEN = "next_open"
    """At the next candle's open: the first price after the decision."""
    NONE = "none"
    """At the very close it was decided on."""


class MarketModels(msgspec.Struct, frozen=True):
    """Every assumption of a backtest. `_bps` are hundredths of a percent of the price, `_usd` is per level at the day's first price.

    `funding_rate_hourly` is a fraction of the notional per hour, positive means longs pay; only perpetuals are charged.
    """

    spread_bps: Decimal = Decimal(1)
    level_usd: Decimal = Decimal(100_000)
    level_bps: Decimal = Decimal(1)
    latency: Latency = Latency.NEXT_OPEN
    slippage_bps: Decimal = Decimal(0)
    maker_fee: Decimal = Decimal("0.005")
    taker_fee: Decimal = Decimal("0.009")
    funding_rate_hourly: Decimal = Decimal("0.00001")

    def describe(self, *, recorded_book: bool = False) -> dict[str, str]:
        """Return each model in one line for people and for the summary; a recorded book needs no model of spread and depth."""
        told = {
            "marks": "one a candle, its close: a stop does not see the extremes between",
            "volume": "a candle's own, spread evenly over its length, is the last minute's",
            "spread": f"{self.spread_bps} bp around the price of the candle, at least a tick, set anew each day",
            "depth": f"{LEVELS} levels a side, {self.level_usd} USD each, {self.level_bps} bp apart",
            "latency": {
                Latency.NEXT_OPEN: "orders meet the market at the next candle's open",
                Latency.NONE: "orders meet the market at the close they were decided on",
            }[self.latency],
            "slippage": f"{self.slippage_bps} bp against every taker, beyond spread and depth",
            "fees": f"maker {self.maker_fee * 100:f} %, taker {self.taker_fee * 100:f} % of the notional",
            "funding": f"{self.funding_rate_hourly * 100:f} % of the notional an hour, perpetuals only, longs pay",
            "resting orders": "fill at their limit once a later candle trades through it",
        }
        if recorded_book:
            told |= {
                "volume": "the last minute's recorded trades",
                "marks": "each recorded change of the best prices",
                "spread": "as recorded",
                "depth": "the ten recorded levels a side",
                "latency": "orders meet the book they were decided on",
                "slippage": "none beyond the recorded book",
                "resting orders": "fill at their limit once the best price passes it",
            }
        return told


Levels = tuple[tuple[Decimal, Decimal], ...]


class GivenSide:
    """One side of a recorded book: its levels as they were, the best one first."""

    __slots__ = ("_levels", "is_bid")

    def __init__(self, levels: Levels, increment: Decimal, *, is_bid: bool) -> None:
        self.is_bid = is_bid
        self._levels = tuple((int(price / increment), size) for price, size in levels)

    def levels(self) -> Iterator[tuple[int, Decimal]]:
        """(ticks, size) from the best price outward."""
        return iter(self._levels)

    def reaches(self, ticks: int, limit_ticks: int | None) -> bool:
        """Whether a resting price is one that a taker with this limit accepts."""
        return reaches(ticks, limit_ticks, is_bid=self.is_bid)


class BookSide:
    """One side of the modelled book: equal levels at equal distances, as many as the ten that are shown.

    Speaks like the exchange's own half book, so that the same matching rule walks it.
    """

    __slots__ = ("_best", "_size", "_step", "is_bid")

    def __init__(self, best_ticks: int, step_ticks: int, size: Decimal, *, is_bid: bool) -> None:
        self.is_bid = is_bid
        self._best = best_ticks
        self._step = -step_ticks if is_bid else step_ticks
        self._size = size

    def levels(self) -> Iterator[tuple[int, Decimal]]:
        """(ticks, size) from the best price outward; prices below one tick do not exist."""
        for number in range(LEVELS):
            ticks = self._best + number * self._step
            if ticks < 1:
                return
            yield ticks, self._size

    def reaches(self, ticks: int, limit_ticks: int | None) -> bool:
        """Whether a resting price is one that a taker with this limit accepts."""
        return reaches(ticks, limit_ticks, is_bid=self.is_bid)


def reaches(ticks: int, limit_ticks: int | None, *, is_bid: bool) -> bool:
    """Whether a resting price is one that a taker with this limit accepts; None is no limit."""
    if limit_ticks is None:
        return True
    return ticks >= limit_ticks if is_bid else ticks <= limit_ticks
