"""Money of an order: what it blocks, what a fill costs, what is released at the end.

Pure; imported by engine.py and preview.py.

Holds follow the venue: a limit buy blocks price times size plus the taker fee, a quote-sized buy exactly its amount,
a spot sale its base size, a derivative the initial margin of the part that opens plus the fee.
"""

from __future__ import annotations

from decimal import Decimal

from msgspec.structs import replace

from trader.exchange.accounts import Accounts, Fees
from trader.exchange.ladder import ZERO
from trader.exchange.listing import Listing, ProductVenue
from trader.exchange.market import Market
from trader.exchange.matching import walk
from trader.exchange.records import Fill, Kind, Order, Status

_ONE = Decimal(1)


def hold_currency(order: Order, listing: Listing) -> str:
    """The wallet that an order blocks."""
    return listing.base if not order.is_buy and not listing.is_derivative else listing.quote


def margin_rate(order: Order, listing: Listing) -> Decimal:
    """Initial margin as a fraction of notional: one over the order's leverage where the venue takes one, else the
    listing's rate.
    """
    if listing.venue is ProductVenue.INTX:
        return _ONE / Decimal(order.leverage or _ONE)
    return listing.initial_margin_rate


def needed_hold(order: Order, listing: Listing, market: Market, accounts: Accounts, fees: Fees) -> Decimal:
    """What the order must block now for all it may still do."""
    if order.quote_size is not None:
        return order.quote_size
    if not order.is_buy and not listing.is_derivative:
        return order.leaves
    value = _worst_value(order, listing, market)
    if not listing.is_derivative:
        return value * (_ONE + fees.taker)
    net = accounts.position(order.product_id).net if order.product_id in accounts.positions else ZERO
    closing = min(abs(net), order.leaves) if net and (net > 0) != order.is_buy else ZERO
    opening_share = (order.leaves - closing) / order.leaves if order.leaves else ZERO
    return value * opening_share * (margin_rate(order, listing) + fees.taker)


def _worst_value(order: Order, listing: Listing, market: Market) -> Decimal:
    if order.limit_price is not None:
        return order.leaves * order.limit_price * listing.contract_size
    takes = walk(market.ladder.half(is_bid=not order.is_buy), None, order.leaves)
    return sum((take.size * market.listing.price_of(take.ticks) for take in takes), ZERO) * listing.contract_size


def can_block(order: Order, listing: Listing, accounts: Accounts, amount: Decimal, unrealized: Decimal) -> bool:
    """Whether the wallet covers a hold; for derivatives unrealized losses count against it, unrealized profits do not
    help.
    """
    available = accounts.wallet(hold_currency(order, listing)).available
    if listing.is_derivative:
        available += min(ZERO, unrealized)
        return amount == 0 or amount <= available
    return amount <= available


def settle(order: Order, fill: Fill, listing: Listing, accounts: Accounts) -> Order:
    """Book a fill: release the part of the hold that it used, move money or position, and return the order with the
    new totals.
    """
    filled = order.filled_size + fill.size
    after = replace(
        order,
        filled_size=filled,
        filled_value=order.filled_value + fill.value,
        fees=order.fees + fill.commission,
        fill_count=order.fill_count + 1,
        last_fill=fill.time,
        updated=fill.time,
    )
    hold = _hold_after(order, after, fill, listing)
    accounts.release(hold_currency(order, listing), order.hold - hold)
    if listing.is_derivative:
        accounts.trade_derivative(
            listing,
            signed_size=fill.size if order.is_buy else -fill.size,
            price=fill.price,
            commission=fill.commission,
            margin_rate=margin_rate(order, listing),
        )
    else:
        accounts.trade_spot(listing, is_buy=order.is_buy, size=fill.size, value=fill.value, commission=fill.commission)
    return replace(after, hold=hold)


def _hold_after(before: Order, after: Order, fill: Fill, listing: Listing) -> Decimal:
    if after.base_size is not None and after.leaves <= 0:
        return ZERO
    if listing.is_derivative:
        return before.hold * after.leaves / before.leaves
    if not before.is_buy:
        return before.hold - fill.size
    if before.kind is Kind.MARKET:
        return max(ZERO, before.hold - fill.value - fill.commission)
    return before.hold * after.leaves / before.leaves


def closed(order: Order, listing: Listing, accounts: Accounts, status: Status, now: float, message: str = "") -> Order:
    """End an order: release what it still blocks and mark it."""
    assert not order.status.is_final, f"order {order.order_id} is already {order.status}"
    accounts.release(hold_currency(order, listing), order.hold)
    return replace(order, status=status, hold=ZERO, updated=now, cancel_message=message)
