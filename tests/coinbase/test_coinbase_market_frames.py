"""The market handler without any socket: quotes, tops, trades, gaps, silence, and the recorded feed against a naive book."""

from __future__ import annotations

import gzip
import json
import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from samples import raw, spot

from trader.coinbase.frames import Other, read_frame
from trader.coinbase.handler import Channel
from trader.coinbase.market_frames import CROSSED_S, QUIET_S, SNAPSHOT_S, TOP_EVERY_S, MarketHandler
from trader.coinbase.sequence import Order, Sighting
from trader.coinbase.wire import BadPayload
from trader.market.book import GAP
from trader.market.instrument import Instrument
from trader.market.quote import BookTop, Quote, Trade

IN_ORDER = Sighting(Order.NEXT, 0)
STAMP = "2026-11-20T19:00:00Z"


def frame(channel: str, *events: dict[str, Any], stamp: str = STAMP) -> Any:
    """A frame of the wire."""
    return read_frame(
        json.dumps({"channel": channel, "timestamp": stamp, "sequence_num": 0, "events": events}).encode()
    )


def book_event(kind: str, *levels: tuple[str, str, str], product_id: str = "BTC-USD") -> dict[str, Any]:
    """One level2 event."""
    rows = [{"side": side, "price_level": price, "new_quantity": size} for side, price, size in levels]
    return {"type": kind, "product_id": product_id, "updates": rows}


SNAPSHOT = book_event("snapshot", ("bid", "100.00", "1"), ("bid", "99.00", "2"), ("offer", "101.00", "3"))


def handler(*instruments: Instrument, **options: Any) -> MarketHandler:
    """A handler on an open connection."""
    made = MarketHandler(instruments or (spot(),), **options)
    made.opened(1000.0)
    return made


def quotes(items: list[Any]) -> list[Quote]:
    """The quotes among the items."""
    return [item for item in items if isinstance(item, Quote)]


def test_a_snapshot_gives_a_quote_and_a_top() -> None:
    """The documented frames, Decimal and half ticks."""
    made = handler()
    items = made.frame(read_frame(raw("ws_recv_l2_data_snapshot")), IN_ORDER, 1000.1)  # type: ignore[arg-type]
    quote, top = items
    assert isinstance(quote, Quote)
    assert (quote.bid, quote.bid_size, quote.ask, quote.ask_size) == tuple(
        map(Decimal, ("97250.40", "0.1812", "97250.41", "0.0675"))
    )
    assert quote.half_ticks == 19450081
    assert quote.tainted == ""
    assert quote.volume_1m_usd is None
    assert quote.machine_time == 1000.1
    assert isinstance(top, BookTop)
    assert top.bids[0] == (quote.bid, quote.bid_size)
    assert [price for price, _ in top.asks] == sorted(price for price, _ in top.asks)


def test_an_update_that_leaves_the_best_alone_is_no_new_quote() -> None:
    """Deeper levels change the top only; at most one quote per message and symbol."""
    made = handler()
    made.frame(frame("l2_data", SNAPSHOT), IN_ORDER, 1000.0)
    assert quotes(made.frame(frame("l2_data", book_event("update", ("bid", "98.00", "5"))), IN_ORDER, 1000.01)) == []
    both = frame(
        "l2_data", book_event("update", ("bid", "100.50", "1")), book_event("update", ("offer", "100.90", "1"))
    )
    told = quotes(made.frame(both, IN_ORDER, 1000.02))
    assert [(each.bid, each.ask) for each in told] == [(Decimal("100.50"), Decimal("100.90"))]


def test_tops_come_every_hundred_milliseconds_at_most_and_the_last_is_not_lost() -> None:
    """What was held back is told by the timer."""
    made, tops = handler(), []
    for step in range(30):
        now = 1000.0 + step * 0.01
        event = SNAPSHOT if step == 0 else book_event("update", ("bid", "98.00", str(step)))
        tops += [each for each in made.frame(frame("l2_data", event), IN_ORDER, now) if isinstance(each, BookTop)]
    assert len(tops) == 3
    late = [each for each in made.tick(1000.29 + TOP_EVERY_S, None) if isinstance(each, BookTop)]
    assert late[0].bids[2] == (Decimal("98.00"), Decimal(29))
    assert made.tick(1010.0, None) == []


def test_trades_give_last_price_and_volume_and_are_told_on_request() -> None:
    """The snapshot of trades and an update, each trade once."""
    made = handler(emit_trades=True)
    made.frame(frame("l2_data", SNAPSHOT), IN_ORDER, 1000.0)
    items = made.frame(read_frame(raw("ws_recv_market_trades_snapshot")), IN_ORDER, 1000.1)  # type: ignore[arg-type]
    trades = [item for item in items if isinstance(item, Trade)]
    assert [each.trade_id for each in trades] == ["1104220037", "1104220036"]
    assert trades[0].maker_side == "SELL"
    quote = quotes(items)[0]
    assert quote.last == Decimal("97250.41")
    assert quote.volume_1m_usd == Decimal("97250.41") * Decimal("0.00412") + Decimal("97250.4") * Decimal("0.01")
    again = made.frame(read_frame(raw("ws_recv_market_trades_snapshot")), IN_ORDER, 1000.2)  # type: ignore[arg-type]
    assert again == []


def test_without_depth_quotes_come_from_the_ticker() -> None:
    """Level 1 of the documents."""
    made = handler(depth=False)
    assert [channel.name for channel in made.channels()] == ["ticker", "market_trades"]
    quote = quotes(made.frame(read_frame(raw("ws_recv_ticker_update")), IN_ORDER, 1000.0))[0]  # type: ignore[arg-type]
    assert (quote.bid, quote.ask, quote.ask_size) == (Decimal("97250.4"), Decimal("97250.41"), Decimal("0.0652"))
    assert quote.last == Decimal("97250.4")
    assert isinstance(read_frame(raw("ws_recv_ticker_batch_update")), Other)


def test_a_gap_taints_every_book_until_its_snapshot() -> None:
    """Nobody knows whose message is missing; updates meanwhile are not believed."""
    made = handler(spot(), spot("ETH-USD"))
    eth = book_event("snapshot", ("bid", "10.00", "1"), ("offer", "11.00", "3"), product_id="ETH-USD")
    made.frame(frame("l2_data", SNAPSHOT, eth), IN_ORDER, 1000.0)
    told = quotes(made.lost("one message", 1000.1))
    assert {(each.symbol, each.tainted) for each in told} == {("BTC-USD", "gap"), ("ETH-USD", "gap")}
    assert [channel.product_ids for channel in made.renewals(1000.1)] == [("BTC-USD", "ETH-USD")]
    assert made.renewals(1000.2) == ()
    assert quotes(made.frame(frame("l2_data", book_event("update", ("bid", "100.10", "1"))), IN_ORDER, 1000.2)) == []
    healed = quotes(made.frame(frame("l2_data", SNAPSHOT), IN_ORDER, 1000.3))
    assert [(each.symbol, each.tainted, each.bid) for each in healed] == [("BTC-USD", "", Decimal("100.00"))]
    assert made.book("ETH-USD").taint == "gap"


@pytest.mark.parametrize("order", [Order.DUPLICATE, Order.LATE])
def test_repeated_and_late_book_messages_are_not_applied(order: Order) -> None:
    """An old size must not overwrite a new one."""
    made = handler()
    made.frame(frame("l2_data", SNAPSHOT), IN_ORDER, 1000.0)
    assert made.frame(frame("l2_data", book_event("update", ("bid", "100.00", "0"))), Sighting(order, 5), 1000.1) == []
    assert made.book("BTC-USD").best() == (10000, 100000000, 10100, 300000000)


def test_a_crossed_book_is_told_as_such_and_heals_by_itself() -> None:
    """Judged after the whole message."""
    made = handler()
    made.frame(frame("l2_data", SNAPSHOT), IN_ORDER, 1000.0)
    crossed = quotes(made.frame(frame("l2_data", book_event("update", ("bid", "101.00", "1"))), IN_ORDER, 1000.1))
    assert crossed[0].tainted == "crossed"
    moved = book_event("update", ("bid", "102.00", "1"), ("offer", "101.00", "0"), ("offer", "103.00", "1"))
    assert quotes(made.frame(frame("l2_data", moved), IN_ORDER, 1000.2))[0].tainted == ""


def test_a_book_that_stays_crossed_asks_for_a_snapshot() -> None:
    """Something was lost that no number told of; until the snapshot the book is a gap, and it is asked for once in five seconds."""
    made = handler()
    made.frame(frame("l2_data", SNAPSHOT), IN_ORDER, 1010.0)
    crossing = frame("l2_data", book_event("update", ("bid", "102.00", "1")))
    assert quotes(made.frame(crossing, IN_ORDER, 1010.5))[0].tainted == "crossed"
    made.tick(1010.6, None)
    made.tick(1010.6 + CROSSED_S - 0.1, None)
    assert made.renewals(1012.0) == ()
    made.tick(1010.6 + CROSSED_S, None)
    assert made.renewals(1012.6) == (Channel("level2", ("BTC-USD",)),)
    assert made.book("BTC-USD").taint == GAP
    made.frame(frame("l2_data", SNAPSHOT), IN_ORDER, 1013.0)
    assert made.book("BTC-USD").taint == ""


def test_a_frame_that_names_no_channel_may_have_been_any_and_is_bad() -> None:
    """Ignored, a book would miss it and stay wrong without a word; the venue's errors alone have no channel."""
    with pytest.raises(BadPayload):
        read_frame(json.dumps({"timestamp": STAMP, "sequence_num": 7, "events": [SNAPSHOT]}).encode())
    assert isinstance(read_frame(b'{"type": "error", "message": "too many requests"}'), Other)
    assert isinstance(read_frame(b'{"channel": "candles", "sequence_num": 7, "events": []}'), Other)


@pytest.mark.parametrize("price", ["-1", "NaN", "100.001", "", "1e99", None, True])
def test_a_senseless_level_spoils_the_book_until_a_snapshot(price: object) -> None:
    """The message is reported bad; the half that was applied is not traded on."""
    made = handler()
    made.frame(frame("l2_data", SNAPSHOT), IN_ORDER, 1000.0)
    with pytest.raises(BadPayload):
        made.frame(
            frame("l2_data", book_event("update", ("bid", "100.10", "1"), ("bid", price, "1"))), IN_ORDER, 1000.1
        )  # type: ignore[arg-type]
    made.lost("unreadable", 1000.1)
    assert made.book("BTC-USD").taint
    assert made.renewals(1000.2)
    assert quotes(made.frame(frame("l2_data", SNAPSHOT), IN_ORDER, 1000.3))[0].tainted == ""


def test_numbers_may_change_their_format() -> None:
    """JSON numbers, exponents and missing zeros are the same prices (F-N15)."""
    made = handler()
    text = (
        b'{"channel":"l2_data","timestamp":"2026-11-20T19:00:00Z","sequence_num":1,"events":[{"type":"snapshot",'
        b'"product_id":"BTC-USD","updates":[{"side":"bid","price_level":97250.40,"new_quantity":0.00000001},'
        b'{"side":"offer","price_level":"9.725041e4","new_quantity":"1E-3"}]}]}'
    )
    quote = quotes(made.frame(read_frame(text), IN_ORDER, 1000.0))[0]  # type: ignore[arg-type]
    assert (quote.bid, quote.bid_size) == (Decimal("97250.40"), Decimal("0.00000001"))
    assert (quote.ask, quote.ask_size) == (Decimal("97250.41"), Decimal("0.001"))


def test_other_products_and_usdc_names() -> None:
    """A stranger is ignored; a -USDC product is told under its -USD name (F-W07)."""
    made = handler(spot("BTC-USDC"))
    assert quotes(made.frame(frame("l2_data", SNAPSHOT), IN_ORDER, 1000.0))[0].symbol == "BTC-USDC"
    stranger = book_event("snapshot", ("bid", "1.00", "1"), ("offer", "2.00", "1"), product_id="XYZ-USD")
    assert made.frame(frame("l2_data", stranger), IN_ORDER, 1000.1) == []


def test_a_heartbeat_proves_that_a_silent_book_still_stands() -> None:
    """The quote is told again with the new time, for a quarter of a minute of silence."""
    made = handler()
    made.frame(frame("l2_data", SNAPSHOT), IN_ORDER, 1000.0)
    assert quotes(made.tick(1000.5, 5.0)) == []
    told = quotes(made.tick(1001.0, 1795201201.0))
    assert [(each.machine_time, each.market_time) for each in told] == [(1001.0, 1795201201.0)]
    assert quotes(made.tick(1000.0 + QUIET_S, 1795201216.0)) == []


def test_a_product_silent_too_long_must_prove_itself_by_a_snapshot() -> None:
    """Asked again first; the connection is given up when no snapshot comes (F-W06)."""
    made = handler()
    made.frame(frame("l2_data", SNAPSHOT), IN_ORDER, 1000.0)
    quiet = 1000.0 + QUIET_S
    made.tick(quiet, 1.0)
    assert made.renewals(quiet)[0].product_ids == ("BTC-USD",)
    made.tick(quiet + SNAPSHOT_S - 0.1, 1.0)
    assert made.complaint(quiet) == ""
    made.frame(frame("l2_data", SNAPSHOT), IN_ORDER, quiet + SNAPSHOT_S - 0.05)
    made.tick(quiet + SNAPSHOT_S + 1, 1.0)
    assert made.complaint(quiet) == ""
    silent = quiet + SNAPSHOT_S + QUIET_S
    made.tick(silent, 1.0)
    assert made.renewals(silent)
    made.tick(silent + SNAPSHOT_S, 1.0)
    assert "BTC-USD" in made.complaint(silent + SNAPSHOT_S)


def test_a_lost_subscription_is_asked_again_and_then_complained_about() -> None:
    """No snapshot within five seconds (F-W07)."""
    made = handler()
    made.tick(1004.9, None)
    assert made.renewals(1004.9) == ()
    made.tick(1005.0, None)
    assert made.renewals(1005.0)
    made.tick(1010.0, None)
    assert made.complaint(1010.0)
    made.opened(1011.0)
    assert made.complaint(1011.0) == ""


def test_a_backlog_taints_prices() -> None:
    """A message a second later than the fastest one means the reader is behind (F-W11)."""
    made = handler(backlog_limit_s=1.0)
    made.frame(frame("l2_data", SNAPSHOT), IN_ORDER, 1000.0)
    late = frame("l2_data", book_event("update", ("bid", "100.10", "1")), stamp="2026-11-20T19:00:01Z")
    assert quotes(made.frame(late, IN_ORDER, 1001.5))[0].tainted == ""
    later = frame("l2_data", book_event("update", ("bid", "100.20", "1")), stamp="2026-11-20T19:00:02Z")
    assert quotes(made.frame(later, IN_ORDER, 1003.5))[0].tainted == "backlog"


def test_a_frame_without_its_time_is_bad() -> None:
    """Bars and volumes need it."""
    with pytest.raises(BadPayload):
        handler().frame(frame("l2_data", SNAPSHOT, stamp=""), IN_ORDER, 1000.0)


def _capture() -> Path:
    folder = Path(
        os.environ.get("TRADER_MARKET_DATA", Path(__file__).resolve().parents[2] / ".." / "shared" / "market")
    )
    path = folder / "coinbase_feed_capture_2021-04-17.jsonl.gz"
    if not path.exists():
        pytest.skip(f"the recorded feed is not here: set TRADER_MARKET_DATA to the folder of {path.name}")
    return path


def test_the_recorded_feed_gives_the_naive_book_after_every_message() -> None:
    """Thirty seconds of real traffic for ten products; the reference is two dictionaries of Decimals per product."""
    with gzip.open(_capture(), "rb") as lines:
        messages = [line for line in lines if line.strip()]
    naive: dict[str, tuple[dict[Decimal, Decimal], dict[Decimal, Decimal]]] = {}
    for line in messages:
        for event in json.loads(line)["events"]:
            if event.get("type") == "snapshot" and "updates" in event:
                naive[event["product_id"]] = ({}, {})
    instruments = [spot(each, "0.00000001", "0.00000001") for each in sorted(naive)]
    made = handler(*instruments)
    compared = 0
    for number, line in enumerate(messages):
        read = read_frame(line)
        made.frame(read, IN_ORDER, 1000.0 + number * 0.003)  # type: ignore[arg-type]
        for event in json.loads(line)["events"]:
            if "updates" not in event:
                continue
            sides = naive[event["product_id"]]
            if event["type"] == "snapshot":
                sides[0].clear()
                sides[1].clear()
            for row in event["updates"]:
                side = sides[0 if row["side"] == "bid" else 1]
                price, size = Decimal(row["price_level"]), Decimal(row["new_quantity"])
                if size:
                    side[price] = size
                else:
                    side.pop(price, None)
            book = made.book(event["product_id"])
            compared += 1
            whole = event["type"] == "snapshot" or compared % 50 == 0
            for bid in (True, False):
                count = 10**6 if whole else 5
                expected = sorted(sides[0 if bid else 1].items(), reverse=bid)[:count]
                assert list(book.levels(bid=bid, count=count)) == expected, f"message {number}"
    assert compared > 9000
