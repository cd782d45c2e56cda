"""What live actors are given: clocks, threads, ids; and for the broker the Coinbase client, its feeds and worker threads.

The stage has its own of each. Only `actors/system.py` and `actors/ending.py` import this.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Sequence

import msgspec
from loguru import logger

from actors.address import AddressBook
from actors.base import Board, Recorder, Running, Vitals, launch_thread
from actors.clock import MarketClock
from actors.eventlog import EventLog
from actors.guardian import Inbox
from actors.workers import WorkerPool
from trader.market.quote import BookTop, Quote
from trader.venue import Feed, FeedEvent, FeedHeartbeat, FeedItem, FeedKind, Venue

REST_WORKERS = 5
STALE_ON_ARRIVAL_S = 2.0
AFTER_FAILURE_S = 1.0


class LiveSurroundings:
    """What every live actor is given: addresses, the board, events, the machine's clock, threads."""

    def __init__(self, addresses: AddressBook, events: EventLog, inbox: Inbox, run_id: str) -> None:
        self.addresses = addresses
        self.board = Board()
        self.vitals: dict[str, Vitals] = {}
        self.recorder: Recorder | None = None
        self.events = events
        self.run_id = run_id
        self._inbox = inbox

    def machine_time(self) -> float:
        """Return this machine's monotonic seconds."""
        return time.monotonic()

    def new_id(self) -> str:
        """Return a fresh client order id: random 128 bits, never used before (I-07)."""
        return str(uuid.uuid4())

    def launch(self, name: str, loop: Callable[[], None]) -> Running:
        """Run an actor's loop in a daemon thread."""
        return launch_thread(name, loop)

    def wake_clock(self) -> None:
        """Ask the main thread for a tick soon."""
        self._inbox.wake()


class LivePorts:
    """Makes workers and feeds for each incarnation of the broker; the venue client is shared and keeps its sessions per thread."""

    def __init__(
        self, venue: Venue, make_feeds: Callable[[], Sequence[Feed]], clock: MarketClock, *, dry_run: bool
    ) -> None:
        self.venue = venue
        self.dry_run = dry_run
        self.shut = False
        self._make_feeds = make_feeds
        self._clock = clock

    def open_workers(self, name: str, stopped: Callable[[], bool]) -> WorkerPool:
        """Start this incarnation's worker threads."""
        return WorkerPool(name, REST_WORKERS, stopped)

    def open_feeds(self, name: str, deliver: Callable[[FeedItem], None], stopped: Callable[[], bool]) -> None:
        """Start a thread for each feed of this incarnation."""

        def judged(item: FeedItem) -> None:
            deliver(self._judged(item))

        for feed in self._make_feeds():
            threading.Thread(
                target=_run_feed, args=(feed, judged, stopped), name=f"{name}:{feed.kind}", daemon=True
            ).start()

    def _judged(self, item: FeedItem) -> FeedItem:
        """Taint a price that waited in a buffer, as after a pause of this process: its arrival is no proof that it is fresh."""
        if isinstance(item, Quote | BookTop) and not item.tainted:
            late_s = self._clock.late_s(item.market_time, item.machine_time)
            if late_s > STALE_ON_ARRIVAL_S:
                return msgspec.structs.replace(item, tainted=f"{late_s:.1f} s old on arrival")
        return item

    def on_heartbeat(self, beat: FeedHeartbeat) -> None:
        """Set the market's clock by the market connection's heartbeat."""
        if beat.kind is FeedKind.MARKET:
            self._clock.hear(beat.market_time, beat.machine_time)


def _run_feed(feed: Feed, deliver: Callable[[FeedItem], None], stopped: Callable[[], bool]) -> None:
    """Run one feed until its incarnation ends; a bug in it is logged, said as "down", and the feed begun anew a moment later."""
    while not stopped():
        try:
            feed.run(deliver, stopped)
        except Exception as error:  # noqa: BLE001 - a feed must not end in silence
            logger.opt(exception=True).error("the {} feed failed", feed.kind)
            deliver(
                FeedEvent(feed.kind, up=False, machine_time=time.monotonic(), reason=f"{type(error).__name__}: {error}")
            )
            time.sleep(AFTER_FAILURE_S)
