"""The fault matrix of placing: each bad day of the venue, its outcome, and never a second order on the wire."""

from __future__ import annotations

import gzip
import socket
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from samples import credentials, decoded, raw, spot
from scripted_http import FAST, Answer, drip, hang_up, raw_bytes, reset, respond, scripted, silence

from trader.coinbase.rest import CoinbaseVenue
from trader.market.catalog import ProductCatalog
from trader.orders.order import OrderState, OrderType, Side, TimeInForce
from trader.venue import (
    Absent,
    Found,
    NotSent,
    OrderRequest,
    Placed,
    PlaceOutcome,
    Refused,
    Unknown,
    VenueError,
)

CLIENT_ID = "7d0a0010-1f6e-4c8a-9b3d-0a1b2c3d4e5f"
REQUEST = OrderRequest(
    CLIENT_ID,
    "BTC-USD",
    "BTC-USD",
    Side.BUY,
    Decimal("0.001"),
    Decimal("97000.00"),
    OrderType.LIMIT,
    TimeInForce.GTC,
)
TORN = gzip.compress(b'{"success":true,' + b" " * 5000 + b"}")[:-20]
ACCEPTED = {"success": True, "success_response": {"order_id": "o-1", "client_order_id": CLIENT_ID}}


@pytest.fixture
def venue_at() -> Iterator[Callable[[str], CoinbaseVenue]]:
    """Makes clients of a scripted venue, and closes them."""
    made: list[CoinbaseVenue] = []

    def make(url: str) -> CoinbaseVenue:
        catalog = ProductCatalog()
        catalog.load([spot()], float("inf"))
        made.append(CoinbaseVenue(url, credentials(), FAST, catalog))
        return made[-1]

    yield make
    for each in made:
        each.close()


OUTCOMES: dict[str, tuple[Answer, PlaceOutcome | type]] = {
    "accepted": (respond(200, ACCEPTED), Placed("o-1")),
    "F-N01 no answer": (silence, Unknown),
    "F-N03 reset": (reset, Unknown),
    "F-N03 closed before headers": (hang_up, Unknown),
    "F-N03 cut in the body": (
        raw_bytes(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"),
        Unknown,
    ),
    "F-N04 duplicate id named": (
        respond(200, {"success": False, "error_response": {"error": "DUPLICATE_CLIENT_ORDER_ID"}}),
        Unknown,
    ),
    "F-N05 success false": (
        respond(200, raw("rest_post_order_failure_insufficient_fund")),
        Refused("INSUFFICIENT_FUND", "Insufficient balance in source account"),
    ),
    "F-N06 429 json": (respond(429, raw("error_429_rate_limit")), Refused("RATE_LIMIT_EXCEEDED", "Too many requests")),
    "F-N06 429 html": (respond(429, "<html>slow down</html>", kind="text/html"), Unknown),
    "F-N07 401 page": (respond(401, "<html>sign in</html>", kind="text/html"), Unknown),
    "F-N07 403 scopes": (
        respond(403, raw("error_403_missing_scopes")),
        Refused("AUTH", "HTTP 403 PERMISSION_DENIED Missing required scopes"),
    ),
    "F-N07 403 page": (respond(403, "<html>blocked</html>", kind="text/html"), Unknown),
    "400 page": (respond(400, "<html>", kind="text/html"), Unknown),
    "404 page": (respond(404, "not found", kind="text/plain"), Unknown),
    "422 page": (respond(422, "<html>", kind="text/html"), Unknown),
    "F-N03 truncated gzip": (respond(200, TORN, Content_Encoding="gzip"), Unknown),
    "F-N08 500": (respond(500, raw("error_500_internal")), Unknown),
    "F-N08 502 page": (respond(502, "<html>bad gateway</html>", kind="text/html"), Unknown),
    "F-N08 520 page": (respond(520, "<html>", kind="text/html"), Unknown),
    "F-N08 200 page": (respond(200, "<html>welcome</html>", kind="text/html"), Unknown),
    "F-N09 malformed": (respond(200, '{"success":tru'), Unknown),
    "F-N09 wrong types": (respond(200, '{"success":"yes"}'), Unknown),
    "F-N09 no order id": (respond(200, {"success": True}), Unknown),
    "F-N09 another client id": (
        respond(200, {"success": True, "success_response": {"order_id": "o-1", "client_order_id": "someone"}}),
        Unknown,
    ),
    "F-N10 drip": (drip(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n" + b" " * 900, 0.03), Unknown),
    "F-N11 redirect": (respond(302, "", Location="http://127.0.0.1:1/"), Unknown),
    "400 argument": (
        respond(400, raw("error_400_account_not_available")),
        Refused(
            decoded("error_400_account_not_available")["error"], decoded("error_400_account_not_available")["message"]
        ),
    ),
    "400 unknown field": (respond(400, raw("error_400_unknown_field")), Refused),
    "404 product": (respond(404, raw("error_404_product_not_found")), Refused),
    "408": (respond(408, ""), Unknown),
    "unknown reason only": (
        respond(200, {"success": False, "error_response": {"error": "UNKNOWN_FAILURE_REASON"}}),
        Refused("UNKNOWN_FAILURE_REASON", ""),
    ),
    "reason in the preview field": (
        respond(200, raw("rest_post_order_failure_size_too_small")),
        Refused("INVALID_QUOTE_SIZE_TOO_SMALL", ""),
    ),
}


@pytest.mark.parametrize("fault", OUTCOMES)
def test_each_fault_has_its_outcome_and_one_post(fault: str, venue_at: Callable[[str], CoinbaseVenue]) -> None:
    """Placing never raises, never repeats, and calls nothing proven that is not."""
    answer, expected = OUTCOMES[fault]
    with scripted(answer) as server:
        outcome = venue_at(server.url).place(REQUEST, 1.0)
        if isinstance(expected, type):
            assert isinstance(outcome, expected)
        else:
            assert outcome == expected
        assert server.posts() == 1


UNAUTHORIZED = respond(401, "Unauthorized", kind="text/plain")


def test_a_refused_token_is_tried_once_more_with_a_fresh_one(venue_at: Callable[[str], CoinbaseVenue]) -> None:
    """A 401 proves that nothing was accepted: the same client id may go out again, once (F-N07)."""
    with scripted(UNAUTHORIZED, respond(200, ACCEPTED)) as server:
        assert venue_at(server.url).place(REQUEST, 1.0) == Placed("o-1")
        first, second = server.seen
        assert first.json == second.json
        assert first.headers["authorization"] != second.headers["authorization"]
    with scripted(UNAUTHORIZED) as server:
        assert venue_at(server.url).place(REQUEST, 1.0) == Refused("AUTH", "HTTP 401 UNAUTHORIZED")
        assert server.posts() == 2
    with scripted(UNAUTHORIZED, hang_up) as server:
        assert isinstance(venue_at(server.url).place(REQUEST, 1.0), Unknown)
        assert server.posts() == 2


def test_a_second_try_is_not_made_when_the_order_is_no_longer_allowed(venue_at: Callable[[str], CoinbaseVenue]) -> None:
    """The mode changed between the two."""
    with scripted(UNAUTHORIZED, respond(200, ACCEPTED)) as server:
        assert isinstance(venue_at(server.url).place(REQUEST, 1.0, lambda: not server.seen), NotSent)
        assert server.posts() == 1


def test_a_refused_connection_is_not_sent(venue_at: Callable[[str], CoinbaseVenue]) -> None:
    """The one failure after which the same id may go out again."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert isinstance(venue_at(f"http://127.0.0.1:{port}").place(REQUEST, 1.0), NotSent)


def test_a_closed_client_sends_nothing(venue_at: Callable[[str], CoinbaseVenue]) -> None:
    """After close an order is NotSent, not Unknown."""
    with scripted(respond(200, ACCEPTED)) as server:
        venue = venue_at(server.url)
        venue.close()
        assert isinstance(venue.place(REQUEST, 1.0), NotSent)
        assert server.seen == []


def test_five_failures_open_the_circuit_for_orders_but_never_for_cancels(
    venue_at: Callable[[str], CoinbaseVenue],
) -> None:
    """An open circuit refuses before the wire, which is NotSent; cancels go out all the same."""
    with scripted(respond(500, "")) as server:
        venue = venue_at(server.url)
        for _ in range(5):
            assert isinstance(venue.place(REQUEST, 1.0), Unknown)
        assert isinstance(venue.place(REQUEST, 1.0), NotSent)
        with pytest.raises(VenueError):
            venue.cancel(["o-1"], 1.0)
        assert server.posts() == 5
        assert server.posts("/orders/batch_cancel") == 1


def test_the_same_order_id_for_another_client_id_is_not_believed(venue_at: Callable[[str], CoinbaseVenue]) -> None:
    """An accidental reuse looks like success at this venue; it must be looked up instead (F-N04)."""
    second = {"success": True, "success_response": {"order_id": "o-1"}}
    with scripted(respond(200, ACCEPTED), respond(200, second), respond(200, second)) as server:
        venue = venue_at(server.url)
        assert venue.place(REQUEST, 1.0) == Placed("o-1")
        assert venue.place(REQUEST, 1.0) == Placed("o-1")
        other = OrderRequest("other", *[getattr(REQUEST, name) for name in REQUEST.__struct_fields__[1:]])
        assert isinstance(venue.place(other, 1.0), Unknown)


def test_failed_listings_never_keep_an_exit_from_the_wire(venue_at: Callable[[str], CoinbaseVenue]) -> None:
    """Five listings answered 500 open the circuit of orders: an entry stays at home, an exit goes out."""
    with scripted(*[respond(500, "")] * 5, respond(200, ACCEPTED)) as server:
        venue = venue_at(server.url)
        for _ in range(5):
            with pytest.raises(VenueError):
                venue.live_orders()
        assert isinstance(venue.place(REQUEST, 1.0), NotSent)
        assert venue.place(msgspec.structs.replace(REQUEST, reduces=True), 1.0) == Placed("o-1")


def test_cancels_are_answered_one_by_one_and_in_chunks(venue_at: Callable[[str], CoinbaseVenue]) -> None:
    """150 ids are two requests; an id the answer leaves out was not accepted (F-N05)."""
    ids = [f"o-{n}" for n in range(150)]
    first = {"results": [{"success": True, "order_id": each} for each in ids[:99]]}
    second = {
        "results": [
            {"success": False, "failure_reason": "ORDER_IS_FULLY_FILLED", "order_id": each} for each in ids[100:]
        ]
    }
    with scripted(respond(200, first), respond(200, second)) as server:
        results = venue_at(server.url).cancel(ids, 5.0)
        assert [result.order_id for result in results] == ids
        assert [result.accepted for result in results] == [True] * 99 + [False] * 51
        assert results[99].reason
        assert results[100].reason == "ORDER_IS_FULLY_FILLED"
        assert [len(each.json["order_ids"]) for each in server.seen] == [100, 50]


def test_a_cancel_is_repeated_after_trouble(venue_at: Callable[[str], CoinbaseVenue]) -> None:
    """Asking twice to cancel is harmless; not asking is not."""
    answer = respond(200, {"results": [{"success": True, "order_id": "o-1"}]})
    with scripted(respond(503, ""), hang_up, answer) as server:
        results = venue_at(server.url).cancel(["o-1"], 5.0)
        assert results[0].accepted
        assert len(server.seen) == 3


def _page(*orders: dict[str, Any], more: str = "") -> Answer:
    return respond(200, {"orders": list(orders), "has_next": bool(more), "cursor": more})


def test_an_order_is_found_by_its_id(venue_at: Callable[[str], CoinbaseVenue]) -> None:
    """The venue's id leads straight to it."""
    with scripted(respond(200, raw("rest_get_order_partially_filled"))) as server:
        found = venue_at(server.url).find_order("c", "3c7e4fa1-2d85-4fa0-a144-506f7e8d9cab", "BTC-USD", 0.0)
        assert isinstance(found, Found)
        assert found.report.filled_size == Decimal("0.004")
        assert found.report.filled_value == Decimal(389)
        assert found.report.state is OrderState.OPEN


def test_a_404_is_no_absence_the_listing_decides(venue_at: Callable[[str], CoinbaseVenue]) -> None:
    """Reading lags behind writing (F-N14): the complete listing has the last word, and it begins before the order."""
    wanted = {"order_id": "o-9", "client_order_id": CLIENT_ID, "status": "OPEN", "product_id": "BTC-USD"}
    with scripted(
        respond(404, raw("error_404_order_not_found")), _page({"order_id": "x"}, more="p2"), _page(wanted)
    ) as server:
        found = venue_at(server.url).find_order(CLIENT_ID, "o-9", "BTC-USD", 1795201200.0)
        assert isinstance(found, Found)
        assert "start_date=2026-11-20T18%3A59%3A00.000Z" in server.seen[1].target
        assert "cursor=p2" in server.seen[2].target


def test_absence_needs_the_whole_listing(venue_at: Callable[[str], CoinbaseVenue]) -> None:
    """Complete and without it: absent. Cut short or looping: an error (F-N13)."""
    with scripted(_page({"order_id": "x"}, more="p2"), _page()) as server:
        assert isinstance(venue_at(server.url).find_order(CLIENT_ID, "", "BTC-USD", 0.0), Absent)
        assert len(server.seen) == 3
        assert ["product_ids" in each.target for each in server.seen] == [True, True, False]
    for broken in ([_page({"order_id": "x"}, more="p2"), respond(500, "")], [_page({"order_id": "x"}, more="p2")]):
        with scripted(*broken) as server, pytest.raises(VenueError):
            venue_at(server.url).find_order(CLIENT_ID, "", "BTC-USD", 0.0)


def test_a_next_page_without_a_cursor_is_an_error(venue_at: Callable[[str], CoinbaseVenue]) -> None:
    """`has_next` and nowhere to go: the listing is not complete."""
    with scripted(respond(200, {"orders": [], "has_next": True, "cursor": ""})) as server, pytest.raises(VenueError):
        venue_at(server.url).find_order(CLIENT_ID, "", "BTC-USD", 0.0)


def test_edit_says_why_it_was_refused(venue_at: Callable[[str], CoinbaseVenue]) -> None:
    """HTTP 200 with errors, per the reference."""
    with scripted(respond(200, raw("rest_post_order_edit_failure"))) as server:
        answer = venue_at(server.url).edit("o-1", Decimal("97000.10"), Decimal("0.002"))
        assert not answer.success
        assert answer.errors
        assert server.seen[0].json == {"order_id": "o-1", "price": "97000.10", "size": "0.002"}


def test_preview_lists_its_errors(venue_at: Callable[[str], CoinbaseVenue]) -> None:
    """A preview never creates anything and carries no client id."""
    with scripted(respond(200, raw("rest_post_order_preview_errs"))) as server:
        assert venue_at(server.url).preview(REQUEST).errs
        assert "client_order_id" not in server.seen[0].json


def test_close_position_follows_the_rules_of_placing(venue_at: Callable[[str], CoinbaseVenue]) -> None:
    """Success, refusal and silence of the documented way to reduce."""
    answers = (
        respond(200, raw("rest_post_close_position")),
        respond(200, raw("rest_post_close_position_failure")),
        hang_up,
    )
    with scripted(*answers) as server:
        venue = venue_at(server.url)
        client_id = decoded("rest_post_close_position")["success_response"]["client_order_id"]
        assert isinstance(venue.close_position(client_id, "BTC-USD", Decimal(1)), Placed)
        assert isinstance(venue.close_position("c2", "BTC-USD"), Refused)
        assert isinstance(venue.close_position("c3", "BTC-USD"), Unknown)
        assert server.seen[0].json["size"] == "1"
        assert "size" not in server.seen[1].json


READS: dict[str, Callable[[CoinbaseVenue], object]] = {
    "find_order": lambda venue: venue.find_order(CLIENT_ID, "", "BTC-USD", 0.0),
    "live_orders": lambda venue: venue.live_orders(),
    "open_order_ids": lambda venue: venue.open_order_ids(),
    "balances": lambda venue: venue._account.balances(),
    "fills": lambda venue: venue._account.fills(0.0),
    "cancel": lambda venue: venue.cancel(["o-1"]),
    "cfm_positions": lambda venue: venue.derivatives.cfm_positions(),
    "intx_positions": lambda venue: venue.derivatives.intx_positions("p"),
}


@pytest.mark.parametrize("call", READS)
def test_an_empty_object_is_no_evidence_of_absence(call: str, venue_at: Callable[[str], CoinbaseVenue]) -> None:
    """HTTP 200 {} is not an account without orders, money, fills or positions."""
    with scripted(respond(200, {})) as server, pytest.raises(VenueError):
        READS[call](venue_at(server.url))
