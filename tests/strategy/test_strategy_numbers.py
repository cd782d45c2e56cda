"""The documents' numbers for strategy and filters against the keys of the configuration and the records they become."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from trader.config import Settings, load_settings
from trader.config.table import KEYS
from trader.strategy.settings import FilterLimits, SizingSettings, StrategySettings

SHIPPED = Path(__file__).parents[2] / "config.toml"

# key: default, lowest, highest; None where the documents give no range
NUMBERS: dict[str, tuple[object, object, object]] = {
    "strategy.short_ma_period": (5, 2, 50),
    "strategy.long_ma_period": (20, 10, 200),
    "strategy.epsilon_bps": (1, None, None),
    "strategy.confirmation_bars": (0, None, None),
    "strategy.require_rsi_confirmation": (False, None, None),
    "strategy.rsi_period": (14, None, None),
    "strategy.rsi_overbought": (70, None, None),
    "strategy.rsi_oversold": (30, None, None),
    "strategy.trailing_stop_pct": (Decimal("0.01"), Decimal("0.005"), Decimal("0.05")),
    "strategy.enable_shorts": (False, None, None),
    "strategy.max_adds": (1, None, None),
    "strategy.disable_new_entries": (False, None, None),
    "sizing.target_leverage": (2, 1, 5),
    "sizing.position_fraction": (Decimal("0.05"), None, None),
    "filters.max_spread_bps": (10, None, None),
    "filters.min_depth_l1_usd": (50_000, None, None),
    "filters.min_depth_l10_usd": (200_000, None, None),
    "filters.min_volume_1m_usd": (100_000, None, None),
}
RECORDS = {"strategy": StrategySettings(), "sizing": SizingSettings(), "filters": FilterLimits()}


@pytest.mark.parametrize("path", NUMBERS)
def test_each_number_of_the_documents_is_the_default_with_its_range(path: str) -> None:
    """In the key, in the record the strategy room is told, and within the documents' range where there is one."""
    default, low, high = NUMBERS[path]
    key = KEYS[path]
    section, _, name = path.partition(".")
    assert key.default == getattr(RECORDS[section], name) == default
    assert low is None or (key.low, key.high) == (low, high)


def test_dev_lets_wider_spreads_and_thinner_books_pass() -> None:
    """FILT-18: 20 bps and 10,000 USD, the other two limits as everywhere."""
    loaded = load_settings(SHIPPED, "dev", environ={})
    assert isinstance(loaded, Settings), str(loaded)
    assert loaded.filters == FilterLimits(Decimal(20), Decimal(10_000), Decimal(200_000), Decimal(100_000))
