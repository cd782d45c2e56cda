"""One product's market without its clients: other people's book, tape and candles, moved along a path in fixed steps.

Imported by engine.py.

Every step is a function of (seed, product, step number), so two runs with one seed see the same market however their
timers jitter. No clock is read here: `now` is market time in UNIX seconds and only ever moves forward.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from decimal import Decimal
from enum import StrEnum

import msgspec

from trader.exchange import noise
from trader.exchange.disturbance import Disturbance
from trader.exchange.ladder import ZERO, Ladder, Level
from trader.exchange.listing import Listing
from trader.exchange.paths import Candle, Path

LEVELS_PER_SIDE = 200
_GRID_BPS = 0.5  # distance of neighbouring levels; also the spread
_LEVEL_USD = 80_000  # smallest size drawn for a level; the documents' filters want 50,000 at the top and 200,000 in ten
_STEPS_CAUGHT_UP = 600
_TRADES_KEPT = 1000
_MINUTES_KEPT = 1500
_STATISTICS_AGE_S = 120.0
_BID_LANE, _ASK_LANE, _SIDE_LANE, _REFRESH_LANE, _SPLIT_LANE = 20, 21, 22, 23, 24


class Side(StrEnum):
    """Of an order, or of the resting order in a public trade."""

    BUY = "BUY"
    SELL = "SELL"

    @property
    def opposite(self) -> Side:
        """The other side."""
        return Side.SELL if self is Side.BUY else Side.BUY


class PublicTrade(msgspec.Struct, frozen=True, gc=False):
    """One print on the tape. `maker_side` is the side of the order that was resting."""

    trade_id: int
    ticks: int
    price: Decimal
    size: Decimal
    maker_side: Side
    time: float


class Step(msgspec.Struct, frozen=True, gc=False):
    """What changed in one product at one instant of market time."""

    product_id: str
    time: float
    levels: tuple[Level, ...]
    trades: tuple[PublicTrade, ...]


class DayStatistics(msgspec.Struct, frozen=True, gc=False):
    """The 24 hours before now, as tickers and listings report them. Volume in base units, change in percent."""

    volume: float
    low: float
    high: float
    change_percent: float


class Market:
    """Book, tape and candles of one product; advanced by the engine, read by everybody."""

    def __init__(self, listing: Listing, path: Path, *, seed: int, origin: float, step_seconds: float = 0.25) -> None:
        self.listing = listing
        self.path = path
        self.ladder = Ladder()
        self.trades: deque[PublicTrade] = deque(maxlen=_TRADES_KEPT)
        self.disturbance = Disturbance()
        self._drawn = self.disturbance.shape
        self._seed = noise.seed_of(seed, listing.product_id + "/flow")
        self._origin = origin
        self._step_seconds = step_seconds
        self._step = 0
        self._next_trade_id = 1
        self._unsold = 0.0  # volume below one lot, carried to the next step so that no volume is lost
        self._thin: set[tuple[bool, int]] = set()
        self._minutes: dict[int, Candle] = {}
        self._statistics: tuple[float, DayStatistics] | None = None
        price = path.price_at(origin)
        self._grid_ticks = max(1, round(price * _GRID_BPS / 10_000 / float(listing.price_increment)))
        self._cell = self._cell_at(price)
        self._rebuild()

    @property
    def last_price(self) -> Decimal:
        """Price of the last trade; before the first one, the middle of the book."""
        return self.trades[-1].price if self.trades else self.mid()

    def mid(self) -> Decimal:
        """Half way between best bid and best ask; the last trade when a side is empty."""
        bid, ask = self.ladder.bids.best(), self.ladder.asks.best()
        if bid is None or ask is None:
            return self.trades[-1].price if self.trades else self.listing.start_price
        return self.listing.price_increment * (bid + ask) / 2

    def steps(self, now: float) -> Iterator[Step]:
        """Advance to `now`, one step at a time; the caller matches its orders between steps.

        Long gaps skip to the last 600 steps.
        """
        target = int((now - self._origin) / self._step_seconds)
        self._step = max(self._step, target - _STEPS_CAUGHT_UP)
        while self._step < target:
            self._step += 1
            yield self._advance_once()

    def taken(self, *, is_bid: bool, ticks: int, size: Decimal) -> Level:
        """Remove size that a client of the exchange took at a level; the market refills it within a few steps."""
        half = self.ladder.half(is_bid=is_bid)
        left = self.listing.lots_down(max(ZERO, half.size_at(ticks) - size))
        half.put(ticks, left)
        self._thin.add((is_bid, ticks // self._grid_ticks))
        return Level(is_bid, ticks, left)

    def taken_step(self, *, is_bid: bool, ticks: int, size: Decimal, time: float) -> Step:
        """The same, as a step for the streams."""
        return Step(self.listing.product_id, time, (self.taken(is_bid=is_bid, ticks=ticks, size=size),), ())

    def _advance_once(self) -> Step:
        time = self._origin + self._step * self._step_seconds
        if self.disturbance.frozen:
            return Step(self.listing.product_id, time, (), ())
        changed: set[tuple[bool, int]] = set()
        cell = self._cell_at(self.path.price_at(time) * self.disturbance.price_factor)
        rising = cell > self._cell if cell != self._cell else noise.unit(self._seed, _SIDE_LANE, self._step) < 0.5
        if abs(cell - self._cell) > LEVELS_PER_SIDE or self._drawn != self.disturbance.shape:
            self._redraw(cell, changed)
        else:
            self._move_to(cell, changed)
        self._refill(changed)
        trades = self._trade(time, changed, buyers=rising)
        grid = self._grid_ticks
        levels = tuple(
            Level(is_bid, at * grid, self.ladder.half(is_bid=is_bid).size_at(at * grid))
            for is_bid, at in sorted(changed)
        )
        return Step(self.listing.product_id, time, levels, trades)

    def _cell_at(self, price: float) -> int:
        return max(1, int(price / (float(self.listing.price_increment) * self._grid_ticks)))

    def _rebuild(self) -> None:
        self.ladder.clear()
        self._drawn = self.disturbance.shape
        gap, empty = self._drawn
        for offset in range(LEVELS_PER_SIDE):
            if empty != "bid":
                self._restore(is_bid=True, cell=self._cell - gap - offset)
            if empty != "ask":
                self._restore(is_bid=False, cell=self._cell + gap + 1 + offset)

    def _redraw(self, cell: int, changed: set[tuple[bool, int]]) -> None:
        """Draw the whole book anew; every level that was or is there counts as changed."""
        for turn in ("before", "after"):
            for half in (self.ladder.bids, self.ladder.asks):
                changed.update((half.is_bid, ticks // self._grid_ticks) for ticks, _ in half.levels())
            if turn == "before":
                self._cell = cell
                self._rebuild()

    def _restore(self, *, is_bid: bool, cell: int, draw: int = 0) -> None:
        if cell < 1:
            return
        ticks = cell * self._grid_ticks
        fraction = noise.unit(self._seed, _BID_LANE if is_bid else _ASK_LANE, cell + (draw << 28))
        usd = Decimal(int(_LEVEL_USD * (1.0 + fraction)))
        self.ladder.half(is_bid=is_bid).put(
            ticks, self.listing.lots_down(usd / (self.listing.price_of(ticks) * self.listing.contract_size))
        )

    def _move_to(self, cell: int, changed: set[tuple[bool, int]]) -> None:
        """Slide the book so that the best bid sits in `cell`: what was crossed goes, what came into range appears."""
        old, self._cell = self._cell, cell
        up, (gap, empty) = cell > old, self._drawn
        for crossed in range(min(old, cell) + 1, max(old, cell) + 1):
            far_bid, far_ask = crossed - gap - LEVELS_PER_SIDE, crossed + gap + LEVELS_PER_SIDE
            for is_bid, at, present in (
                (True, crossed - gap, up),
                (False, crossed + gap, not up),
                (True, far_bid, not up),
                (False, far_ask, up),
            ):
                if present and empty != ("bid" if is_bid else "ask"):
                    self._restore(is_bid=is_bid, cell=at)
                else:
                    self.ladder.half(is_bid=is_bid).put(at * self._grid_ticks, ZERO)
                changed.add((is_bid, at))

    def _refill(self, changed: set[tuple[bool, int]]) -> None:
        """Bring levels that trades thinned back to size, and let one level near the top change its mind."""
        gap, empty = self._drawn
        draw = int(noise.unit(self._seed, _REFRESH_LANE, self._step) * 40)
        is_bid = draw % 2 == 0
        self._thin.add((is_bid, self._cell - gap - draw // 2 if is_bid else self._cell + gap + 1 + draw // 2))
        for bid_side, at in self._thin:
            in_book = at <= self._cell - gap if bid_side else at > self._cell + gap
            if in_book and empty != ("bid" if bid_side else "ask"):
                self._restore(is_bid=bid_side, cell=at, draw=self._step)
                changed.add((bid_side, at))
        self._thin.clear()

    def _trade(self, time: float, changed: set[tuple[bool, int]], *, buyers: bool) -> tuple[PublicTrade, ...]:
        """Print this step's volume at the touch, in one or two trades, against the side that the flow takes from."""
        volume = self.path.volume_between(time - self._step_seconds, time) + self._unsold
        size = self.listing.lots_down(Decimal(repr(volume)))
        self._unsold = volume - float(size)
        ticks = self.ladder.half(is_bid=not buyers).best()
        if size <= 0 or ticks is None or self.disturbance.silent_tape:
            return ()
        share = Decimal(str(round(noise.unit(self._seed, _SPLIT_LANE, self._step), 3)))
        first = self.listing.lots_down(size * share)
        sizes = (size - first, first) if 0 < first < size else (size,)
        printed = round(ticks * self.disturbance.print_factor)
        trades = tuple(self._printed(printed, part, time, buyers=buyers) for part in sizes)
        self.taken(is_bid=not buyers, ticks=ticks, size=size)
        changed.add((not buyers, ticks // self._grid_ticks))
        return trades

    def _printed(self, ticks: int, size: Decimal, time: float, *, buyers: bool) -> PublicTrade:
        maker_side = Side.SELL if buyers else Side.BUY
        trade = PublicTrade(self._next_trade_id, ticks, self.listing.price_of(ticks), size, maker_side, time)
        self._next_trade_id += 1
        self.taped(trade)
        return trade

    def taped(self, trade: PublicTrade) -> None:
        """Put a trade on the tape and into its minute."""
        self.trades.append(trade)
        minute = int(trade.time // 60)
        price, now = float(trade.price), self._minutes.get(minute)
        if now is None:
            self._minutes[minute] = Candle(minute * 60.0, price, price, price, price, float(trade.size))
            self._minutes.pop(minute - _MINUTES_KEPT, None)
        else:
            high, low = max(now.high, price), min(now.low, price)
            self._minutes[minute] = Candle(now.start, now.open, high, low, price, now.volume + float(trade.size))

    def candles(self, start: float, end: float, seconds: int) -> list[Candle]:
        """Buckets whose start lies in [start, end], newest first; those before this market began come from the path."""
        now = self._origin + self._step * self._step_seconds
        newest = int(min(end, now) // seconds) * seconds
        buckets = (self._bucket(float(at), seconds) for at in range(newest, int(start) - 1, -seconds))
        return [bucket for bucket in buckets if bucket is not None]

    def _bucket(self, start: float, seconds: int) -> Candle | None:
        parts: list[Candle] = []
        if start < self._origin:
            past = self.path.candle(start, min(float(seconds), self._origin - start))
            parts = [past] if past is not None else []
        minutes = range(int(max(start, self._origin) // 60), int((start + seconds) // 60))
        parts.extend(self._minutes[minute] for minute in minutes if minute in self._minutes)
        if not parts:
            return None
        highs, lows = max(part.high for part in parts), min(part.low for part in parts)
        return Candle(start, parts[0].open, highs, lows, parts[-1].close, sum(part.volume for part in parts))

    def day(self, now: float) -> DayStatistics:
        """The last 24 hours, computed at most every two minutes of market time."""
        if self._statistics is None or not 0 <= now - self._statistics[0] < _STATISTICS_AGE_S:
            self._statistics = (now, self._day_now(now))
        return self._statistics[1]

    def _day_now(self, now: float) -> DayStatistics:
        hours = [
            bucket
            for index in range(24)
            if (bucket := self.path.candle(now - 3600.0 * (24 - index), 3600.0)) is not None
        ]
        last = float(self.last_price)
        if not hours:
            return DayStatistics(0.0, last, last, 0.0)
        low, high = min(hour.low for hour in hours), max(hour.high for hour in hours)
        volume = sum(hour.volume for hour in hours)
        return DayStatistics(volume, min(low, last), max(high, last), (last / hours[0].open - 1.0) * 100.0)
