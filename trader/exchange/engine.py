"""The exchange itself: markets, accounts and orders, and the rules by which they meet.

Pure; imported by the server, the stage and tests.

No clock, no sockets, no randomness: every method that acts takes the market time. Whatever changed since the last
`drain` is handed out once, as frozen records, for the streams to publish.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from trader.exchange import entry, refusals
from trader.exchange.accounts import Fees
from trader.exchange.clearing import Clearing
from trader.exchange.ladder import ZERO
from trader.exchange.ledger import Changes, Ledger
from trader.exchange.listing import Listing
from trader.exchange.market import Market
from trader.exchange.matcher import Matcher
from trader.exchange.matching import would_cross
from trader.exchange.portfolios import Treasury
from trader.exchange.records import Arrival, Edit, Kind, Order, Status, TimeInForce, Trigger
from trader.exchange.refusals import Refusal
from trader.exchange.settlement import can_block, hold_currency, needed_hold

ACCEPTED_CANCEL = "UNKNOWN_CANCEL_FAILURE_REASON"  # the venue's word for "no failure"
_EDITS_KEPT = 5
_CANCEL_MESSAGE = "User requested cancel"


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
        self.ledger = Ledger(listings, markets, fees=fees or Fees(), salt=salt)
        self.accounts = self.ledger.accounts
        self.orders = self.ledger.orders
        self.duplicate_is_error = False  # answer a repeated client id with the error form instead of the first order
        self.cancels_stuck = False  # leave cancels queued for ever
        self.fail_next = ""  # reject reason with which the next accepted order fails at once
        self.hidden: set[str] = set()  # products that listings do not show any more
        self._matcher = Matcher(self.ledger)
        self.clearing = Clearing(self.ledger, self._matcher)
        self.treasury = Treasury(self.accounts)
        self.attached: dict[str, str] = {}  # order -> id promised to its take-profit and stop-loss child

    def market(self, product_id: str) -> Market:
        """The market whose book a product trades on."""
        return self.ledger.market(product_id)

    def drain(self) -> Changes:
        """Everything that changed since the last call."""
        return self.ledger.drain()

    def create(self, fields: dict[str, Any], *, now: float, machine_time: float) -> Order | Refusal:
        """Accept or refuse a checked create body; a client id seen before returns the first order and creates
        nothing.
        """
        known = self.ledger.by_client_id.get(fields["client_order_id"])
        held = self.ledger.holding(fields["product_id"]) if fields["product_id"] in self.listings else ZERO
        if known is not None:
            result: Order | Refusal = refusals.DUPLICATE_CLIENT_ID if self.duplicate_is_error else self.orders[known]
        else:
            result = self._create_new(fields, now)
        self.ledger.arrivals.append(_arrival(fields, result, held, now, machine_time, duplicate=known is not None))
        return result

    def _create_new(self, fields: dict[str, Any], now: float) -> Order | Refusal:
        order = self.vetted(fields, now, order_id=self.ledger.new_id("order"))
        if isinstance(order, Refusal):
            return order
        if order.attached_configuration is not None:
            child = self.ledger.new_id("attached")
            self.attached[order.order_id] = child
            order = replace(order, attached_order_id=child)
        self.admit(order, now)
        self._spawn_attached(now)
        return self.orders[order.order_id]

    def admit(self, order: Order, now: float) -> None:
        """Block a vetted order's hold, take it in, and let it trade."""
        listing = self.listings[order.product_id]
        blocked = self.accounts.block(hold_currency(order, listing), order.initial_hold)
        assert blocked, "a vetted order fits its wallet"
        order = replace(order, hold=order.initial_hold)
        self.ledger.accept(order)
        if self.fail_next:
            self.ledger.keep_quietly(replace(order, reject_reason=self.fail_next, reject_message="Insufficient funds"))
            self.fail_next = ""
            self.ledger.end(order.order_id, Status.FAILED, now)
            return
        self.ledger.record(replace(order, status=Status.OPEN))
        if order.kind is not Kind.STOP_LIMIT:
            self._matcher.take_liquidity(order.order_id, now)

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
        refusal = self._market_refusal(drafted, listing)
        if refusal is not None:
            return refusal
        amount = needed_hold(drafted, listing, self.market(listing.product_id), self.accounts, self.ledger.fees)
        if not can_block(drafted, listing, self.accounts, amount, self.ledger.unrealized(listing.quote)):
            return refusals.INSUFFICIENT_FUND
        return replace(drafted, initial_hold=amount)

    def _market_refusal(self, order: Order, listing: Listing) -> Refusal | None:
        market = self.market(order.product_id)
        crosses = order.kind is Kind.LIMIT and would_cross(order, market)
        net = self.ledger.holding(order.product_id)
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
        return _stop_refusal(order, market.last_price)

    def cancel(self, order_id: str, now: float) -> str:
        """Queue a cancel; the failure reason, ACCEPTED_CANCEL meaning none.

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
        self.ledger.record(replace(order, status=Status.CANCEL_QUEUED, updated=now))
        return ACCEPTED_CANCEL

    def end(self, order_id: str, status: Status, now: float, message: str) -> None:
        """End a live order on the venue's own account."""
        self.ledger.end(order_id, status, now, message)

    def advance(self, now: float) -> None:
        """Move every market to `now`, match resting orders at each step, then expire and complete cancels."""
        for market in self.markets.values():
            for step in market.steps(now):
                self._matcher.step(market, step)
        for order_id in [order_id for ids in self.ledger.working.values() for order_id in ids]:
            order = self.orders[order_id]
            if order.status is Status.CANCEL_QUEUED:
                if not self.cancels_stuck:
                    self.ledger.end(order_id, Status.CANCELLED, now, _CANCEL_MESSAGE)
            elif order.end_time is not None and order.end_time <= now:
                self.ledger.end(order_id, Status.EXPIRED, now, "Order expired")
        self._spawn_attached(now)
        self.clearing.settle(now)

    def _spawn_attached(self, now: float) -> None:
        """Place the take-profit and stop-loss child of every parent that ended with a fill."""
        for parent_id, child_id in list(self.attached.items()):
            parent = self.orders[parent_id]
            if not parent.status.is_final:
                continue
            del self.attached[parent_id]
            if parent.filled_size > 0:
                self._place_child(parent, child_id, now)

    def _place_child(self, parent: Order, child_id: str, now: float) -> None:
        assert parent.attached_configuration is not None
        listing = self.listings[parent.product_id]
        size = str(listing.lots_down(parent.filled_size))
        inner = {**parent.attached_configuration["trigger_bracket_gtc"], "base_size": size}
        fields = {
            "product_id": parent.product_id,
            "side": parent.side.opposite.value,
            "order_configuration": {"trigger_bracket_gtc": inner},
            "leverage": parent.leverage,
            "margin_type": parent.margin_type or "CROSS",
        }
        child = self.vetted(fields, now, order_id=child_id)
        if isinstance(child, Order):
            self.admit(replace(child, originating_order_id=parent.order_id), now)

    def edit(self, order_id: str, price: Decimal, size: Decimal, now: float) -> str | None:
        """Replace price and total size of a resting order; the venue's failure reason, or None when done."""
        reason = self.edit_refusal(order_id, price, size)
        if reason is not None:
            return reason
        order = self.orders[order_id]
        listing = self.listings[order.product_id]
        edited = replace(
            order,
            limit_price=price,
            base_size=size,
            edits=(*order.edits, Edit(price, size, now))[-_EDITS_KEPT:],
            updated=now,
        )
        self.accounts.release(hold_currency(order, listing), order.hold)
        amount = needed_hold(edited, listing, self.market(order.product_id), self.accounts, self.ledger.fees)
        if not self.accounts.block(hold_currency(order, listing), amount):
            self.accounts.block(hold_currency(order, listing), order.hold)
            return "PREVIEW_INSUFFICIENT_FUND"
        loses_place = price != order.limit_price or order.base_size is None or size > order.base_size
        self.ledger.requeue(replace(edited, hold=amount), to_back=loses_place)
        if order.trigger is not Trigger.PENDING:
            self._matcher.take_liquidity(order_id, now)
        return None

    def edit_refusal(self, order_id: str, price: Decimal, size: Decimal) -> str | None:
        """Why an edit would be refused, funds apart; None when it would not."""
        order = self.orders.get(order_id)
        if order is None:
            return "ORDER_NOT_FOUND"
        listing = self.listings[order.product_id]
        same = price == order.limit_price and size == order.base_size
        edited = replace(order, limit_price=price, base_size=size) if order.base_size is not None else order
        checks = (
            (order.status is not Status.OPEN, "ONLY_OPEN_ORDERS_CAN_BE_EDITED"),
            (order.time_in_force is not TimeInForce.GTC, "ONLY_LIMIT_ORDER_EDITS_SUPPORTED"),
            (order.base_size is None, "SIZE_IN_QUOTE_EDITS_NOT_ALLOWED"),
            (size < listing.base_min_size or size % listing.base_increment != 0, "INVALID_EDITED_SIZE"),
            (size <= order.filled_size, "CANNOT_EDIT_TO_BELOW_FILLED_SIZE"),
            (price <= 0 or price % listing.price_increment != 0, "INVALID_EDITED_PRICE"),
            (same, "EDIT_REQUEST_EQUAL_TO_ORIGINAL_REQUEST"),
            (
                order.post_only and would_cross(edited, self.market(order.product_id)),
                "INVALID_EDITED_PRICE",
            ),
        )
        return next((reason for wrong, reason in checks if wrong), None)


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


def _arrival(
    fields: dict[str, Any], result: Order | Refusal, held: Decimal, now: float, machine_time: float, *, duplicate: bool
) -> Arrival:
    outcome = "accepted" if isinstance(result, Order) else result.preview
    return Arrival(
        machine_time=machine_time,
        market_time=now,
        client_order_id=fields["client_order_id"],
        product_id=fields["product_id"],
        side=fields.get("side", ""),
        configuration=fields["order_configuration"],
        position_before=held,
        outcome="duplicate" if duplicate else outcome,
        order_id=result.order_id if isinstance(result, Order) else "",
    )
