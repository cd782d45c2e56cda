"""Where prices come from: a path gives the fair price, the volume and the past candles of one product.

Imported by market.py and server.py.

Floats live here and nowhere else in the exchange: a path is a model, and its numbers become whole ticks and lots
before anybody trades on them.
"""

from __future__ import annotations

import math
from typing import Protocol

import msgspec

from trader.exchange import noise

_SWING_SECONDS = 22.0  # between turning points: a 5/20 cross on one-second bars every half minute or so
_SWING_BPS = 5.5
_DRIFTS_BPS_BY_SECONDS = ((300.0, 14.0), (3600.0, 70.0), (86400.0, 350.0))
_JUMP_SECONDS = 300.0
_CANDLE_SAMPLES = 9
_BASIS_BPS, _BASIS_SECONDS = 3.0, 600.0


class Candle(msgspec.Struct, frozen=True, gc=False):
    """Open, high, low, close in quote currency and volume in base units over one bucket of market time."""

    start: float
    open: float
    high: float
    low: float
    close: float
    volume: float


class Path(Protocol):
    """The model behind one product's market; pure, so any moment may be asked for in any order."""

    def price_at(self, market_time: float) -> float:
        """Fair price in quote currency."""
        ...

    def volume_between(self, start: float, end: float) -> float:
        """Base units that trade from start to end."""
        ...

    def candle(self, start: float, seconds: float) -> Candle | None:
        """The bucket [start, start + seconds); None where the path knows nothing or nothing traded."""
        ...


class Regime(msgspec.Struct, frozen=True):
    """The character of a synthetic market: factors on its swings, drifts and volume, and jumps of up to so many bps
    every five minutes.
    """

    swings: float = 1.0
    drifts: float = 1.0
    volume: float = 1.0
    jump_bps: float = 0.0


REGIMES = {
    "usual": Regime(),
    "calm": Regime(swings=0.4, drifts=0.4),
    "wild": Regime(swings=3.0, drifts=3.0),
    "thin": Regime(volume=0.1),
    "jumpy": Regime(jump_bps=40.0),
}


class SyntheticPath:
    """A seeded path: swings of about 6 bps on slower drifts; the market's first instant is at `origin` (UNIX
    seconds). Sixty-second returns have a standard deviation of about 6 bps (0.45 a year), below the documents'
    volatility warnings.
    """

    def __init__(
        self,
        *,
        seed: int,
        product_id: str,
        start_price: float,
        minute_volume_usd: float,
        origin: float,
        regime: Regime = REGIMES["usual"],
    ) -> None:
        self._seed = noise.seed_of(seed, product_id)
        self._regime = regime
        self._origin = origin
        self._minute_volume_usd = minute_volume_usd * regime.volume
        self._phase = 2.0 * noise.unit(self._seed, 10, 0)  # so that the products do not swing in step
        self._start_price = start_price / math.exp(self._log_move(0.0))

    def price_at(self, market_time: float) -> float:
        """Fair price in quote currency; equals the start price at the origin."""
        return self._start_price * math.exp(self._log_move(market_time - self._origin))

    def _log_move(self, elapsed: float) -> float:
        warped = elapsed + 7.0 * noise.smooth(self._seed, 1, elapsed / 97.0)
        regime = self._regime
        move = _SWING_BPS * regime.swings * noise.wave(self._seed, 2, warped / _SWING_SECONDS + self._phase)
        for lane, (seconds, bps) in enumerate(_DRIFTS_BPS_BY_SECONDS, start=3):
            move += bps * regime.drifts * noise.smooth(self._seed, lane, elapsed / seconds)
        if regime.jump_bps:
            move += regime.jump_bps * noise.signed(self._seed, 8, math.floor(elapsed / _JUMP_SECONDS))
        return move / 10_000.0

    def volume_between(self, start: float, end: float) -> float:
        """Base units; the rate breathes between 0.7 and 1.3 of the listing's over the minutes."""
        middle = (start + end) / 2.0
        breath = 1.0 + 0.3 * noise.smooth(self._seed, 9, (middle - self._origin) / 240.0)
        return self._minute_volume_usd / 60.0 * (end - start) * breath / self.price_at(middle)

    def candle(self, start: float, seconds: float) -> Candle:
        """A past bucket from nine samples of the path: exact at both ends, the extremes approximate."""
        step = seconds / (_CANDLE_SAMPLES - 1)
        prices = [self.price_at(start + step * index) for index in range(_CANDLE_SAMPLES)]
        return Candle(
            start, prices[0], max(prices), min(prices), prices[-1], self.volume_between(start, start + seconds)
        )


class BasisPath:
    """A derivative's path: the spot pair's, off by a few basis points that wander over ten minutes."""

    def __init__(self, spot: Path, *, seed: int, product_id: str, volume_factor: float, contract_size: float) -> None:
        self._spot = spot
        self._seed = noise.seed_of(seed, product_id)
        self._units = volume_factor / contract_size

    def _premium(self, market_time: float) -> float:
        return 1.0 + _BASIS_BPS * noise.smooth(self._seed, 1, market_time / _BASIS_SECONDS) / 10_000.0

    def price_at(self, market_time: float) -> float:
        """Spot price times one plus the basis."""
        return self._spot.price_at(market_time) * self._premium(market_time)

    def volume_between(self, start: float, end: float) -> float:
        """Contracts (or base units where a contract is one)."""
        return self._spot.volume_between(start, end) * self._units

    def candle(self, start: float, seconds: float) -> Candle | None:
        """The spot candle moved by the basis at its middle."""
        spot = self._spot.candle(start, seconds)
        if spot is None:
            return None
        factor = self._premium(start + seconds / 2.0)
        high, low = spot.high * factor, spot.low * factor
        return Candle(start, spot.open * factor, high, low, spot.close * factor, spot.volume * self._units)
