"""A market that crosses its averages every couple of seconds, and the configuration that trades every cross.

Imported by the process tests, the crash campaign and the latency benchmark. The prices are a sine on a recorded-candle
file, replayed at a hundred and twenty times the speed: nothing of the product is changed, the real strategy decides on real bars.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

SYMBOLS = ("BTC-USD", "ETH-USD", "SOL-USD")
SPEED = 120
PERIOD_MINUTES = 5
SWING = 0.004
START_PRICES = {"BTC-USD": 90_000.0, "ETH-USD": 3_000.0, "SOL-USD": 200.0}
DAYS = 2

_CONFIG = """\
[profiles.dev]
venue = "paper"
symbols = [{symbols}]
status_interval_s = 5
strategy = {{ bar_seconds = 10, short_ma_period = 2, long_ma_period = 10, epsilon_bps = 0, trailing_stop_pct = 0.005, max_adds = 3 }}
filters = {{ max_spread_bps = 500, min_depth_l1_usd = 0, min_depth_l10_usd = 0, min_volume_1m_usd = 0 }}
sizing = {{ position_fraction = 0.02, target_leverage = 1 }}
execution = {{ order_type = "{order_type}", time_in_force = "{time_in_force}" }}
rest = {{ rate_limit_per_minute = 600, hourly_budget = 36000 }}
supervision = {{ symbol_budget = {{ restarts = {restarts}, window_s = 300 }}, hang_s = {hang_s} }}
[profiles.dev.risk]
max_position_usd = 1000000
max_orders_per_minute = 300
repeat_limit = 60
duplicate_window_s = 0
consecutive_losses = 20
max_daily_loss_pct = 0.2
max_drawdown_pct = 0.5
entry_slippage_bps = 500
slippage_guard_bps = 500
max_correlation = 1
max_open_orders_per_symbol = 20
max_open_orders = 200
order_max_age_s = 900
error_rate_pct = 1
volatility = {{ warn = 100, reduce_only = 100, halt = 100 }}
[profiles.dev.paper]
equity_usd = 100000
maker_fee = 0
taker_fee = 0
"""


def write_candles(folder: Path, symbols: Sequence[str] = SYMBOLS, *, speed: int = SPEED) -> list[str]:
    """Write one file of minute candles per symbol; return the exchange's flags that replay them."""
    flags: list[str] = []
    for number, symbol in enumerate(symbols):
        file = folder / f"{symbol}.csv"
        file.write_text(_candles(START_PRICES[symbol], phase=number / len(symbols)))
        flags += ["--market", f"{symbol}={file}"]
    return [*flags, "--speed", str(speed), "--equity", "100000", "--maker-fee", "0", "--taker-fee", "0"]


def _candles(price: float, phase: float) -> str:
    begin = datetime(2025, 3, 3, tzinfo=UTC)
    rows = ["time,open,high,low,close,volume"]
    for minute in range(DAYS * 24 * 60):
        opened, closed = (_wave(price, minute + edge, phase) for edge in (0, 1))
        high, low = max(opened, closed) * 1.0001, min(opened, closed) * 0.9999
        moment = (begin + timedelta(minutes=minute)).strftime("%Y-%m-%dT%H:%M:%SZ")
        rows.append(f"{moment},{opened:.2f},{high:.2f},{low:.2f},{closed:.2f},{1_000_000 / price:.4f}")
    return "\n".join(rows) + "\n"


def _wave(price: float, minute: float, phase: float) -> float:
    return price * (1 + SWING * math.sin(2 * math.pi * (minute / PERIOD_MINUTES + phase)))


def write_config(
    folder: Path,
    symbols: Sequence[str] = SYMBOLS,
    *,
    resting: bool = False,
    restarts: int = 3,
    hang_s: float = 5,
    extra: Mapping[str, str] | None = None,
) -> Path:
    """Write a configuration file that trades every cross; `resting` sends entries as limit orders that wait in the book.

    `extra` replaces pieces of the text, each of which must be there.
    """
    text = _CONFIG.format(
        symbols=", ".join(f'"{symbol}"' for symbol in symbols),
        order_type="limit" if resting else "market",
        time_in_force="GTC" if resting else "IOC",
        restarts=restarts,
        hang_s=hang_s,
    )
    for old, new in (extra or {}).items():
        assert old in text, old
        text = text.replace(old, new)
    file = folder / "config.toml"
    file.write_text(text)
    return file
