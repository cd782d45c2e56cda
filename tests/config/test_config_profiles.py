"""The documents' profile table against the shipped file: each figure of requirements 1.17, with the value that was taken (1.23)."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from trader.config import Settings, load_settings

SHIPPED = Path(__file__).parents[2] / "config.toml"


def loaded(profile: str, *, paper: bool = False) -> Settings:
    settings = load_settings(SHIPPED, profile, paper=paper or None, environ={})
    assert isinstance(settings, Settings), str(settings)
    return settings


# profile: venue, largest position, leverage, shorts, RSI confirmation, start mode, symbols, day loss in percent and in USD
TABLE = {
    "dev": ("paper", 10_000, 3, False, False, "normal", 10, "0.05", 0),
    "demo": ("coinbase", 100, 1, False, False, "normal", 2, "0.05", 0),
    "canary": ("coinbase", 500, 1, False, False, "reduce_only", 1, "0.02", 10),
    "prod": ("coinbase", 5_000, 3, True, True, "normal", 2, "0.02", 0),
    "spot": ("coinbase", 5_000, 1, False, False, "normal", 10, "0.05", 0),
}


@pytest.mark.parametrize("profile", TABLE)
def test_each_profile_has_the_documents_figures(profile: str) -> None:
    """Position, leverage, shorts, RSI, mode, universe and loss limits, as configured for the live venue."""
    found = loaded(profile)
    assert (
        found.venue,
        found.risk.max_position_usd,
        found.risk.leverage_max,
        found.strategy.enable_shorts,
        found.strategy.require_rsi_confirmation,
        found.start_mode,
        len(found.symbols),
        found.risk.max_daily_loss_pct,
        found.risk.max_daily_loss_usd,
    ) == (*TABLE[profile][:7], Decimal(TABLE[profile][7]), TABLE[profile][8])


def test_only_dev_is_mocked_and_spot_caps_each_symbol() -> None:
    """The mock broker is the embedded exchange; spot has a cap in dollars for each of its ten pairs."""
    assert [name for name in TABLE if loaded(name).is_paper] == ["dev"]
    spot = loaded("spot")
    assert set(spot.risk.notional_caps_usd) == set(spot.symbols)


def test_dev_is_the_loud_profile() -> None:
    """DEBUG on the console; the others INFO."""
    assert {name: loaded(name).log_level for name in TABLE} == dict.fromkeys(TABLE, "INFO") | {"dev": "DEBUG"}
