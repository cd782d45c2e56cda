"""What the feed knows of one product, and how it is told: the book or the ticker, the tape, and the last quote given
out.

Only `trader/coinbase/` imports this. Pure: the times are handed in by the feed's thread, which alone touches it.
"""

from __future__ import annotations

from decimal import Decimal

from trader.coinbase.frames import BookEvent, TickerRow
from trader.coinbase.tape import Tape
from trader.coinbase.wire import BadPayload, decimal_of
from trader.market.book import GAP, NO_SNAPSHOT, OffGridError, OrderBook
from trader.market.instrument import Instrument
from trader.market.quote import BookTop, Quote

TOP_LEVELS = 10
UNREADABLE = "unreadable"
WAITING = frozenset({NO_SNAPSHOT, GAP, UNREADABLE})

Best = tuple[Decimal, Decimal, Decimal, Decimal]  # bid, its size, ask, its size


class Product:
    """One product on the market connection. With `depth` its quote comes from the book, without it from the ticker."""

    def __init__(self, instrument: Instrument, *, depth: bool) -> None:
        self.instrument = instrument
        self.book = OrderBook(instrument)
        self.tape = Tape(instrument.contract_size)
        self.told_at = 0.0
        self.top_at = 0.0
        self.top_due = False
        self.heard_at = 0.0
        self.asked_at = 0.0
        self.asked_again = False
        self.crossed_since: float | None = None
        self.market_time = 0.0
        self._depth = depth
        self._ticker_best: Best | None = None
        self._told: tuple[object, ...] = ()

    def forget(self, now: float) -> None:
        """Begin a new connection: the book is worth nothing, the tape is kept and de-duplicated."""
        self.book.distrust(NO_SNAPSHOT)
        self._ticker_best = None
        self.asked_at = self.heard_at = now
        self.asked_again = False

    def apply(self, event: BookEvent) -> None:
        """Apply one book event whole; raises BadPayload, after which the book waits for a snapshot.

        A snapshot replaces everything. Updates to a book that waits for its snapshot are superseded by it and ignored.
        """
        book, grid = self.book, self.book.grid
        try:
            if event.type == "snapshot":
                sides: dict[bool, list[tuple[int, int]]] = {True: [], False: []}
                for row in event.updates:
                    sides[row.side == "bid"].append((grid.ticks(row.price_level), grid.lots(row.new_quantity)))
                book.load(sides[True], sides[False])
            elif book.taint not in WAITING:
                for row in event.updates:
                    book.apply(
                        bid=row.side == "bid", ticks=grid.ticks(row.price_level), lots=grid.lots(row.new_quantity)
                    )
        except (OffGridError, OverflowError) as error:
            book.distrust(UNREADABLE)
            raise BadPayload(f"{event.product_id}: {error}") from error

    def hear_ticker(self, row: TickerRow) -> None:
        """Take best bid and ask and the last price from a ticker; raises BadPayload."""
        bid, ask = decimal_of(row.best_bid), decimal_of(row.best_ask)
        self.tape.last = decimal_of(row.price) or self.tape.last
        if bid and ask:
            bid_size, ask_size = decimal_of(row.best_bid_quantity), decimal_of(row.best_ask_quantity)
            self._ticker_best = (bid, bid_size or Decimal(0), ask, ask_size or Decimal(0))

    def quote(self, market_time: float, now: float, backlog: str, *, again: bool = False) -> list[Quote]:
        """Return the quote, in a list of one, when there is one and it differs from the last one told or `again` is
        asked.
        """
        taint = (self.book.taint if self._depth else "") or backlog
        seen = self.book.best() if self._depth else self._ticker_best
        if seen is None:
            return []
        told = (*seen, taint)
        if told == self._told and not again:
            return []
        self._told, self.told_at = told, now
        bid, bid_size, ask, ask_size, half_ticks = self._terms()
        quote = Quote(
            symbol=self.instrument.symbol,
            bid=bid,
            ask=ask,
            bid_size=bid_size,
            ask_size=ask_size,
            half_ticks=half_ticks,
            last=self.tape.last,
            volume_1m_usd=self.tape.volume_usd(market_time),
            market_time=market_time,
            machine_time=now,
            tainted=taint,
        )
        return [quote]

    def top(self, now: float) -> BookTop:
        """Return the ten best levels a side."""
        self.top_at, self.top_due = now, False
        return BookTop(
            symbol=self.instrument.symbol,
            bids=self.book.levels(bid=True, count=TOP_LEVELS),
            asks=self.book.levels(bid=False, count=TOP_LEVELS),
            market_time=self.market_time,
            machine_time=now,
            tainted=self.book.taint,
        )

    def _terms(self) -> tuple[Decimal, Decimal, Decimal, Decimal, int]:
        """Return bid, its size, ask, its size and the mid in half ticks; only called when there is a best bid and
        ask.
        """
        if not self._depth:
            assert self._ticker_best is not None, "a quote is only made of a known best bid and ask"
            bid, bid_size, ask, ask_size = self._ticker_best
            return bid, bid_size, ask, ask_size, self.instrument.half_ticks(bid, ask)
        best, grid = self.book.best(), self.book.grid
        assert best is not None, "a quote is only made of a known best bid and ask"
        half_ticks = self.book.half_ticks(best[0], best[2])
        return grid.price(best[0]), grid.size(best[1]), grid.price(best[2]), grid.size(best[3]), half_ticks
