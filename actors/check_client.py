"""What the validations of client and streams look at: discovery, orders, quotes, heartbeats. Only `validate_command.py` imports this.

Everything runs through the code that trades. Orders leave to the embedded exchange only.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal

import msgspec

from actors.check_venue import (
    DEADLINE_S,
    Client,
    attempt,
    clock_row,
    key_row,
    products_row,
    resting_request,
    round_trip_row,
)
from trader.coinbase.feed import MarketFeed
from trader.coinbase.handler import OnItem
from trader.market.instrument import Instrument
from trader.market.quote import BookTop, Quote
from trader.orders.order import TimeInForce
from trader.report.checkup import Row, fail, ok, skip
from trader.venue import FeedHeartbeat, FeedItem, InvalidSymbol, OrderRequest, Placed, Refused

DISCOVERED_MIN = 2
LOOKED_FOR = ("BTC", "ETH", "SOL", "XRP")
STREAM_S = 6.0


def perps_client_rows(client: Client) -> Iterator[Row]:
    """Discovery of at least two of four, types of the metadata, place and cancel, times in force, quantization."""
    yield attempt("venue and clock", clock_row, client)
    yield attempt("key", key_row, client)
    yield attempt("discovery", _discovery, client)
    yield attempt("metadata", products_row, client)
    yield _quantization(client)
    yield attempt("place and cancel", round_trip_row, client)
    yield attempt("IOC", _ioc, client)
    yield attempt("below minimum", _below_minimum, client)


def _discovery(client: Client) -> Row:
    suffix = "PERP" if client.settings.environment.derivatives else "USD"
    found = []
    for base in LOOKED_FOR:
        try:
            found += [one.product_id for one in client.venue.instruments([f"{base}-{suffix}"])]
        except InvalidSymbol:
            continue
    told = f"{len(found)} of {len(LOOKED_FOR)}: {', '.join(found) or 'none'}"
    return (
        ok("discovery", told) if len(found) >= DISCOVERED_MIN else fail("discovery", told, "see the venue's products")
    )


def _quantization(client: Client) -> Row:
    """Every rounded size and price lies on its grid and is never worse than asked."""
    for one in client.instruments:
        size, price = one.round_size(Decimal("1.23456789123")), one.round_price(Decimal("1234.56789123"), buying=True)
        if size % one.base_increment or price % one.price_increment or price > Decimal("1234.56789123"):
            return fail("quantization", f"{one.symbol}: {size} at {price} is off the grid", "a bug: keep the log")
    return ok("quantization", f"sizes and prices of {len(client.instruments)} products lie on their grids")


def _ioc(client: Client) -> Row:
    """An IOC far from the market ends by itself and leaves nothing open."""
    if not client.connection.is_embedded:
        return skip("IOC", "never on a live venue")
    placed = client.venue.place(_far(client, TimeInForce.IOC), DEADLINE_S)
    left = client.venue.live_orders()
    if not isinstance(placed, Placed) or left:
        return fail("IOC", f"{placed}, {len(left)} open", "read the refusal")
    return ok("IOC", "taken, not filled, nothing left open")


def _below_minimum(client: Client) -> Row:
    """The venue refuses a size below its minimum, and its word reaches us."""
    if not client.connection.is_embedded:
        return skip("below minimum", "never on a live venue")
    instrument = client.instruments[0]
    request = msgspec.structs.replace(_far(client, TimeInForce.GTC), size=instrument.base_min_size / 10)
    answer = client.venue.place(request, DEADLINE_S)
    if not isinstance(answer, Refused):
        return fail("below minimum", f"not refused: {answer}", "python run.py cancel-all")
    return ok("below minimum", f"refused with {answer.code}")


def _far(client: Client, time_in_force: TimeInForce) -> OrderRequest:
    instrument = client.instruments[0]
    return resting_request(instrument, client.venue.book_top(instrument.symbol).bids[0][0], time_in_force)


def ws_rows(client: Client) -> Iterator[Row]:
    """Connect, updates of every symbol, heartbeats without staleness, the rolling volume."""
    row = attempt("metadata", products_row, client)
    yield row
    seen: Counter[str] = Counter()
    volumes: dict[str, Decimal] = {}

    def take(item: FeedItem) -> None:
        if isinstance(item, Quote):
            seen[f"quote {item.symbol}"] += 1
            volumes[item.symbol] = item.volume_1m_usd or Decimal(0)
        elif isinstance(item, BookTop):
            seen[f"book {item.symbol}"] += 1
        elif isinstance(item, FeedHeartbeat):
            seen["heartbeat"] += 1

    _listen(client, take)
    yield from _stream_rows(client.instruments, seen, volumes)


def _listen(client: Client, take: OnItem) -> None:
    connection = client.connection
    feed = MarketFeed(
        connection.ws_url, connection.credentials, client.instruments, client.settings.feed, ca_file=connection.ca_file
    )
    over = threading.Event()
    thread = threading.Thread(target=feed.run, args=(take, over.is_set), daemon=True)
    thread.start()
    time.sleep(STREAM_S)
    over.set()
    thread.join(STREAM_S)


def _stream_rows(instruments: list[Instrument], seen: Counter[str], volumes: dict[str, Decimal]) -> Iterator[Row]:
    silent = [one.symbol for one in instruments if not seen[f"quote {one.symbol}"]]
    quotes = sum(count for name, count in seen.items() if name.startswith("quote"))
    if silent:
        yield fail("updates", f"no quote of {', '.join(silent)} within {STREAM_S:g} s", "the network, or the symbols")
    else:
        yield ok("updates", f"{quotes} quotes of {len(instruments)} symbols in {STREAM_S:g} s")
    beats = seen["heartbeat"]
    if beats < STREAM_S / 2:
        yield fail("heartbeats", f"{beats} in {STREAM_S:g} s; entries would wait for FEED_DOWN", "the network")
    else:
        yield ok("heartbeats", f"{beats} in {STREAM_S:g} s")
    told = ", ".join(f"{symbol} {volume:.0f} USD" for symbol, volume in list(volumes.items())[:4])
    yield ok("rolling volume", f"60 s: {told}") if volumes else fail("rolling volume", "none", "the network")
