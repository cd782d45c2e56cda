"""What the market channels mean: books, tapes and tickers become Quotes and BookTops, and a book that lost something
is rebuilt.

Only `trader/coinbase/` imports this. A pure handler for `feed_loop`: no I/O, times handed in. At most one Quote
per symbol and message.

Freshness. The level-2 channel tells every change, so a heartbeat without a gap proves that a silent book still
stands, and its quote is told again with the heartbeat's time. That proof is believed for `QUIET_S`; then the
product is subscribed anew, because the snapshot is a proof of its own, and when none comes the connection is given
up. So a quiet market is not a dead feed, and a dead channel on a live connection is found. A book that stays crossed
has lost something that nobody noticed: it asks for a snapshot too.
"""

from __future__ import annotations

from collections.abc import Sequence

from trader.coinbase.frames import AnyFrame, BookFrame, TapeFrame, TickerFrame
from trader.coinbase.handler import Channel, usd_id
from trader.coinbase.product_state import WAITING, Product
from trader.coinbase.sequence import Order, Sighting
from trader.coinbase.wire import BadPayload, decimal_of, moment
from trader.market.book import CROSSED, GAP, NO_SNAPSHOT, OrderBook
from trader.market.instrument import Instrument
from trader.market.quote import Trade
from trader.venue import FeedItem, FeedKind

TOP_EVERY_S = 0.1
QUIET_S = 15.0
SNAPSHOT_S = 5.0
CROSSED_S = 2.0
"""A venue's own book is crossed for moments only."""
REPEAT_S = 0.9


class MarketHandler:
    """Frames of the market connection. With `depth` quotes come from level2, without it from ticker."""

    kind = FeedKind.MARKET

    def __init__(
        self,
        instruments: Sequence[Instrument],
        *,
        depth: bool = True,
        emit_trades: bool = False,
        backlog_limit_s: float | None = None,
    ) -> None:
        self._products = {instrument.product_id: Product(instrument, depth=depth) for instrument in instruments}
        self._by_wire = {usd_id(product_id): product for product_id, product in self._products.items()} | self._products
        self._depth = depth
        self._emit_trades = emit_trades
        self._backlog_limit_s = backlog_limit_s
        self._least_lag = float("inf")
        self._lag = 0.0
        self._wanted: set[str] = set()
        self._complaint = ""

    def channels(self) -> tuple[Channel, ...]:
        """Return the market subscriptions."""
        ids = tuple(self._products)
        return Channel("level2" if self._depth else "ticker", ids), Channel("market_trades", ids)

    def opened(self, now: float) -> None:
        """Distrust every book until its snapshot."""
        self._wanted.clear()
        self._complaint = ""
        self._least_lag = float("inf")
        for product in self._products.values():
            product.forget(now)

    def frame(self, frame: AnyFrame, sighting: Sighting, now: float) -> list[FeedItem]:
        """Apply a frame and return what changed; a late or repeated book message is not applied."""
        market_time = moment(frame.timestamp)
        if market_time is None:
            raise BadPayload("a frame without its time")
        self._lag = self._measured_lag(now, market_time)
        if isinstance(frame, BookFrame):
            return [] if sighting.order in {Order.DUPLICATE, Order.LATE} else self._books(frame, market_time, now)
        if isinstance(frame, TapeFrame):
            return self._trades(frame, market_time, now)
        if isinstance(frame, TickerFrame):
            return self._tickers(frame, market_time, now)
        return []

    def lost(self, why: str, now: float) -> list[FeedItem]:
        """Distrust every book, since nobody knows whose message is missing, and ask for snapshots."""
        items: list[FeedItem] = []
        for product_id, product in self._products.items():
            if self._depth and product.book.taint != NO_SNAPSHOT:
                product.book.distrust(GAP)
                self._wanted.add(product_id)
                items += product.quote(product.market_time, now, self._backlog())
        return items

    def tick(self, now: float, heartbeat: float | None) -> list[FeedItem]:
        """Tell tops that were held back; on a heartbeat tell silent quotes again, and look for products silent too
        long.
        """
        items: list[FeedItem] = []
        for product_id, product in self._products.items():
            if product.top_due and now - product.top_at >= TOP_EVERY_S:
                items.append(product.top(now))
            if heartbeat is not None and now - product.told_at >= REPEAT_S and now - product.heard_at < QUIET_S:
                items += product.quote(heartbeat, now, self._backlog(), again=True)
            if self._depth:
                self._watch(product_id, product, now)
        return items

    def renewals(self, now: float) -> tuple[Channel, ...]:
        """Return the products whose book must be told anew."""
        if not self._wanted:
            return ()
        ids = tuple(sorted(self._wanted))
        self._wanted.clear()
        for product_id in ids:
            self._products[product_id].asked_at = now
        return (Channel("level2", ids),)

    def is_ready(self) -> bool:
        """Always: a book without its snapshot says so in its own quote."""
        return True

    def complaint(self, now: float) -> str:
        """Return which product never answered."""
        return self._complaint

    def book(self, product_id: str) -> OrderBook:
        """Return the live book of a product, for the feed's own thread and tests."""
        return self._products[product_id].book

    def _watch(self, product_id: str, product: Product, now: float) -> None:
        """Ask for a snapshot of a product that is tainted or silent; complain when asking did not help."""
        product.crossed_since = (product.crossed_since or now) if product.book.taint == CROSSED else None
        if product.crossed_since is not None and now - product.crossed_since >= CROSSED_S:
            if now - product.asked_at < SNAPSHOT_S:
                return
            product.book.distrust(GAP)
            product.asked_at, product.crossed_since = now, None
            self._wanted.add(product_id)
            return
        waiting = product.book.taint in WAITING
        silent = now - product.heard_at >= QUIET_S
        if not (waiting or silent):
            product.asked_again = False
            return
        if now - product.asked_at < SNAPSHOT_S:
            return
        if product.asked_again:
            self._complaint = f"{product_id} got no snapshot although asked for twice"
            return
        product.asked_again = True
        product.asked_at = now
        self._wanted.add(product_id)

    def _books(self, frame: BookFrame, market_time: float, now: float) -> list[FeedItem]:
        touched: dict[str, Product] = {}
        for event in frame.events:
            product = self._by_wire.get(event.product_id)
            if product is None:
                continue
            product.heard_at, product.market_time = now, market_time
            touched[product.instrument.product_id] = product
            product.apply(event)
        items: list[FeedItem] = []
        for product in touched.values():
            product.top_due = True
            items += product.quote(market_time, now, self._backlog())
            if now - product.top_at >= TOP_EVERY_S:
                items.append(product.top(now))
        return items

    def _trades(self, frame: TapeFrame, market_time: float, now: float) -> list[FeedItem]:
        items: list[FeedItem] = []
        touched: dict[str, Product] = {}
        for event in frame.events:
            for row in event.trades:
                product = self._by_wire.get(row.product_id)
                if product is None:
                    continue
                price, size = decimal_of(row.price), decimal_of(row.size)
                when = moment(row.time) or market_time
                if price is None or size is None or price <= 0 or size < 0:
                    raise BadPayload("a trade without price or size")
                if product.tape.add(row.trade_id, price, size, when):
                    touched[row.product_id] = product
                    if self._emit_trades:
                        items.append(Trade(product.instrument.symbol, row.trade_id, price, size, row.side, when))
        for product in touched.values():
            product.market_time = max(product.market_time, market_time)
            items += product.quote(market_time, now, self._backlog(), again=True)
        return items

    def _tickers(self, frame: TickerFrame, market_time: float, now: float) -> list[FeedItem]:
        items: list[FeedItem] = []
        for event in frame.events:
            for row in event.tickers:
                product = self._by_wire.get(row.product_id)
                if product is None or self._depth:
                    continue
                product.heard_at, product.market_time = now, market_time
                product.hear_ticker(row)
                items += product.quote(market_time, now, self._backlog())
        return items

    def _measured_lag(self, now: float, market_time: float) -> float:
        """Return how much later than the fastest message of this connection this one came: what has piled up before
        us.
        """
        offset = now - market_time
        self._least_lag = min(self._least_lag, offset)
        return offset - self._least_lag

    def _backlog(self) -> str:
        limit = self._backlog_limit_s
        return "backlog" if limit is not None and self._lag > limit else ""
