"""What the in-process venue keeps of one product's book, one order and one execution. Imported by the backtest's own modules."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from actors.backtest_models import BookSide, GivenSide
from trader.market.instrument import Instrument
from trader.venue import OrderRequest

ZERO = Decimal(0)


class ProductBook:
    """What the model knows of one product now, in ticks: its price, where an order meets the market, spread, distance of levels."""

    __slots__ = ("given", "instrument", "level_size", "meet_ticks", "price_ticks", "spread_ticks", "step_ticks")

    def __init__(self, instrument: Instrument) -> None:
        self.instrument = instrument
        self.price_ticks = self.meet_ticks = 0
        self.spread_ticks = 1
        self.step_ticks = 1
        self.level_size = ZERO
        self.given: tuple[BookSide | GivenSide, BookSide | GivenSide] | None = None

    def side(self, *, is_bid: bool, shift_ticks: int = 0) -> BookSide | GivenSide:
        """Return one side, as recorded where it is; `shift_ticks` moves a modelled one away from whoever takes."""
        if self.given is not None:
            return self.given[0] if is_bid else self.given[1]
        bid = self.meet_ticks - self.spread_ticks // 2
        if is_bid:
            return BookSide(bid - shift_ticks, self.step_ticks, self.level_size, is_bid=True)
        return BookSide(bid + self.spread_ticks + shift_ticks, self.step_ticks, self.level_size, is_bid=False)


class Filled(msgspec.Struct, frozen=True, gc=False):
    """What an order has got so far, cumulative: size, value in quote currency per unit of contract size, and fees."""

    size: Decimal = ZERO
    value: Decimal = ZERO
    fees: Decimal = ZERO


NOTHING = Filled()


class Resting(msgspec.Struct, frozen=True, gc=False):
    """An order that rests on the book: its request, its id, the whole ticks of its limit, and what it has got."""

    request: OrderRequest
    order_id: str
    limit_ticks: int
    filled: Filled

    @property
    def leaves(self) -> Decimal:
        """Size still to be filled."""
        return self.request.size - self.filled.size


class Execution(msgspec.Struct, frozen=True, gc=False):
    """One execution as the backtest's results take it; `size` is signed, a sell is negative."""

    symbol: str
    size: Decimal
    price: Decimal
    fee: Decimal
    market_time: float
