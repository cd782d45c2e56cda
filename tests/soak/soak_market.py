"""Ten spot markets on recorded candles at several times the speed, and tight limits that a busy strategy runs into.

Imported by the soak. Every product swings on a sine of its own phase; nothing of the product is changed, the real strategy
decides on real bars of one market second.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

SPEED = 4
EQUITY = Decimal(100_000)
PRICES = {
    "BTC-USD": 90_000.0, "ETH-USD": 3_000.0, "SOL-USD": 180.0, "XRP-USD": 2.3, "LTC-USD": 100.0,
    "ADA-USD": 0.8, "DOGE-USD": 0.3, "BCH-USD": 500.0, "AVAX-USD": 30.0, "LINK-USD": 20.0,
}  # fmt: skip
MAX_POSITION_USD = Decimal(1_500)
MAX_ORDER_USD = Decimal(900)
MAX_EXPOSURE = EQUITY / 10
MAX_ORDERS_PER_MINUTE = 40

_SWING, _PERIOD_MINUTES, _MINUTES = 0.004, 3, 800

_CONFIG = """\
[profiles.dev]
venue = "paper"
symbols = [{symbols}]
log_level = "INFO"
status_interval_s = 5
strategy = {{ bar_seconds = 1, short_ma_period = 5, long_ma_period = 20, epsilon_bps = 0, trailing_stop_pct = 0.005, max_adds = 3 }}
filters = {{ max_spread_bps = 500, min_depth_l1_usd = 0, min_depth_l10_usd = 0, min_volume_1m_usd = 0 }}
sizing = {{ position_fraction = 0.02, target_leverage = 1 }}
execution = {{ order_type = "limit", time_in_force = "GTC" }}
rest = {{ rate_limit_per_minute = 600, hourly_budget = 36000 }}
reconcile = {{ interval_s = 10 }}
[profiles.dev.risk]
max_position_usd = {position}
max_order_notional_usd = {order}
max_exposure_pct = 0.10
max_orders_per_minute = {rate}
repeat_limit = 60
consecutive_losses = 20
max_daily_loss_pct = 0.2
max_drawdown_pct = 0.5
entry_slippage_bps = 500
slippage_guard_bps = 500
max_correlation = 1
order_max_age_s = 20
volatility = {{ warn = 100, reduce_only = 100, halt = 100 }}
[profiles.dev.paper]
equity_usd = {equity}
"""


def write_market(folder: Path, speed: float = SPEED) -> list[str]:
    """Write one file of minute candles per product; return the exchange's flags that replay them at a speed."""
    flags: list[str] = []
    for number, symbol in enumerate(PRICES):
        file = folder / f"{symbol}.csv"
        file.write_text(_candles(PRICES[symbol], number / len(PRICES)))
        flags += ["--market", f"{symbol}={file}"]
    money = ["--equity", str(EQUITY), "--maker-fee", "0.0001", "--taker-fee", "0.0002"]
    return [*flags, "--speed", str(speed), *money]


def write_config(folder: Path) -> Path:
    """Write the configuration file."""
    file = folder / "config.toml"
    file.write_text(
        _CONFIG.format(
            symbols=", ".join(f'"{symbol}"' for symbol in PRICES),
            position=MAX_POSITION_USD,
            order=MAX_ORDER_USD,
            rate=MAX_ORDERS_PER_MINUTE,
            equity=EQUITY,
        )
    )
    return file


def _candles(price: float, phase: float) -> str:
    begin = datetime(2025, 3, 3, tzinfo=UTC)
    rows = ["time,open,high,low,close,volume"]
    for minute in range(_MINUTES):
        opened, closed = (_wave(price, minute + edge, phase) for edge in (0, 1))
        high, low = max(opened, closed) * 1.0001, min(opened, closed) * 0.9999
        moment = (begin + timedelta(minutes=minute)).strftime("%Y-%m-%dT%H:%M:%SZ")
        rows.append(f"{moment},{opened:.6f},{high:.6f},{low:.6f},{closed:.6f},{1_000_000 / price:.4f}")
    return "\n".join(rows) + "\n"


def _wave(price: float, minute: float, phase: float) -> float:
    return price * (1 + _SWING * math.sin(2 * math.pi * (minute / _PERIOD_MINUTES + phase)))
