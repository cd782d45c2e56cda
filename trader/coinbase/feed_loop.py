"""The life of one feed: connect, subscribe, read, give up, pause, connect again, until told to stop.

Only `trader/coinbase/` imports this. What a connection does stands in `connection`; what the frames mean is the
handler's affair.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from random import Random

from trader.coinbase.auth import Credentials
from trader.coinbase.connection import Connection
from trader.coinbase.handler import FeedCounters, FeedParts, Handler, OnItem, Stop
from trader.coinbase.hosts import check_host
from trader.coinbase.reconnect import Reconnect
from trader.coinbase.settings import FeedSettings
from trader.coinbase.socket_stream import StreamClosed
from trader.venue import FeedEvent

PAUSE_SLICE_S = 0.1


class FeedLoop:
    """Runs a handler over connections to one URL."""

    def __init__(
        self,
        url: str,
        credentials: Credentials | None,
        settings: FeedSettings,
        handler: Handler,
        *,
        clock: Callable[[], float] = time.monotonic,
        token_clock: Callable[[], float] = time.time,
        random: Random | None = None,
        ca_file: str | None = None,
        on_bad: Callable[[bytes, str], None] | None = None,
    ) -> None:
        self._parts = FeedParts(check_host(url), credentials, handler, clock, token_clock, ca_file, on_bad)
        self._clock = clock
        self._reconnect = Reconnect(settings.reconnect_base_s, settings.reconnect_cap_s, random or Random())  # noqa: S311

    @property
    def counters(self) -> FeedCounters:
        """What the feed has met so far; read from any thread."""
        return self._parts.counters

    def rotate(self, credentials: Credentials) -> None:
        """Sign later subscriptions with another key."""
        self._parts.credentials = credentials

    def run(self, on_item: OnItem, stop: Stop) -> None:
        """Block until `stop()`, delivering items from this thread."""
        while not stop():
            self._reconnect.started(self._clock())
            self.counters.connects += 1
            self.counters.flapping = self._reconnect.is_flapping
            connection = Connection(self._parts, on_item)
            try:
                why = connection.serve(stop)
            except StreamClosed as error:
                why = str(error)
            finally:
                connection.close()
            if stop():
                return
            now = self._clock()
            self._reconnect.ended(now - connection.up_since if connection.up_since is not None else 0.0)
            on_item(FeedEvent(self._parts.handler.kind, up=False, machine_time=now, reason=why))
            self._pause(self._reconnect.pause_s(), stop)

    def _pause(self, seconds: float, stop: Stop) -> None:
        until = self._clock() + seconds
        while not stop() and (left := until - self._clock()) > 0:
            time.sleep(min(left, PAUSE_SLICE_S))
