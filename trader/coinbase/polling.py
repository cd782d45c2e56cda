"""The fallback without WebSocket: the same items, read by REST in a steady rhythm.

The broker actor imports this where streaming is switched off. Coarser than a feed: quotes carry no one-minute
volume unless trades are polled too, and an order's steps between two polls are not seen, only its state. Each
successful poll counts as a heartbeat, each failed one as the connection being down. Blocking; runs in one thread.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from trader.coinbase.handler import OnItem, Stop
from trader.coinbase.rest import CoinbaseVenue
from trader.coinbase.tape import Tape
from trader.market.instrument import Instrument
from trader.market.quote import BookTop, Quote
from trader.venue import CriticalError, FeedEvent, FeedHeartbeat, FeedKind, RecoverableError

PAUSE_SLICE_S = 0.1
TRADES_PER_POLL = 100


class _Poller:
    """The rhythm: poll, tell up or down, wait."""

    kind: FeedKind

    def __init__(self, venue: CoinbaseVenue, interval_s: float, clock: Callable[[], float]) -> None:
        assert interval_s > 0, "polling needs a pause"
        self._venue = venue
        self._interval_s = interval_s
        self._clock = clock

    def run(self, on_item: OnItem, stop: Stop) -> None:
        """Block until `stop()`."""
        up = False
        while not stop():
            began = self._clock()
            try:
                market_time = self._poll(on_item)
            except (RecoverableError, CriticalError) as error:
                if up:
                    on_item(FeedEvent(self.kind, up=False, machine_time=self._clock(), reason=str(error)))
                up = False
            else:
                now = self._clock()
                if not up:
                    on_item(FeedEvent(self.kind, up=True, machine_time=now))
                    up = True
                on_item(FeedHeartbeat(self.kind, now, market_time))
            while not stop() and (left := began + self._interval_s - self._clock()) > 0:
                time.sleep(min(left, PAUSE_SLICE_S))

    def _poll(self, on_item: OnItem) -> float:
        """Read everything once, deliver it, and return the venue's time; raises VenueError."""
        raise NotImplementedError


class MarketPolling(_Poller):
    """Quotes with the last minute's volume and BookTops of some instruments: two requests per product and poll."""

    kind = FeedKind.MARKET

    def __init__(
        self,
        venue: CoinbaseVenue,
        instruments: Sequence[Instrument],
        interval_s: float = 2.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(venue, interval_s, clock)
        self._tapes = {instrument.symbol: Tape(instrument.contract_size) for instrument in instruments}
        self._instruments = {instrument.symbol: instrument for instrument in instruments}

    def _poll(self, on_item: OnItem) -> float:
        market_time = self._venue.server_time()
        for symbol, instrument in self._instruments.items():
            tape = self._tapes[symbol]
            for trade in self._venue.trades(symbol, TRADES_PER_POLL):
                tape.add(trade.trade_id, trade.price, trade.size, trade.market_time)
            top = self._venue.book_top(symbol)
            on_item(top)
            quote = quote_of(top, instrument, tape)
            if quote is not None:
                on_item(quote)
        return market_time


class UserPolling(_Poller):
    """Reports of the key's orders since the start of the polling, and of every order still alive."""

    kind = FeedKind.USER

    def __init__(
        self, venue: CoinbaseVenue, interval_s: float = 2.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(venue, interval_s, clock)
        self._watermark: float | None = None

    def _poll(self, on_item: OnItem) -> float:
        market_time = self._venue.server_time()
        found = self._venue.backfill(market_time if self._watermark is None else self._watermark)
        for report in found.reports:
            on_item(report)
        self._watermark = max(found.watermark, market_time)
        return market_time


def quote_of(top: BookTop, instrument: Instrument, tape: Tape) -> Quote | None:
    """Return the quote of a book's top, None while a side is empty."""
    if not top.bids or not top.asks:
        return None
    (bid, bid_size), (ask, ask_size) = top.bids[0], top.asks[0]
    return Quote(
        symbol=top.symbol,
        bid=bid,
        ask=ask,
        bid_size=bid_size,
        ask_size=ask_size,
        half_ticks=instrument.half_ticks(bid, ask),
        last=tape.last,
        volume_1m_usd=tape.volume_usd(top.market_time),
        market_time=top.market_time,
        machine_time=top.machine_time,
        tainted=top.tainted,
    )
