"""Looks at the venue through the client that trades: reachability, clock, key, permissions, wallets, products, feed, a round trip.

The order round trip happens on the embedded exchange only; towards a live venue nothing here can send an order. Each function takes
what it needs and returns rows; the commands `check` and `validate` put them together. Only they import this.
"""

from __future__ import annotations

import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from decimal import Decimal

import msgspec

from actors.clock import SKEW_MAX_S
from actors.connection import Connection, live_addresses
from trader.coinbase.feed import MarketFeed
from trader.coinbase.hosts import is_loopback
from trader.coinbase.rest import CoinbaseVenue
from trader.config import Settings
from trader.market.catalog import ProductCatalog
from trader.market.instrument import Instrument, TradingStatus
from trader.market.quote import Quote
from trader.orders.order import OrderType, Side, TimeInForce
from trader.report.checkup import Row, fail, ok, skip, warn
from trader.venue import Absent, FeedEvent, FeedItem, OrderRequest, Placed, VenueError

FEED_WITHIN_S = 5.0
DEADLINE_S = 10.0
GONE_WITHIN_S = 5.0
NETWORK = "look at the network: DNS, TLS, firewall; then at the venue's status page"
KEY_REMEDY = "make a CDP key with view and trade, not transfer, for the right portfolio; check its address list"


class Client:
    """The venue's client for the length of a check, and what was learned on the way."""

    def __init__(self, connection: Connection, settings: Settings, *, is_fresh: bool = False) -> None:
        self.connection = connection
        self.is_fresh = is_fresh
        """Whether the account was made for this check, with what a new paper account of the profile starts with."""
        self.settings = settings
        self.venue = CoinbaseVenue(
            connection.rest_url,
            connection.credentials,
            settings.rest,
            ProductCatalog(derivatives=settings.environment.derivatives),
            ca_file=connection.ca_file,
        )
        self.instruments: list[Instrument] = []

    def close(self) -> None:
        """Let the connections go."""
        self.venue.close()


def venue_rows(client: Client) -> Iterator[Row]:
    """Look at the venue, one row after the other; what cannot be looked at because of an earlier failure is skipped."""
    looks: tuple[tuple[str, Callable[[Client], Row]], ...] = (
        ("venue and clock", clock_row),
        ("key", key_row),
        ("products", products_row),
        ("wallets", wallets_row),
        ("market feed", feed_row),
        ("order round trip", round_trip_row),
    )
    reached = True
    for name, look in looks:
        row = attempt(name, look, client) if reached else skip(name, "the venue was not reached")
        reached = reached and row.remedy != NETWORK
        yield row


def keyless_rows(settings: Settings, key: Row) -> Iterator[Row]:
    """Look at the live venue without a key: reachability and the clock; `key` says what is wrong with it, the rest waits for it."""
    rest_url, _, _, ca_file = live_addresses(os.environ)
    venue = CoinbaseVenue(rest_url, None, settings.rest, ca_file=ca_file)
    try:
        yield _clock(venue, rest_url, is_embedded=is_loopback(rest_url))
    except VenueError as error:
        yield fail("venue and clock", f"{type(error).__name__}: {error}", NETWORK)
    finally:
        venue.close()
    yield key
    for name in ("products", "wallets", "market feed", "order round trip"):
        yield skip(name, "waits for a key")


def attempt(name: str, look: Callable[[Client], Row], client: Client) -> Row:
    """Return what a look finds; an error of the venue or of the way to it is a failed row."""
    try:
        return look(client)
    except VenueError as error:
        return fail(name, f"{type(error).__name__}: {error}", NETWORK)


def clock_row(client: Client) -> Row:
    """Reach the venue over TLS and compare clocks."""
    return _clock(client.venue, client.connection.rest_url, is_embedded=client.connection.is_embedded)


def _clock(venue: CoinbaseVenue, rest_url: str, *, is_embedded: bool) -> Row:
    skew = venue.server_time() - time.time()
    text = f"{rest_url} answers, clocks differ by {skew:+.2f} s"
    if abs(skew) > SKEW_MAX_S and not is_embedded:
        return fail("venue and clock", text, "synchronize this machine's clock: chrony or systemd-timesyncd")
    return ok("venue and clock", text)


def key_row(client: Client) -> Row:
    """Ask what the key may do: view yes, trade yes, transfer no (C-25). The key is named by its fingerprint."""
    try:
        allowed = client.venue.permissions()
    except VenueError as error:
        return fail("key", f"{client.connection.credentials.fingerprint} not accepted: {error}", KEY_REMEDY)
    may = [name for name in ("view", "trade", "transfer") if getattr(allowed, f"can_{name}")]
    portfolio = f", portfolio {allowed.portfolio_id[:8]}…" if allowed.portfolio_id else ""
    text = f"{client.connection.credentials.fingerprint} accepted; may {', '.join(may) or 'nothing'}{portfolio}"
    if allowed.can_transfer or not (allowed.can_view and allowed.can_trade):
        return fail("key", text, KEY_REMEDY)
    return ok("key", text)


def products_row(client: Client) -> Row:
    """Read the rules of every symbol of the profile."""
    client.instruments = client.venue.instruments(client.settings.symbols)
    held = [f"{one.symbol} is {one.status}" for one in client.instruments if one.status is not TradingStatus.ONLINE]
    rules = ", ".join(
        f"{one.symbol} lot {one.base_increment:f} tick {one.price_increment:f}" for one in client.instruments[:4]
    )
    if held:
        return warn("products", f"{'; '.join(held)}; {rules}", "wait for the venue, or trade other symbols")
    return ok("products", rules)


def wallets_row(client: Client) -> Row:
    """See whether the quote currency of each symbol is held."""
    account = client.venue.account([one.symbol for one in client.instruments], time.time())
    wallets = {balance.currency: balance.total for balance in account.balances if balance.total}
    missing = sorted({one.quote for one in client.instruments if not wallets.get(one.quote)})
    text = ", ".join(f"{name} {amount.normalize():f}" for name, amount in sorted(wallets.items())[:6]) or "all empty"
    if missing:
        return warn("wallets", f"no {', '.join(missing)}; held: {text}", "convert, deposit, or trade the pair you hold")
    return ok("wallets", f"a new paper account starts with {text}" if client.is_fresh else text)


def feed_row(client: Client) -> Row:
    """Wait for the first quote of the market feed."""
    settings, connection = client.settings, client.connection
    feed = MarketFeed(
        connection.ws_url, connection.credentials, client.instruments, settings.feed, ca_file=connection.ca_file
    )
    quoted, last = threading.Event(), ["no message at all"]

    def take(item: FeedItem) -> None:
        if isinstance(item, Quote):
            last[0] = f"{item.symbol} {item.bid} / {item.ask}"
            quoted.set()
        elif isinstance(item, FeedEvent) and item.reason:
            last[0] = item.reason

    over = threading.Event()
    started = time.monotonic()
    thread = threading.Thread(target=feed.run, args=(take, over.is_set), daemon=True)
    thread.start()
    found = quoted.wait(FEED_WITHIN_S)
    over.set()
    thread.join(FEED_WITHIN_S)
    if not found:
        return fail("market feed", f"no quote within {FEED_WITHIN_S:g} s: {last[0]}", "network: WebSocket, port 443")
    return ok("market feed", f"first quote after {time.monotonic() - started:.2f} s: {last[0]}")


def round_trip_row(client: Client) -> Row:
    """Place an order far from the market on the embedded exchange, find it, cancel it, and see it gone."""
    if not client.connection.is_embedded:
        return skip("order round trip", "never on a live venue; try --dry-run, then the canary")
    instrument = client.instruments[0]
    request = resting_request(instrument, client.venue.book_top(instrument.symbol).bids[0][0])
    placed = client.venue.place(request, DEADLINE_S)
    if not isinstance(placed, Placed):
        return fail("order round trip", f"not placed: {placed}", "read the refusal; python run.py exchange --help")
    found = client.venue.find_order(request.client_order_id, placed.order_id, instrument.symbol, time.time() - 60)
    if isinstance(found, Absent):
        return fail("order round trip", "placed and then not found", "a bug: keep the log")
    answers = client.venue.cancel([placed.order_id], DEADLINE_S)
    gone = wait_until(lambda: not client.venue.live_orders(), GONE_WITHIN_S)
    if not (answers[0].accepted and gone):
        return fail(
            "order round trip", f"not cancelled: {answers[0].reason or 'still open'}", "python run.py cancel-all"
        )
    return ok("order round trip", f"{instrument.symbol} placed, found, cancelled, gone")


def resting_request(instrument: Instrument, bid: Decimal, time_in_force: TimeInForce = TimeInForce.GTC) -> OrderRequest:
    """Return the smallest buy that rests half way below the market."""
    price = instrument.round_price(bid / 2, buying=True)
    return OrderRequest(
        client_order_id=str(uuid.uuid4()),
        product_id=instrument.product_id,
        symbol=instrument.symbol,
        side=Side.BUY,
        size=max(instrument.minimum_size(price), instrument.round_size(Decimal(10) / price)),
        limit_price=price,
        order_type=OrderType.LIMIT,
        time_in_force=time_in_force,
    )


def wait_until(ask: Callable[[], bool], seconds: float) -> bool:
    """Ask again and again; whether the answer became true in time."""
    deadline = time.monotonic() + seconds
    while not (found := ask()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return found


def as_json(rows: list[Row]) -> str:
    """Return rows as JSON for machines."""
    return msgspec.json.format(msgspec.json.encode(rows), indent=2).decode()
