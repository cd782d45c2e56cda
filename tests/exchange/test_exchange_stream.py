"""The WebSocket protocol: subscriptions, sequence, snapshots, tokens, orders."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import Any

import pytest
import websocket
from exchange_process import Running, token
from exchange_socket import connected


def test_each_connection_counts_all_its_messages_from_zero(running: Running) -> None:
    """Subscriptions, heartbeats, data: one counter, no gap; a second connection has its own."""
    for _ in range(2):
        with connected(running) as client:
            for channel in ("heartbeats", "ticker", "level2", "market_trades"):
                client.subscribe(channel, *([] if channel == "heartbeats" else ["BTC-USD", "ETH-USD"]))
            client.next("heartbeats")
            client.next("heartbeats")
            assert [frame["sequence_num"] for frame in client.frames] == list(range(len(client.frames)))


def test_acknowledgements_name_the_whole_set(running: Running) -> None:
    """Each subscribe and unsubscribe is answered with everything subscribed; nothing left is an empty object."""
    with connected(running) as client:
        client.subscribe("ticker", "BTC-USD")
        client.subscribe("ticker", "ETH-USD")
        client.subscribe("heartbeats")
        sets = [client.next("subscriptions")["events"][0]["subscriptions"] for _ in range(3)]
        assert sets[0] == {"ticker": ["BTC-USD"]}
        assert sets[2] == {"ticker": ["BTC-USD", "ETH-USD"], "heartbeats": ["heartbeats"]}
        client.subscribe("ticker", kind="unsubscribe")
        client.subscribe("heartbeats", kind="unsubscribe")
        assert client.next("subscriptions")["events"][0]["subscriptions"] == {"heartbeats": ["heartbeats"]}
        assert client.next("subscriptions")["events"][0]["subscriptions"] == {}


def test_a_book_built_from_the_stream_equals_the_book_over_rest(running: Running) -> None:
    """Snapshot plus updates, applied in order, pass through the very books that REST showed meanwhile."""
    with connected(running) as client:
        client.subscribe("level2", "SOL-USD")
        book: dict[tuple[str, Decimal], Decimal] = {}
        shown = running.get("/product_book", product_id="SOL-USD", limit=1000)["pricebook"]
        wanted = {
            (side, Decimal(row["price"])): Decimal(row["size"])
            for side, name in (("bid", "bids"), ("offer", "asks"))
            for row in shown[name]
        }
        for _ in range(40):
            for event in client.next("l2_data")["events"]:
                for update in event["updates"]:
                    key = (update["side"], Decimal(update["price_level"]))
                    size = Decimal(update["new_quantity"])
                    if size:
                        book[key] = size
                    else:
                        book.pop(key, None)
            if book == wanted:
                return
        raise AssertionError("the streamed book never equalled the one over REST")


def test_trades_are_contiguous_and_the_same_as_over_rest(running: Running) -> None:
    """Ids rise by one from the snapshot on, and REST knows them under the same id, price and size."""
    with connected(running) as client:
        client.subscribe("market_trades", "BTC-USD")
        snapshot = client.next("market_trades")["events"][0]
        assert snapshot["type"] == "snapshot"
        ids = [int(row["trade_id"]) for row in reversed(snapshot["trades"])]
        for _ in range(3):
            ids += [int(row["trade_id"]) for event in client.next("market_trades")["events"] for row in event["trades"]]
        assert ids == list(range(ids[0], ids[0] + len(ids)))
        over_rest = {row["trade_id"] for row in running.get("/products/BTC-USD/ticker", limit=100)["trades"]}
        assert str(ids[-1]) in over_rest


def test_orders_are_reported_with_full_state_as_strings(running: Running) -> None:
    """PENDING, OPEN, FILLED of one order; every value is text and the figures add up."""
    with connected(running) as client:
        client.subscribe("user")
        assert client.next("user")["events"][0]["type"] == "snapshot"
        placed = running.order("ETH-USD", "BUY", {"market_market_ioc": {"quote_size": "75"}})
        order_id = placed["success_response"]["order_id"]
        states: list[dict[str, str]] = []
        while not states or states[-1]["status"] != "FILLED":
            orders = client.next("user")["events"][0]["orders"]
            states += [order for order in orders if order["order_id"] == order_id]
        assert [state["status"] for state in states][:2] == ["PENDING", "OPEN"]
        final = states[-1]
        assert all(isinstance(value, str) for value in final.values())
        assert Decimal(final["filled_value"]) + Decimal(final["total_fees"]) == Decimal(final["total_value_after_fees"])
        assert final["leaves_quantity"] == "0"
        assert final["order_type"] == "Market"


def _open(running: Running) -> list[Any]:
    return list(running.get("/orders/historical/batch", order_status="OPEN", product_ids="DOGE-USD")["orders"])


def test_open_orders_come_in_batches_of_fifty(running: Running) -> None:
    """With sixty orders open the snapshot is fifty and ten; with fifty it would be fifty and none."""
    ids = [
        running.order(
            "DOGE-USD", "BUY", {"limit_limit_gtc": {"base_size": "10", "limit_price": "0.1", "post_only": True}}
        )["success_response"]["order_id"]
        for _ in range(60)
    ]
    with connected(running) as client:
        client.subscribe("user", "DOGE-USD")
        sizes = [len(client.next("user")["events"][0]["orders"]) for _ in range(2)]
        assert sizes == [50, 10]
    assert all(row["success"] for row in running.post("/orders/batch_cancel", {"order_ids": ids[:10]})["results"])
    running.until(lambda: len(_open(running)) == 50)
    with connected(running) as client:
        client.subscribe("user", "DOGE-USD")
        assert [len(client.next("user")["events"][0]["orders"]) for _ in range(2)] == [50, 0]
    assert all(row["success"] for row in running.post("/orders/batch_cancel", {"order_ids": ids[10:]})["results"])
    running.until(lambda: _open(running) == [])
    with connected(running) as client:
        client.subscribe("user", "DOGE-USD")
        assert client.next("user")["events"][0]["orders"] == []


@pytest.mark.parametrize("jwt", ["", "garbage", "expired"])
def test_private_channels_need_a_valid_token(running: Running, jwt: str) -> None:
    """No token, a broken or an expired one: the error frame, outside the sequence, and no subscription."""
    ready = running.ready
    bad = token(ready["api_key"], ready["api_secret"], now=time.time() - 600) if jwt == "expired" else jwt
    with connected(running) as client:
        client.subscribe("user", jwt=bad or "")
        assert client.next("error") == {"type": "error", "message": "authentication failure"}
        client.subscribe("heartbeats")
        assert client.next("subscriptions")["sequence_num"] == 0


def test_an_unknown_channel_gets_the_same_error(running: Running) -> None:
    """As on the real venue."""
    with connected(running) as client:
        client.subscribe("nonsense", "BTC-USD")
        assert client.next("error")["message"] == "authentication failure"


def test_a_silent_client_is_disconnected_after_five_seconds(running: Running) -> None:
    """Nothing subscribed within five seconds: the connection is gone."""
    with connected(running) as client:
        started = time.monotonic()
        with pytest.raises((websocket.WebSocketException, ConnectionError)):
            client.socket.recv()
    assert 4.5 <= time.monotonic() - started <= 8


def test_a_dollar_coin_subscription_is_answered_under_the_dollar_name(running: Running) -> None:
    """BTC-USDC on a market channel yields BTC-USD messages."""
    with connected(running) as client:
        client.subscribe("ticker", "BTC-USDC")
        assert client.next("subscriptions")["events"][0]["subscriptions"] == {"ticker": ["BTC-USD"]}
        assert client.next("ticker")["events"][0]["tickers"][0]["product_id"] == "BTC-USD"
