"""Every limit the risk room keeps, as frozen records; built by trader/config, read by risk, the broker and reports.

Field names are the keys of config.toml. Money is USD, `_pct` is a fraction (0.02 is two percent), `_bps` is hundredths
of a percent, `_s` is seconds. The records check nothing: the loader has refused every value outside its range before
one exists. The mappings are never changed after loading.
"""

from collections.abc import Mapping
from decimal import Decimal

import msgspec


class VolatilityLimits(msgspec.Struct, frozen=True, gc=False):
    """Annualized volatility, as fractions, from `window` samples taken every `sample_seconds` of the market's clock."""

    sample_seconds: float = 60.0
    window: int = 30
    warn: Decimal = Decimal("0.8")
    reduce_only: Decimal = Decimal("1.2")
    halt: Decimal = Decimal("2.0")
    cooldown_s: float = 1800.0


class RiskLimits(msgspec.Struct, frozen=True, gc=False):
    """The caps, guards and breakers of `[risk]`; the tightest of the caps that apply to an order decides."""

    kill_switch_enabled: bool = False
    reduce_only_mode: bool = False
    force_exit_on_reduce_only: bool = False

    leverage_max_global: Decimal = Decimal(5)
    leverage_max: Decimal = Decimal(3)
    leverage_max_per_symbol: Mapping[str, Decimal] = {}

    max_position_usd: Decimal = Decimal(5000)
    max_position_base: Mapping[str, Decimal] = {}
    max_position_pct_per_symbol: Decimal = Decimal("0.20")
    max_exposure_pct: Decimal = Decimal("0.80")
    max_order_notional_usd: Decimal = Decimal(5000)
    notional_caps_usd: Mapping[str, Decimal] = {}

    max_daily_loss_pct: Decimal = Decimal("0.05")
    max_daily_loss_usd: Decimal = Decimal(0)
    """0 means that only the percentage counts."""
    max_drawdown_pct: Decimal = Decimal("0.10")

    entry_liquidation_buffer_pct: Decimal = Decimal("0.20")
    min_liquidation_buffer_pct: Decimal = Decimal("0.15")

    entry_slippage_bps: Decimal = Decimal(15)
    slippage_guard_bps: Decimal = Decimal(50)
    price_collar_pct: Decimal = Decimal("0.01")

    max_open_orders_per_symbol: int = 4
    max_open_orders: int = 40
    order_max_age_s: float = 120.0
    max_orders_per_minute: int = 30
    repeat_limit: int = 5
    duplicate_window_s: float = 5.0

    consecutive_losses: int = 3
    error_rate_pct: Decimal = Decimal("0.50")
    error_rate_min_samples: int = 10

    stale_mark_s: float = 30.0
    feed_dead_s: float = 3.0
    user_feed_dead_s: float = 10.0

    volatility: VolatilityLimits = VolatilityLimits()
    max_correlation: Decimal = Decimal("0.9")
    first_live_orders_at_minimum: int = 0


class ExecutionSettings(msgspec.Struct, frozen=True, gc=False):
    """How an approved order travels: its kind, and how long each step of its journey may last."""

    order_type: str = "market"
    time_in_force: str = "IOC"
    post_only: bool = False
    preview: bool = False
    approval_ttl_s: float = 2.0
    post_deadline_s: float = 10.0
    visibility_delay_s: float = 5.0
