"""From a candle's close to the quote and the book that the actors see, by the models of spread and depth.

One maker per series; the backtest's driver owns them. Prices are built from whole ticks; the ten levels of a book are made only when
somebody looks at them, which is at entries: most books are never read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any, overload

import msgspec

from actors.backtest_market import Series
from actors.backtest_models import BPS, LEVELS, Latency, MarketModels
from actors.backtest_venue import InProcessVenue
from trader.market.clock import SECONDS_PER_DAY
from trader.market.quote import BookTop, Quote

Level = tuple[Decimal, Decimal]
MINUTE_S = 60
"""A quote tells the last minute's volume: of a longer candle its share, of a shorter one as if the minute went on like it."""
SPREAD_PARTS_MIN = 40
"""Prices of less than this many spreads are quoted one by one: risk judges whether such a spread is a price at all."""


class ModelledLevels(msgspec.Struct, frozen=True, gc=False):
    """Ten equal levels from a best price outward, made on demand; they read like the tuple they stand for."""

    best_ticks: int
    step_ticks: int
    increment: Decimal
    size: Decimal

    def __len__(self) -> int:
        return LEVELS

    @overload
    def __getitem__(self, at: int) -> Level: ...

    @overload
    def __getitem__(self, at: slice) -> Sequence[Level]: ...

    def __getitem__(self, at: int | slice) -> Level | Sequence[Level]:
        return tuple(self)[at]

    def __iter__(self) -> Iterator[Level]:
        for number in range(LEVELS):
            ticks = self.best_ticks + number * self.step_ticks
            if ticks < 1:
                return
            yield self.increment * ticks, self.size


class QuoteMaker:
    """Makes one series' quotes and tells the venue the same prices."""

    __slots__ = (
        "_day", "_increment", "_level_size", "_models", "_next_open", "_series", "_spread", "_step", "_symbol",
    )  # fmt: skip

    def __init__(self, series: Series, models: MarketModels) -> None:
        self._series = series
        self._models = models
        self._symbol = series.instrument.symbol
        self._increment = series.instrument.price_increment
        self._next_open = models.latency is Latency.NEXT_OPEN
        self._day = -1
        self._spread = self._step = 1
        self._level_size = Decimal(0)

    def price(self, venue: InProcessVenue, at: int) -> None:
        """Tell the venue the price of a candle's close, and where an order decided on it meets the market."""
        series = self._series
        day = series.start[at] // SECONDS_PER_DAY
        if day != self._day:
            self._day = day
            self._shape(venue, series.close[at])
        close = series.close[at]
        following = at + 1
        meets = self._next_open and following < len(series.open)
        venue.set_price(self._symbol, close, series.open[following] if meets else close)

    def marks(self, at: int, count: int) -> list[int]:
        """Return the marks of up to `count` candles from `at` on as `make` would quote them, in half ticks.

        Only candles of the day whose spread is in force and, against prices that a quote of them would not be good for, none.
        """
        series, spread = self._series, self._spread
        count = min(count, ((self._day + 1) * SECONDS_PER_DAY - series.start[at] - 1) // series.seconds + 1)
        if series.start[at] // SECONDS_PER_DAY != self._day:
            return []
        closes = series.close[at : at + count]
        odd = spread & 1
        return [] if min(closes) <= SPREAD_PARTS_MIN * spread else [2 * close + odd for close in closes]

    def make(self, at: int, market_time: float, machine_time: float) -> tuple[Quote, BookTop]:
        """Return the quote and the book at a candle's close."""
        series, increment, spread, size = self._series, self._increment, self._spread, self._level_size
        close = series.close[at]
        bid = close - spread // 2
        ask = bid + spread
        quote = Quote(
            self._symbol,
            increment * bid,
            increment * ask,
            size,
            size,
            bid + ask,
            increment * close,
            Decimal(series.volume[at] * MINUTE_S // series.seconds),
            market_time,
            machine_time,
        )
        bids: Any = ModelledLevels(bid, -self._step, increment, size)
        asks: Any = ModelledLevels(ask, self._step, increment, size)
        return quote, BookTop(self._symbol, bids, asks, market_time, machine_time)

    def _shape(self, venue: InProcessVenue, close: int) -> None:
        """Set spread, distance and size of levels for a day from its first price."""
        models, instrument = self._models, self._series.instrument
        self._spread = max(round(close * models.spread_bps / BPS), 1)
        self._step = max(round(close * models.level_bps / BPS), 1)
        price = self._increment * close * instrument.contract_size
        self._level_size = max(instrument.round_size(models.level_usd / price), instrument.base_increment)
        venue.set_shape(self._symbol, self._spread, self._step, self._level_size)
