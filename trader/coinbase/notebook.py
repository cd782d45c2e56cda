"""Streams as iterators, for notebooks and scripts: trades, order books and the account's own orders, one value after
the other.

People import this; the trading system does not. A daemon thread runs the feed into a bounded queue; when the
reader is slower than the market the oldest values go (user events never do: their queue is unbounded). Closing the
generator ends the thread.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Sequence
from typing import Protocol

from trader.coinbase.auth import Credentials
from trader.coinbase.feed import MarketFeed, UserFeed
from trader.coinbase.handler import OnItem, Stop
from trader.coinbase.settings import FeedSettings
from trader.market.instrument import Instrument
from trader.market.quote import BookTop, Quote, Trade
from trader.orders.order import OrderReport
from trader.venue import FeedEvent, FeedItem

QUEUE_MAX = 10_000
WAIT_S = 0.2


class _Runs(Protocol):
    def run(self, on_item: OnItem, stop: Stop) -> None: ...


def stream_trades(url: str, credentials: Credentials | None, instruments: Sequence[Instrument]) -> Iterator[Trade]:
    """Yield public trades as they happen, prices and sizes in Decimal."""
    feed = MarketFeed(url, credentials, instruments, FeedSettings(), emit_trades=True, depth=False)
    for item in _items(feed, QUEUE_MAX):
        if isinstance(item, Trade):
            yield item


def stream_orderbook(
    url: str, credentials: Credentials | None, instruments: Sequence[Instrument], level: int = 1
) -> Iterator[Quote | BookTop]:
    """Yield Quotes from the ticker (`level` 1) or BookTops from level2 (`level` 2 and above)."""
    depth = level >= 2
    feed = MarketFeed(url, credentials, instruments, FeedSettings(), depth=depth)
    for item in _items(feed, QUEUE_MAX):
        if isinstance(item, BookTop if depth else Quote):
            yield item


def stream_user_events(
    url: str, credentials: Credentials, instruments: Sequence[Instrument] = ()
) -> Iterator[OrderReport | FeedEvent]:
    """Yield reports of the account's orders; FeedEvents between them say when messages may be missing (`gap`, `up`)."""
    for item in _items(UserFeed(url, credentials, instruments, FeedSettings()), 0):
        if isinstance(item, (OrderReport, FeedEvent)):
            yield item


def _items(feed: _Runs, limit: int) -> Iterator[FeedItem]:
    waiting: queue.Queue[FeedItem] = queue.Queue(limit)
    ended = threading.Event()

    def keep(item: FeedItem) -> None:
        while True:
            try:
                waiting.put_nowait(item)
            except queue.Full:
                _drop_oldest(waiting)
            else:
                return

    worker = threading.Thread(target=feed.run, args=(keep, ended.is_set), name="notebook-feed", daemon=True)
    worker.start()
    try:
        while worker.is_alive() or not waiting.empty():
            try:
                yield waiting.get(timeout=WAIT_S)
            except queue.Empty:
                continue
    finally:
        ended.set()
        worker.join(timeout=5.0)


def _drop_oldest(waiting: queue.Queue[FeedItem]) -> None:
    try:
        waiting.get_nowait()
    except queue.Empty:
        return
