"""From settings to a running world: listings, markets, accounts, clock.

Imported by server.py and by tests that want an exchange in-process.
"""

from __future__ import annotations

import time
import uuid
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from trader.exchange.account_file import AccountFile, AccountFileError, Origin
from trader.exchange.accounts import Fees
from trader.exchange.candle_path import CandleFileError, CandlePath, product_of, read_candles
from trader.exchange.clock import VenueClock
from trader.exchange.engine import Exchange
from trader.exchange.funds import divided, fund
from trader.exchange.listing import Listing, derivative_listings, dollar_coin_twins, spot_listings
from trader.exchange.market import Market
from trader.exchange.paths import REGIMES, BasisPath, Path as PricePath, Regime, SyntheticPath
from trader.exchange.recorded import RecordedMarket, RecordingError, read_recording

TICK_SECONDS = 0.25
_SEED_HISTORY_S = 20.0  # market seconds played before the doors open, so that there is a tape to warm up from
_FASTEST, _SLOWEST = 1000.0, 0.01
_HISTORY_CANDLES = 350  # a replay starts this far into the record, so that the past can be asked for
_REPLAY_LEAD_S = 60.0
_REPLAY_STEP_S = 1.0
_SHORTEST_TICK_S = 0.05


class SettingsError(Exception):
    """What was asked for cannot be built; the message names the remedy."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that an exchange is built from."""

    seed: int = 7
    markets: tuple[str, ...] = ()
    speed: float = 1.0
    regime: str = "usual"
    equity_usd: Decimal = Decimal(10_000)
    usdc: Decimal = Decimal(0)
    symbols: tuple[str, ...] = ()
    maker_fee: Decimal = Decimal("0.005")
    taker_fee: Decimal = Decimal("0.009")
    data: Path | None = None
    faults: Path | None = None


class World(msgspec.Struct):
    """An exchange with the clock that drives it and the machine seconds between two ticks."""

    exchange: Exchange
    clock: VenueClock
    tick_seconds: float
    account_file: AccountFile | None = None
    origin: Origin | None = None
    faults: tuple[Any, ...] = ()

    def keep_time(self) -> None:
        """Store the market time, so that a replay goes on from here."""
        if self.account_file is not None and self.origin is not None:
            self.origin.market_time = self.clock.market_time()
            self.account_file.keep_origin(self.origin)


def synthetic_path(listing: Listing, *, seed: int, start: float, regime: Regime = REGIMES["usual"]) -> PricePath:
    """The path of a listing: its own for spot, the spot pair's with a basis for a derivative."""
    spot = SyntheticPath(
        seed=seed,
        product_id=f"{listing.base}-USD",
        start_price=float(listing.start_price),
        minute_volume_usd=float(listing.minute_volume_usd),
        origin=start,
        regime=regime,
    )
    if not listing.is_derivative:
        return spot
    size = float(listing.contract_size)
    return BasisPath(spot, seed=seed, product_id=listing.product_id, volume_factor=1.0, contract_size=size)


def synthetic_market(
    listing: Listing,
    *,
    seed: int,
    start: float,
    step_seconds: float = TICK_SECONDS,
    path_origin: float | None = None,
    regime: Regime = REGIMES["usual"],
) -> Market:
    """A market whose tape begins a little before `start`; its price is the listing's at `path_origin`, else at
    `start`.
    """
    path = synthetic_path(listing, seed=seed, start=start if path_origin is None else path_origin, regime=regime)
    lead = _SEED_HISTORY_S * step_seconds / TICK_SECONDS
    return Market(listing, path, seed=seed, origin=start - lead, step_seconds=step_seconds)


def synthetic_exchange(
    *,
    seed: int,
    start: float,
    fees: Fees,
    equity_usd: Decimal,
    salt: str,
    usdc: Decimal = Decimal(0),
    step_seconds: float = TICK_SECONDS,
    path_origin: float | None = None,
    regime: Regime = REGIMES["usual"],
) -> Exchange:
    """The ten USD pairs, their USDC twins and the derivatives on synthetic markets; nothing has happened at `start`."""
    spot = spot_listings()
    listings = {**spot, **dollar_coin_twins(spot), **derivative_listings(spot)}
    markets = {
        product_id: synthetic_market(
            listing, seed=seed, start=start, step_seconds=step_seconds, path_origin=path_origin, regime=regime
        )
        for product_id, listing in listings.items()
        if listing.book_id == product_id
    }
    exchange = Exchange(listings, markets, fees=fees, salt=salt)
    fund(exchange, equity_usd, usdc)
    exchange.advance(start)
    exchange.drain()
    return exchange


def build_world(settings: Settings) -> World:
    """Build from settings, or SettingsError; a stored account continues, with its ids, its prices and its market
    time.
    """
    usd, usdc = divided(settings.equity_usd, settings.symbols)
    settings = msgspec.structs.replace(settings, equity_usd=usd, usdc=settings.usdc + usdc)
    if not _SLOWEST <= settings.speed <= _FASTEST:
        raise SettingsError(f"--speed {settings.speed:g} is out of range; choose between {_SLOWEST:g} and {_FASTEST:g}")
    try:
        account_file = None if settings.data is None else AccountFile(settings.data)
    except AccountFileError as error:
        raise SettingsError(str(error)) from None
    faults = _read_faults(settings.faults)
    stored = None if account_file is None else account_file.origin()
    fees = Fees(settings.maker_fee, settings.taker_fee)
    build = _replayed_world if settings.markets else _synthetic_world
    world, origin = build(settings, fees, stored)
    world.faults = faults
    if account_file is not None:
        try:
            account_file.load(world.exchange)
        except AccountFileError as error:
            raise SettingsError(str(error)) from None
        account_file.keep_origin(origin)
        world.account_file, world.origin = account_file, origin
    return world


def _read_faults(file: Path | None) -> tuple[Any, ...]:
    """The faults of a file: a JSON list, each with at least its id."""
    if file is None:
        return ()
    try:
        faults = msgspec.json.decode(file.read_bytes(), type=list[dict[str, Any]])
    except (OSError, msgspec.MsgspecError) as error:
        raise SettingsError(
            f'--faults {file}: {error}; give a JSON list such as [{{"id": "F-N01", "at_s": 5}}]'
        ) from None
    return tuple(faults)


def _synthetic_world(settings: Settings, fees: Fees, stored: Origin | None) -> tuple[World, Origin]:
    start = time.time()
    continues = stored is not None and stored.seed == settings.seed and not stored.sources
    path_origin = stored.path_origin if stored is not None and continues else start
    salt = stored.salt if stored is not None else uuid.uuid4().hex
    exchange = synthetic_exchange(
        seed=settings.seed,
        start=start,
        fees=fees,
        equity_usd=settings.equity_usd,
        salt=salt,
        usdc=settings.usdc,
        step_seconds=TICK_SECONDS * max(1.0, settings.speed),
        path_origin=path_origin,
        regime=REGIMES[settings.regime],
    )
    clock = VenueClock(start=start, speed=settings.speed)
    return World(exchange, clock, TICK_SECONDS), Origin(salt, settings.seed, path_origin, start)


def _replayed_world(settings: Settings, fees: Fees, stored: Origin | None) -> tuple[World, Origin]:
    """An exchange that lists the recorded products only, on the records' clock."""
    if any(".jsonl" in Path(wanted).name for wanted in settings.markets):
        return _envelope_world(settings, fees, stored)
    paths: dict[str, CandlePath] = {}
    known = {**spot_listings(), **derivative_listings(spot_listings())}
    for wanted in settings.markets:
        listing, path = _record(wanted, known)
        known[listing.product_id] = listing
        paths[listing.product_id] = path
    start, end = (
        max(path.start_after(_HISTORY_CANDLES) for path in paths.values()),
        min(path.end for path in paths.values()),
    )
    if start >= end:
        raise SettingsError("the files of --market do not overlap in time; replay them one by one")
    sources = tuple(sorted(Path(wanted).name for wanted in settings.markets))
    if stored is not None and stored.sources == sources:
        start = min(max(start, stored.market_time), end)
    listings = {product_id: known[product_id] for product_id in paths}
    markets = {
        product_id: Market(
            listings[product_id], path, seed=settings.seed, origin=start - _REPLAY_LEAD_S, step_seconds=_REPLAY_STEP_S
        )
        for product_id, path in paths.items()
    }
    salt = stored.salt if stored is not None else uuid.uuid4().hex
    exchange = Exchange(listings, markets, fees=fees, salt=salt)
    fund(exchange, settings.equity_usd, settings.usdc)
    exchange.advance(start)
    exchange.drain()
    tick = min(TICK_SECONDS, max(_SHORTEST_TICK_S, _REPLAY_STEP_S / settings.speed))
    clock = VenueClock(start=start, speed=settings.speed)
    return World(exchange, clock, tick), Origin(salt, settings.seed, start, start, sources)


def _envelope_world(settings: Settings, fees: Fees, stored: Origin | None) -> tuple[World, Origin]:
    """An exchange on a recorded feed, book for book; a stored account goes on from the recording's beginning."""
    if len(settings.markets) != 1:
        raise SettingsError("a recorded feed (.jsonl) is replayed alone; give one --market")
    file = Path(settings.markets[0])
    try:
        recording = read_recording(file)
    except RecordingError as error:
        raise SettingsError(str(error)) from None
    markets: dict[str, Market] = {name: RecordedMarket(recording, name) for name in recording.listings}
    salt = stored.salt if stored is not None else uuid.uuid4().hex
    exchange = Exchange(dict(recording.listings), markets, fees=fees, salt=salt)
    fund(exchange, settings.equity_usd, settings.usdc)
    exchange.advance(recording.start)
    exchange.drain()
    clock = VenueClock(start=recording.start, speed=settings.speed)
    origin = Origin(salt, settings.seed, recording.start, recording.start, (file.name,))
    return World(exchange, clock, _SHORTEST_TICK_S), origin


def _record(wanted: str, known: dict[str, Listing]) -> tuple[Listing, CandlePath]:
    """The product and the path of one --market argument."""
    name, equals, rest = wanted.partition("=")
    file = Path(rest if equals else wanted)
    try:
        product_id = name.upper() if equals else product_of(file)
        listing = _listing(product_id, known)
        return listing, CandlePath(read_candles(file, volume_in_quote=listing.is_derivative))
    except CandleFileError as error:
        raise SettingsError(str(error)) from None


def _listing(product_id: str, known: dict[str, Listing]) -> Listing:
    """The rules of a product; a known coin may also be quoted in USDC."""
    if product_id in known:
        return known[product_id]
    twin = known.get(product_id.removesuffix("C")) if product_id.endswith("-USDC") else None
    if twin is None:
        names = ", ".join(sorted(known))
        raise SettingsError(f"--market: {product_id} is not listed here; choose one of {names}, or write PRODUCT=FILE")
    return msgspec.structs.replace(twin, product_id=product_id, quote="USDC")
