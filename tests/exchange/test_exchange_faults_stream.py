"""Stream faults: what a client sees on its sockets when messages are lost, doubled, swapped, garbled, or the sockets
die.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
import websocket
from exchange_process import Running, arm, body
from exchange_socket import Client, connected


def _numbers(client: Client, channel: str, frames: int) -> list[int]:
    """Sequence numbers of everything that arrives until so many frames of a channel came."""
    start = len(client.frames)
    for _ in range(frames):
        client.next(channel)
    return [frame["sequence_num"] for frame in client.frames[start:]]


def _ticking(client: Client) -> None:
    """Subscribe and wait for the first update."""
    client.subscribe("ticker", "BTC-USD")
    client.next("ticker")
    client.next("ticker")


def test_a_message_comes_twice_under_one_number(venue: Running) -> None:
    """F-W01: the very same frame two times in a row."""
    with connected(venue) as client:
        _ticking(client)
        arm(venue, "F-W01", channel="ticker")
        numbers = _numbers(client, "ticker", 4)
        assert len(set(numbers)) == len(numbers) - 1
        twins = [frame for frame in client.frames if numbers.count(frame["sequence_num"]) == 2]
        assert twins[0] == twins[1]


def test_two_messages_change_places(venue: Running) -> None:
    """F-W02: a number comes after its successor; none is missing."""
    with connected(venue) as client:
        _ticking(client)
        arm(venue, "F-W02", channel="ticker")
        numbers = _numbers(client, "ticker", 5)
        assert numbers != sorted(numbers)
        assert sorted(numbers) == list(range(min(numbers), max(numbers) + 1))


def test_a_message_is_lost_with_its_number(venue: Running) -> None:
    """F-W03: one number is missing."""
    with connected(venue) as client:
        _ticking(client)
        before = client.frames[-1]["sequence_num"]
        arm(venue, "F-W03", channel="ticker")
        numbers = _numbers(client, "ticker", 4)
        assert numbers[-1] - before == len(numbers) + 1


def test_a_fill_is_never_told_and_no_number_is_missing(venue: Running) -> None:
    """F-W04: the order is filled at the venue, the stream knows only how it began."""
    with connected(venue) as client:
        client.subscribe("user", "SOL-USD")
        client.subscribe("heartbeats")
        client.next("heartbeats")
        arm(venue, "F-W04", count=-1)
        placed = venue.order("SOL-USD", "BUY", {"market_market_ioc": {"quote_size": "30"}})
        client.next("heartbeats")
        client.next("heartbeats")
        told = {
            order["status"]
            for frame in client.frames
            if frame["channel"] == "user"
            for order in frame["events"][0]["orders"]
        }
        assert told == {"PENDING", "OPEN"}
        assert [frame["sequence_num"] for frame in client.frames] == list(range(len(client.frames)))
        assert venue.get(f"/orders/historical/{placed['success_response']['order_id']}")["order"]["status"] == "FILLED"


def test_a_socket_falls_silent_without_closing(venue: Running) -> None:
    """F-W05: nothing arrives any more, not even a pong, and nothing says why; a new connection works."""
    with connected(venue) as client:
        _ticking(client)
        arm(venue, "F-W05")
        client.socket.settimeout(1.5)
        with pytest.raises(websocket.WebSocketTimeoutException):
            client.read_to_the_end()
        client.socket.ping()
        with pytest.raises(websocket.WebSocketTimeoutException):
            client.socket.recv()
    with connected(venue) as client:
        _ticking(client)


def test_one_channel_is_silent_while_the_others_live(venue: Running) -> None:
    """F-W06: trades go on, the ticker does not, until the fault ends."""
    with connected(venue) as client:
        _ticking(client)
        client.subscribe("market_trades", "BTC-USD")
        client.next("market_trades")
        arm(venue, "F-W06", channel="ticker", product_id="BTC-USD", seconds=1.5)
        client.next("market_trades")
        start = len(client.frames)
        for _ in range(3):
            client.next("market_trades")
        assert "ticker" not in {frame["channel"] for frame in client.frames[start:]}
        client.next("ticker")


def test_a_subscribe_is_lost_rejected_or_confirmed_under_another_name(venue: Running) -> None:
    """F-W07: no answer at all; an error; or a confirmation that speaks of BTC-USDC."""
    with connected(venue) as client:
        client.subscribe("heartbeats")
        client.next("heartbeats")
        arm(venue, "F-W07")
        client.subscribe("ticker", "BTC-USD")
        client.next("heartbeats")
        client.next("heartbeats")
        assert [frame["channel"] for frame in client.frames].count("subscriptions") == 1
        arm(venue, "F-W07", variant="rejected")
        client.subscribe("ticker", "BTC-USD")
        assert client.next("error")["message"] == "authentication failure"
        arm(venue, "F-W07", variant="renamed")
        client.subscribe("ticker", "BTC-USD")
        assert client.next("subscriptions")["events"][0]["subscriptions"]["ticker"] == ["BTC-USDC"]
        client.next("ticker")


def test_a_disconnect_is_abrupt_or_polite(venue: Running) -> None:
    """F-W08: abrupt loses the TCP connection, polite sends a close frame with 1000."""
    with connected(venue) as client:
        _ticking(client)
        arm(venue, "F-W08")
        with pytest.raises((websocket.WebSocketException, ConnectionError)):
            client.read_to_the_end()
    with connected(venue) as client:
        _ticking(client)
        arm(venue, "F-W08", variant="polite")
        code, data = client.socket.recv_data()
        while code == websocket.ABNF.OPCODE_TEXT:
            code, data = client.socket.recv_data()
        assert (code, int.from_bytes(data[:2], "big")) == (websocket.ABNF.OPCODE_CLOSE, 1000)


def test_a_new_connection_begins_with_fresh_snapshots(venue: Running) -> None:
    """F-W08: after a disconnect the next connection counts from zero and starts with the whole book."""
    arm(venue, "F-W08")
    with connected(venue) as client:
        client.subscribe("level2", "BTC-USD")
        event = client.next("l2_data")["events"][0]
        assert (event["type"], len(event["updates"])) == ("snapshot", 400)
        assert client.frames[0]["sequence_num"] == 0


def test_an_update_comes_between_the_batches_of_a_snapshot(venue: Running) -> None:
    """F-W09: snapshot, update, snapshot; the second batch ends it."""
    for number in range(51):
        venue.post(
            "/orders",
            body(f"w09-{number}", "LTC-USD")
            | {"order_configuration": {"limit_limit_gtc": {"base_size": "0.1", "limit_price": "5.00"}}},
        )
    arm(venue, "F-W09")
    with connected(venue) as client:
        client.subscribe("user", "LTC-USD")
        events = [client.next("user")["events"][0] for _ in range(3)]
        assert [(event["type"], len(event["orders"])) for event in events] == [
            ("snapshot", 50),
            ("update", 1),
            ("snapshot", 1),
        ]


def test_a_token_is_refused_at_the_resubscribe(venue: Running) -> None:
    """F-W10: one refusal, and the next fresh token is good again."""
    with connected(venue) as client:
        arm(venue, "F-W10")
        client.subscribe("user")
        assert client.next("error")["message"] == "authentication failure"
        client.subscribe("user")
        client.next("user")


def test_more_messages_come_than_anyone_reads(venue: Running) -> None:
    """F-W11: two thousand frames at once, each under its own number."""
    with connected(venue) as client:
        _ticking(client)
        arm(venue, "F-W11", value=2000)
        numbers = _numbers(client, "ticker", 2001)
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


@pytest.mark.parametrize(("variant", "status"), [("resting", "OPEN"), ("filled", "FILLED")])
def test_an_order_appears_that_this_client_never_sent(venue: Running, variant: str, status: str) -> None:
    """F-W12: the stream and the lists know it; it is real."""
    with connected(venue) as client:
        client.subscribe("user", "BCH-USD")
        client.next("user")
        arm(venue, "F-W12", variant=variant, product_id="BCH-USD")
        seen: dict[str, Any] = {}
        while seen.get("status") != status:
            seen = client.next("user")["events"][0]["orders"][0]
        assert venue.get(f"/orders/historical/{seen['order_id']}")["order"]["status"] == status


def test_connections_break_at_once_so_many_times(venue: Running) -> None:
    """F-W13: each new connection dies; after the count the next one lives."""
    arm(venue, "F-W13", count=3)
    broken = 0
    for _ in range(3):
        with connected(venue) as client:
            client.subscribe("ticker", "BTC-USD")
            try:
                client.read_to_the_end(20)
            except (websocket.WebSocketException, ConnectionError):
                broken += 1
    assert broken == 3
    with connected(venue) as client:
        _ticking(client)


@pytest.mark.parametrize("variant", ["nan", "infinity", "zero", "negative"])
def test_prices_that_cannot_be(venue: Running, variant: str) -> None:
    """F-V06 on the stream: one ticker with an impossible price, then true ones again."""
    with connected(venue) as client:
        _ticking(client)
        arm(venue, "F-V06", variant=variant)
        prices = [client.next("ticker")["events"][0]["tickers"][0]["price"] for _ in range(3)]
        wrong = {"nan": "NaN", "infinity": "Infinity", "zero": "0", "negative": "-1"}[variant]
        assert prices.count(wrong) == 1


def test_a_wrong_unit_and_a_mixed_up_name(venue: Running) -> None:
    """F-V10: a price a thousand-fold, then bitcoin's price under ether's name."""
    with connected(venue) as client:
        _ticking(client)
        true = Decimal(client.next("ticker")["events"][0]["tickers"][0]["price"])
        arm(venue, "F-V10")
        prices = [Decimal(client.next("ticker")["events"][0]["tickers"][0]["price"]) for _ in range(3)]
        assert max(prices) > 1000 * true * Decimal("0.09")
        arm(venue, "F-V10", variant="mixed")
        names = [client.next("ticker")["events"][0]["tickers"][0]["product_id"] for _ in range(3)]
        assert names.count("ETH-USD") == 1


@pytest.mark.parametrize("variant", ["not_json", "nan", "long_number", "deep", "invalid_utf8", "duplicate_keys"])
def test_a_frame_is_garbled(venue: Running, variant: str) -> None:
    """F-N09 with a channel: one frame that is no good, and the sequence goes on after it."""
    with connected(venue) as client:
        _ticking(client)
        before = client.frames[-1]["sequence_num"]
        arm(venue, "F-N09", variant=variant, channel="ticker")
        raws: list[bytes] = []
        while len(raws) < 3:
            raws.append(client.raw())
        good = [
            json.loads(raw)
            for raw in raws
            if raw.startswith(b'{"channel":"ticker","client_id"') and b"NaN" not in raw and len(raw) < 1000
        ]
        assert len(good) < len(raws) or variant == "duplicate_keys"
        assert good[-1]["sequence_num"] == before + len(raws)
