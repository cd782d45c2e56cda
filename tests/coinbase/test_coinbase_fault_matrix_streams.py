"""The fault matrix of the streams on the exchange: no fill lost or counted twice, no wrong quote left standing."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from fault_world import GARBLES, ZERO, Books, Faults, buy, wait_for
from live_exchange import LiveExchange

from trader.coinbase.feed import MarketFeed, UserFeed
from trader.coinbase.rest import CoinbaseVenue
from trader.coinbase.settings import FeedSettings
from trader.market.quote import Quote

STREAMING: list[tuple[str, str, dict[str, Any]]] = [
    ("F-W01", "", {"channel": "user", "count": 3}),
    ("F-W02", "", {"channel": "user", "count": 1}),
    ("F-W03", "", {"channel": "user", "count": 2}),
    ("F-W04", "", {"channel": "user", "count": 4}),
    ("F-W08", "abrupt", {}),
    ("F-W08", "polite", {}),
    ("F-W10", "", {}),
    ("F-W13", "", {"count": 3}),
    *[("F-N09", variant, {"channel": "user", "count": 2}) for variant in GARBLES],
    *[("F-N15", variant, {"channel": "user", "count": 3}) for variant in ("number", "exponent", "decimals")],
]


@pytest.mark.parametrize(("fault", "variant", "terms"), STREAMING, ids=[f"{row[0]} {row[1]}" for row in STREAMING])
def test_no_fill_is_lost_and_none_counted_twice_by_a_fault_of_the_stream(
    fault: str, variant: str, terms: dict[str, Any], venue: CoinbaseVenue, live: LiveExchange, faults: Faults
) -> None:
    """Five orders through the fault; the books end equal to the ledger. What no gap betrays (F-W04) the periodic read finds."""
    books = Books(venue)
    feed = UserFeed(
        live.ws_user_url,
        live.credentials,
        venue.instruments(["BTC-USD"]),
        FeedSettings(reconnect_base_s=0.05, reconnect_cap_s=0.1),
    )
    stop = threading.Event()
    worker = threading.Thread(target=feed.run, args=(books.take, stop.is_set))
    if fault == "F-W10":
        faults.arm(fault, variant=variant, **terms)
    worker.start()
    try:
        wait_for(lambda: any(event.up for event in books.events))
        if fault != "F-W10":
            faults.arm(fault, variant=variant, **terms)
        for _ in range(5):
            books.place(buy(venue))
        deadline = time.monotonic() + (0.5 if fault == "F-W04" else 6.0)
        while not books.all_filled and time.monotonic() < deadline:
            time.sleep(0.02)
        if not books.all_filled:
            books.backfill()
        assert books.all_filled
    finally:
        stop.set()
        worker.join(5)
    ledger = live.ledger()
    for client_order_id, filled in books.filled.items():
        fills = [each for each in ledger["fills"] if each["client_order_id"] == client_order_id]
        assert filled == sum((Decimal(each["size"]) for each in fills), ZERO)
        assert sum(each["client_order_id"] == client_order_id for each in ledger["orders"]) == 1


MARKET: list[tuple[str, str, dict[str, Any]]] = [
    ("F-W01", "", {"channel": "l2_data", "count": 5}),
    ("F-W02", "", {"channel": "l2_data", "count": 2}),
    ("F-W03", "", {"channel": "l2_data", "count": 2}),
    ("F-W07", "lost", {"channel": "level2"}),
    ("F-W07", "rejected", {"channel": "level2"}),
    ("F-W08", "abrupt", {}),
    ("F-W08", "polite", {}),
    *[("F-N09", variant, {"channel": "l2_data", "count": 2}) for variant in GARBLES],
    *[("F-N15", variant, {"channel": "l2_data", "count": 5}) for variant in ("number", "exponent")],
    ("F-V08", "crossed", {"seconds": 0.5}),
]


def tells(quote: Quote, told: Quote) -> bool:
    """Whether a quote is sound and has the best prices of another."""
    return (quote.bid, quote.ask) == (told.bid, told.ask) and not quote.tainted


@pytest.mark.parametrize(("fault", "variant", "terms"), MARKET, ids=[f"{row[0]} {row[1]}" for row in MARKET])
def test_after_a_fault_of_market_data_clean_quotes_come_back_and_are_right(
    fault: str, variant: str, terms: dict[str, Any], venue: CoinbaseVenue, live: LiveExchange, faults: Faults
) -> None:
    """No quote is crossed without saying so, and in the end the book's best equals what REST tells."""
    books = Books(venue)
    feed = MarketFeed(
        live.ws_url,
        live.credentials,
        venue.instruments(["BTC-USD"]),
        FeedSettings(reconnect_base_s=0.05, reconnect_cap_s=0.1),
    )
    stop = threading.Event()
    worker = threading.Thread(target=feed.run, args=(books.take, stop.is_set))
    if fault == "F-W07":
        faults.arm(fault, variant=variant, **terms)
    worker.start()
    try:
        wait_for(lambda: any(event.up for event in books.events), 15.0)
        if fault != "F-W07":
            faults.arm(fault, variant=variant, **terms)
            wait_for(lambda: faults.fired(fault) >= 1)
        faults_over = time.monotonic()
        wait_for(lambda: any(each.machine_time > faults_over and not each.tainted for each in books.quotes))

        def agrees() -> bool:
            """The stream tells what REST tells, a moment before it or after it; a price may also pass between two frames."""
            seen = len(books.quotes)
            told = venue.quotes(["BTC-USD"])[0]
            with suppress(AssertionError):
                wait_for(lambda: any(tells(each, told) for each in books.quotes[max(seen - 20, 0) :]), 1.0)
                return True
            return False

        wait_for(agrees)
    finally:
        stop.set()
        worker.join(5)
    assert all(quote.bid < quote.ask or quote.tainted for quote in books.quotes)
