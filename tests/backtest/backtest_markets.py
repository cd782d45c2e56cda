"""Markets and settings for backtests in tests and benchmarks: waves that cross the averages about as often as one asks."""

from __future__ import annotations

import math
import random
from decimal import Decimal
from pathlib import Path

from actors.backtest_market import History, Series, instrument_of
from actors.backtest_models import MarketModels
from trader.config import ConfigErrors, Settings, load_settings

ROOT = Path(__file__).parents[2]
START = 1_672_531_200  # 2023-01-01T00:00Z
CHEAP = MarketModels(maker_fee=Decimal("0.0001"), taker_fee=Decimal("0.0002"))


def waves(
    symbol: str = "BTC-USD",
    bars: int = 2_000,
    *,
    seed: int = 1,
    period: float = 60.0,
    amplitude: float = 0.004,
    noise: float = 0.0001,
    price: float = 25_000.0,
    start: int = START,
    volume: int = 500_000,
    models: MarketModels = CHEAP,
) -> Series:
    """Candles of one minute: a sine of `amplitude` over `period` bars with a little noise; one buy and one sale a period."""
    draw = random.Random(seed)
    instrument = instrument_of(symbol, models)
    series = Series(instrument, 60)
    per_tick = float(instrument.price_increment)
    last = round(price / per_tick)
    for bar in range(bars):
        moved = amplitude * math.sin(2 * math.pi * bar / period) + noise * draw.gauss(0, 1)
        close = round(price * (1 + moved) / per_tick)
        series.append(start + 60 * bar, last, max(last, close), min(last, close), close, volume)
        last = close
    return series


def history(*series: Series) -> History:
    """Put series together."""
    return History(series, 60)


def settings(profile: str = "dev", symbols: tuple[str, ...] = ("BTC-USD",), **overrides: object) -> Settings:
    """A profile as the project's own configuration has it, on bars of one minute; overrides by key with `__` for the dot."""
    paths = {name.replace("__", "."): value for name, value in overrides.items()}
    environ = {"COINBASE_ENABLE_DERIVATIVES": "1"}
    loaded = load_settings(
        ROOT / "config.toml",
        profile,
        paper=True,
        overrides={"symbols": list(symbols), "strategy.bar_seconds": 60} | paths,
        environ=environ,
    )
    assert not isinstance(loaded, ConfigErrors), str(loaded)
    return loaded
