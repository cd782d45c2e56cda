"""Reading order requests: which bodies are malformed, which are refused, and with what words."""

from __future__ import annotations

import pytest
from exchange_world import ScriptedPath, World

from trader.exchange import entry
from trader.exchange.refusals import BadRequestError

BTC = "BTC-USD"
FLAT = ("BTC-USD", ScriptedPath((0.0, 20_000.0)))
_REST = {"base_size": "0.1", "limit_price": "19000.00"}
_LOW_STOP = {
    "base_size": "0.1", "limit_price": "21000.00", "stop_price": "19000.00", "stop_direction": "STOP_DIRECTION_STOP_UP",
}  # fmt: skip
REFUSALS = [
    ("BUY", "market_market_ioc", {"quote_size": "90000"}, "PREVIEW_INSUFFICIENT_FUND"),
    ("SELL", "market_market_ioc", {"base_size": "1"}, "PREVIEW_INSUFFICIENT_FUND"),
    ("BUY", "market_market_ioc", {"quote_size": "0.50"}, "PREVIEW_INVALID_QUOTE_SIZE_TOO_SMALL"),
    ("BUY", "market_market_ioc", {"quote_size": "10.001"}, "PREVIEW_INVALID_QUOTE_SIZE_PRECISION"),
    ("SELL", "market_market_ioc", {"quote_size": "50"}, "PREVIEW_INVALID_ORDER_CONFIG"),
    ("BUY", "market_market_ioc", {}, "UNKNOWN_FAILURE_REASON"),
    ("BUY", "market_market_ioc", {"base_size": "NaN"}, "PREVIEW_NON_NUMERIC_ORDER_SIZE"),
    ("BUY", "market_market_ioc", {"base_size": "0"}, "PREVIEW_INVALID_BASE_SIZE_TOO_SMALL"),
    ("BUY", "market_market_ioc", {"base_size": "99999"}, "PREVIEW_INVALID_BASE_SIZE_TOO_LARGE"),
    ("BUY", "market_market_ioc", {"base_size": "0.000000001"}, "PREVIEW_INVALID_BASE_SIZE_TOO_SMALL"),
    ("BUY", "market_market_ioc", {"base_size": "0.100000001"}, "PREVIEW_INVALID_SIZE_PRECISION"),
    ("BUY", "market_market_fok", {"base_size": "0.1"}, "UNSUPPORTED_ORDER_CONFIGURATION"),
    ("BUY", "limit_limit_gtc", {"base_size": "0.1", "limit_price": "19000.001"}, "PREVIEW_INVALID_PRICE_PRECISION"),
    ("BUY", "limit_limit_gtc", {"base_size": "0.1", "limit_price": "-1"}, "PREVIEW_INVALID_LIMIT_PRICE"),
    ("BUY", "limit_limit_gtc", {"base_size": "0.1", "limit_price": "21000.00", "post_only": True}, "PREVIEW_INVALID_LIMIT_PRICE_POST_ONLY"),
    ("BUY", "limit_limit_gtd", {"base_size": "0.1", "limit_price": "19000.00"}, "GTD_ORDERS_MUST_HAVE_END_TIME"),
    ("BUY", "limit_limit_gtd", {**_REST, "end_time": "2001-01-01T00:00:00Z"}, "PREVIEW_END_TIME_IS_IN_THE_PAST"),
    ("BUY", "market_market_ioc", {"base_size": "0.1", "reduce_only": True}, "PREVIEW_REDUCE_ONLY_NOT_ALLOWED_ON_SPOT_PRODUCTS"),
    ("BUY", "stop_limit_stop_limit_gtc", _LOW_STOP, "PREVIEW_STOP_PRICE_BELOW_LAST_TRADE_PRICE"),
    ("SIDEWAYS", "market_market_ioc", {"base_size": "0.1"}, "PREVIEW_INVALID_SIDE"),
    ("BUY", "twap_limit_gtd", {"base_size": "0.1", "limit_price": "1.00"}, "UNSUPPORTED_ORDER_CONFIGURATION"),
]  # fmt: skip


@pytest.mark.parametrize(("side", "name", "fields", "reason"), REFUSALS)
def test_refusals_carry_the_venues_reason_and_change_nothing(
    side: str, name: str, fields: dict[str, str], reason: str
) -> None:
    """One table of bad orders: reason, no order, no hold."""
    world = World(FLAT)
    assert world.refused(BTC, side, name, **fields) == reason
    assert world.exchange.orders == {}
    assert world.money("USD") == (10_000, 0)


_BODY = {"client_order_id": "a", "product_id": BTC, "side": "BUY"}
_FINE = {"market_market_ioc": {"base_size": "1"}}
MALFORMED: list[object] = [
    {"product_id": BTC, "side": "BUY"},
    {"client_order_id": "a", "side": "BUY", "order_configuration": _FINE},
    {**_BODY, "order_configuration": {}},
    {**_BODY, "order_configuration": {"market_market_ioc": {"base_size": 1}}},
    {**_BODY, "order_configuration": {"market_market_ioc": {"base_size": "1", "surprise": "1"}}},
    {**_BODY, "order_configuration": {"nonsense": {}}},
    {**_BODY, "order_configuration": {**_FINE, "sor_limit_ioc": {}}},
    {**_BODY, "reduceOnly": True, "order_configuration": _FINE},
    ["not", "an", "object"],
]  # fmt: skip


@pytest.mark.parametrize("body", MALFORMED)
def test_a_body_the_venue_would_not_parse_is_a_bad_request(body: object) -> None:
    """Unknown fields, wrong types and missing parts are HTTP 400, never a refusal."""
    with pytest.raises(BadRequestError):
        entry.check_body(body)
