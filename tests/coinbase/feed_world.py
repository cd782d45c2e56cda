"""A feed running in its thread, what it delivered, and the scripts of a venue that behaves."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from random import Random
from typing import Any, Protocol

from samples import credentials, spot
from scripted_stream import ScriptedStream, Session

from trader.coinbase.feed import MarketFeed, UserFeed
from trader.coinbase.settings import FeedSettings
from trader.venue import FeedEvent

FAST = FeedSettings(reconnect_base_s=0.02, reconnect_cap_s=0.05)
SNAPSHOT = {
    "type": "snapshot",
    "product_id": "BTC-USD",
    "updates": [
        {"side": "bid", "price_level": "100.00", "new_quantity": "1"},
        {"side": "offer", "price_level": "101.00", "new_quantity": "1"},
    ],
}
UPDATE = {
    "type": "update",
    "product_id": "BTC-USD",
    "updates": [{"side": "bid", "price_level": "100.50", "new_quantity": "1"}],
}


class Feed(Protocol):
    """Either feed."""

    def run(self, on_item: Callable[[Any], None], stop: Callable[[], bool]) -> None: ...


class Collected:
    """What a feed delivered, and waiting for some of it."""

    def __init__(self) -> None:
        self.items: list[Any] = []
        self.bad: list[tuple[bytes, str]] = []

    def of(self, kind: type) -> list[Any]:
        return [item for item in list(self.items) if isinstance(item, kind)]

    def until(self, true: Callable[[], object], seconds: float = 20.0) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if true():
                return
            time.sleep(0.005)
        raise AssertionError(f"not within {seconds} s; got {self.items[-8:]}")

    def ups(self) -> list[FeedEvent]:
        return [event for event in self.of(FeedEvent) if event.up and not event.gap]

    def downs(self) -> list[FeedEvent]:
        return [event for event in self.of(FeedEvent) if not event.up]

    def gaps(self) -> list[FeedEvent]:
        return [event for event in self.of(FeedEvent) if event.gap]


@contextlib.contextmanager
def running(feed: Feed, collected: Collected) -> Iterator[None]:
    """Run a feed in its thread; stopping it takes less than a second."""
    stop = threading.Event()
    worker = threading.Thread(target=feed.run, args=(collected.items.append, stop.is_set))
    worker.start()
    try:
        yield
    finally:
        stop.set()
        began = time.monotonic()
        worker.join(5)
        assert not worker.is_alive()
        assert time.monotonic() - began < 1.0


def market(server: ScriptedStream, collected: Collected, **options: Any) -> MarketFeed:
    """A market feed for BTC-USD."""
    options.setdefault("on_bad", lambda raw, why: collected.bad.append((raw, why)))
    return MarketFeed(server.url, options.pop("key", None), [spot()], FAST, random=Random(1), **options)


def user(server: ScriptedStream, collected: Collected, **options: Any) -> UserFeed:
    """A user feed."""
    options.setdefault("on_bad", lambda raw, why: collected.bad.append((raw, why)))
    return UserFeed(server.url, credentials(), [spot()], FAST, random=Random(1), **options)


def good_market(session: Session) -> None:
    """Confirm, snapshot, and heartbeats for a long while."""
    session.hear(3)
    session.confirm("heartbeats", level2=["BTC-USD"], market_trades=["BTC-USD"])
    session.tell("l2_data", SNAPSHOT)
    session.beat(30)


def good_user(session: Session) -> None:
    """Confirm, an empty snapshot, and heartbeats."""
    session.hear(2)
    session.confirm("heartbeats", user=["me"])
    session.tell("user", {"type": "snapshot", "orders": []})
    session.beat(30)
