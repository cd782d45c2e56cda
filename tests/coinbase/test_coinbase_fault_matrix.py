"""The fault matrix against the embedded exchange: each fault, what the client concluded, and what the exchange's ledger says.

Never a second order, never a lost fill: whatever happened on the wire, the client's belief about an order and its books must end
equal to the exchange's own record.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
import requests
from conftest import LiveExchange
from msgspec.structs import replace

from trader.coinbase.feed import MarketFeed, UserFeed
from trader.coinbase.rest import CoinbaseVenue
from trader.coinbase.settings import FeedSettings
from trader.market.quote import Quote
from trader.orders.order import Order, OrderReport, OrderState, OrderType, Side, TimeInForce, merge
from trader.venue import (
    Absent,
    FeedEvent,
    FeedItem,
    FeedKind,
    Found,
    NotSent,
    OrderRequest,
    Placed,
    Refused,
    Unknown,
    VenueError,
)

POST_DEADLINE_S = 1.0
ABSENCE_S = 1.2
ZERO = Decimal(0)


class Faults:
    """Arms faults at the exchange's control endpoint."""

    def __init__(self, live: LiveExchange) -> None:
        self._url = f"{live.rest_url}/_exchange/faults"
        self._session = requests.Session()
        self._session.trust_env = False

    def arm(self, fault: str, **terms: Any) -> None:
        answer = self._session.post(self._url, json={"id": fault, **terms}, timeout=5)
        assert answer.status_code == 200, answer.text

    def fired(self, fault: str) -> int:
        return int(self._session.get(self._url, timeout=5).json()["fired"].get(fault, 0))

    def clear(self) -> None:
        self._session.delete(self._url, timeout=5)

    def close(self) -> None:
        self._session.close()


@pytest.fixture
def faults(live: LiveExchange) -> Iterator[Faults]:
    """The faults of this test only."""
    made = Faults(live)
    made.clear()
    yield made
    made.clear()
    made.close()


@pytest.fixture
def venue(live: LiveExchange) -> Iterator[CoinbaseVenue]:
    """A client with closed circuits, its market awake."""
    one = live.venue()
    one.instruments(["BTC-USD"])
    deadline = time.monotonic() + 5
    while not one.quotes(["BTC-USD"]) and time.monotonic() < deadline:
        time.sleep(0.02)
    yield one
    one.close()


def buy(venue: CoinbaseVenue) -> OrderRequest:
    """About a hundred dollars of BTC, filling at once."""
    btc = venue.instruments(["BTC-USD"])[0]
    quote = venue.quotes(["BTC-USD"])[0]
    return OrderRequest(
        str(uuid.uuid4()),
        "BTC-USD",
        "BTC-USD",
        Side.BUY,
        btc.round_size(Decimal(100) / quote.ask),
        btc.round_price(quote.ask * Decimal("1.02"), buying=True),
        OrderType.MARKET,
        TimeInForce.IOC,
    )


def settle(venue: CoinbaseVenue, request: OrderRequest, since: float) -> tuple[list[str], OrderReport | None]:
    """Place and resolve as the broker does: NotSent again with the same id, Unknown by evidence. The outcomes, and the order found."""
    words: list[str] = []
    for _ in range(5):
        outcome = venue.place(request, POST_DEADLINE_S)
        words.append(type(outcome).__name__)
        if not isinstance(outcome, NotSent):
            break
        time.sleep(0.1)
    if isinstance(outcome, Refused | NotSent):
        return words, None
    asked_at = time.monotonic()
    order_id = outcome.order_id if isinstance(outcome, Placed) else ""
    while time.monotonic() < asked_at + 10:
        try:
            found = venue.find_order(request.client_order_id, order_id, "BTC-USD", since)
        except VenueError:
            continue
        if isinstance(found, Found) and found.report.state in {
            OrderState.FILLED,
            OrderState.CANCELLED,
            OrderState.REJECTED,
        }:
            return [*words, "Found"], found.report
        if isinstance(found, Absent) and found.asked_at > asked_at + ABSENCE_S:
            return [*words, "Absent"], None
        time.sleep(0.1)
    raise AssertionError(f"never resolved: {words}")


def judge(live: LiveExchange, request: OrderRequest, report: OrderReport | None) -> None:
    """The exchange has exactly what the client believes: one order with these fills, or none."""
    ledger = live.ledger()
    orders = [each for each in ledger["orders"] if each["client_order_id"] == request.client_order_id]
    fills = [each for each in ledger["fills"] if each["client_order_id"] == request.client_order_id]
    if report is None:
        assert orders == []
        return
    assert [each["order_id"] for each in orders] == [report.order_id]
    assert report.filled_size == sum((Decimal(each["size"]) for each in fills), ZERO)
    assert report.fees == sum((Decimal(each["commission"]) for each in fills), ZERO)


CREATE = {"method": "POST", "path": "/orders"}
PLACING: list[tuple[str, str, dict[str, Any], list[str]]] = [
    ("F-N01", "", {}, ["Unknown", "Found"]),
    ("F-N02", "", {}, ["Unknown", "Absent"]),
    ("F-N03", "before_headers", {}, ["Unknown"]),
    ("F-N03", "mid_body", {}, ["Unknown"]),
    ("F-N03", "truncated_gzip", {}, ["Unknown"]),
    ("F-N03", "first_write", {}, ["Unknown"]),
    ("F-N05", "create", CREATE, ["Refused"]),
    *[("F-N06", variant, CREATE, ["Refused"]) for variant in ("seconds", "plain", "date", "absurd", "html")],
    *[("F-N07", variant, CREATE, ["Refused"]) for variant in ("401", "403")],
    *[("F-N08", variant, {}, ["Unknown", "Absent"]) for variant in ("500", "502", "520")],
    *[("F-N08", variant, {}, ["Unknown", "Found"]) for variant in ("done_500", "done_502")],
    ("F-N10", "huge", CREATE, ["Unknown", "Found"]),
    ("F-N10", "drip", CREATE, ["Unknown", "Found"]),
    ("F-N11", "redirect", CREATE, ["Unknown", "Absent"]),
    ("F-N11", "page", CREATE, ["Unknown", "Absent"]),
    ("F-N12", "latency", {**CREATE, "seconds": 30.0, "value": 0.3, "count": 1}, ["Placed", "Found"]),
    ("F-N14", "", {"seconds": 0.6}, ["Placed", "Found"]),
    ("F-O01", "", {"value": 0.3}, ["Placed", "Found"]),
]


@pytest.mark.parametrize(("fault", "variant", "terms", "words"), PLACING, ids=[f"{row[0]} {row[1]}" for row in PLACING])
def test_a_fault_while_placing(
    fault: str,
    variant: str,
    terms: dict[str, Any],
    words: list[str],
    venue: CoinbaseVenue,
    live: LiveExchange,
    faults: Faults,
) -> None:
    """The outcome is the documented one, and the ledger agrees with the client."""
    since, request = venue.server_time(), buy(venue)
    faults.arm(fault, variant=variant, **terms)
    told, report = settle(venue, request, since)
    assert told[: len(words)] == words
    assert faults.fired(fault) >= 1
    judge(live, request, report)


GARBLES = sorted(__import__("trader.exchange.garbling", fromlist=["GARBLES"]).GARBLES)


@pytest.mark.parametrize("variant", GARBLES)
def test_a_garbled_answer_to_an_order(variant: str, venue: CoinbaseVenue, live: LiveExchange, faults: Faults) -> None:
    """Either it still says enough, or it is Unknown and looked up (F-N09)."""
    since, request = venue.server_time(), buy(venue)
    faults.arm("F-N09", variant=variant, **CREATE)
    told, report = settle(venue, request, since)
    assert told[0] in {"Unknown", "Placed"}
    assert told[-1] == "Found"
    judge(live, request, report)


READS: list[tuple[str, str, dict[str, Any]]] = [
    *[("F-N06", variant, {"value": 0.2}) for variant in ("plain", "html")],
    ("F-N07", "401", {}),
    *[("F-N08", variant, {}) for variant in ("502", "503", "504")],
    ("F-N03", "before_headers", {}),
    ("F-N03", "mid_body", {}),
    ("F-N11", "page", {}),
    ("F-N13", "repeated", {}),
    *[("F-N15", variant, {}) for variant in ("number", "exponent", "decimals")],
]


@pytest.mark.parametrize(("fault", "variant", "terms"), READS, ids=[f"{row[0]} {row[1]}" for row in READS])
def test_a_fault_while_reading_is_survived(
    fault: str, variant: str, terms: dict[str, Any], venue: CoinbaseVenue, faults: Faults
) -> None:
    """One bad answer, then the read succeeds and says what it said before."""
    before = venue.account(["BTC-USD"], venue.server_time()).balances
    faults.arm(fault, variant=variant, **{"method": "GET", "path": "/accounts", "count": 1} | terms)
    assert venue.account(["BTC-USD"], venue.server_time()).balances == before
    assert faults.fired(fault) >= 1


@pytest.mark.parametrize("variant", ["missing", "loop"])
def test_broken_pages_are_an_error_or_the_whole(
    variant: str, venue: CoinbaseVenue, live: LiveExchange, faults: Faults
) -> None:
    """A listing is complete or an error (F-N13); rows left out of one without a word are found in the second."""
    since, request = venue.server_time(), buy(venue)
    placed = venue.place(request)
    assert isinstance(placed, Placed)
    faults.arm("F-N13", variant=variant, path="/orders/historical/batch", count=1 if variant == "missing" else -1)
    try:
        found = venue.find_order(request.client_order_id, "", "BTC-USD", since)
    except VenueError:
        return
    assert isinstance(found, Found)


def test_a_repeated_id_answered_with_an_error_is_the_original(
    venue: CoinbaseVenue, live: LiveExchange, faults: Faults
) -> None:
    """The other form of F-N04: not a refusal, for the first order lives."""
    since, request = venue.server_time(), buy(venue)
    faults.arm("F-N04")
    assert isinstance(venue.place(request), Placed)
    assert isinstance(venue.place(request), Unknown)
    found = venue.find_order(request.client_order_id, "", "BTC-USD", since)
    assert isinstance(found, Found)
    judge(live, request, found.report)


def test_a_cancel_refused_by_a_200_is_told(venue: CoinbaseVenue, faults: Faults) -> None:
    """F-N05 on cancels, and F-O03: per item, with a reason."""
    for fault, variant in (("F-N05", "cancel"), ("F-O03", "unknown"), ("F-O03", "filled")):
        request = replace(buy(venue), order_type=OrderType.LIMIT, time_in_force=TimeInForce.GTC)
        placed = venue.place(replace(request, limit_price=request.limit_price // 2))
        assert isinstance(placed, Placed)
        faults.arm(fault, variant=variant, method="POST", path="/orders/batch_cancel")
        refused = venue.cancel([placed.order_id])[0]
        faults.clear()
        assert not refused.accepted
        assert refused.reason
        venue.cancel([placed.order_id])


class Books:
    """The smallest bookkeeper: joins reports, fills gaps by REST, remembers quotes and events."""

    def __init__(self, venue: CoinbaseVenue) -> None:
        self._venue = venue
        self._watermark = venue.server_time()
        self._lock = threading.Lock()
        self.orders: dict[str, Order] = {}
        self.filled: dict[str, Decimal] = {}
        self.quotes: list[Quote] = []
        self.events: list[FeedEvent] = []

    def take(self, item: FeedItem) -> None:
        """Called by the feeds' threads."""
        if isinstance(item, Quote):
            self.quotes.append(item)
        elif isinstance(item, FeedEvent):
            self.events.append(item)
            if item.kind is FeedKind.USER and item.up:
                self.backfill()
        elif isinstance(item, OrderReport):
            self.join(item)

    def backfill(self) -> None:
        """Read what a gap or a reconnect may have hidden."""
        for report in self._venue.backfill(self._watermark).reports:
            self.join(report)

    def join(self, report: OrderReport) -> None:
        """Join one report, counting what it adds."""
        with self._lock:
            order = self.orders.get(report.client_order_id)
            if order is None:
                return
            self.orders[order.client_order_id], fill = merge(order, report, 0.0)
            if fill is not None:
                self.filled[order.client_order_id] += fill.size

    def place(self, request: OrderRequest) -> None:
        """Place one order with a place in the books first."""
        self.filled[request.client_order_id] = ZERO
        self.orders[request.client_order_id] = Order(
            request.client_order_id,
            request.symbol,
            request.product_id,
            request.side,
            request.size,
            request.limit_price,
            request.order_type,
            request.time_in_force,
            reduce_only=False,
            state=OrderState.SENT,
        )
        assert isinstance(self._venue.place(request), Placed)

    @property
    def all_filled(self) -> bool:
        """True when every order is known to be filled."""
        return all(order.state is OrderState.FILLED for order in self.orders.values())


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
            told = venue.quotes(["BTC-USD"])[0]
            return any((each.bid, each.ask) == (told.bid, told.ask) and not each.tainted for each in books.quotes[-20:])

        wait_for(agrees)
    finally:
        stop.set()
        worker.join(5)
    assert all(quote.bid < quote.ask or quote.tainted for quote in books.quotes)


def wait_for(true: Any, seconds: float = 8.0) -> None:
    """Poll until true."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if true():
            return
        time.sleep(0.02)
    raise AssertionError(f"not within {seconds} s")
