"""The exchange itself: markets, accounts and orders, and the rules by which they meet.

Pure; imported by the server, the stage and tests.

No clock, no sockets, no randomness: every method that acts takes the market time. Whatever changed since the last
`drain` is handed out once, as frozen records, for the streams to publish. The orders, fills and arrivals kept here
are the oracle that tests judge a client by.
"""

from __future__ import annotations

import hashlib
import uuid
from decimal import Decimal
from typing import Any

import msgspec
from msgspec.structs import replace

from trader.exchange import entry, refusals
from trader.exchange.accounts import Accounts, Fees
from trader.exchange.ladder import ZERO
from trader.exchange.listing import Listing
from trader.exchange.market import Market, Step
from trader.exchange.matching import Take, limit_ticks, resting_fills, walk, walk_money, would_cross
from trader.exchange.records import Arrival, Fill, Kind, Order, Status, TimeInForce, Trigger
from trader.exchange.refusals import Refusal
from trader.exchange.settlement import can_block, closed, hold_currency, needed_hold, settle

_DOLLARS = frozenset({"USD", "USDC"})
_CANCEL_MESSAGE = "User requested cancel"
_MONEY_STEP = Decimal(
    "0.0000000000000001"
)  # commissions carry at most sixteen decimals, so that sums of money stay exact
_BRACKET_SLIP = Decimal("0.05")  # a triggered bracket is worked at five percent beyond its trigger


class Changes(msgspec.Struct, gc=False):
    """What happened since the last drain, each list in order of time."""

    steps: list[Step]
    orders: list[Order]
    fills: list[Fill]


class Exchange:
    """All state of the venue. One thread; nothing here blocks."""

    def __init__(
        self,
        listings: dict[str, Listing],
        markets: dict[str, Market],
        *,
        fees: Fees | None = None,
        salt: str = "exchange",
    ) -> None:
        self.listings = listings
        self.markets = markets
        self.fees = fees or Fees()
        self.accounts = Accounts()
        self.orders: dict[str, Order] = {}
        self.fills: list[Fill] = []
        self.arrivals: list[Arrival] = []
        self.duplicate_is_error = False
        self.cancels_stuck = False
        self._by_client_id: dict[str, str] = {}
        self._working: dict[str, list[str]] = {}  # book id -> ids of live orders in order of arrival
        self._namespace = uuid.uuid5(uuid.NAMESPACE_OID, salt)
        self._made = 0
        self._changes = Changes([], [], [])

    # --- what the outside asks ------------------------------------------------------------------

    def market(self, product_id: str) -> Market:
        """The market whose book a product trades on."""
        return self.markets[self.listings[product_id].book_id]

    def open_orders(self) -> list[Order]:
        """Every live order, oldest first."""
        ids = {order_id for book in self._working.values() for order_id in book}
        return [order for order_id, order in self.orders.items() if order_id in ids]

    def drain(self) -> Changes:
        """Everything that changed since the last call."""
        changes, self._changes = self._changes, Changes([], [], [])
        return changes

    def new_id(self, purpose: str) -> str:
        """The next id of this exchange; the same salt gives the same sequence."""
        self._made += 1
        return str(uuid.uuid5(self._namespace, f"{purpose}-{self._made}"))

    def unrealized(self, quote: str) -> Decimal:
        """Profit of all derivative positions of one quote currency at mid prices."""
        total = ZERO
        for product_id, position in self.accounts.positions.items():
            listing = self.listings[product_id]
            if position.net and listing.quote == quote:
                total += position.unrealized(self.market(product_id).mid(), listing.contract_size)
        return total

    def holding(self, product_id: str) -> Decimal:
        """Signed size held: the position of a derivative, the whole base wallet of a spot product."""
        listing = self.listings[product_id]
        if listing.is_derivative:
            position = self.accounts.positions.get(product_id)
            return position.net if position else ZERO
        return self.accounts.wallet(listing.base).total

    def total_usd(self) -> Decimal:
        """All wallets and open profits at mid prices, dollar coins counted as dollars."""
        total = ZERO
        for currency, wallet in self.accounts.wallets.items():
            market = self.markets.get(f"{currency}-USD")
            if currency in _DOLLARS:
                total += wallet.total + self.unrealized(currency)
            elif market is not None:
                total += wallet.total * market.mid()
        return total

    # --- orders ---------------------------------------------------------------------------------

    def create(self, fields: dict[str, Any], *, now: float, machine_time: float) -> Order | Refusal:
        """Accept or refuse a checked create body; a client id seen before returns the first order and creates
        nothing.
        """
        known = self._by_client_id.get(fields["client_order_id"])
        held = self.holding(fields["product_id"]) if fields["product_id"] in self.listings else ZERO
        if known is not None:
            result: Order | Refusal = refusals.DUPLICATE_CLIENT_ID if self.duplicate_is_error else self.orders[known]
        else:
            result = self._create_new(fields, now)
        self.arrivals.append(_arrival(fields, result, held, now, machine_time, duplicate=known is not None))
        return result

    def _create_new(self, fields: dict[str, Any], now: float) -> Order | Refusal:
        order = self.vetted(fields, now, order_id=self.new_id("order"))
        if isinstance(order, Refusal):
            return order
        listing = self.listings[order.product_id]
        blocked = self.accounts.block(hold_currency(order, listing), order.initial_hold)
        assert blocked, "a vetted order fits its wallet"
        order = replace(order, hold=order.initial_hold)
        if order.client_order_id:
            self._by_client_id[order.client_order_id] = order.order_id
        self._record(order)
        self._working.setdefault(listing.book_id, []).append(order.order_id)
        self._record(replace(order, status=Status.OPEN))
        if order.kind is not Kind.STOP_LIMIT:
            self._take_liquidity(order.order_id, now)
        return self.orders[order.order_id]

    def vetted(self, fields: dict[str, Any], now: float, *, order_id: str) -> Order | Refusal:
        """Every check of a new order, none of its effects: the draft with its hold computed, or the refusal.

        Previews use it too.
        """
        listing = self.listings.get(fields["product_id"])
        if listing is None:
            return refusals.INVALID_PRODUCT
        drafted = entry.draft(fields, listing, order_id=order_id, now=now)
        if isinstance(drafted, Refusal):
            return drafted
        ladder = self.market(listing.product_id).ladder
        refusal = self._market_refusal(drafted, listing)
        if refusal is not None:
            return refusal
        amount = needed_hold(drafted, listing, ladder, self.accounts, self.fees)
        if not can_block(drafted, listing, self.accounts, amount, self.unrealized(listing.quote)):
            return refusals.INSUFFICIENT_FUND
        return replace(drafted, initial_hold=amount)

    def _market_refusal(self, order: Order, listing: Listing) -> Refusal | None:
        market = self.market(order.product_id)
        crosses = order.kind is Kind.LIMIT and would_cross(order, listing, market.ladder)
        net = self.holding(order.product_id)
        grows = order.reduce_only and (net == 0 or (net > 0) == order.is_buy or order.leaves > abs(net))
        checks = (
            (listing.status not in {"online", ""}, refusals.UNTRADABLE),
            (listing.trading_disabled or listing.cancel_only, refusals.ENTRY_DISABLED),
            (listing.view_only, refusals.UNSUPPORTED),
            (listing.limit_only and order.kind is Kind.MARKET, refusals.UNSUPPORTED),
            ((listing.post_only or listing.auction_mode) and not order.post_only, refusals.UNSUPPORTED),
            (order.post_only and crosses, refusals.POST_ONLY_CROSSES),
            (order.kind is Kind.MARKET and not len(market.ladder.half(is_bid=not order.is_buy)), refusals.NO_LIQUIDITY),
            (grows, refusals.REDUCE_ONLY_GROWS),
        )
        for wrong, refusal in checks:
            if wrong:
                return refusal
        return self._stop_refusal(order, market.last_price)

    @staticmethod
    def _stop_refusal(order: Order, last: Decimal) -> Refusal | None:
        if order.kind is Kind.STOP_LIMIT:
            assert order.stop_price is not None
            if order.stop_is_up and order.stop_price < last:
                return refusals.STOP_BELOW_LAST
            if not order.stop_is_up and order.stop_price > last:
                return refusals.STOP_ABOVE_LAST
        if order.kind is Kind.BRACKET:
            assert order.stop_price is not None
            assert order.limit_price is not None
            low, high = (order.limit_price, order.stop_price) if order.is_buy else (order.stop_price, order.limit_price)
            return None if low < last < high else refusals.BRACKET_PRICES
        return None

    def cancel(self, order_id: str, now: float) -> str:
        """Queue a cancel; the failure reason, UNKNOWN_CANCEL_FAILURE_REASON meaning success.

        The order may still fill until it is CANCELLED.
        """
        order = self.orders.get(order_id)
        if order is None:
            return "UNKNOWN_CANCEL_ORDER"
        if order.status is Status.FILLED:
            return "ORDER_IS_FULLY_FILLED"
        if order.status.is_final:
            return "INVALID_CANCEL_REQUEST"
        if order.status is Status.CANCEL_QUEUED:
            return "DUPLICATE_CANCEL_REQUEST"
        self._record(replace(order, status=Status.CANCEL_QUEUED, updated=now))
        return "UNKNOWN_CANCEL_FAILURE_REASON"

    def end(self, order_id: str, status: Status, now: float, message: str = "") -> None:
        """Close a live order on the venue's own account (expiry, self-trade, delisting)."""
        order = self.orders[order_id]
        listing = self.listings[order.product_id]
        self._working[listing.book_id].remove(order_id)
        self._record(closed(order, listing, self.accounts, status, now, message))

    # --- time -----------------------------------------------------------------------------------

    def advance(self, now: float) -> None:
        """Move every market to `now`, match resting orders at each step, then expire and complete cancels."""
        for market in self.markets.values():
            for step in market.steps(now):
                self._match_step(market, step)
        for order_id in [order_id for ids in self._working.values() for order_id in ids]:
            order = self.orders[order_id]
            if order.status is Status.CANCEL_QUEUED:
                if not self.cancels_stuck:
                    self.end(order_id, Status.CANCELLED, now, _CANCEL_MESSAGE)
            elif order.end_time is not None and order.end_time <= now:
                self.end(order_id, Status.EXPIRED, now, "Order expired")

    def _match_step(self, market: Market, step: Step) -> None:
        given: dict[int, Decimal] = {}
        for order_id in self._by_priority(market.listing.product_id):
            if step.trades:
                self._pull_trigger(order_id, step.trades[-1].price, step.time)
            order = self.orders[order_id]
            if not order.status.is_final and not (order.kind is Kind.STOP_LIMIT and order.trigger is Trigger.PENDING):
                self._fill_resting(order, market, step, given)
        self._changes.steps.append(step)

    def _by_priority(self, book_id: str) -> list[str]:
        ids = self._working.get(book_id, [])
        if len(ids) < 2:
            return list(ids)
        return sorted(ids, key=lambda order_id: _aggressiveness(self.orders[order_id]), reverse=True)

    def _fill_resting(self, order: Order, market: Market, step: Step, given: dict[int, Decimal]) -> None:
        listing = self.listings[order.product_id]
        rested = resting_fills(order, listing, market.ladder, step.trades, given)
        if rested.queue_ahead != order.queue_ahead:
            self.orders[order.order_id] = order = replace(order, queue_ahead=rested.queue_ahead)
        for take in rested.taken:
            market.taken(is_bid=not order.is_buy, ticks=take.ticks, size=take.size)
        if rested.size > 0:
            assert order.limit_price is not None
            self.execute(order, order.limit_price, rested.size, is_maker=True, now=step.time)

    def _pull_trigger(self, order_id: str, last: Decimal, now: float) -> None:
        order = self.orders[order_id]
        if order.trigger is not Trigger.PENDING or order.status.is_final:
            return
        assert order.stop_price is not None
        up = order.stop_is_up if order.kind is Kind.STOP_LIMIT else order.is_buy
        if (last >= order.stop_price) if up else (last <= order.stop_price):
            limit = order.limit_price
            if order.kind is Kind.BRACKET:
                slip = 1 + _BRACKET_SLIP if order.is_buy else 1 - _BRACKET_SLIP
                listing = self.listings[order.product_id]
                limit = listing.price_of(listing.ticks_of(order.stop_price * slip))
            self._record(replace(order, trigger=Trigger.TRIGGERED, limit_price=limit, queue_ahead=ZERO, updated=now))
            self._take_liquidity(order_id, now)

    # --- execution ------------------------------------------------------------------------------

    def _take_liquidity(self, order_id: str, now: float) -> None:
        """Match an arriving (or just triggered) order against the book; then rest, or end what may not rest."""
        order = self.orders[order_id]
        listing = self.listings[order.product_id]
        market = self.market(order.product_id)
        takes = self._takes(order, listing, market)
        if order.time_in_force is TimeInForce.FOK and sum((take.size for take in takes), ZERO) < order.leaves:
            takes = []
        if takes:
            self._prevent_self_trade(order, takes[-1], listing, now)
        for take in takes:
            market.taken(is_bid=not order.is_buy, ticks=take.ticks, size=take.size)
            self.execute(self.orders[order_id], listing.price_of(take.ticks), take.size, is_maker=False, now=now)
        order = self.orders[order_id]
        if order.status.is_final:
            return
        if order.quote_size is not None and takes:
            self.end(order_id, Status.FILLED, now)
        elif order.time_in_force in {TimeInForce.IOC, TimeInForce.FOK}:
            self.end(order_id, Status.CANCELLED, now)
        else:
            limit = limit_ticks(order, listing)
            assert limit is not None
            queue = market.ladder.half(is_bid=order.is_buy).size_at(limit)
            self.orders[order_id] = replace(order, queue_ahead=queue)

    def _takes(self, order: Order, listing: Listing, market: Market) -> list[Take]:
        half = market.ladder.half(is_bid=not order.is_buy)
        if order.quote_size is not None:
            return walk_money(half, listing, order.quote_size / (1 + self.fees.taker))
        return walk(half, limit_ticks(order, listing), order.leaves)

    def _prevent_self_trade(self, taker: Order, last: Take, listing: Listing, now: float) -> None:
        """Cancel own resting orders that the taker would have met: the older order goes."""
        for order_id in list(self._working[listing.book_id]):
            other = self.orders[order_id]
            resting = (
                other.trigger is not Trigger.PENDING
                and other.limit_price is not None
                and other.order_id != taker.order_id
            )
            if not resting or other.side is taker.side:
                continue
            ticks = limit_ticks(other, listing)
            assert ticks is not None
            if (ticks <= last.ticks) if taker.is_buy else (ticks >= last.ticks):
                self.end(order_id, Status.CANCELLED, now, "Self trade prevention")

    def execute(self, order: Order, price: Decimal, size: Decimal, *, is_maker: bool, now: float) -> None:
        """Book one execution of a live order and close the order when nothing is left to do."""
        listing = self.listings[order.product_id]
        value = price * size * listing.contract_size
        trade_id = self.new_id("trade")
        fill = Fill(
            entry_id=hashlib.sha256(trade_id.encode()).hexdigest(),
            trade_id=trade_id,
            order_id=order.order_id,
            client_order_id=order.client_order_id,
            product_id=order.product_id,
            side=order.side,
            price=price,
            size=size,
            value=value,
            commission=(value * self.fees.rate(is_maker=is_maker)).quantize(_MONEY_STEP),
            is_maker=is_maker,
            time=now,
        )
        self.fills.append(fill)
        self._changes.fills.append(fill)
        after = settle(order, fill, listing, self.accounts)
        self._record(after)
        if after.base_size is not None and after.leaves == 0:
            self.end(order.order_id, Status.FILLED, now)

    def _record(self, order: Order) -> None:
        self.orders[order.order_id] = order
        self._changes.orders.append(order)


def _aggressiveness(order: Order) -> Decimal:
    price = order.limit_price or ZERO
    return price if order.is_buy else -price


def _arrival(
    fields: dict[str, Any], result: Order | Refusal, held: Decimal, now: float, machine_time: float, *, duplicate: bool
) -> Arrival:
    accepted = isinstance(result, Order)
    outcome = "duplicate" if duplicate else ("accepted" if accepted else result.preview)  # type: ignore[union-attr]
    return Arrival(
        machine_time=machine_time,
        market_time=now,
        client_order_id=fields["client_order_id"],
        product_id=fields["product_id"],
        side=fields.get("side", ""),
        configuration=fields["order_configuration"],
        position_before=held,
        outcome=outcome,
        order_id=result.order_id if isinstance(result, Order) else "",
    )
