"""Makes orders meet the market: arrivals take, resting orders are filled by steps, stops fire.

Pure; imported by engine.py.
"""

from __future__ import annotations

from decimal import Decimal

from msgspec.structs import replace

from trader.exchange.ladder import ZERO
from trader.exchange.ledger import Ledger
from trader.exchange.listing import Listing
from trader.exchange.market import Market, Step
from trader.exchange.matching import Take, limit_ticks, resting_fills, walk, walk_money
from trader.exchange.records import Kind, Order, Status, TimeInForce, Trigger

_BRACKET_SLIP = Decimal("0.05")  # a triggered bracket is worked at five percent beyond its trigger


class Matcher:
    """Works the live orders of a ledger against its markets."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def take_liquidity(self, order_id: str, now: float) -> None:
        """Match an arriving (or just triggered) order against the book; then rest, or end what may not rest."""
        order = self._ledger.orders[order_id]
        market = self._ledger.market(order.product_id)
        takes = self._takes(order, market)
        if order.time_in_force is TimeInForce.FOK and sum((take.size for take in takes), ZERO) < order.leaves:
            takes = []
        if takes:
            self._prevent_self_trade(order, takes[-1], market.listing, now)
        for take in takes:
            self._ledger.stepped(market.taken_step(is_bid=not order.is_buy, ticks=take.ticks, size=take.size, time=now))
            price = market.listing.price_of(take.ticks)
            self._ledger.execute(self._ledger.orders[order_id], price, take.size, is_maker=False, now=now)
        order = self._ledger.orders[order_id]
        if order.status.is_final:
            return
        if order.quote_size is not None and takes:
            self._ledger.end(order_id, Status.FILLED, now)
        elif order.time_in_force in {TimeInForce.IOC, TimeInForce.FOK}:
            self._ledger.end(order_id, Status.CANCELLED, now)
        else:
            limit = limit_ticks(order, market.listing)
            assert limit is not None
            self._ledger.keep_quietly(
                replace(order, queue_ahead=market.ladder.half(is_bid=order.is_buy).size_at(limit))
            )

    def _takes(self, order: Order, market: Market) -> list[Take]:
        half = market.ladder.half(is_bid=not order.is_buy)
        if order.quote_size is not None:
            return walk_money(half, market.listing, order.quote_size / (1 + self._ledger.fees.taker))
        return walk(half, limit_ticks(order, market.listing), order.leaves)

    def _prevent_self_trade(self, taker: Order, last: Take, grid: Listing, now: float) -> None:
        """Cancel own resting orders that the taker would have met: the older order goes."""
        for order_id in list(self._ledger.working[grid.product_id]):
            other = self._ledger.orders[order_id]
            resting = other.trigger is not Trigger.PENDING and other.limit_price is not None
            if not resting or order_id == taker.order_id or other.side is taker.side:
                continue
            ticks = limit_ticks(other, grid)
            assert ticks is not None
            if (ticks <= last.ticks) if taker.is_buy else (ticks >= last.ticks):
                self._ledger.end(order_id, Status.CANCELLED, now, "Self trade prevention")

    def step(self, market: Market, step: Step) -> None:
        """Give a step of the market to the resting orders, best price first, then oldest."""
        given: dict[int, Decimal] = {}
        self._ledger.stepped(step)
        for order_id in self._by_priority(market.listing.product_id):
            if step.trades:
                self._pull_trigger(order_id, step.trades[-1].price, step.time)
            order = self._ledger.orders[order_id]
            waiting = order.kind is Kind.STOP_LIMIT and order.trigger is Trigger.PENDING
            if not order.status.is_final and not waiting:
                self._fill_resting(order, market, step, given)

    def _by_priority(self, book_id: str) -> list[str]:
        ids = self._ledger.working.get(book_id, [])
        if len(ids) < 2:
            return list(ids)
        return sorted(ids, key=lambda order_id: _aggressiveness(self._ledger.orders[order_id]), reverse=True)

    def _fill_resting(self, order: Order, market: Market, step: Step, given: dict[int, Decimal]) -> None:
        rested = resting_fills(order, market.listing, market.ladder, step.trades, given)
        if rested.queue_ahead != order.queue_ahead:
            order = replace(order, queue_ahead=rested.queue_ahead)
            self._ledger.keep_quietly(order)
        for take in rested.taken:
            self._ledger.stepped(
                market.taken_step(is_bid=not order.is_buy, ticks=take.ticks, size=take.size, time=step.time)
            )
        if rested.size > 0:
            assert order.limit_price is not None
            self._ledger.execute(order, order.limit_price, rested.size, is_maker=True, now=step.time)

    def _pull_trigger(self, order_id: str, last: Decimal, now: float) -> None:
        """Fire a stop whose price the last trade reached, and work it as a limit order."""
        order = self._ledger.orders[order_id]
        if order.trigger is not Trigger.PENDING or order.status.is_final:
            return
        assert order.stop_price is not None
        up = order.stop_is_up if order.kind is Kind.STOP_LIMIT else order.is_buy
        if (last >= order.stop_price) if up else (last <= order.stop_price):
            fired = replace(order, trigger=Trigger.TRIGGERED, limit_price=self._fired_limit(order), updated=now)
            self._ledger.record(self._reblocked(fired))
            self.take_liquidity(order_id, now)

    def _fired_limit(self, order: Order) -> Decimal | None:
        if order.kind is not Kind.BRACKET:
            return order.limit_price
        assert order.stop_price is not None
        listing = self._ledger.listings[order.product_id]
        slip = 1 + _BRACKET_SLIP if order.is_buy else 1 - _BRACKET_SLIP
        return listing.price_of(listing.ticks_of(order.stop_price * slip))

    def _reblocked(self, order: Order) -> Order:
        """A fired bracket that buys pays up to five percent more than it blocked for: block the difference, or all
        there is.
        """
        listing = self._ledger.listings[order.product_id]
        if order.kind is not Kind.BRACKET or not order.is_buy or listing.is_derivative:
            return order
        assert order.limit_price is not None
        wanted = order.leaves * order.limit_price * (1 + self._ledger.fees.taker) - order.hold
        wallet = self._ledger.accounts.wallet(listing.quote)
        extra = max(ZERO, min(wanted, wallet.available))
        self._ledger.accounts.block(listing.quote, extra)
        return replace(order, hold=order.hold + extra)


def _aggressiveness(order: Order) -> Decimal:
    price = order.limit_price or ZERO
    return price if order.is_buy else -price
