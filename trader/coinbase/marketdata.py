"""Public market reads over REST: clock, products, candles, trades, books. They work without a key, on the public
twins of the paths.

Only `trader/coinbase/` imports this. Times are UNIX seconds of the venue's clock. Everything comes back oldest
first and in Decimal.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from trader.coinbase.breaker import EndpointClass
from trader.coinbase.gateway import Gateway, Query, Shape
from trader.coinbase.listing import products
from trader.coinbase.market_bodies import (
    CANDLES,
    ONE_BOOK,
    PRICE_BOOKS,
    PRODUCT,
    SERVER_TIME,
    TRADES,
    CandleRow,
    PriceBook,
)
from trader.coinbase.products import instrument_of
from trader.coinbase.wire import BadPayload, Body, moment
from trader.market.catalog import ProductCatalog
from trader.market.instrument import Instrument, TradingStatus
from trader.market.quote import BookTop, Candle, Quote, Trade
from trader.venue import InvalidRequestError, InvalidSymbol, VenueUnavailable

GRANULARITY = {
    60: "ONE_MINUTE",
    300: "FIVE_MINUTE",
    900: "FIFTEEN_MINUTE",
    1800: "THIRTY_MINUTE",
    3600: "ONE_HOUR",
    7200: "TWO_HOUR",
    14400: "FOUR_HOUR",
    21600: "SIX_HOUR",
    86400: "ONE_DAY",
}
CANDLES_PER_CALL = 300
BOOK_LEVELS = 10


class MarketReader:
    """Reads of public market data; every method raises VenueError."""

    def __init__(self, gateway: Gateway, catalog: ProductCatalog, clock: Callable[[], float]) -> None:
        self._gateway = gateway
        self._catalog = catalog
        self._clock = clock
        self._traded: dict[str, Instrument] = {}

    def server_time(self) -> float:
        """Return the venue's clock."""
        said = self._gateway.read(EndpointClass.MARKET, "/time", SERVER_TIME, public=True)
        millis = said.epochMillis.value
        seconds = millis / 1000 if millis is not None else said.epochSeconds.value
        if seconds is None:
            raise VenueUnavailable("the venue's clock has no hands")
        return float(seconds)

    def refresh_catalog(self) -> None:
        """Read all products again: spot, and futures where derivatives are on. A product that does not fit its shape
        is left out; one we trade that is not listed any more stays, HALTED (F-V03).
        """
        found: list[Instrument] = []
        for product_type in ("SPOT", "FUTURE") if self._catalog.derivatives else ("SPOT",):
            for product in products(self._gateway, product_type):
                try:
                    found.append(instrument_of(product))
                except BadPayload:
                    continue  # One odd product among thousands is no reason to know none; asking for it will say so.
        listed = {instrument.product_id for instrument in found}
        found += [_halted(each) for product_id, each in self._traded.items() if product_id not in listed]
        self._catalog.load(found, self._clock())

    def instruments(self, symbols: Sequence[str]) -> list[Instrument]:
        """Return the products behind our names, reading rules that are missing or old; raises InvalidSymbol naming
        what is unknown.
        """
        if self._catalog.is_stale(self._clock()):
            self.refresh_catalog()
        found, unknown = [], []
        for symbol in symbols:
            instrument = self._catalog.resolve(symbol).instrument
            if instrument is None:
                unknown.append(symbol)
            else:
                found.append(instrument)
        if unknown:
            raise InvalidSymbol(f"the venue has no product for {', '.join(unknown)}")
        self._traded.update((instrument.product_id, instrument) for instrument in found)
        return found

    def product(self, product_id: str) -> Instrument:
        """Read one product's rules and funding afresh into the catalogue; one we trade that is gone becomes HALTED."""
        try:
            fresh = instrument_of(self._read(f"/products/{product_id}", PRODUCT))
        except InvalidSymbol:
            if product_id not in self._traded:
                raise
            fresh = _halted(self._traded[product_id])
        except BadPayload as error:
            raise VenueUnavailable(f"{product_id} does not fit its shape: {error}") from error
        self._catalog.update([fresh], self._clock())
        found = self._catalog.by_product(product_id)
        assert found is not None, "a product just loaded is in the catalogue"
        return found

    def candles(self, symbol: str, start: float, end: float, seconds: int) -> list[Candle]:
        """Return the candles wholly inside [start, end), oldest first; minutes without trades are absent."""
        granularity = GRANULARITY.get(seconds)
        if granularity is None:
            raise InvalidRequestError(f"the venue has no candles of {seconds} s: use one of {sorted(GRANULARITY)}")
        product_id = self._known(symbol).product_id
        found: dict[float, Candle] = {}
        span, at = CANDLES_PER_CALL * seconds, start - start % seconds
        while at < end:
            until = min(at + span, end)
            query = [("start", str(int(at))), ("end", str(int(until))), ("granularity", granularity)]
            page = self._read(f"/products/{product_id}/candles", CANDLES, query)
            found.update((candle.start, candle) for candle in map(_candle, page.candles))
            at += span
        return [found[when] for when in sorted(found) if start <= when and when + seconds <= end]

    def trades(self, symbol: str, limit: int) -> list[Trade]:
        """Return the newest public trades (at most 100), oldest first."""
        instrument = self._known(symbol)
        page = self._read(f"/products/{instrument.product_id}/ticker", TRADES, [("limit", str(limit))])
        try:
            found = [
                Trade(
                    instrument.symbol,
                    row.trade_id,
                    row.price.needed,
                    row.size.needed,
                    row.side,
                    moment(row.time) or 0.0,
                )
                for row in page.trades
            ]
        except BadPayload as error:
            raise VenueUnavailable(f"a trade does not fit its shape: {error}") from error
        return found[::-1]

    def quotes(self, symbols: Sequence[str]) -> list[Quote]:
        """Return best bid and ask of several products in one request (one each without a key); without volume."""
        instruments = [self._known(symbol) for symbol in symbols]
        if self._gateway.has_key:
            query = [("product_ids", instrument.product_id) for instrument in instruments]
            books = self._gateway.read(EndpointClass.MARKET, "/best_bid_ask", PRICE_BOOKS, query).pricebooks
        else:
            books = [self._book(instrument, 1) for instrument in instruments]
        now = self._clock()
        found = [self._quote(book, now) for book in books]
        return [quote for quote in found if quote is not None]

    def book_top(self, symbol: str, levels: int = BOOK_LEVELS) -> BookTop:
        """Return the best levels of one product."""
        instrument = self._known(symbol)
        book = self._book(instrument, levels)
        try:
            bids = tuple((row.price.needed, row.size.needed) for row in book.bids[:levels])
            asks = tuple((row.price.needed, row.size.needed) for row in book.asks[:levels])
        except BadPayload as error:
            raise VenueUnavailable(f"a book level does not fit its shape: {error}") from error
        crossed = bool(bids and asks) and bids[0][0] >= asks[0][0]
        return BookTop(
            instrument.symbol, bids, asks, moment(book.time) or 0.0, self._clock(), "crossed" if crossed else ""
        )

    def _book(self, instrument: Instrument, levels: int) -> PriceBook:
        query = [("product_id", instrument.product_id), ("limit", str(levels))]
        return self._read("/product_book", ONE_BOOK, query).pricebook

    def _quote(self, book: PriceBook, now: float) -> Quote | None:
        instrument = self._catalog.by_product(book.product_id)
        if instrument is None or not (book.bids and book.asks):
            return None
        bid, ask = book.bids[0].price.value, book.asks[0].price.value
        if not bid or not ask:
            return None
        return Quote(
            symbol=instrument.symbol,
            bid=bid,
            ask=ask,
            bid_size=book.bids[0].size.or_zero,
            ask_size=book.asks[0].size.or_zero,
            half_ticks=instrument.half_ticks(bid, ask),
            last=None,
            volume_1m_usd=None,
            market_time=moment(book.time) or 0.0,
            machine_time=now,
            tainted="crossed" if bid >= ask else "",
        )

    def _known(self, symbol: str) -> Instrument:
        return self.instruments([symbol])[0]

    def _read(self, path: str, body: Body[Shape], query: Query = ()) -> Shape:
        """Read a path that has a public twin under /market, using the twin when there is no key."""
        public = not self._gateway.has_key
        return self._gateway.read(
            EndpointClass.MARKET, f"/market{path}" if public else path, body, query, public=public
        )


def _halted(instrument: Instrument) -> Instrument:
    return msgspec.structs.replace(instrument, status=TradingStatus.HALTED)


def _candle(row: CandleRow) -> Candle:
    try:
        return Candle(
            start=float(row.start.needed),
            open=row.open.needed,
            high=row.high.needed,
            low=row.low.needed,
            close=row.close.needed,
            volume=row.volume.or_zero,
        )
    except BadPayload as error:
        raise VenueUnavailable(f"a candle does not fit its shape: {error}") from error
