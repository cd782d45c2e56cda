"""Price-time matching of one client order against other people's book and tape. Pure; imported by engine.py.

The client's orders are not shown in the public book, so two questions are enough: what can a taker take now (`walk`),
and what does a step of the market give to a resting order (`resting_fills`). Time priority is kept by the size that
was resting at the price when the order arrived.
"""

from __future__ import annotations

from decimal import ROUND_DOWN, Decimal

import msgspec

from trader.exchange.ladder import ZERO, HalfBook, Ladder
from trader.exchange.listing import Listing
from trader.exchange.market import Market, PublicTrade, Side
from trader.exchange.records import Order

_MONEY_DECIMALS = (
    16  # the venue fills quote-sized orders off the lot grid; this keeps price times size exact within sixteen decimals
)


class Take(msgspec.Struct, frozen=True, gc=False):
    """Size taken at one price level."""

    ticks: int
    size: Decimal


def walk(half: HalfBook, limit_ticks: int | None, size: Decimal) -> list[Take]:
    """Levels a taker would consume, best first, for a base size within a limit; the sum may be less than asked."""
    takes: list[Take] = []
    left = size
    for ticks, resting in half.levels():
        if left <= 0 or not half.reaches(ticks, limit_ticks):
            break
        takes.append(Take(ticks, min(left, resting)))
        left -= takes[-1].size
    return takes


def walk_money(half: HalfBook, listing: Listing, money: Decimal) -> list[Take]:
    """Levels a taker would consume for an amount of quote currency (fees not counted), best first."""
    takes: list[Take] = []
    left = money
    exponent = listing.price_increment.as_tuple().exponent
    assert isinstance(exponent, int)
    step = Decimal(1).scaleb(min(exponent, 0) * -1 - _MONEY_DECIMALS)
    for ticks, resting in half.levels():
        price = listing.price_of(ticks)
        wanted = (left / price).quantize(step, rounding=ROUND_DOWN)
        if wanted <= 0:
            break
        takes.append(Take(ticks, min(wanted, resting)))
        left -= takes[-1].size * price
        if wanted <= resting:
            break
    return takes


def limit_ticks(order: Order, listing: Listing) -> int | None:
    """The order's limit in whole ticks; None for a market order."""
    return None if order.limit_price is None else listing.ticks_of(order.limit_price)


def would_cross(order: Order, market: Market) -> bool:
    """Whether a limit order would trade at once."""
    limit = limit_ticks(order, market.listing)
    opposite = market.ladder.half(is_bid=not order.is_buy)
    best = opposite.best()
    return best is not None and limit is not None and opposite.reaches(best, limit)


class Rested(msgspec.Struct, frozen=True, gc=False):
    """What a step gave to one resting order: size at its own price, the queue that is left before it, and levels it
    emptied.
    """

    size: Decimal
    queue_ahead: Decimal
    taken: tuple[Take, ...]


def resting_fills(
    order: Order, listing: Listing, ladder: Ladder, trades: tuple[PublicTrade, ...], given: dict[int, Decimal]
) -> Rested:
    """Fills of a resting limit order from one market step.

    `given` holds, per trade id, what orders with better priority already got of that print, and is updated: a print
    is never handed out twice. A print through the price fills outright, one at the price first consumes the queue; a
    book that moved across the price is lifted at the price.
    """
    limit = limit_ticks(order, listing)
    assert limit is not None
    queue, filled = order.queue_ahead, ZERO
    maker_side = Side.BUY if order.is_buy else Side.SELL
    for trade in trades:
        through = trade.ticks < limit if order.is_buy else trade.ticks > limit
        if trade.maker_side is not maker_side or not (through or trade.ticks == limit):
            continue
        ahead = ZERO if through else min(queue, trade.size)
        queue = ZERO if through else queue - ahead
        got = min(order.leaves - filled, max(ZERO, trade.size - ahead - given.get(trade.trade_id, ZERO)))
        given[trade.trade_id] = given.get(trade.trade_id, ZERO) + got
        filled += got
    takes = walk(ladder.half(is_bid=not order.is_buy), limit, order.leaves - filled)
    filled += sum((take.size for take in takes), ZERO)
    queue = min(queue, ladder.half(is_bid=order.is_buy).size_at(limit))
    return Rested(filled, queue, tuple(takes))
