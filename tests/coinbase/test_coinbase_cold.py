"""The cold path on bad days: it never raises, never calls unproven what is empty, and ends by its deadline."""

from __future__ import annotations

import socket
import subprocess
import sys
import time

import pytest
from samples import credentials
from scripted_http import Answer, drip, hang_up, reset, respond, scripted, silence

from trader.coinbase.cold import cancel_everything

EMPTY = respond(200, {"orders": [], "has_next": False, "cursor": ""})
DONE = respond(200, {"results": [{"success": True, "order_id": "a"}, {"success": True, "order_id": "b"}]})


def listing(*ids: str, more: str = "") -> Answer:
    """A page of orders."""
    return respond(200, {"orders": [{"order_id": each} for each in ids], "has_next": bool(more), "cursor": more})


def test_what_is_open_is_cancelled_and_emptiness_is_seen_twice() -> None:
    """Both groups of live states are listed; the orders are asked away at once."""
    with scripted(listing("a", "b"), DONE, EMPTY) as server:
        result = cancel_everything(credentials(), server.url, 8.0)
        assert (result.cancelled, result.remaining, result.confirmed, result.errors) == (2, 0, True, ())
        assert server.seen[1].json == {"order_ids": ["a", "b"]}
        assert "order_status=OPEN" in server.seen[0].target
        assert "order_status=CANCEL_QUEUED" in server.seen[2].target
        assert server.connections == 1


def test_the_first_page_is_cancelled_before_the_second_is_read() -> None:
    """A long listing does not delay the first cancel."""
    with scripted(listing("a", more="p2"), DONE, listing("b"), DONE, EMPTY) as server:
        assert cancel_everything(credentials(), server.url, 8.0).cancelled == 2
        assert [each.method for each in server.seen[:4]] == ["GET", "POST", "GET", "POST"]


TROUBLE: dict[str, Answer] = {
    "reset": reset,
    "hung up": hang_up,
    "500": respond(500, "x"),
    "401": respond(401, "Unauthorized", kind="text/plain"),
    "429 page": respond(429, "<html>", kind="text/html"),
    "not json": respond(200, "<html>"),
    "a list": respond(200, b"[]"),
    "an empty object": respond(200, {}),
    "no list of orders": respond(200, {"orders": None, "has_next": False, "cursor": ""}),
    "an order without an id": respond(200, {"orders": [{}], "has_next": False, "cursor": ""}),
}


@pytest.mark.parametrize("kind", TROUBLE)
def test_trouble_is_tried_again_and_reported(kind: str) -> None:
    """One bad answer, then the way is clear; 401 is tried with a fresh token at once."""
    with scripted(TROUBLE[kind], EMPTY) as server:
        result = cancel_everything(credentials(), server.url, 8.0)
        assert result.confirmed
        assert bool(result.errors) == (kind != "401")


@pytest.mark.parametrize(
    "answer", [silence, drip(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n" + b" " * 999, 0.02)]
)
def test_a_stuck_venue_cannot_hold_it_beyond_its_deadline(answer: Answer) -> None:
    """Not even by dripping bytes; nothing is confirmed."""
    with scripted(answer) as server:
        began = time.monotonic()
        result = cancel_everything(credentials(), server.url, 1.0)
        assert time.monotonic() - began < 2.0
        assert not result.confirmed
        assert result.errors


def test_orders_that_will_not_go_are_counted() -> None:
    """A refused cancel is named, and what is left is told."""
    refused = respond(
        200, {"results": [{"success": False, "failure_reason": "NOT_ALLOWED_TO_CANCEL", "order_id": "a"}]}
    )
    answers = [answer for _ in range(40) for answer in (listing("a"), refused, EMPTY)]
    with scripted(*answers) as server:
        result = cancel_everything(credentials(), server.url, 1.0)
        assert (result.cancelled, result.remaining, result.confirmed) == (0, 1, False)
        assert "NOT_ALLOWED_TO_CANCEL" in result.errors[0]


def test_no_venue_at_all() -> None:
    """Refused connections until the deadline: unconfirmed, with the reason."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    result = cancel_everything(credentials(), f"http://127.0.0.1:{port}", 0.6)
    assert not result.confirmed
    assert "no connection" in result.errors[0]


def test_a_looping_listing_is_no_proof() -> None:
    """A cursor that leads back ends in an error, not in emptiness."""
    with scripted(respond(200, {"orders": [], "has_next": True, "cursor": "x"})) as server:
        result = cancel_everything(credentials(), server.url, 0.8)
        assert not result.confirmed
        assert "already read" in result.errors[0]


def test_it_shares_nothing_with_the_running_system() -> None:
    """Importing it loads no session library, no log, no store and no feed."""
    probe = (
        "import sys; import trader.coinbase.cold; "
        "print([name for name in ('requests', 'loguru', 'websocket', 'sqlite3', 'pykka', 'trader.store') if name in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True, timeout=30)
    assert said.stdout.strip() == "[]"


def test_an_empty_object_never_proves_that_nothing_is_open() -> None:
    """A gateway that answers 200 {} to everything is not an exchange without orders."""
    with scripted(respond(200, {})) as server:
        result = cancel_everything(credentials(), server.url, 1.8)
        assert not result.confirmed
        assert "no list of orders" in result.errors[0]


def test_an_order_without_an_id_does_not_keep_the_others_alive() -> None:
    """What can be named is cancelled before the page is called broken; null results do not end the sweep."""
    broken = respond(200, {"orders": [{"order_id": "a"}, {}], "has_next": False})
    with scripted(broken, respond(200, {"results": None}), EMPTY) as server:
        result = cancel_everything(credentials(), server.url, 8.0)
        assert server.seen[1].json == {"order_ids": ["a"]}
        assert result.confirmed
