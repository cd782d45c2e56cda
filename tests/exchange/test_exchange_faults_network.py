"""Network and REST faults: the order was processed or not, and the client cannot tell; the ledger can."""

from __future__ import annotations

import time
from collections.abc import Callable
from decimal import Decimal

import msgspec
import pytest
import requests
from exchange_process import PREFIX, Running, arm, arrived, body, token

from trader.exchange.fault_table import TABLE


@pytest.mark.parametrize(("fault_id", "seen"), [("F-N01", 1), ("F-N02", 0)])
def test_a_request_without_answer_was_processed_or_lost(venue: Running, fault_id: str, seen: int) -> None:
    """F-N01 leaves an order behind, F-N02 none; the client only sees the connection go."""
    arm(venue, fault_id, value=0.1)
    with pytest.raises(requests.ConnectionError):
        venue.call("POST", "/orders", body=body(fault_id))
    assert arrived(venue, fault_id) == seen
    assert venue.post("/orders", body(fault_id))["success"]
    assert len([row for row in venue.ledger()["orders"] if row["client_order_id"] == fault_id]) == 1


@pytest.mark.parametrize(
    ("variant", "seen"), [("before_headers", 1), ("mid_body", 1), ("truncated_gzip", 1), ("first_write", 0)]
)
def test_a_connection_breaks_at_the_moment_chosen(venue: Running, variant: str, seen: int) -> None:
    """F-N03: the client gets no usable answer; the order exists unless the first write failed."""
    arm(venue, "F-N03", variant=variant)
    with pytest.raises(requests.RequestException):
        venue.call("POST", "/orders", body=body(f"n03-{variant}")).json()
    assert arrived(venue, f"n03-{variant}") == seen


def test_a_repeated_client_id_is_the_first_order_or_an_error(venue: Running) -> None:
    """F-N04: by default the first order comes back; armed, the error form; never a second order."""
    first = venue.post("/orders", body("n04"))["success_response"]["order_id"]
    assert venue.post("/orders", body("n04"))["success_response"]["order_id"] == first
    arm(venue, "F-N04")
    assert venue.post("/orders", body("n04"))["error_response"]["error"] == "DUPLICATE_CLIENT_ORDER_ID"
    assert [row["outcome"] for row in venue.ledger()["arrivals"] if row["client_order_id"] == "n04"] == [
        "accepted",
        "duplicate",
        "duplicate",
    ]


def test_status_200_may_say_no(venue: Running) -> None:
    """F-N05: a refused create did nothing; a cancel that failed per item left its order open."""
    arm(venue, "F-N05")
    assert venue.post("/orders", body("n05"))["success"] is False
    assert arrived(venue, "n05") == 0
    order_id = venue.post("/orders", body("n05"))["success_response"]["order_id"]
    arm(venue, "F-N05", variant="cancel")
    assert (
        venue.post("/orders/batch_cancel", {"order_ids": [order_id]})["results"][0]["failure_reason"]
        == "COMMANDER_REJECTED_CANCEL_ORDER"
    )
    assert venue.get(f"/orders/historical/{order_id}")["order"]["status"] == "OPEN"


ANSWERS: list[tuple[str, str, int, Callable[[requests.Response], bool]]] = [
    ("F-N06", "seconds", 429, lambda answer: answer.headers["Retry-After"] == "2"),
    ("F-N06", "plain", 429, lambda answer: answer.json()["errors"][0]["id"] == "rate_limit_exceeded"),
    ("F-N06", "date", 429, lambda answer: "2015" in answer.headers["Retry-After"]),
    ("F-N06", "absurd", 429, lambda answer: int(answer.headers["Retry-After"]) > 10**9),
    ("F-N06", "html", 429, lambda answer: answer.text.startswith("<html>")),
    ("F-N07", "401", 401, lambda answer: answer.text == "Unauthorized"),
    ("F-N07", "403", 403, lambda answer: "allow list" in answer.text),
    ("F-N08", "500", 500, lambda answer: answer.json()["error"] == "INTERNAL"),
    ("F-N08", "502", 502, lambda answer: "Bad Gateway" in answer.text),
    ("F-N08", "520", 520, lambda answer: answer.text.startswith("<html>")),
    ("F-N11", "page", 200, lambda answer: "log in" in answer.text),
    ("F-N11", "redirect", 302, lambda answer: answer.headers["Location"].startswith("http://portal.invalid")),
    ("F-V01", "kept", 503, lambda answer: "maintenance" in answer.text),
]


@pytest.mark.parametrize(("fault_id", "variant", "status", "right"), ANSWERS)
def test_answers_that_are_not_the_venues(
    venue: Running, fault_id: str, variant: str, status: int, right: Callable[[requests.Response], bool]
) -> None:
    """429, 401, 403, 5xx, portals, maintenance: status and body as asked, the order not created, the next request
    served.
    """
    client_id = f"{fault_id}-{variant}"
    arm(venue, fault_id, variant=variant, count=1)
    full = venue.ready["rest_url"] + PREFIX + "/orders"
    answer = venue.session.post(
        full, json=body(client_id), headers=_signed(venue, "POST", "/orders"), timeout=5, allow_redirects=False
    )
    assert answer.status_code == status
    assert right(answer)
    assert arrived(venue, client_id) == 0
    venue.call("DELETE", "/_exchange/faults", signed=False)
    assert venue.post("/orders", body(client_id))["success"]


def _signed(venue: Running, method: str, path: str) -> dict[str, str]:
    bearer = token(venue.ready["api_key"], venue.ready["api_secret"], f"{method} 127.0.0.1{PREFIX}{path}")
    return {"Authorization": f"Bearer {bearer}"}


@pytest.mark.parametrize("variant", ["done_500", "done_502"])
def test_a_server_error_may_have_done_its_work(venue: Running, variant: str) -> None:
    """F-N08: the order exists although the answer was 5xx."""
    arm(venue, "F-N08", variant=variant)
    assert venue.call("POST", "/orders", body=body(variant)).status_code == int(variant[-3:])
    assert arrived(venue, variant) == 1


def _is_json(raw: bytes) -> bool:
    """Whether a strict reader takes it: valid UTF-8, no Infinity."""
    try:
        msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    return True


@pytest.mark.parametrize("variant", TABLE["F-N09"].variants)
def test_bodies_are_garbled_as_asked(venue: Running, variant: str) -> None:
    """F-N09: what comes differs from the true body, and in the way the variant says."""
    arm(venue, "F-N09", variant=variant, path="/accounts")
    raw = venue.call("GET", "/accounts").content
    truth = venue.call("GET", "/accounts").content
    if variant in {"not_json", "infinity", "invalid_utf8"}:
        assert not _is_json(raw)
    elif variant == "deep":
        assert raw.count(b'{"a":') == 5000
    elif variant == "unknown_enum":
        assert b"SIDEWAYS" not in raw or raw != truth
    else:
        assert raw != truth
    assert venue.call("GET", "/_exchange/faults", signed=False).json()["fired"]["F-N09"] >= 1


def test_a_status_nobody_knows(venue: Running) -> None:
    """F-N09 unknown_enum on an order."""
    order_id = venue.post("/orders", body("n09-enum"))["success_response"]["order_id"]
    arm(venue, "F-N09", variant="unknown_enum", path="/orders/historical")
    assert venue.get(f"/orders/historical/{order_id}")["order"]["status"] == "SIDEWAYS"


def test_huge_and_dripping_bodies(venue: Running) -> None:
    """F-N10: five megabytes where two hundred bytes were due; then a body that takes longer than any patience."""
    arm(venue, "F-N10", value=5_000_000, path="/time")
    assert len(venue.call("GET", "/time", signed=False).content) > 5_000_000
    arm(venue, "F-N10", variant="drip", value=0.2, path="/time")
    started = time.monotonic()
    with venue.session.get(venue.ready["rest_url"] + PREFIX + "/time", stream=True, timeout=5) as answer:
        assert answer.status_code == 200
        chunks = answer.iter_content(1)
        assert (next(chunks), next(chunks), next(chunks)) == (b"{", b'"', b"i")
    assert time.monotonic() - started >= 0.3


def test_latency_and_outage(venue: Running) -> None:
    """F-N12: late answers while it lasts; then no answers at all, and both end by themselves."""
    arm(venue, "F-N12", value=0.3, seconds=1.0)
    started = time.monotonic()
    venue.get("/time")
    assert time.monotonic() - started >= 0.3
    venue.call("DELETE", "/_exchange/faults", signed=False)
    arm(venue, "F-N12", variant="outage", seconds=0.5)
    with pytest.raises(requests.ConnectionError):
        requests.get(venue.ready["rest_url"] + PREFIX + "/time", timeout=5)
    venue.until(lambda: _answers(venue))


def _answers(venue: Running) -> bool:
    try:
        return requests.get(venue.ready["rest_url"] + PREFIX + "/time", timeout=5).status_code == 200
    except requests.ConnectionError:
        return False


def test_pages_are_broken_three_ways(venue: Running) -> None:
    """F-N13: rows missing, a row twice, a cursor that leads to itself."""
    for number in range(4):
        venue.post("/orders", body(f"n13-{number}"))
    truth = [row["order_id"] for row in venue.get("/orders/historical/batch")["orders"]]
    arm(venue, "F-N13", path="/orders/historical/batch")
    assert [row["order_id"] for row in venue.get("/orders/historical/batch")["orders"]] == truth[
        (len(truth) + 1) // 2 :
    ]
    arm(venue, "F-N13", variant="repeated", path="/orders/historical/batch")
    assert [row["order_id"] for row in venue.get("/orders/historical/batch")["orders"]] == [*truth, truth[-1]]
    arm(venue, "F-N13", variant="loop", path="/orders/historical/batch", count=2)
    pages = [venue.get("/orders/historical/batch") for _ in range(2)]
    assert pages[0]["cursor"] == pages[1]["cursor"] != ""
    assert all(page["has_next"] for page in pages)


def test_reads_lag_behind_writes(venue: Running) -> None:
    """F-N14: an order just placed is absent from list and get, and appears by itself."""
    arm(venue, "F-N14", value=1.0)
    order_id = venue.post("/orders", body("n14"))["success_response"]["order_id"]
    assert venue.call("GET", f"/orders/historical/{order_id}").status_code == 404
    assert order_id not in {row["order_id"] for row in venue.get("/orders/historical/batch")["orders"]}
    venue.until(lambda: venue.call("GET", f"/orders/historical/{order_id}").status_code == 200)


@pytest.mark.parametrize("variant", ["number", "exponent", "decimals"])
def test_numbers_change_their_format_and_keep_their_value(venue: Running, variant: str) -> None:
    """F-N15: the same price as JSON number, in exponent form, or with eighteen decimals."""
    arm(venue, "F-N15", variant=variant, path="/products/BTC-USD/candles")
    now = int(time.time())
    window = {"start": now - 7200, "end": now - 3600, "granularity": "ONE_MINUTE"}
    odd = venue.get("/products/BTC-USD/candles", **window)["candles"][5]
    true = venue.get("/products/BTC-USD/candles", **window)["candles"][5]
    assert Decimal(str(odd["volume"])) == Decimal(true["volume"])
    assert odd["volume"] != true["volume"]
    shapes = {"number": float, "exponent": str, "decimals": str}
    assert isinstance(odd["volume"], shapes[variant])
