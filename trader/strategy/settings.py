"""What the strategy room is told by config.toml: the strategy, the entry filters and the sizing, as frozen records.

Built by trader/config; read by strategies, filters, sizing, the symbol actor and the backtest. Field names are the
keys of config.toml: `_pct` and `_fraction` are fractions, `_bps` hundredths of a percent, `_usd` US dollars, `_seconds`
and `_s` seconds of the market's clock, periods count closed bars. The loader has refused what is outside its range.
"""

from decimal import Decimal

import msgspec


class StrategySettings(msgspec.Struct, frozen=True, gc=False):
    """The moving-average crossover and the rules around it; `[strategy]`."""

    name: str = "ma_cross"
    bar_seconds: int = 5
    short_ma_period: int = 5
    long_ma_period: int = 20
    epsilon_bps: Decimal = Decimal(1)
    confirmation_bars: int = 0
    require_rsi_confirmation: bool = False
    rsi_period: int = 14
    rsi_overbought: Decimal = Decimal(70)
    rsi_oversold: Decimal = Decimal(30)
    trailing_stop_pct: Decimal = Decimal("0.01")
    enable_shorts: bool = False
    max_adds: int = 1
    """Entries per side including the first: 1 is no pyramiding (D22)."""
    disable_new_entries: bool = False
    cooldown_s: float = 0.0


class FilterLimits(msgspec.Struct, frozen=True, gc=False):
    """What the book and the last minute must offer before an entry; `[filters]`. Exits are never filtered."""

    max_spread_bps: Decimal = Decimal(10)
    min_depth_l1_usd: Decimal = Decimal(50_000)
    min_depth_l10_usd: Decimal = Decimal(200_000)
    min_volume_1m_usd: Decimal = Decimal(100_000)


class SizingSettings(msgspec.Struct, frozen=True, gc=False):
    """How large an entry wants to be before the caps; `[sizing]`."""

    method: str = "fraction"
    position_fraction: Decimal = Decimal("0.05")
    target_leverage: Decimal = Decimal(2)
    fixed_base: Decimal | None = None
    """Base quantity of one entry; only for method "fixed"."""
