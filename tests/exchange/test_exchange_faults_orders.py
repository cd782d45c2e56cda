"""Order faults: races, denials, rejections, fills and positions that nobody asked for."""

from __future__ import annotations

import time
from decimal import Decimal

import pytest
import requests
from exchange_process import Running, arm, arrived, body

from trader.exchange.fault_table import TABLE


def test_the_answer_comes_after_the_fill(venue: Running) -> None:
    """F-O01: when the create is answered, the order is long filled."""
    arm(venue, "F-O01", value=0.5)
    started = time.monotonic()
    placed = venue.order("BTC-USD", "BUY", {"market_market_ioc": {"quote_size": "50"}})
    assert time.monotonic() - started >= 0.5
    order = next(row for row in venue.ledger()["orders"] if row["order_id"] == placed["success_response"]["order_id"])
    assert order["status"] == "FILLED"


@pytest.mark.parametrize(("variant", "status", "size"), [("partial", "CANCELLED", "0.005"), ("full", "FILLED", "0.01")])
def test_a_fill_overtakes_a_cancel(venue: Running, variant: str, status: str, size: str) -> None:
    """F-O02: the cancel was accepted, and yet part or all of the order filled."""
    order_id = venue.post("/orders", body(f"o02-{variant}"))["success_response"]["order_id"]
    arm(venue, "F-O02", variant=variant)
    assert venue.post("/orders/batch_cancel", {"order_ids": [order_id]})["results"][0]["success"]
    venue.until(lambda: venue.get(f"/orders/historical/{order_id}")["order"]["status"] == status)
    assert venue.get(f"/orders/historical/{order_id}")["order"]["filled_size"] == size


@pytest.mark.parametrize(("variant", "after"), [("unknown", "OPEN"), ("filled", "OPEN"), ("done", "CANCELLED")])
def test_a_cancel_is_denied_truly_or_falsely(venue: Running, variant: str, after: str) -> None:
    """F-O03: the answer says no; whether it was done only the order tells."""
    order_id = venue.post("/orders", body(f"o03-{variant}"))["success_response"]["order_id"]
    arm(venue, "F-O03", variant=variant)
    assert venue.post("/orders/batch_cancel", {"order_ids": [order_id]})["results"][0]["success"] is False
    venue.until(lambda: venue.get(f"/orders/historical/{order_id}")["order"]["status"] == after)


def test_a_cancel_stays_queued_while_the_fault_lasts(venue: Running) -> None:
    """F-O04: CANCEL_QUEUED for as long as asked, then done."""
    order_id = venue.post("/orders", body("o04"))["success_response"]["order_id"]
    arm(venue, "F-O04", seconds=1.0)
    venue.post("/orders/batch_cancel", {"order_ids": [order_id]})
    time_to_think = time.monotonic() + 0.6
    while time.monotonic() < time_to_think:
        assert venue.get(f"/orders/historical/{order_id}")["order"]["status"] == "CANCEL_QUEUED"
    venue.until(lambda: venue.get(f"/orders/historical/{order_id}")["order"]["status"] == "CANCELLED")


@pytest.mark.parametrize(("variant", "alive"), [("both", 2), ("neither", 0), ("lost", 1)])
def test_an_edit_goes_wrong(venue: Running, variant: str, alive: int) -> None:
    """F-O05: two orders live, none does, or the edit was done and its answer lost."""
    order_id = venue.post("/orders", body(f"o05-{variant}"))["success_response"]["order_id"]
    arm(venue, "F-O05", variant=variant)
    edit = {"order_id": order_id, "price": "1100.00", "size": "0.02"}
    if variant == "lost":
        with pytest.raises(requests.ConnectionError):
            venue.call("POST", "/orders/edit", body=edit)
        assert venue.get(f"/orders/historical/{order_id}")["order"]["edit_history"]
    else:
        assert venue.post("/orders/edit", edit)["success"]
    live = [
        row
        for row in venue.ledger()["orders"]
        if row["client_order_id"].startswith(f"o05-{variant}") and row["status"] == "OPEN"
    ]
    assert len(live) == alive


@pytest.mark.parametrize("variant", TABLE["F-O06"].variants)
def test_orders_are_rejected_for_every_reason(venue: Running, variant: str) -> None:
    """F-O06: refused in the answer and nothing done, or accepted and FAILED afterwards with a reason."""
    arm(venue, "F-O06", variant=variant)
    answer = venue.post("/orders", body(f"o06-{variant}"))
    if variant == "failed_later":
        order = venue.get(f"/orders/historical/{answer['success_response']['order_id']}")["order"]
        assert (order["status"], order["reject_reason"]) == ("FAILED", "HOLD_FAILURE")
    else:
        assert answer["success"] is False
        assert arrived(venue, f"o06-{variant}") == 0


@pytest.mark.parametrize("variant", ["over", "negative_fee", "double_fee"])
def test_a_fill_is_not_what_was_asked(venue: Running, variant: str) -> None:
    """F-O07: more than ordered, or an odd fee; the wallets follow what was reported."""
    before = Decimal(venue.ledger()["balances"]["USD"]["available"])
    arm(venue, "F-O07", variant=variant)
    placed = venue.order("SOL-USD", "BUY", {"market_market_ioc": {"base_size": "1"}})
    fills = [row for row in venue.ledger()["fills"] if row["order_id"] == placed["success_response"]["order_id"]]
    value, fee = Decimal(fills[0]["value"]), Decimal(fills[0]["commission"])
    assert Decimal(fills[0]["size"]) == (Decimal("1.1") if variant == "over" else 1)
    factor = {"over": Decimal("0.009"), "negative_fee": Decimal("-0.009"), "double_fee": Decimal("0.018")}[variant]
    assert fee == value * factor
    assert Decimal(venue.ledger()["balances"]["USD"]["available"]) == before - value - fee


@pytest.mark.parametrize("variant", TABLE["F-O08"].variants)
def test_the_venue_ends_an_order(venue: Running, variant: str) -> None:
    """F-O08: expired or cancelled with the reason in its message."""
    order_id = venue.post("/orders", body(f"o08-{variant}"))["success_response"]["order_id"]
    arm(venue, "F-O08", variant=variant, product_id="ETH-USD")
    order = venue.get(f"/orders/historical/{order_id}")["order"]
    assert order["status"] == ("EXPIRED" if variant == "expired" else "CANCELLED")
    assert order["cancel_message"]


def test_a_position_changes_by_itself(venue: Running) -> None:
    """F-O09: funding out of turn, closed by hand, liquidated; coins are sold by hand as well."""
    contracts = {"market_market_ioc": {"base_size": "4"}}
    venue.order("BIP-20DEC30-CDE", "BUY", contracts)
    arm(venue, "F-O09", variant="funding", product_id="BIP-20DEC30-CDE", value=0.002)
    assert Decimal(venue.ledger()["fundings"][-1]["rate"]) == Decimal("0.002")
    arm(venue, "F-O09", product_id="BIP-20DEC30-CDE")
    assert venue.ledger()["positions"]["BIP-20DEC30-CDE"]["net"] == "0"
    venue.order("BIP-20DEC30-CDE", "SELL", contracts)
    arm(venue, "F-O09", variant="liquidation", product_id="BIP-20DEC30-CDE")
    ledger = venue.ledger()
    assert ledger["positions"]["BIP-20DEC30-CDE"]["net"] == "0"
    assert [row["order_type"] for row in ledger["orders"] if row["is_liquidation"]] == ["LIQUIDATION"]
    venue.order("ADA-USD", "BUY", {"market_market_ioc": {"base_size": "100"}})
    arm(venue, "F-O09", product_id="ADA-USD")
    assert venue.ledger()["holdings"]["ADA-USD"] == "0"


def test_what_is_held_becomes_dust(venue: Running) -> None:
    """F-O11: after the minimum rose the whole holding is too small to sell."""
    venue.order("LINK-USD", "BUY", {"market_market_ioc": {"base_size": "5"}})
    arm(venue, "F-O11", product_id="LINK-USD")
    refused = venue.order("LINK-USD", "SELL", {"market_market_ioc": {"base_size": "5"}})
    assert refused["error_response"]["preview_failure_reason"] == "PREVIEW_INVALID_BASE_SIZE_TOO_SMALL"


def test_stops_are_refused_and_other_orders_are_not(venue: Running) -> None:
    """F-O12."""
    arm(venue, "F-O12")
    stop = {
        "base_size": "0.01",
        "limit_price": "900.00",
        "stop_price": "1000.00",
        "stop_direction": "STOP_DIRECTION_STOP_DOWN",
    }
    assert venue.order("ETH-USD", "SELL", {"stop_limit_stop_limit_gtc": stop})["success"] is False
    assert venue.post("/orders", body("o12"))["success"]


def test_a_gap_leaves_a_triggered_stop_unfilled(venue: Running) -> None:
    """F-O13: the price falls through stop and limit at once; the stop has fired and its limit rests above the market."""
    venue.order("BCH-USD", "BUY", {"market_market_ioc": {"base_size": "1"}})
    price = Decimal(venue.get("/products/BCH-USD")["price"])
    stop, limit = (str((price * Decimal(factor)).quantize(Decimal("0.01"))) for factor in ("0.98", "0.97"))
    configuration = {
        "base_size": "1",
        "limit_price": limit,
        "stop_price": stop,
        "stop_direction": "STOP_DIRECTION_STOP_DOWN",
    }
    order_id = venue.order("BCH-USD", "SELL", {"stop_limit_stop_limit_gtc": configuration})["success_response"][
        "order_id"
    ]
    arm(venue, "F-O13", product_id="BCH-USD")
    venue.until(lambda: venue.get(f"/orders/historical/{order_id}")["order"]["trigger_status"] == "STOP_TRIGGERED")
    assert venue.get(f"/orders/historical/{order_id}")["order"]["status"] == "OPEN"
