"""The way to the venue: which URLs, which key, what must be true of both before anything starts; feeds and the cold path over it.

Only `actors/system.py` and the commands import this. The same client serves the embedded exchange and Coinbase; only URLs and keys
differ. Raises Ends with 69, 77 or 64 and one sentence.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping

import msgspec

from actors.clock import SKEW_MAX_S, MarketClock
from actors.control_board import Cancelled
from actors.exchange_process import ReadyLine
from trader.coinbase.auth import Credentials, ExchangeCredentials, refuse_derivatives
from trader.coinbase.cold import cancel_everything
from trader.coinbase.feed import MarketFeed, UserFeed
from trader.coinbase.hosts import ForbiddenHost, check_host, is_loopback
from trader.coinbase.keyshape import CredentialProblem
from trader.coinbase.polling import MarketPolling, UserPolling
from trader.coinbase.rest import CoinbaseVenue
from trader.config import Settings
from trader.config.settings import EnvironmentSettings
from trader.exit_code import Ends, ExitCode
from trader.market.instrument import Instrument
from trader.report.redaction import redactor
from trader.venue import AuthenticationError, Feed, InvalidSymbol, PermissionDenied, VenueError

REST_URL = "https://api.coinbase.com"
WS_URL = "wss://advanced-trade-ws.coinbase.com"
WS_USER_URL = "wss://advanced-trade-ws-user.coinbase.com"
COLD_DEADLINE_S = 20.0


class Connection(msgspec.Struct, frozen=True):
    """Where the venue is and the key to it; `account` names the account for the event store's identity."""

    rest_url: str
    ws_url: str
    ws_user_url: str
    credentials: Credentials
    ca_file: str | None
    account: str
    is_embedded: bool

    def __repr__(self) -> str:
        return f"Connection({self.rest_url})"


def connect(settings: Settings, ready: ReadyLine | None) -> Connection:
    """Choose URLs and key: the embedded exchange's on paper, Coinbase's with the environment's key when live."""
    if settings.is_paper:
        assert ready is not None, "paper trading has an embedded exchange"
        redactor.know(ready.api_secret)
        return Connection(
            ready.rest_url,
            ready.ws_url,
            ready.ws_user_url,
            Credentials.parse(ready.api_key, ready.api_secret),
            ready.ca_file or None,
            f"paper:{settings.profile}",
            is_embedded=True,
        )
    return _live(os.environ, settings.environment)


def _live(environ: Mapping[str, str], wanted: EnvironmentSettings) -> Connection:
    key, secret = environ.get("COINBASE_API_KEY", ""), environ.get("COINBASE_API_SECRET", "")
    redactor.know(secret)
    if not key or not secret:
        missing = " and ".join(n for n, v in (("COINBASE_API_KEY", key), ("COINBASE_API_SECRET", secret)) if not v)
        raise Ends(
            ExitCode.CREDENTIALS_REFUSED,
            f"--live needs a key: {missing} not set. Nothing was started. Without --live the same command trades on paper.",
        )
    if wanted.api_mode != "advanced":
        _refuse_exchange_mode(environ, wanted)
    rest_url, ws_url, ws_user_url, ca_file = live_addresses(environ)
    try:
        credentials = Credentials.parse(key, secret)
    except CredentialProblem as error:
        raise Ends(ExitCode.CREDENTIALS_REFUSED, f"COINBASE_API_KEY/COINBASE_API_SECRET: {error}") from error
    return Connection(rest_url, ws_url, ws_user_url, credentials, ca_file, key, is_embedded=is_loopback(rest_url))


def _refuse_exchange_mode(environ: Mapping[str, str], wanted: EnvironmentSettings) -> None:
    """End a live start with a key of the older Exchange API: it can be read and would sign, but that API takes no order of ours."""
    passphrase = environ.get("COINBASE_PASSPHRASE") or environ.get("COINBASE_API_PASSPHRASE") or ""
    redactor.know(passphrase)
    try:
        refuse_derivatives(wanted.api_mode, wanted.derivatives)
        ExchangeCredentials(environ["COINBASE_API_KEY"], environ["COINBASE_API_SECRET"], passphrase)
    except CredentialProblem as error:
        raise Ends(ExitCode.CREDENTIALS_REFUSED, f"{error} Nothing was started.") from error
    raise Ends(
        ExitCode.CREDENTIALS_REFUSED,
        "COINBASE_API_MODE=exchange: orders go out through the Advanced Trade API only. Make a CDP key and set"
        " COINBASE_API_MODE=advanced. Nothing was started.",
    )


def live_addresses(environ: Mapping[str, str]) -> tuple[str, str, str, str | None]:
    """Return the live venue's REST, market feed and user feed addresses and the file of certificates; Ends with 64 for others."""
    rest_url, ws_url = environ.get("COINBASE_REST_URL", REST_URL), environ.get("COINBASE_WS_URL", WS_URL)
    ws_user_url = environ.get("COINBASE_WS_USER_URL", WS_USER_URL)
    try:
        for url in (rest_url, ws_url, ws_user_url):
            check_host(url)
    except ForbiddenHost as error:
        raise Ends(ExitCode.USAGE, str(error)) from error
    return rest_url, ws_url, ws_user_url, environ.get("COINBASE_CA_FILE") or None


def check_venue(venue: CoinbaseVenue, settings: Settings, clock: MarketClock) -> dict[str, Instrument]:
    """Ask the venue its time, what the key may do, and for the products; return the instruments by symbol."""
    try:
        market_time = venue.server_time()
        clock.hear(market_time, time.monotonic())
        skew = market_time - time.time()
        if not settings.is_paper and abs(skew) > SKEW_MAX_S:
            raise Ends(
                ExitCode.VENUE_UNREACHABLE,
                f"this machine's clock is {abs(skew):.1f} s {'behind' if skew > 0 else 'ahead of'} the venue's;"
                f" the limit is {SKEW_MAX_S:g} s. Synchronize it (chrony or systemd-timesyncd) and start again.",
            )
        _check_key(venue)
        instruments = venue.instruments(settings.symbols)
        venue.check_approval(instruments)
    except (AuthenticationError, PermissionDenied) as error:
        raise Ends(ExitCode.CREDENTIALS_REFUSED, f"the venue refuses the key: {error}. Nothing was started.") from error
    except InvalidSymbol as error:
        raise Ends(ExitCode.USAGE, f"{error}. Nothing was started.") from error
    except VenueError as error:
        raise Ends(ExitCode.VENUE_UNREACHABLE, f"the venue cannot be reached: {error}. Nothing was started.") from error
    return {instrument.symbol: instrument for instrument in instruments}


def _check_key(venue: CoinbaseVenue) -> None:
    """Refuse a key that cannot trade, and one that could move money out (C-25)."""
    allowed = venue.permissions()
    lacking = [name for name, has in (("view", allowed.can_view), ("trade", allowed.can_trade)) if not has]
    if lacking:
        raise Ends(
            ExitCode.CREDENTIALS_REFUSED, f"the key lacks the {' and '.join(lacking)} permission; make one that has it."
        )
    if allowed.can_transfer:
        raise Ends(
            ExitCode.CREDENTIALS_REFUSED,
            "the key may transfer funds out of the account; make one with view and trade only. Nothing was started.",
        )


def make_feeds(
    connection: Connection, venue: CoinbaseVenue, instruments: dict[str, Instrument], settings: Settings
) -> list[Feed]:
    """Make the feeds of one broker incarnation: streams, or polling where streaming is switched off."""
    products, key, ca_file = list(instruments.values()), connection.credentials, connection.ca_file
    if not settings.feed.streaming:
        every_s = poll_interval_s(len(products), settings.rest.rate_limit_per_minute)
        return [MarketPolling(venue, products, every_s), UserPolling(venue, every_s)]
    clock = venue.token_clock
    return [
        MarketFeed(connection.ws_url, key, products, settings.feed, token_clock=clock, ca_file=ca_file),
        UserFeed(connection.ws_user_url, key, products, settings.feed, token_clock=clock, ca_file=ca_file),
    ]


def poll_interval_s(products: int, per_minute: int) -> float:
    """Return how often to poll so that polling takes at most half of the minute's requests, never faster than every two seconds."""
    requests = 5 + 2 * products
    return max(2.0, 60.0 * requests / (per_minute / 2))


def cancel_portfolio(connection: Connection) -> Cancelled:
    """Take the cold path; any thread, with a connection of its own."""
    result = cancel_everything(connection.credentials, connection.rest_url, COLD_DEADLINE_S, ca_file=connection.ca_file)
    return Cancelled(result.cancelled, result.remaining, result.confirmed, "; ".join(result.errors[-1:]))
