"""Calls to the venue, over real sockets: what a post that had to wait may still do."""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).resolve().parent.parent / "coinbase"))

from samples import credentials, spot
from scripted_http import ScriptedVenue, respond, scripted

from actors.address import AddressBook
from actors.calls import Caller
from actors.messages import AllCancelled, CancelAll, OrderNotSent, OrderRefused, QueryOrder, VenueTrouble
from actors.workers import Urgency, WorkerPool
from trader.coinbase.rest import CoinbaseVenue
from trader.coinbase.settings import RestSettings
from trader.market.catalog import ProductCatalog
from trader.orders.order import Order, OrderReport, OrderState, OrderType, Side, TimeInForce
from trader.risk.approval import Approval, approve
from trader.risk.limits import ExecutionSettings
from trader.venue import VenueError

COID = "7d0a0010-1f6e-4c8a-9b3d-0a1b2c3d4e5f"
ACCEPTED = respond(200, {"success": True, "success_response": {"order_id": "v-1", "client_order_id": COID}})


class Heard:
    """An address that keeps what it is told."""

    def __init__(self) -> None:
        self.messages: list[Any] = []

    def tell(self, message: Any) -> bool:
        """Keep a message."""
        self.messages.append(message)
        return True

    def of(self, kind: type) -> list[Any]:
        """Return the messages of one kind."""
        return [message for message in self.messages if isinstance(message, kind)]


@contextmanager
def venue_of(server: ScriptedVenue) -> Iterator[CoinbaseVenue]:
    """A client of a scripted venue that does not repeat reads."""
    catalog = ProductCatalog()
    catalog.load([spot()], float("inf"))
    venue = CoinbaseVenue(server.url, credentials(), RestSettings(max_retries=0), catalog)
    try:
        yield venue
    finally:
        venue.close()


def caller_of(venue: Any, allows: Callable[[Approval], bool] = lambda _: True) -> tuple[Caller, Heard, Heard]:
    """A caller, and what it tells risk and the supervisor."""
    book, risk, supervisor = AddressBook(("BTC-USD",)), Heard(), Heard()
    book.risk, book.supervisor = risk, supervisor  # type: ignore[assignment]
    return Caller(venue, book, 1, ExecutionSettings(), time.monotonic, allows), risk, supervisor


def approval(lives_s: float, *, reduces: bool = False) -> Approval:
    """One approved order that may leave for `lives_s` seconds."""
    terms = (COID, "BTC-USD", "BTC-USD", Side.BUY, Decimal("0.01"), Decimal(50_000), OrderType.LIMIT, TimeInForce.GTC)
    return approve(Order(*terms, reduces, OrderState.SENT), time.monotonic(), lives_s, reduces=reduces)


def test_an_order_held_by_the_pacing_does_not_leave_after_its_approval_has_expired() -> None:
    """A 429 pauses posts for longer than the approval lives: nothing is posted when the pause is over (I-04)."""
    with scripted(respond(429, {"error": "rate"}, Retry_After="1"), ACCEPTED) as server, venue_of(server) as venue:
        with pytest.raises(VenueError):
            venue.live_orders()
        caller, risk, _ = caller_of(venue)
        caller.post(approval(0.3))
        assert server.posts() == 0
        assert len(risk.of(OrderNotSent)) == 1


def test_an_order_held_by_the_pacing_does_not_leave_after_the_mode_became_halted() -> None:
    """The kill switch fell while the post waited for its turn (I-13)."""
    with scripted(respond(429, {"error": "rate"}, Retry_After="1"), ACCEPTED) as server, venue_of(server) as venue:
        with pytest.raises(VenueError):
            venue.live_orders()
        halted = threading.Event()
        caller, risk, _ = caller_of(venue, lambda _: not halted.is_set())
        post = threading.Thread(target=caller.post, args=(approval(30.0),))
        post.start()
        halted.set()
        post.join(10)
        assert server.posts() == 0
        assert len(risk.of(OrderNotSent)) == 1


def test_an_order_held_by_name_resolution_does_not_leave_when_it_is_no_longer_allowed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The mode changes while the connection is being made: not one byte is written."""
    real, halted = socket.getaddrinfo, threading.Event()

    def resolving(*args: Any, **kwargs: Any) -> Any:
        halted.set()
        return real(*args, **kwargs)

    with scripted(ACCEPTED) as server, venue_of(server) as venue:
        caller, risk, _ = caller_of(venue, lambda _: not halted.is_set())
        monkeypatch.setattr(socket, "getaddrinfo", resolving)
        caller.post(approval(30.0))
        assert server.seen == []
        assert len(risk.of(OrderNotSent)) == 1


def test_an_order_that_is_still_allowed_leaves_once() -> None:
    """The gates before the first byte let through what is allowed."""
    with scripted(ACCEPTED) as server, venue_of(server) as venue:
        caller, risk, _ = caller_of(venue)
        caller.post(approval(30.0))
        assert server.posts() == 1
        assert [report.state for report in risk.of(OrderReport)] == [OrderState.PENDING]


@pytest.mark.parametrize("status", [401, 403])
def test_a_key_refused_on_a_post_halts_the_account(status: int) -> None:
    """Risk hears of the refused order, so that it is released, and of fatal trouble, as when a read is refused."""
    with scripted(respond(status, {"error": "unauthorized"})) as server, venue_of(server) as venue:
        caller, risk, _ = caller_of(venue)
        caller.post(approval(30.0))
        assert [refused.code for refused in risk.of(OrderRefused)] == ["AUTH"]
        assert [trouble.fatal for trouble in risk.of(VenueTrouble)] == [True]


def test_cancel_all_lists_only_live_orders_and_looks_again() -> None:
    """Two listings before and two after, one cancel: not the whole account with all its fills since 1970."""
    listed, gone = respond(200, {"orders": [{"order_id": "v-1"}]}), respond(200, {"orders": []})
    done = respond(200, {"results": [{"success": True, "order_id": "v-1"}]})
    with scripted(listed, gone, done, gone) as server, venue_of(server) as venue:
        caller, _, supervisor = caller_of(venue)
        assert caller.begins_cancel_all(7)
        caller.cancel_all(CancelAll(7))
        assert supervisor.messages == [AllCancelled(7, 0, "")]
        assert len(server.seen) == 5
        assert server.seen[2].json == {"order_ids": ["v-1"]}


def test_a_repeated_cancel_all_is_ignored_while_one_is_under_way() -> None:
    """The supervisor repeats until it is answered; the jobs must not pile up. Afterwards the same may be asked again."""
    with scripted(respond(500, {})) as server, venue_of(server) as venue:
        caller, _, supervisor = caller_of(venue)
        assert caller.begins_cancel_all(7)
        assert not caller.begins_cancel_all(7)
        caller.cancel_all(CancelAll(7))
        assert [answer.remaining for answer in supervisor.of(AllCancelled)] == [-1]
        assert caller.begins_cancel_all(7)


def test_a_long_cancel_all_holds_up_neither_a_cancel_nor_an_exit_nor_waits_for_reads() -> None:
    """It has a thread of its own."""
    over, started = threading.Event(), threading.Semaphore(0)
    left = threading.Semaphore(0)

    def long() -> None:
        started.release()
        over.wait(10)

    pool = WorkerPool("t", 3, over.is_set)
    try:
        for urgency in (Urgency.ACCOUNT, Urgency.HISTORY, Urgency.CANCEL_ALL):
            pool.submit(urgency, long)
        assert all(started.acquire(timeout=5) for _ in range(3))
        pool.submit(Urgency.CANCEL, left.release)
        pool.submit(Urgency.EXIT, left.release)
        assert all(left.acquire(timeout=5) for _ in range(2))
    finally:
        over.set()


def test_a_read_held_back_by_our_own_pacing_is_no_failure_of_the_venue() -> None:
    """Risk hears no trouble: else the error rate would halt trading, and the halted system's queries keep it halted."""
    with scripted(respond(200, {"epochMillis": "1750000000000"})) as server:
        venue = CoinbaseVenue(server.url, credentials(), RestSettings(max_retries=0, rate_limit_per_minute=1))
        try:
            caller, risk, _ = caller_of(venue)
            assert venue.server_time() == 1_750_000_000.0
            caller.query(QueryOrder(COID, "v-1", "BTC-USD", 0.0))
            assert risk.messages == []
        finally:
            venue.close()
