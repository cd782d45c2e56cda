"""Recorded feeds as markets: the same book after the same message, the same tape, and bad files named."""

from __future__ import annotations

import gzip
import json
import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from exchange_process import ROOT, exchange

from trader.exchange.recorded import RecordedMarket, RecordingError, read_recording
from trader.exchange.setup import Settings, build_world

MARKET_DATA = Path(os.environ.get("TRADER_MARKET_DATA", ROOT.parent / "shared" / "market"))
CAPTURE = MARKET_DATA / "coinbase_feed_capture_2021-04-17.jsonl.gz"
BOOK = [("bid", "100.5", "2"), ("bid", "100.4", "1.25"), ("offer", "100.7", "3"), ("offer", "101", "1")]


def _line(at: float, channel: str, event: dict[str, Any]) -> str:
    return json.dumps(
        {"channel": channel, "client_id": "", "timestamp": "x", "sequence_num": 0, "events": [event], "_recv": at}
    )


def _book_event(kind: str, rows: list[tuple[str, str, str]]) -> dict[str, Any]:
    updates = [
        {"side": side, "event_time": "x", "price_level": price, "new_quantity": size} for side, price, size in rows
    ]
    return {"type": kind, "product_id": "AAA-USD", "updates": updates}


def _file(folder: Path) -> Path:
    trade = {"product_id": "AAA-USD", "trade_id": "77", "price": "100.7", "size": "0.5", "side": "SELL", "time": "x"}
    lines = [
        _line(1000.0, "l2_data", _book_event("snapshot", BOOK)),
        _line(1001.0, "l2_data", _book_event("update", [("bid", "100.5", "0"), ("offer", "100.6", "4")])),
        _line(1002.0, "market_trades", {"type": "update", "trades": [trade]}),
        _line(1003.0, "l2_data", _book_event("snapshot", BOOK[1:])),
    ]
    file = folder / "feed.jsonl"
    file.write_text("\n".join(lines) + "\n")
    return file


def _levels(market: RecordedMarket) -> list[tuple[str, str, str]]:
    rows = []
    for half in (market.ladder.bids, market.ladder.asks):
        name = "bid" if half.is_bid else "offer"
        rows += [(name, str(market.listing.price_of(ticks).normalize()), str(size)) for ticks, size in half.levels()]
    return rows


def test_books_and_trades_come_again_in_order(tmp_path: Path) -> None:
    """Snapshot, update, trade, snapshot: after each the book is the recording's; the last snapshot replaces
    everything.
    """
    recording = read_recording(_file(tmp_path))
    market = RecordedMarket(recording, "AAA-USD")
    assert (market.listing.price_increment, market.listing.base_increment) == (Decimal("0.1"), Decimal("0.01"))
    steps = list(market.steps(1000.0))
    assert _levels(market) == BOOK
    steps += market.steps(1001.5)
    assert _levels(market) == [BOOK[1], ("offer", "100.6", "4"), *BOOK[2:]]
    steps += market.steps(1002.5)
    assert [(trade.trade_id, trade.price, trade.maker_side) for trade in market.trades] == [
        (77, Decimal("100.7"), "SELL")
    ]
    steps += market.steps(2000.0)
    assert _levels(market) == BOOK[1:]
    assert [step.time for step in steps] == [1000.0, 1001.0, 1002.0, 1003.0]
    assert market.last_price == Decimal("100.7")


def test_a_client_trades_on_the_recorded_book(tmp_path: Path) -> None:
    """An order takes what was recorded at the touch; served over the wire at the recording's own time."""
    with exchange("--market", str(_file(tmp_path)), "--speed", "0.1") as running:
        assert running.get("/time")["iso"].startswith("1970-01-01T00:16:4")
        assert running.get("/product_book", product_id="AAA-USD")["pricebook"]["asks"][0] == {
            "price": "100.7",
            "size": "3",
        }
        placed = running.order("AAA-USD", "BUY", {"sor_limit_ioc": {"base_size": "3.5", "limit_price": "101"}})
        fills = running.get("/orders/historical/fills", order_ids=placed["success_response"]["order_id"])["fills"]
        assert [(row["price"], row["size"]) for row in reversed(fills)] == [("100.7", "3"), ("101", "0.5")]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{}\n", "line 1"),
        (b"", "no l2_data snapshot"),
        (b'{"channel":"l2_data","events":[]}\n', "_recv"),
        (gzip.compress(b"x")[:10], "cannot be read"),
    ],
)
def test_a_bad_recording_is_named(tmp_path: Path, content: bytes, said: str) -> None:
    """One sentence with the line."""
    file = tmp_path / ("bad.jsonl.gz" if said == "cannot be read" else "bad.jsonl")
    file.write_bytes(content)
    with pytest.raises(RecordingError, match=said):
        read_recording(file)


@pytest.mark.skipif(not CAPTURE.exists(), reason="the recorded market data is not beside the project")
def test_the_real_capture_replays_book_for_book() -> None:
    """Ten products: after the last message each book equals one built naively from the file."""
    naive: dict[str, dict[tuple[str, Decimal], Decimal]] = {}
    for line in gzip.decompress(CAPTURE.read_bytes()).splitlines():
        envelope = json.loads(line)
        for event in envelope["events"] if envelope["channel"] == "l2_data" else []:
            book = naive.setdefault(event["product_id"], {})
            if event["type"] == "snapshot":
                book.clear()
            for update in event["updates"]:
                book[update["side"], Decimal(update["price_level"])] = Decimal(update["new_quantity"])
    world = build_world(Settings(markets=(str(CAPTURE),)))
    world.exchange.advance(world.clock.market_time() + 60)
    assert len(world.exchange.listings) == 10
    for product_id, market in world.exchange.markets.items():
        wanted = {key: size for key, size in naive[product_id].items() if size}
        mine = {
            ("bid" if half.is_bid else "offer", market.listing.price_of(ticks)): size
            for half in (market.ladder.bids, market.ladder.asks)
            for ticks, size in half.levels()
        }
        assert mine == wanted
