"""Reads an order request: from JSON to a draft order, or to the venue's refusal.

Imported by engine.py and rest.py; pure.

Two kinds of no: a body that the venue's parser would not accept raises BadRequestError (HTTP 400); one that it
understands but declines returns a Refusal (HTTP 200). Checks that need the market or the wallets are the engine's.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from trader.exchange import refusals
from trader.exchange.ladder import ZERO
from trader.exchange.listing import Listing, ProductVenue
from trader.exchange.market import Side
from trader.exchange.records import Kind, Order, Status, TimeInForce, Trigger
from trader.exchange.refusals import BadRequestError, Refusal, proto_error

_SIZES = frozenset({"base_size", "quote_size"})
_ANY = frozenset({"rfq_disabled", "rfq_enabled", "reduce_only"})
_LIMIT = _SIZES | {"limit_price", "post_only"}
_STOP = frozenset({"base_size", "limit_price", "stop_price", "stop_direction"})
_BRACKET = frozenset({"base_size", "limit_price", "stop_trigger_price"})
_TWAP = _SIZES | {"start_time", "end_time", "limit_price", "number_buckets", "bucket_size", "bucket_duration"}
_SCALED = _SIZES | {
    "num_orders",
    "min_price",
    "max_price",
    "price_distribution",
    "size_distribution",
    "size_diff",
    "size_ratio",
    "orders",
}

# configuration key -> (kind, time in force, fields it may carry)
CONFIGURATIONS: dict[str, tuple[Kind, TimeInForce, frozenset[str]]] = {
    "market_market_ioc": (Kind.MARKET, TimeInForce.IOC, _SIZES),
    "market_market_fok": (Kind.MARKET, TimeInForce.FOK, _SIZES),
    "sor_limit_ioc": (Kind.LIMIT, TimeInForce.IOC, _SIZES | {"limit_price"}),
    "limit_limit_gtc": (Kind.LIMIT, TimeInForce.GTC, _LIMIT),
    "limit_limit_gtd": (Kind.LIMIT, TimeInForce.GTD, _LIMIT | {"end_time"}),
    "limit_limit_fok": (Kind.LIMIT, TimeInForce.FOK, _SIZES | {"limit_price"}),
    "stop_limit_stop_limit_gtc": (Kind.STOP_LIMIT, TimeInForce.GTC, _STOP),
    "stop_limit_stop_limit_gtd": (Kind.STOP_LIMIT, TimeInForce.GTD, _STOP | {"end_time"}),
    "trigger_bracket_gtc": (Kind.BRACKET, TimeInForce.GTC, _BRACKET),
    "trigger_bracket_gtd": (Kind.BRACKET, TimeInForce.GTD, _BRACKET | {"end_time"}),
    "twap_limit_gtd": (Kind.TWAP, TimeInForce.GTD, _TWAP),
    "scaled_limit_gtc": (Kind.SCALED, TimeInForce.GTC, _SCALED),
}
_NOT_WORKED = frozenset({Kind.TWAP, Kind.SCALED})
_BOOLEANS = frozenset({"post_only", "rfq_disabled", "rfq_enabled", "reduce_only"})
_NOT_STRINGS = frozenset({"num_orders", "number_buckets", "orders"})
_BODY_STRINGS = frozenset(
    {
        "client_order_id", "product_id", "side", "margin_type", "preview_id", "sor_preference", "cost_basis_method",
        "retail_portfolio_id", "self_trade_prevention_id",
    }
)  # fmt: skip
_BODY_OTHERS = frozenset(
    {"order_configuration", "attached_order_configuration", "leverage", "prediction_metadata", "equity_order_metadata"}
)
_LONGEST_NUMBER = 64


def check_body(body: Any, *, needs_client_id: bool = True) -> dict[str, Any]:
    """The create body with nulls dropped, or BadRequestError for what a protobuf-JSON parser refuses."""
    if not isinstance(body, dict):
        raise proto_error("syntax error: unexpected token")
    fields = {key: value for key, value in body.items() if value is not None}
    for key, value in fields.items():
        if key not in _BODY_STRINGS and key not in _BODY_OTHERS:
            raise proto_error(f'unknown field "{key}"')
        if key in _BODY_STRINGS and not isinstance(value, str):
            raise proto_error(f"invalid value for string type: {value!r}")
    if needs_client_id and not fields.get("client_order_id"):
        raise BadRequestError("client_order_id is required")
    if not fields.get("product_id"):
        raise BadRequestError("product_id is required")
    fields["order_configuration"] = _checked_configuration(fields.get("order_configuration"))
    if (attached := fields.get("attached_order_configuration")) is not None:
        fields["attached_order_configuration"] = _checked_configuration(attached)
    return fields


def _checked_configuration(configuration: Any) -> dict[str, Any]:
    if not isinstance(configuration, dict):
        raise BadRequestError("order_configuration is required")
    chosen = {key: value for key, value in configuration.items() if value is not None}
    if len(chosen) != 1:
        raise BadRequestError("order_configuration must hold exactly one configuration")
    ((name, inner),) = chosen.items()
    if name not in CONFIGURATIONS:
        raise proto_error(f'unknown field "{name}"')
    if not isinstance(inner, dict):
        raise proto_error(f"unexpected token {inner!r}")
    allowed = CONFIGURATIONS[name][2] | _ANY
    fields = {key: value for key, value in inner.items() if value is not None}
    for key, value in fields.items():
        if key not in allowed:
            raise proto_error(f'unknown field "{key}"')
        if key in _BOOLEANS and not isinstance(value, bool):
            raise proto_error(f"invalid value for bool type: {value!r}")
        if key not in _BOOLEANS and key not in _NOT_STRINGS and not isinstance(value, str):
            raise proto_error(f"invalid value for string type: {value!r}")
    return {name: fields}


def number(value: str | None) -> Decimal | None:
    """A decimal of sane length; None when absent or empty. ValueError for anything that is no finite number."""
    if value is None or value == "":
        return None
    try:
        parsed = Decimal(value) if len(value) <= _LONGEST_NUMBER and "_" not in value else None
    except InvalidOperation:
        parsed = None
    if parsed is None or not parsed.is_finite():
        raise ValueError(value)
    return parsed


def moment(value: str | None) -> float | None:
    """RFC 3339 to UNIX seconds; None when absent. BadRequestError when it is no time."""
    if not value:
        return None
    try:
        parsed = datetime.fromisoformat(value)
    except ValueError:
        raise BadRequestError(f"invalid google.protobuf.Timestamp value: {value!r}") from None
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()


def draft(fields: dict[str, Any], listing: Listing, *, order_id: str, now: float) -> Order | Refusal:
    """A PENDING order from a checked body: sizes on the grid and within bounds, prices on tick, times in the future."""
    ((name, inner),) = fields["order_configuration"].items()
    kind, time_in_force, _ = CONFIGURATIONS[name]
    if fields.get("side") not in {"BUY", "SELL"}:
        return refusals.INVALID_SIDE
    if kind in _NOT_WORKED or (name == "market_market_fok" and not listing.is_derivative):
        return refusals.UNSUPPORTED
    try:
        base, quote = number(inner.get("base_size")), number(inner.get("quote_size"))
        limit = number(inner.get("limit_price"))
        stop = number(inner.get("stop_price") or inner.get("stop_trigger_price"))
    except ValueError:
        return refusals.NON_NUMERIC_SIZE
    order = Order(
        order_id=order_id,
        client_order_id=fields.get("client_order_id", ""),
        product_id=listing.product_id,
        side=Side(fields["side"]),
        kind=kind,
        time_in_force=time_in_force,
        configuration=fields["order_configuration"],
        created=now,
        updated=now,
        status=Status.PENDING,
        base_size=base,
        quote_size=quote,
        limit_price=limit,
        stop_price=stop,
        stop_is_up=inner.get("stop_direction") == "STOP_DIRECTION_STOP_UP",
        end_time=moment(inner.get("end_time")),
        post_only=inner.get("post_only", False),
        reduce_only=inner.get("reduce_only", False),
        trigger=Trigger.PENDING if kind in {Kind.STOP_LIMIT, Kind.BRACKET} else Trigger.NONE,
        leverage=str(fields.get("leverage", "")) if listing.is_derivative else "",
        margin_type=fields.get("margin_type", "CROSS") if listing.venue is ProductVenue.INTX else "",
        attached_configuration=fields.get("attached_order_configuration"),
    )
    return (
        _size_refusal(order, listing)
        or _price_refusal(order, listing)
        or _term_refusal(order, listing, now)
        or _leverage_refusal(order, listing)
        or order
    )


def _leverage_refusal(order: Order, listing: Listing) -> Refusal | None:
    if listing.venue is not ProductVenue.INTX:
        return None
    try:
        leverage = number(order.leverage)
    except ValueError:
        return refusals.INVALID_LEVERAGE
    if leverage is not None and not 1 <= leverage <= Decimal(listing.max_leverage):
        return refusals.INVALID_LEVERAGE
    return None if order.margin_type in {"CROSS", "ISOLATED"} else refusals.INVALID_MARGIN_TYPE


def _size_refusal(order: Order, listing: Listing) -> Refusal | None:
    base, quote = order.base_size, order.quote_size
    if (base is None) == (quote is None):
        return refusals.EMPTY_SIZES if base is None else refusals.INVALID_CONFIG
    if quote is not None:
        if order.kind is not Kind.MARKET or order.side is Side.SELL or listing.is_derivative:
            return refusals.INVALID_CONFIG
        if quote < listing.quote_min_size:
            return refusals.QUOTE_TOO_SMALL
        if quote > listing.quote_max_size:
            return refusals.QUOTE_TOO_LARGE
        return refusals.QUOTE_PRECISION if quote % listing.quote_increment else None
    assert base is not None
    if base <= 0 or base < listing.base_min_size:
        return refusals.BASE_TOO_SMALL
    if base > listing.base_max_size:
        return refusals.BASE_TOO_LARGE
    return refusals.SIZE_PRECISION if base % listing.base_increment else None


def _price_refusal(order: Order, listing: Listing) -> Refusal | None:
    if order.kind is Kind.MARKET:
        return None
    prices = [order.limit_price] + ([order.stop_price] if order.trigger is Trigger.PENDING else [])
    for price in prices:
        if price is None or price <= ZERO:
            return refusals.INVALID_LIMIT_PRICE
        if price % listing.price_increment:
            return refusals.PRICE_PRECISION
    return None


def _term_refusal(order: Order, listing: Listing, now: float) -> Refusal | None:
    if order.time_in_force is TimeInForce.GTD:
        if order.end_time is None:
            return refusals.NEEDS_END_TIME
        if order.end_time <= now:
            return refusals.END_TIME_PAST
    if order.reduce_only and not listing.is_derivative:
        return refusals.REDUCE_ONLY_SPOT
    attached = order.attached_configuration
    if attached is not None:
        if "trigger_bracket_gtc" not in attached:
            return refusals.ATTACHED_TYPE
        if attached["trigger_bracket_gtc"].get("base_size"):
            return refusals.ATTACHED_SIZE
    return None
