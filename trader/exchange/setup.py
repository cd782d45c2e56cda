"""From settings to a running world: listings, markets, accounts, clock.

Imported by server.py and by tests that want an exchange in-process.
"""

from __future__ import annotations

import time
import uuid
from decimal import Decimal
from pathlib import Path

import msgspec

from trader.exchange.accounts import Fees
from trader.exchange.clock import VenueClock
from trader.exchange.engine import Exchange
from trader.exchange.listing import Listing, spot_listings
from trader.exchange.market import Market
from trader.exchange.paths import SyntheticPath

TICK_SECONDS = 0.25
_SEED_HISTORY_S = 30.0  # market seconds played before the doors open, so that there is a tape to warm up from
_FASTEST, _SLOWEST = 1000.0, 0.01


class SettingsError(Exception):
    """What was asked for cannot be built; the message names the remedy."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that an exchange is built from."""

    seed: int = 7
    markets: tuple[str, ...] = ()
    speed: float = 1.0
    equity_usd: Decimal = Decimal(10_000)
    maker_fee: Decimal = Decimal("0.005")
    taker_fee: Decimal = Decimal("0.009")
    data: Path | None = None


class World(msgspec.Struct):
    """An exchange with the clock that drives it and the machine seconds between two ticks."""

    exchange: Exchange
    clock: VenueClock
    tick_seconds: float


def synthetic_market(listing: Listing, *, seed: int, start: float) -> Market:
    """A market of its own path whose tape begins a little before `start`."""
    path = SyntheticPath(
        seed=seed,
        product_id=listing.product_id,
        start_price=float(listing.start_price),
        minute_volume_usd=float(listing.minute_volume_usd),
        origin=start,
    )
    return Market(listing, path, seed=seed, origin=start - _SEED_HISTORY_S, step_seconds=TICK_SECONDS)


def synthetic_exchange(*, seed: int, start: float, fees: Fees, equity_usd: Decimal, salt: str) -> Exchange:
    """The ten USD pairs on synthetic markets, with one account of dollars; nothing has happened yet at `start`."""
    listings = spot_listings()
    markets = {
        product_id: synthetic_market(listing, seed=seed, start=start) for product_id, listing in listings.items()
    }
    exchange = Exchange(listings, markets, fees=fees, salt=salt)
    fund(exchange, equity_usd)
    exchange.advance(start)
    exchange.drain()
    return exchange


def fund(exchange: Exchange, equity_usd: Decimal) -> None:
    """Open every wallet and put the dollars in."""
    exchange.accounts.wallet("USD").available = equity_usd
    for listing in exchange.listings.values():
        if not listing.is_derivative:
            exchange.accounts.wallet(listing.base)


def build_world(settings: Settings) -> World:
    """Build from settings, or SettingsError. The salt is fresh, so ids of one run are never those of another."""
    if not _SLOWEST <= settings.speed <= _FASTEST:
        raise SettingsError(f"--speed {settings.speed:g} is out of range; choose between {_SLOWEST:g} and {_FASTEST:g}")
    fees = Fees(settings.maker_fee, settings.taker_fee)
    start = time.time()
    exchange = synthetic_exchange(
        seed=settings.seed, start=start, fees=fees, equity_usd=settings.equity_usd, salt=uuid.uuid4().hex
    )
    return World(exchange, VenueClock(start=start), TICK_SECONDS)
