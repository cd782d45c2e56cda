"""Products and order bodies: what the venue lists becomes Instruments, what we want becomes its words."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from samples import decoded, raw

from trader.coinbase.market_bodies import PRODUCT, PRODUCTS
from trader.coinbase.order_body import CONFIGURATION, create_body, order_configuration
from trader.coinbase.products import instrument_of
from trader.coinbase.wire import BadPayload
from trader.market.instrument import Instrument, ProductKind, TradingStatus
from trader.orders.order import OrderType, Side, TimeInForce
from trader.venue import OrderRequest


def one(name: str, **changes: Any) -> Instrument:
    """The Instrument of a documented product, some of its fields changed."""
    return instrument_of(PRODUCT.read(msgspec.json.encode(decoded(name) | changes)))


def test_a_spot_product() -> None:
    """Increments, minima, wallet."""
    found = one("rest_get_product_btc_usd")
    assert (found.symbol, found.kind, found.base, found.quote) == ("BTC-USD", ProductKind.SPOT, "BTC", "USD")
    assert (found.price_increment, found.base_increment) == (Decimal("0.01"), Decimal("0.00000001"))
    assert found.status is TradingStatus.ONLINE
    assert not found.is_derivative


def test_a_us_perpetual_style_future() -> None:
    """Recognised by its funding, sized in contracts of a hundredth."""
    found = one("rest_get_product_bip_cde")
    assert (found.symbol, found.product_id, found.kind) == ("BTC-PERP", "BIP-20DEC30-CDE", ProductKind.PERPETUAL)
    assert (found.contract_size, found.base_increment, found.price_increment) == (Decimal("0.01"), 1, 5)
    assert found.funding_rate == Decimal("0.000011")
    assert found.funding_time == 1795201200.0
    assert found.max_leverage is None
    assert found.quote == "USD"


def test_an_intx_perpetual() -> None:
    """Funding and leverage inside, settled in USDC."""
    found = one("rest_get_product_btc_perp_intx")
    assert (found.symbol, found.kind, found.quote) == ("BTC-PERP", ProductKind.PERPETUAL, "USDC")
    assert (found.funding_rate, found.max_leverage) == (Decimal("0.000012"), Decimal(20))
    assert found.quote_min_size == 10


def test_a_dated_future_keeps_its_id() -> None:
    """No funding, no perpetual."""
    details = decoded("rest_get_product_bip_cde")["future_product_details"] | {"funding_rate": ""}
    found = one("rest_get_product_bip_cde", product_id="BIT-29JAN27-CDE", future_product_details=details)
    assert (found.symbol, found.kind) == ("BIT-29JAN27-CDE", ProductKind.FUTURE)


SESSION = decoded("rest_get_product_bip_cde")["fcm_trading_session_details"]
STATUSES: list[tuple[str, dict[str, Any], TradingStatus]] = [
    ("rest_get_product_btc_usd", {"status": "offline"}, TradingStatus.HALTED),
    ("rest_get_product_btc_usd", {"status": "delisted"}, TradingStatus.HALTED),
    ("rest_get_product_btc_usd", {"trading_disabled": True, "limit_only": True}, TradingStatus.HALTED),
    ("rest_get_product_btc_usd", {"is_disabled": True}, TradingStatus.HALTED),
    ("rest_get_product_btc_usd", {"view_only": True}, TradingStatus.VIEW_ONLY),
    ("rest_get_product_btc_usd", {"cancel_only": True}, TradingStatus.CANCEL_ONLY),
    ("rest_get_product_btc_usd", {"post_only": True}, TradingStatus.POST_ONLY),
    ("rest_get_product_btc_usd", {"limit_only": True}, TradingStatus.LIMIT_ONLY),
    ("rest_get_product_bip_cde", {"status": ""}, TradingStatus.ONLINE),
    (
        "rest_get_product_bip_cde",
        {"fcm_trading_session_details": SESSION | {"is_session_open": False}},
        TradingStatus.HALTED,
    ),
    ("rest_get_product_bip_cde", {"fcm_trading_session_details": None}, TradingStatus.ONLINE),
]


@pytest.mark.parametrize(("name", "changes", "status"), STATUSES)
def test_flags_and_sessions_decide_what_may_be_done(name: str, changes: dict[str, Any], status: TradingStatus) -> None:
    """The tightest flag wins."""
    assert one(name, **changes).status is status


@pytest.mark.parametrize("field", ["base_increment", "price_increment"])
def test_a_product_without_its_grid_is_refused(field: str) -> None:
    """Nothing can be traded off a grid nobody knows; a missing tick falls back to the quote increment."""
    changes = {field: ""} | ({"quote_increment": "0"} if field == "price_increment" else {})
    with pytest.raises(BadPayload):
        one("rest_get_product_btc_usd", **changes)
    assert one("rest_get_product_btc_usd", price_increment="").price_increment == Decimal("0.01")


@pytest.mark.parametrize(
    "name", ["rest_get_products_spot", "rest_get_products_future_cfm", "rest_get_products_perp_intx"]
)
def test_every_listed_product_is_understood(name: str) -> None:
    """The documented listings, one Instrument each."""
    listed = PRODUCTS.read(raw(name)).products
    assert len({instrument_of(product).product_id for product in listed}) == len(listed) > 0


def request(kind: OrderType, tif: TimeInForce, **changes: Any) -> OrderRequest:
    """An order request."""
    terms: dict[str, Any] = {
        "client_order_id": "7d0a0013-1f6e-4c8a-9b3d-0a1b2c3d4e5f",
        "product_id": "BTC-USD",
        "symbol": "BTC-USD",
        "side": Side.BUY,
        "size": Decimal("0.005"),
        "limit_price": Decimal("97000.00"),
        "order_type": kind,
        "time_in_force": tif,
    }
    return OrderRequest(**(terms | changes))


GTD = {"end_time": 1795287600.0}
STOP = {"stop_price": Decimal("96000.00"), "side": Side.SELL, "limit_price": Decimal("95900.00")}
SAMPLES: list[tuple[OrderType, TimeInForce, dict[str, Any], str]] = [
    (OrderType.MARKET, TimeInForce.IOC, {}, "rest_req_create_order_sor_limit_ioc"),
    (OrderType.LIMIT, TimeInForce.IOC, {}, "rest_req_create_order_sor_limit_ioc"),
    (OrderType.LIMIT, TimeInForce.GTC, {}, "rest_req_create_order_limit_gtc"),
    (OrderType.LIMIT, TimeInForce.GTD, GTD, "rest_req_create_order_limit_gtd"),
    (OrderType.LIMIT, TimeInForce.FOK, {}, "rest_req_create_order_limit_fok"),
    (OrderType.STOP_LIMIT, TimeInForce.GTC, STOP, "rest_req_create_order_stop_limit_gtc"),
    (OrderType.STOP_LIMIT, TimeInForce.GTD, STOP | GTD, "rest_req_create_order_stop_limit_gtd"),
]


@pytest.mark.parametrize(("kind", "tif", "changes", "sample"), SAMPLES)
def test_each_kind_of_order_uses_the_documented_configuration(
    kind: OrderType, tif: TimeInForce, changes: dict[str, Any], sample: str
) -> None:
    """The same one key, with no field the venue does not know; an unknown one would be a 400."""
    ours = create_body(request(kind, tif, **changes))
    documented = decoded(sample)
    (key, terms), (their_key, their_terms) = (
        *ours["order_configuration"].items(),
        *documented["order_configuration"].items(),
    )  # type: ignore[attr-defined]
    assert key == their_key
    assert set(terms) <= set(their_terms) | {"post_only"}
    assert set(ours) <= set(documented)


def test_the_documented_gtd_order_is_ours_to_the_letter() -> None:
    """Numbers as text without exponent, times with Z."""
    ours = create_body(request(OrderType.LIMIT, TimeInForce.GTD, **GTD))
    documented = decoded("rest_req_create_order_limit_gtd")
    documented["order_configuration"]["limit_limit_gtd"]["end_time"] = "2026-11-21T19:00:00.000Z"
    assert ours == documented


def test_a_market_order_always_carries_its_worst_price() -> None:
    """I-04: there is no order without a maximum price."""
    assert set(CONFIGURATION.values()).isdisjoint({"market_market_ioc", "market_market_fok"})
    assert order_configuration(request(OrderType.MARKET, TimeInForce.IOC)) == {
        "sor_limit_ioc": {"base_size": "0.005", "limit_price": "97000.00"}
    }


def test_leverage_goes_out_only_where_the_venue_documents_it() -> None:
    """Text, with a margin type, for INTX; never for spot or US futures."""
    intx = create_body(request(OrderType.LIMIT, TimeInForce.GTC, product_id="BTC-PERP-INTX", leverage=Decimal("5.0")))
    assert (intx["leverage"], intx["margin_type"]) == ("5.0", "CROSS")
    for product_id in ("BTC-USD", "BIP-20DEC30-CDE"):
        body = create_body(request(OrderType.LIMIT, TimeInForce.GTC, product_id=product_id, leverage=Decimal(5)))
        assert "leverage" not in body
        assert "reduce_only" not in body


def test_small_sizes_have_no_exponent() -> None:
    """1E-8 is 0.00000001 on the wire."""
    terms = order_configuration(
        request(OrderType.LIMIT, TimeInForce.GTC, size=Decimal("1E-8"), limit_price=Decimal("1E+5"))
    )
    assert terms["limit_limit_gtc"] == {"base_size": "0.00000001", "limit_price": "100000", "post_only": False}


@pytest.mark.parametrize(
    "changes",
    [
        {"order_type": OrderType.LIMIT, "time_in_force": TimeInForce.GTD},
        {"order_type": OrderType.STOP_LIMIT, "time_in_force": TimeInForce.GTC},
        {"order_type": OrderType.MARKET, "time_in_force": TimeInForce.GTC},
        {"order_type": OrderType.LIMIT, "time_in_force": TimeInForce.IOC, "post_only": True},
    ],
)
def test_impossible_combinations_are_bugs_of_ours(changes: dict[str, Any]) -> None:
    """They never reach the wire."""
    with pytest.raises(AssertionError):
        order_configuration(msgspec.structs.replace(request(OrderType.LIMIT, TimeInForce.GTC), **changes))
