"""The bodies we send: one order request of ours in the venue's words.

Only `trader/coinbase/` imports this. A pure table from (type, time in force) to the venue's configuration key.
Every order carries its worst price, a market order included: it goes out as an immediate-or-cancel limit at the
collar.
"""

from __future__ import annotations

from decimal import Decimal

from trader.market.clock import utc_text
from trader.orders.order import OrderType, Side, TimeInForce
from trader.venue import OrderRequest

INTX_SUFFIX = "-INTX"

CONFIGURATION: dict[tuple[OrderType, TimeInForce], str] = {
    (OrderType.MARKET, TimeInForce.IOC): "sor_limit_ioc",
    (OrderType.MARKET, TimeInForce.FOK): "limit_limit_fok",
    (OrderType.LIMIT, TimeInForce.IOC): "sor_limit_ioc",
    (OrderType.LIMIT, TimeInForce.GTC): "limit_limit_gtc",
    (OrderType.LIMIT, TimeInForce.GTD): "limit_limit_gtd",
    (OrderType.LIMIT, TimeInForce.FOK): "limit_limit_fok",
    (OrderType.STOP_LIMIT, TimeInForce.GTC): "stop_limit_stop_limit_gtc",
    (OrderType.STOP_LIMIT, TimeInForce.GTD): "stop_limit_stop_limit_gtd",
}
_RESTING = frozenset({"limit_limit_gtc", "limit_limit_gtd"})
_STOPS = frozenset({"stop_limit_stop_limit_gtc", "stop_limit_stop_limit_gtd"})
_TIMED = frozenset({"limit_limit_gtd", "stop_limit_stop_limit_gtd"})
_DIRECTION = {Side.BUY: "STOP_DIRECTION_STOP_UP", Side.SELL: "STOP_DIRECTION_STOP_DOWN"}


def plain(value: Decimal) -> str:
    """Return a Decimal as the venue wants it: digits, no exponent."""
    return format(value, "f")


def order_configuration(request: OrderRequest) -> dict[str, dict[str, object]]:
    """Return the one-key configuration of a request; an impossible combination is a bug of ours and asserts."""
    key = CONFIGURATION.get((request.order_type, request.time_in_force))
    assert key is not None, f"no venue configuration for {request.order_type} {request.time_in_force}"
    assert not (request.post_only and key not in _RESTING), "post-only is for resting limit orders"
    terms: dict[str, object] = {"base_size": plain(request.size), "limit_price": plain(request.limit_price)}
    if key in _RESTING:
        terms["post_only"] = request.post_only
    if key in _TIMED:
        assert request.end_time is not None, "a GTD order needs its end"
        terms["end_time"] = utc_text(request.end_time)
    if key in _STOPS:
        assert request.stop_price is not None, "a stop order needs its stop"
        terms["stop_price"] = plain(request.stop_price)
        terms["stop_direction"] = _DIRECTION[request.side]
    return {key: terms}


def order_terms(request: OrderRequest) -> dict[str, object]:
    """Return what create and preview share. Leverage goes out only where the venue documents it: the older INTX
    perpetuals.
    """
    body: dict[str, object] = {
        "product_id": request.product_id,
        "side": request.side.value,
        "order_configuration": order_configuration(request),
    }
    if request.leverage is not None and request.product_id.endswith(INTX_SUFFIX):
        body["leverage"] = plain(request.leverage)
        body["margin_type"] = "CROSS"
    return body


def create_body(request: OrderRequest) -> dict[str, object]:
    """Return the body of a create."""
    return {"client_order_id": request.client_order_id, **order_terms(request)}
