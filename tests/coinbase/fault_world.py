"""Arming faults at the exchange, resolving an order as the broker does, the smallest books, and the ledger as the judge."""

from __future__ import annotations

import threading
import time
import uuid
from decimal import Decimal
from typing import Any

import requests
from live_exchange import LiveExchange

from trader.coinbase.rest import CoinbaseVenue
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


def wait_for(true: Any, seconds: float = 20.0) -> None:
    """Poll until true."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if true():
            return
        time.sleep(0.02)
    raise AssertionError(f"not within {seconds} s")


GARBLES = sorted(__import__("trader.exchange.garbling", fromlist=["GARBLES"]).GARBLES)
