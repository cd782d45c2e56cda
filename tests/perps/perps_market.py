"""Two perpetuals on recorded candles at many times the speed, and a configuration that buys and holds them.

Imported by the tests of this folder. The bitcoin future stands still; the ether perpetual stands for three funding times and
then falls in two steps, slowly enough that every mark is believed: to where entries are refused, and to where the position is
in danger.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

SYMBOLS = ("BTC-PERP", "ETH-PERP")
PRODUCTS = {"BTC-PERP": "BIP-20DEC30-CDE", "ETH-PERP": "ETH-PERP-INTX"}
CONTRACT = {"BTC-PERP": "0.01", "ETH-PERP": "1"}
SPEED = 360
USD, USDC = 9_000, 1_000

_PRICES = {"BTC-PERP": 90_000.0, "ETH-PERP": 3_000.0}
_BEGIN = datetime(
    2025, 3, 3, 0, 30, tzinfo=UTC
)  # the replay starts 350 candles later, at 06:20: payments at 7, 8 and 9
_MINUTES = 900
_FALL = ((515.0, 0.0), (540.0, 0.185), (565.0, 0.185), (575.0, 0.23))  # minute, part lost: entries end, then the breach

STRATEGY = '''\
"""Buy at the first bar, hold, and want more of it whenever the cooldown allows."""

from trader.strategy.signal_strategy import SignalStrategy


class Holder(SignalStrategy):
    """Never leaves by itself."""

    @property
    def signal_bars(self):
        return 2

    def signal(self, window):
        return 1

    def exit_due(self, window, sign):
        return False

    def on_mark(self, half_ticks, position, context):
        return None

    def describe(self, window, instrument):
        return instrument.symbol


def create(settings, filters, sizing):
    return Holder(settings, filters, sizing)
'''

CONFIG = """\
[profiles.dev]
venue = "paper"
symbols = ["BTC-PERP", "ETH-PERP"]
status_interval_s = 5
strategy = { name = "holder.py", bar_seconds = 60, max_adds = 5, cooldown_s = 11400 }
filters = { max_spread_bps = 500, min_depth_l1_usd = 0, min_depth_l10_usd = 0, min_volume_1m_usd = 0 }
sizing = { position_fraction = 0.095, target_leverage = 3 }
rest = { rate_limit_per_minute = 600, hourly_budget = 36000 }
reconcile = { interval_s = 5 }
[profiles.dev.risk]
max_position_pct_per_symbol = 1
max_exposure_pct = 1
max_daily_loss_pct = 0.2
max_drawdown_pct = 0.5
entry_slippage_bps = 500
slippage_guard_bps = 500
max_correlation = 1
volatility = { warn = 100, reduce_only = 100, halt = 100 }
"""


def write_market(folder: Path) -> list[str]:
    """Write one file of minute candles per product; return the exchange's flags that replay them."""
    flags: list[str] = []
    for symbol in SYMBOLS:
        file = folder / f"{symbol}.csv"
        file.write_text(_candles(symbol))
        flags += ["--market", f"{PRODUCTS[symbol]}={file}"]
    money = ["--equity", str(USD), "--usdc", str(USDC), "--maker-fee", "0.0005", "--taker-fee", "0.001"]
    return [*flags, "--speed", str(SPEED), *money]


def write_config(folder: Path) -> Path:
    """Write the configuration and, beside it, the strategy it names."""
    (folder / "holder.py").write_text(STRATEGY)
    file = folder / "config.toml"
    file.write_text(CONFIG)
    return file


def _candles(symbol: str) -> str:
    rows = ["time,open,high,low,close,volume"]
    for minute in range(_MINUTES):
        opened, closed = (_price(symbol, minute + edge) for edge in (0, 1))
        high, low = max(opened, closed) * 1.0001, min(opened, closed) * 0.9999
        moment = (_BEGIN + timedelta(minutes=minute)).strftime("%Y-%m-%dT%H:%M:%SZ")
        rows.append(f"{moment},{opened:.2f},{high:.2f},{low:.2f},{closed:.2f},5000000")
    return "\n".join(rows) + "\n"


def _price(symbol: str, minute: float) -> float:
    price = _PRICES[symbol] * (1 + 0.0004 * math.sin(minute / 3))
    if symbol == "ETH-PERP":
        price *= 1 - _lost(minute)
    return price


def _lost(minute: float) -> float:
    for (start, before), (end, after) in pairwise(_FALL):
        if minute < end:
            return before + (after - before) * max(minute - start, 0) / (end - start)
    return _FALL[-1][1]
