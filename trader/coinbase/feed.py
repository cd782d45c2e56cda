"""The two feeds of Coinbase behind the port: market data and the account's own orders.

The broker actor imports this and owns the threads; `run` blocks in one of them. Both reconnect and resubscribe by
themselves with fresh tokens. Items arrive in the order of the wire; market data is not conflated here beyond
BookTop's hundred milliseconds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from random import Random

from trader.coinbase.auth import Credentials
from trader.coinbase.feed_loop import FeedLoop
from trader.coinbase.handler import FeedCounters, OnItem, Stop
from trader.coinbase.hosts import is_loopback
from trader.coinbase.market_frames import MarketHandler
from trader.coinbase.settings import FeedSettings
from trader.coinbase.user_frames import UserHandler
from trader.market.instrument import Instrument
from trader.venue import FeedKind

__all__ = ["MarketFeed", "UserFeed"]

BACKLOG_LIMIT_S = 1.0


class MarketFeed:
    """Quotes, BookTops and (on request) Trades of some instruments.

    `depth` False takes quotes from the ticker channel and keeps no books. A backlog older than a second taints
    quotes; on loopback, where the market's clock may run at another speed than this machine's, that is off unless
    `backlog_limit_s` is given.
    """

    kind = FeedKind.MARKET

    def __init__(
        self,
        url: str,
        credentials: Credentials | None,
        instruments: Sequence[Instrument],
        settings: FeedSettings,
        *,
        depth: bool = True,
        emit_trades: bool = False,
        clock: Callable[[], float] = time.monotonic,
        token_clock: Callable[[], float] = time.time,
        random: Random | None = None,
        ca_file: str | None = None,
        on_bad: Callable[[bytes, str], None] | None = None,
        backlog_limit_s: float | None = None,
    ) -> None:
        assert instruments, "a market feed without instruments has nothing to say"
        limit = backlog_limit_s if backlog_limit_s is not None or is_loopback(url) else BACKLOG_LIMIT_S
        self.handler = MarketHandler(instruments, depth=depth, emit_trades=emit_trades, backlog_limit_s=limit)
        self._loop = FeedLoop(
            url,
            credentials,
            settings,
            self.handler,
            clock=clock,
            token_clock=token_clock,
            random=random,
            ca_file=ca_file,
            on_bad=on_bad,
        )

    def run(self, on_item: OnItem, stop: Stop) -> None:
        """Block until `stop()`, which is looked at several times a second."""
        self._loop.run(on_item, stop)

    def rotate(self, credentials: Credentials) -> None:
        """Sign later subscriptions with another key."""
        self._loop.rotate(credentials)

    @property
    def counters(self) -> FeedCounters:
        """What the feed has met so far."""
        return self._loop.counters


class UserFeed:
    """OrderReports of the key's own orders, on all products."""

    kind = FeedKind.USER

    def __init__(
        self,
        url: str,
        credentials: Credentials,
        instruments: Sequence[Instrument],
        settings: FeedSettings,
        *,
        clock: Callable[[], float] = time.monotonic,
        token_clock: Callable[[], float] = time.time,
        random: Random | None = None,
        ca_file: str | None = None,
        on_bad: Callable[[bytes, str], None] | None = None,
    ) -> None:
        self._loop = FeedLoop(
            url,
            credentials,
            settings,
            UserHandler(instruments),
            clock=clock,
            token_clock=token_clock,
            random=random,
            ca_file=ca_file,
            on_bad=on_bad,
        )

    def run(self, on_item: OnItem, stop: Stop) -> None:
        """Block until `stop()`, which is looked at several times a second."""
        self._loop.run(on_item, stop)

    def rotate(self, credentials: Credentials) -> None:
        """Sign later subscriptions with another key."""
        self._loop.rotate(credentials)

    @property
    def counters(self) -> FeedCounters:
        """What the feed has met so far."""
        return self._loop.counters
