"""The fault matrix of REST on the exchange: each fault, what the client concluded, and what the ledger says.

Never a second order, never a lost fill: whatever happened on the wire, the client's belief about an order ends equal
to the exchange's own record.
"""

from __future__ import annotations

from typing import Any

import pytest
from fault_world import GARBLES, Faults, buy, judge, settle
from live_exchange import LiveExchange
from msgspec.structs import replace

from trader.coinbase.rest import CoinbaseVenue
from trader.orders.order import OrderType, TimeInForce
from trader.venue import (
    Found,
    Placed,
    Unknown,
    VenueError,
)

CREATE = {"method": "POST", "path": "/orders"}
PLACING: list[tuple[str, str, dict[str, Any], list[str]]] = [
    ("F-N01", "", {}, ["Unknown", "Found"]),
    ("F-N02", "", {}, ["Unknown", "Absent"]),
    ("F-N03", "before_headers", {}, ["Unknown"]),
    ("F-N03", "mid_body", {}, ["Unknown"]),
    ("F-N03", "truncated_gzip", {}, ["Unknown"]),
    ("F-N03", "first_write", {}, ["Unknown"]),
    ("F-N05", "create", CREATE, ["Refused"]),
    *[("F-N06", variant, CREATE, ["Refused"]) for variant in ("seconds", "plain", "date", "absurd")],
    ("F-N06", "html", CREATE, ["Unknown", "Absent"]),
    ("F-N07", "401", CREATE, ["Placed", "Found"]),
    ("F-N07", "403", CREATE, ["Refused"]),
    *[("F-N08", variant, {}, ["Unknown", "Absent"]) for variant in ("500", "502", "520")],
    *[("F-N08", variant, {}, ["Unknown", "Found"]) for variant in ("done_500", "done_502")],
    ("F-N10", "huge", CREATE, ["Unknown", "Found"]),
    ("F-N10", "drip", CREATE, ["Unknown", "Found"]),
    ("F-N11", "redirect", CREATE, ["Unknown", "Absent"]),
    ("F-N11", "page", CREATE, ["Unknown", "Absent"]),
    ("F-N12", "latency", {**CREATE, "seconds": 30.0, "value": 0.3, "count": 1}, ["Placed", "Found"]),
    ("F-N14", "", {"seconds": 0.6}, ["Placed", "Found"]),
    ("F-O01", "", {"value": 0.3}, ["Placed", "Found"]),
]


@pytest.mark.parametrize(("fault", "variant", "terms", "words"), PLACING, ids=[f"{row[0]} {row[1]}" for row in PLACING])
def test_a_fault_while_placing(
    fault: str,
    variant: str,
    terms: dict[str, Any],
    words: list[str],
    venue: CoinbaseVenue,
    live: LiveExchange,
    faults: Faults,
) -> None:
    """The outcome is the documented one, and the ledger agrees with the client."""
    since, request = venue.server_time(), buy(venue)
    faults.arm(fault, variant=variant, **terms)
    told, report = settle(venue, request, since)
    assert told[: len(words)] == words
    assert faults.fired(fault) >= 1
    judge(live, request, report)


@pytest.mark.parametrize("variant", GARBLES)
def test_a_garbled_answer_to_an_order(variant: str, venue: CoinbaseVenue, live: LiveExchange, faults: Faults) -> None:
    """Either it still says enough, or it is Unknown and looked up (F-N09)."""
    since, request = venue.server_time(), buy(venue)
    faults.arm("F-N09", variant=variant, **CREATE)
    told, report = settle(venue, request, since)
    assert told[0] in {"Unknown", "Placed"}
    assert told[-1] == "Found"
    judge(live, request, report)


READS: list[tuple[str, str, dict[str, Any]]] = [
    *[("F-N06", variant, {"value": 0.2}) for variant in ("plain", "html")],
    ("F-N07", "401", {}),
    *[("F-N08", variant, {}) for variant in ("502", "503", "504")],
    ("F-N03", "before_headers", {}),
    ("F-N03", "mid_body", {}),
    ("F-N11", "page", {}),
    ("F-N13", "repeated", {}),
    *[("F-N15", variant, {}) for variant in ("number", "exponent", "decimals")],
]


@pytest.mark.parametrize(("fault", "variant", "terms"), READS, ids=[f"{row[0]} {row[1]}" for row in READS])
def test_a_fault_while_reading_is_survived(
    fault: str, variant: str, terms: dict[str, Any], venue: CoinbaseVenue, faults: Faults
) -> None:
    """One bad answer, then the read succeeds and says what it said before."""
    before = venue.account(["BTC-USD"], venue.server_time()).balances
    faults.arm(fault, variant=variant, **{"method": "GET", "path": "/accounts", "count": 1} | terms)
    assert venue.account(["BTC-USD"], venue.server_time()).balances == before
    assert faults.fired(fault) >= 1


@pytest.mark.parametrize("variant", ["missing", "loop"])
def test_broken_pages_are_an_error_or_the_whole(
    variant: str, venue: CoinbaseVenue, live: LiveExchange, faults: Faults
) -> None:
    """A listing is complete or an error (F-N13); rows left out of one without a word are found in the second."""
    since, request = venue.server_time(), buy(venue)
    placed = venue.place(request)
    assert isinstance(placed, Placed)
    faults.arm("F-N13", variant=variant, path="/orders/historical/batch", count=1 if variant == "missing" else -1)
    try:
        found = venue.find_order(request.client_order_id, "", "BTC-USD", since)
    except VenueError:
        return
    assert isinstance(found, Found)


def test_a_repeated_id_answered_with_an_error_is_the_original(
    venue: CoinbaseVenue, live: LiveExchange, faults: Faults
) -> None:
    """The other form of F-N04: not a refusal, for the first order lives."""
    since, request = venue.server_time(), buy(venue)
    faults.arm("F-N04")
    assert isinstance(venue.place(request), Placed)
    assert isinstance(venue.place(request), Unknown)
    found = venue.find_order(request.client_order_id, "", "BTC-USD", since)
    assert isinstance(found, Found)
    judge(live, request, found.report)


def test_a_cancel_refused_by_a_200_is_told(venue: CoinbaseVenue, faults: Faults) -> None:
    """F-N05 on cancels, and F-O03: per item, with a reason."""
    for fault, variant in (("F-N05", "cancel"), ("F-O03", "unknown"), ("F-O03", "filled")):
        request = replace(buy(venue), order_type=OrderType.LIMIT, time_in_force=TimeInForce.GTC)
        placed = venue.place(replace(request, limit_price=request.limit_price // 2))
        assert isinstance(placed, Placed)
        faults.arm(fault, variant=variant, method="POST", path="/orders/batch_cancel")
        refused = venue.cancel([placed.order_id])[0]
        faults.clear()
        assert not refused.accepted
        assert refused.reason
        venue.cancel([placed.order_id])
