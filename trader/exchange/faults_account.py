"""What faults do to orders, positions, rules and connections at once.

Imported by faults.py. Each returns how to undo it, or None.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from trader.exchange.armed import Armed
from trader.exchange.ladder import ZERO
from trader.exchange.listing import Listing
from trader.exchange.records import Fill, Status
from trader.exchange.refusals import BadRequestError
from trader.exchange.rest import Desk

Undo = Callable[[], None] | None
ENDINGS: dict[str, tuple[Status, str]] = {
    "expired": (Status.EXPIRED, "Order expired"),
    "self_trade": (Status.CANCELLED, "Self trade prevention"),
    "risk": (Status.CANCELLED, "Risk limit"),
    "maintenance": (Status.CANCELLED, "Maintenance"),
    "delisting": (Status.CANCELLED, "Product delisted"),
}
SWITCHES = ("trading_disabled", "cancel_only", "post_only", "limit_only", "auction_mode", "view_only", "offline")
_RULES = {"price": "price_increment", "base": "base_increment", "minimum": "base_min_size", "contract": "contract_size"}


def _listing(fault: Armed, desk: Desk) -> Listing:
    listing = desk.exchange.listings.get(fault.product_id or next(iter(desk.exchange.listings)))
    if listing is None:
        raise BadRequestError(f"fault {fault.id}: product_id {fault.product_id!r} is not listed")
    return listing


def _relist(desk: Desk, old: Listing, **changes: Any) -> Undo:
    listings = desk.exchange.listings
    listings[old.product_id] = replace(old, **changes)

    def undo() -> None:
        listings[old.product_id] = old

    return undo


def duplicate_is_error(_fault: Armed, desk: Desk) -> Undo:
    """From now on a repeated client id is an error instead of the first order."""
    desk.exchange.duplicate_is_error = True

    def undo() -> None:
        desk.exchange.duplicate_is_error = False

    return undo


def outage(fault: Armed, desk: Desk) -> Undo:
    """An outage cuts the sockets too."""
    if fault.variant == "outage":
        disconnect(replace(fault, variant="abrupt"), desk)
    return None


def freeze_sockets(_fault: Armed, desk: Desk) -> Undo:
    """Every socket falls silent without a FIN: nothing is written, nothing is read, pings go unanswered."""
    frozen = list(desk.hub.connections)
    for connection in frozen:
        connection.freeze()

    def undo() -> None:
        for connection in frozen:
            connection.abort()

    return undo


def disconnect(fault: Armed, desk: Desk) -> Undo:
    """Cut every connection, or close it politely."""
    for connection in list(desk.hub.connections):
        if fault.variant == "polite":
            fault.kept.append(asyncio.ensure_future(connection.socket.close(code=1000)))
        else:
            connection.abort()
    return None


def flap(_fault: Armed, desk: Desk) -> Undo:
    """Cut what is connected; the board cuts what comes."""
    for connection in list(desk.hub.connections):
        connection.abort()
    return None


def foreign_order(fault: Armed, desk: Desk) -> Undo:
    """An order in this account that this client never sent: resting below the market, or bought at it."""
    listing, exchange, now = _listing(fault, desk), desk.exchange, desk.now()
    market = exchange.market(listing.product_id)
    size = (
        str(fault.value)
        if isinstance(fault.value, str)
        else str(max(listing.base_min_size, listing.lots_down(20 / market.mid())))
    )
    price = listing.price_of(listing.ticks_of(market.mid() * Decimal("0.9")))
    configuration: dict[str, Any] = {"limit_limit_gtc": {"base_size": size, "limit_price": format(price, "f")}}
    if fault.variant == "filled":
        configuration = {"market_market_ioc": {"base_size": size}}
    fields = {"client_order_id": exchange.ledger.new_id("foreign"), "product_id": listing.product_id, "side": "BUY"}
    exchange.create({**fields, "order_configuration": configuration}, now=now, machine_time=desk.clock.machine_time())
    return None


def stuck_cancels(_fault: Armed, desk: Desk) -> Undo:
    """Cancels stay queued until the fault ends."""
    desk.exchange.cancels_stuck = True

    def undo() -> None:
        desk.exchange.cancels_stuck = False

    return undo


def odd_fill(fault: Armed, desk: Desk) -> Undo:
    """The next fills are ten percent too large, or carry a negative or a doubled fee."""
    ledger = desk.exchange.ledger
    left = max(1, fault.count or 1)

    def distort(fill: Fill) -> Fill:
        nonlocal left
        left -= 1
        if left <= 0:
            ledger.distort = None
        if fault.variant == "negative_fee":
            return replace(fill, commission=-fill.commission)
        if fault.variant == "double_fee":
            return replace(fill, commission=fill.commission * 2)
        return _larger(fill, desk)

    ledger.distort = distort

    def undo() -> None:
        ledger.distort = None

    return undo


def _larger(fill: Fill, desk: Desk) -> Fill:
    """A fill of 110 percent where the wallet carries it, else the fill itself."""
    listing, factor = desk.exchange.listings[fill.product_id], Decimal("1.1")
    size = listing.lots_down(fill.size * factor)
    value, fee = fill.price * size * listing.contract_size, fill.commission * factor
    wallet = desk.exchange.accounts.wallet(listing.quote if fill.side == "BUY" else listing.base)
    needed = value + fee - fill.value if fill.side == "BUY" else size - fill.size
    if not listing.is_derivative and wallet.available < needed:
        return fill
    return replace(fill, size=size, value=value, commission=fee)


def end_orders(fault: Armed, desk: Desk) -> Undo:
    """End live orders (of one product, if named) for the variant's reason."""
    status, message = ENDINGS[fault.variant]
    for order in desk.exchange.ledger.live():
        if fault.product_id in {"", order.product_id}:
            desk.exchange.end(order.order_id, status, desk.now(), message)
    return None


def change_position(fault: Armed, desk: Desk) -> Undo:
    """Close by hand, liquidate, or charge funding out of turn (`value` is the rate)."""
    exchange, listing, now = desk.exchange, _listing(fault, desk), desk.now()
    net = exchange.ledger.holding(listing.product_id)
    if fault.variant == "liquidation":
        exchange.clearing.liquidate(listing.quote, now)
    elif fault.variant == "funding":
        exchange.clearing.charge(listing, now, Decimal(str(fault.number(0.001))))
    elif (size := listing.lots_down(abs(net))) > ZERO:
        for order in exchange.ledger.live():  # coins held by resting orders cannot be sold by hand
            if order.product_id == listing.product_id and not order.is_buy:
                exchange.end(order.order_id, Status.CANCELLED, now, "User requested cancel")
        fields = {"client_order_id": exchange.ledger.new_id("by-hand"), "product_id": listing.product_id}
        configuration = {"market_market_ioc": {"base_size": format(size, "f")}}
        side = "SELL" if net > 0 else "BUY"
        body = {**fields, "side": side, "order_configuration": configuration}
        exchange.create(body, now=now, machine_time=desk.clock.machine_time())
    return None


def raise_minimum(fault: Armed, desk: Desk) -> Undo:
    """The smallest order becomes twice what is held, so that the position is dust."""
    listing = _listing(fault, desk)
    held = abs(desk.exchange.ledger.holding(listing.product_id))
    return _relist(desk, listing, base_min_size=max(listing.base_min_size, held * 2))


def maintenance(fault: Armed, desk: Desk) -> Undo:
    """Sockets close; with `gone` every open order is gone when it is over."""
    disconnect(replace(fault, variant="abrupt"), desk)
    if fault.variant == "gone":
        end_orders(replace(fault, variant="maintenance"), desk)
    return None


def switch(fault: Armed, desk: Desk) -> Undo:
    """Close one door of a product."""
    listing = _listing(fault, desk)
    if fault.variant == "offline":
        return _relist(desk, listing, status="offline")
    return _relist(desk, listing, **{fault.variant: True})


def delist(fault: Armed, desk: Desk) -> Undo:
    """The product stops for good: orders ended, tape frozen; renamed, its id is not listed any more either."""
    listing = _listing(fault, desk)
    end_orders(replace(fault, variant="delisting", product_id=listing.product_id), desk)
    market = desk.exchange.market(listing.product_id)
    market.disturbance.frozen = True
    hidden = desk.exchange.hidden
    if fault.variant == "renamed":
        hidden.add(listing.product_id)
    relist = _relist(desk, listing, status="delisted", trading_disabled=True)

    def undo() -> None:
        assert relist is not None
        relist()
        market.disturbance.frozen = False
        hidden.discard(listing.product_id)

    return undo


def change_rules(fault: Armed, desk: Desk) -> Undo:
    """Tick, lot, minimum or contract size become ten times what they were (`value` sets another factor)."""
    listing = _listing(fault, desk)
    name = _RULES[fault.variant]
    return _relist(desk, listing, **{name: getattr(listing, name) * Decimal(str(fault.number(10)))})
