"""The feeds on bad days: gaps, garbage, polite and rude ends, oversized frames, refused tokens."""

from __future__ import annotations

import json
import time

import pytest
from feed_world import SNAPSHOT, UPDATE, Collected, good_market, good_user, market, running, user
from samples import credentials, decoded, spot
from scripted_stream import Session, streaming

from trader.coinbase.feed import MarketFeed
from trader.coinbase.settings import FeedSettings
from trader.market.quote import Quote
from trader.orders.order import OrderReport
from trader.venue import FeedHeartbeat


def test_a_gap_is_told_the_book_is_tainted_and_told_anew() -> None:
    """One connection: gap event, tainted quote, unsubscribe and subscribe, clean quote after the snapshot (F-W03)."""

    def loses_one(session: Session) -> None:
        session.hear(3)
        session.confirm("heartbeats", level2=["BTC-USD"], market_trades=["BTC-USD"])
        session.tell("l2_data", SNAPSHOT)
        session.tell("heartbeats", {"heartbeat_counter": 1}, skip=3)
        session.hear(2)
        session.tell("l2_data", UPDATE)
        session.tell("l2_data", SNAPSHOT)
        session.beat(30)

    got = Collected()
    with streaming(loses_one) as server:
        feed = market(server, got)
        with running(feed, got):
            got.until(lambda: [quote.tainted for quote in got.of(Quote)][:3] == ["", "gap", ""])
            assert [gap.up for gap in got.gaps()] == [True]
            assert [each["type"] for each in server.sessions[0].sent[3:]] == ["unsubscribe", "subscribe"]
            assert feed.counters.missing == 3
            assert got.of(Quote)[2].bid == 100


def test_many_gaps_end_the_connection() -> None:
    """A connection that keeps losing messages is not worth keeping."""

    def leaky(session: Session) -> None:
        session.hear(3)
        session.confirm("heartbeats", level2=["BTC-USD"], market_trades=["BTC-USD"])
        for _ in range(40):
            session.tell("heartbeats", {"heartbeat_counter": 1}, skip=1)
            time.sleep(0.02)

    got = Collected()
    with streaming(leaky, good_market) as server, running(market(server, got), got):
        got.until(lambda: len(server.sessions) == 2)
        assert "gaps" in got.downs()[0].reason


GARBAGE: dict[str, str | bytes] = {
    "not json": "hello",
    "empty": "{}",
    "wrong types": '{"channel":"l2_data","sequence_num":2,"events":7}',
    "binary": b"\x00\xff",
    "bad utf-8": b'{"channel":"\xff"}',
    "deep": "[" * 100_000,
    "no time": '{"channel":"l2_data","sequence_num":2,"events":[]}',
    "bad level": json.dumps(
        {
            "channel": "l2_data",
            "timestamp": "2026-11-20T19:00:00Z",
            "sequence_num": 2,
            "events": [UPDATE | {"updates": [{"side": "bid", "price_level": "x", "new_quantity": "1"}]}],
        }
    ),
    "unknown order word": '{"channel":"user","timestamp":"x","sequence_num":2,"events":[{"orders":[{}]}]}',
}


@pytest.mark.parametrize("kind", GARBAGE)
def test_garbage_is_counted_and_put_aside_and_the_feed_goes_on(kind: str) -> None:
    """Never fatal; a short excerpt and a reason are handed out (F-N09)."""

    def garbles(session: Session) -> None:
        session.hear(3)
        session.confirm("heartbeats", level2=["BTC-USD"], market_trades=["BTC-USD"])
        session.tell("l2_data", SNAPSHOT)
        session.sequence = 2
        session.socket.send(GARBAGE[kind])
        session.tell("l2_data", SNAPSHOT)
        session.beat(30)

    got = Collected()
    with streaming(garbles) as server:
        feed = market(server, got)
        with running(feed, got):
            got.until(lambda: got.ups() and len(got.of(FeedHeartbeat)) > 2)
            assert len(server.sessions) == 1
            assert got.of(Quote)[-1].tainted == ""
            if kind != "empty":
                assert feed.counters.bad == len(got.bad) == 1
                assert len(got.bad[0][0]) <= 200
                assert got.gaps()


def test_a_frame_above_the_cap_ends_the_connection_before_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Judged by the length in its head (F-N10)."""
    monkeypatch.setattr("trader.coinbase.socket_stream.FRAME_BYTES_MAX", 100_000)

    def huge(session: Session) -> None:
        session.hear(3)
        session.socket.send("x" * 5_000_000)

    def huge_in_parts(session: Session) -> None:
        session.hear(3)
        session.socket.send(iter(["x" * 50_000] * 5))

    got = Collected()
    with streaming(huge, huge_in_parts, good_market) as server, running(market(server, got), got):
        got.until(got.ups)
        assert all("100000 bytes" in down.reason for down in got.downs())
        assert len(got.downs()) == 2


@pytest.mark.parametrize("polite", [True, False])
def test_both_kinds_of_closing_lead_to_a_new_connection_with_fresh_tokens(polite: bool) -> None:
    """A polite close strands some clients; not this one (F-W08)."""

    def closes(session: Session) -> None:
        session.hear(3)
        session.confirm("heartbeats", level2=["BTC-USD"], market_trades=["BTC-USD"])
        session.tell("l2_data", SNAPSHOT)
        session.beat(0.2)
        if polite:
            session.socket.close(1000)
        else:
            session.socket.close_socket()

    got = Collected()
    with streaming(closes, good_market) as server, running(market(server, got, key=credentials()), got):
        got.until(lambda: len(got.ups()) == 2)
        assert len(got.downs()) == 1
        first, second = ([each["jwt"] for each in session.sent] for session in server.sessions)
        assert set(first).isdisjoint(second)
        assert len(second) == 3


def test_an_error_of_the_venue_is_the_reason() -> None:
    """`authentication failure` comes without envelope and does not close by itself (F-W10)."""

    def refuses(session: Session) -> None:
        session.hear(1)
        session.socket.send(json.dumps(decoded("ws_recv_error")))
        session.beat(30)

    got = Collected()
    with streaming(refuses, good_user) as server, running(user(server, got), got):
        got.until(got.ups)
        assert "authentication failure" in got.downs()[0].reason


def test_the_user_feed_is_up_after_its_snapshot_and_tells_repeats_too() -> None:
    """Reports of the snapshot come before `up`; a repeated message is told again, which joining makes harmless (F-W01)."""
    order = decoded("ws_recv_user_update_filled")["events"][0]["orders"][0]

    def script(session: Session) -> None:
        session.hear(2)
        session.confirm("heartbeats", user=["me"])
        session.tell("user", {"type": "snapshot", "orders": [order | {"order_id": f"o{n}"} for n in range(50)]})
        session.beat(0.3)
        session.tell("user", {"type": "snapshot", "orders": [order | {"order_id": "o50"}]})
        session.again("user", {"type": "update", "orders": [order | {"order_id": "o50"}]})
        session.beat(30)

    got = Collected()
    with streaming(script) as server:
        feed = user(server, got)
        with running(feed, got):
            got.until(lambda: len(got.of(OrderReport)) == 52)
            before_up = [item for item in got.items[: got.items.index(got.ups()[0])] if isinstance(item, OrderReport)]
            assert len(before_up) >= 51
            assert feed.counters.duplicates == 1


def test_a_lost_user_message_is_a_gap_for_the_books() -> None:
    """The feed says so and stays; REST fills the gap."""

    def script(session: Session) -> None:
        session.hear(2)
        session.confirm("heartbeats", user=["me"])
        session.tell("user", {"type": "snapshot", "orders": []})
        session.beat(0.1)
        session.tell("heartbeats", {"heartbeat_counter": 1}, skip=1)
        session.beat(30)

    got = Collected()
    with streaming(script) as server, running(user(server, got), got):
        got.until(got.gaps)
        assert got.gaps()[0].up
        assert len(server.sessions) == 1


def test_no_connection_at_all_is_told_once_per_try_and_stopping_is_quick() -> None:
    """Refused again and again, with pauses."""
    with streaming(good_market) as server:
        url = server.url
    got = Collected()
    feed = MarketFeed(url, None, [spot()], FeedSettings(reconnect_base_s=0.05, reconnect_cap_s=0.1))
    with running(feed, got):
        got.until(lambda: len(got.downs()) >= 3)
        assert feed.counters.connects <= 30
        assert "no connection" in got.downs()[0].reason


def test_a_new_key_signs_the_next_connection() -> None:
    """Rotation without a restart."""

    def closes(session: Session) -> None:
        session.hear(2)
        session.beat(0.3)

    got, new = Collected(), credentials()
    with streaming(closes, good_user) as server:
        feed = user(server, got)
        feed.rotate(new)
        with running(feed, got):
            got.until(got.ups)
            assert server.sessions[1].sent[0]["jwt"]
