"""The feeds' connections on real sockets: subscriptions, confirmations, silence."""

from __future__ import annotations

import contextlib
import time

import jwt
import pytest
from feed_world import FAST, SNAPSHOT, Collected, good_market, market, running
from samples import credentials, spot
from scripted_stream import Session, streaming

from trader.coinbase import connection as connection_module
from trader.coinbase.feed import MarketFeed
from trader.market.quote import Quote
from trader.venue import FeedHeartbeat


def test_everything_is_subscribed_with_one_fresh_token_per_message() -> None:
    """One channel per message, heartbeats always, no token used twice, none bound to a path."""
    got = Collected()
    with streaming(good_market) as server, running(market(server, got, key=credentials()), got):
        got.until(got.ups)
        sent = server.sessions[0].sent
        assert [(each["type"], each["channel"], each["product_ids"]) for each in sent] == [
            ("subscribe", "heartbeats", []),
            ("subscribe", "level2", ["BTC-USD"]),
            ("subscribe", "market_trades", ["BTC-USD"]),
        ]
        tokens = [each["jwt"] for each in sent]
        assert len(set(tokens)) == 3
        assert "uri" not in jwt.decode(tokens[0], options={"verify_signature": False})


def test_up_comes_after_the_confirmations_and_not_before() -> None:
    """A snapshot alone does not make the feed up; the answer for every channel does."""

    def slow(session: Session) -> None:
        session.hear(3)
        session.tell("l2_data", SNAPSHOT)
        session.confirm("heartbeats", level2=["BTC-USD"])
        session.beat(0.5)
        session.confirm("heartbeats", level2=["BTC-USD"], market_trades=["BTC-USD"])
        session.beat(30)

    got = Collected()
    with streaming(slow) as server, running(market(server, got), got):
        got.until(got.ups)
        before = got.items[: got.items.index(got.ups()[0])]
        assert any(isinstance(item, Quote) for item in before)
        assert sum(isinstance(item, FeedHeartbeat) for item in before) >= 3
        assert got.downs() == []


def test_a_usdc_product_is_confirmed_under_its_usd_name() -> None:
    """The venue answers BTC-USDC with BTC-USD (F-W07)."""
    got = Collected()
    with streaming(good_market) as server:
        feed = MarketFeed(server.url, None, [spot("BTC-USDC")], FAST)
        with running(feed, got):
            got.until(lambda: got.ups() and got.of(Quote))
            assert got.of(Quote)[0].symbol == "BTC-USDC"


def test_a_subscription_that_is_not_confirmed_leads_to_a_new_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason names the channel (F-W07)."""
    monkeypatch.setattr(connection_module, "CONFIRM_S", 0.4)

    def forgetful(session: Session) -> None:
        session.hear(3)
        session.confirm("heartbeats", level2=["BTC-USD"], market_trades=["ETH-USD"])
        session.beat(30)

    got = Collected()
    with streaming(forgetful, good_market) as server, running(market(server, got), got):
        got.until(got.ups)
        assert "market_trades" in got.downs()[0].reason
        assert len(server.sessions) == 2


def test_silence_is_noticed_without_any_message(monkeypatch: pytest.MonkeyPatch) -> None:
    """A half-open socket says nothing, not even that it is closed (F-W05)."""
    monkeypatch.setattr(connection_module, "HEARTBEAT_DEAD_S", 0.6)

    def dies(session: Session) -> None:
        session.hear(3)
        session.confirm("heartbeats", level2=["BTC-USD"], market_trades=["BTC-USD"])
        session.beat(0.2)
        with contextlib.suppress(TimeoutError):
            session.socket.recv(timeout=3)

    got = Collected()
    with streaming(dies, good_market) as server, running(market(server, got), got):
        got.until(lambda: len(got.ups()) == 2)
        assert "no heartbeat" in got.downs()[0].reason
        server.sessions[0].socket.close_socket()


def test_data_does_not_stand_in_for_heartbeats(monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages keep coming, heartbeats do not: the connection is given up all the same."""
    monkeypatch.setattr(connection_module, "HEARTBEAT_DEAD_S", 0.5)

    def chatty(session: Session) -> None:
        session.hear(3)
        session.confirm("heartbeats", level2=["BTC-USD"], market_trades=["BTC-USD"])
        for _ in range(100):
            session.tell("l2_data", SNAPSHOT)
            time.sleep(0.05)

    got = Collected()
    with streaming(chatty, good_market) as server, running(market(server, got), got):
        got.until(lambda: len(server.sessions) == 2)
