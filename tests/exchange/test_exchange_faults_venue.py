"""Venue and market faults, and the board that arms them."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import Any

import pytest
from exchange_process import REST_LIMIT, Running, arm, body

from trader.exchange.fault_table import TABLE


@pytest.mark.parametrize(("variant", "status"), [("gone", "CANCELLED"), ("kept", "OPEN")])
def test_maintenance_keeps_or_loses_the_orders(venue: Running, variant: str, status: str) -> None:
    """F-V01: 503 for a while; afterwards the orders are gone, or all there."""
    order_id = venue.post("/orders", body(f"v01-{variant}"))["success_response"]["order_id"]
    arm(venue, "F-V01", variant=variant, seconds=0.5)
    assert venue.call("GET", "/accounts").status_code == 503
    venue.until(lambda: venue.call("GET", "/accounts").status_code == 200)
    assert venue.get(f"/orders/historical/{order_id}")["order"]["status"] == status


@pytest.mark.parametrize("variant", TABLE["F-V02"].variants)
def test_doors_of_a_product_close(venue: Running, variant: str) -> None:
    """F-V02: the product says so and orders that it no longer takes are refused; cancels still work."""
    order_id = venue.post("/orders", body(f"v02-{variant}"))["success_response"]["order_id"]
    arm(venue, "F-V02", variant=variant, product_id="ETH-USD")
    product = venue.get("/products/ETH-USD")
    assert product["status"] == "offline" if variant == "offline" else product[variant] is True
    assert venue.order("ETH-USD", "BUY", {"market_market_ioc": {"quote_size": "20"}})["success"] is False
    assert venue.post("/orders/batch_cancel", {"order_ids": [order_id]})["results"][0]["success"]


@pytest.mark.parametrize("variant", ["delisted", "renamed"])
def test_a_product_disappears_while_it_is_held(venue: Running, variant: str) -> None:
    """F-V03: its tape stops, orders are refused, the wallet keeps the coins; renamed, the id is unknown."""
    venue.order("AVAX-USD", "BUY", {"market_market_ioc": {"base_size": "1"}})
    arm(venue, "F-V03", variant=variant, product_id="AVAX-USD")
    listed = {row["product_id"]: row["status"] for row in venue.get("/products")["products"]}
    assert listed.get("AVAX-USD") == ("delisted" if variant == "delisted" else None)
    assert venue.order("AVAX-USD", "SELL", {"market_market_ioc": {"base_size": "1"}})["success"] is False
    assert Decimal(venue.ledger()["holdings"]["AVAX-USD"]) >= 1


@pytest.mark.parametrize(
    ("variant", "configuration", "reason"),
    [
        (
            "price",
            {"limit_limit_gtc": {"base_size": "0.01", "limit_price": "1000.01"}},
            "PREVIEW_INVALID_PRICE_PRECISION",
        ),
        (
            "base",
            {"limit_limit_gtc": {"base_size": "0.01000001", "limit_price": "1000.00"}},
            "PREVIEW_INVALID_SIZE_PRECISION",
        ),
        (
            "minimum",
            {"limit_limit_gtc": {"base_size": "0.00000005", "limit_price": "1000.00"}},
            "PREVIEW_INVALID_BASE_SIZE_TOO_SMALL",
        ),
    ],
)
def test_the_rules_of_a_product_change(
    venue: Running, variant: str, configuration: dict[str, Any], reason: str
) -> None:
    """F-V04: what was on the grid is off it now; a coarser order passes."""
    assert venue.order("ETH-USD", "BUY", configuration)["success"]
    arm(venue, "F-V04", variant=variant, product_id="ETH-USD")
    assert venue.order("ETH-USD", "BUY", configuration)["error_response"]["preview_failure_reason"] == reason
    assert venue.order("ETH-USD", "BUY", REST_LIMIT)["success"]


def test_the_api_changes_overnight(venue: Running) -> None:
    """F-V05: other ids, other units, other number types on every answer while it lasts."""
    price = Decimal(venue.get("/products/BTC-USD")["price"])
    arm(venue, "F-V05")
    assert venue.get("/products/BTC-USD")["product_id"] == "BTC-USD-V2"
    venue.call("DELETE", "/_exchange/faults", signed=False)
    arm(venue, "F-V05", variant="units")
    assert Decimal(venue.get("/products/BTC-USD")["price"]) > price * 50
    venue.call("DELETE", "/_exchange/faults", signed=False)
    arm(venue, "F-V05", variant="numbers")
    assert isinstance(venue.get("/products/BTC-USD")["price"], float)


@pytest.mark.parametrize("variant", ["empty_bid", "empty_ask"])
def test_one_side_of_the_book_is_empty(venue: Running, variant: str) -> None:
    """F-V06: no level on one side, and a market order against it is refused for want of liquidity."""
    arm(venue, "F-V06", variant=variant, product_id="DOGE-USD", seconds=5)
    name = "bids" if variant == "empty_bid" else "asks"
    venue.until(lambda: venue.get("/product_book", product_id="DOGE-USD")["pricebook"][name] == [])
    if variant == "empty_ask":
        refused = venue.order("DOGE-USD", "BUY", {"market_market_ioc": {"quote_size": "20"}})
        assert refused["error_response"]["error"] == "INVALID_NO_LIQUIDITY"


def test_a_flash_crash_comes_and_goes(venue: Running) -> None:
    """F-V07: thirty percent down within a tick, and back when it ends; a bid far below was filled on the way."""
    price = Decimal(venue.get("/products/LTC-USD")["price"])
    low = str((price * Decimal("0.8")).quantize(Decimal("0.01")))
    order_id = venue.order("LTC-USD", "BUY", {"limit_limit_gtc": {"base_size": "0.5", "limit_price": low}})[
        "success_response"
    ]["order_id"]
    arm(venue, "F-V07", product_id="LTC-USD")
    venue.until(lambda: Decimal(venue.get("/products/LTC-USD")["price"]) < price * Decimal("0.75"))
    venue.until(lambda: Decimal(venue.get("/products/LTC-USD")["price"]) > price * Decimal("0.95"))
    assert venue.get(f"/orders/historical/{order_id}")["order"]["status"] == "FILLED"


@pytest.mark.parametrize("variant", ["crossed", "wide"])
def test_a_book_is_crossed_or_very_wide(venue: Running, variant: str) -> None:
    """F-V08: best bid above best ask, or more than five percent between them; then as before."""
    arm(venue, "F-V08", variant=variant, product_id="XRP-USD", seconds=1.0)
    venue.until(lambda: _spread(venue) < 0 if variant == "crossed" else _spread(venue) > Decimal("0.05"))
    venue.until(lambda: 0 < _spread(venue) < Decimal("0.001"))


def _spread(venue: Running) -> Decimal:
    book = venue.get("/product_book", product_id="XRP-USD", limit=1)["pricebook"]
    bid, ask = Decimal(book["bids"][0]["price"]), Decimal(book["asks"][0]["price"])
    return (ask - bid) / bid


@pytest.mark.parametrize("variant", ["stale", "far"])
def test_the_tape_stops_or_leaves_the_book(venue: Running, variant: str) -> None:
    """F-V09: no more prints while the book lives; or prints five percent below it."""
    arm(venue, "F-V09", variant=variant, product_id="SOL-USD", seconds=2.0)
    if variant == "far":
        venue.until(lambda: _gap_to_book(venue) > Decimal("0.03"))
        return
    time_to_settle = venue.until(lambda: time.monotonic() if _last(venue) == _last(venue) else 0)
    first = _last(venue)
    book = venue.get("/product_book", product_id="SOL-USD", limit=50)["pricebook"]
    venue.until(lambda: venue.get("/product_book", product_id="SOL-USD", limit=50)["pricebook"]["bids"] != book["bids"])
    assert _last(venue) == first or time.monotonic() - time_to_settle > 2


def _last(venue: Running) -> str:
    return str(venue.get("/products/SOL-USD/ticker", limit=1)["trades"][0]["trade_id"])


def _gap_to_book(venue: Running) -> Decimal:
    answer = venue.get("/product_book", product_id="SOL-USD", limit=1)
    return abs(Decimal(answer["last"]) / Decimal(answer["mid_market"]) - 1)


def test_bad_requests_to_the_board_are_explained(venue: Running) -> None:
    """Unknown id, variant or field: 400 with what is known; nothing armed."""
    for wrong, said in (
        ({"id": "F-X99"}, "known are F-N01"),
        ({"id": "F-N03", "variant": "x"}, "before_headers"),
        ({"id": "F-N01", "colour": 1}, "colour"),
    ):
        answer = venue.call("POST", "/_exchange/faults", body=wrong, signed=False)
        assert (answer.status_code, said in answer.json()["message"]) == (400, True)
    assert venue.call("GET", "/_exchange/faults", signed=False).json()["armed"] == []


def test_faults_wait_for_their_turn(venue: Running) -> None:
    """`after` lets requests pass first; `count` says how often."""
    arm(venue, "F-N08", after=1, count=2, method="GET", path="/time")
    statuses = [venue.call("GET", "/time", signed=False).status_code for _ in range(4)]
    assert statuses == [200, 500, 500, 200]
