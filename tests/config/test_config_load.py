"""Loading config.toml: which layer wins, which profile says what, and that the shipped file is the documented one."""

import re
import tomllib
from decimal import Decimal
from pathlib import Path

import pytest

from trader.config import ConfigErrors, Settings, flag_overrides, load_settings
from trader.config.settings import values_of
from trader.config.table import KEYS

SHIPPED = Path(__file__).parents[2] / "config.toml"


def loaded(profile: str = "canary", **options: object) -> Settings:
    settings = load_settings(SHIPPED, profile, **options)  # type: ignore[arg-type]
    assert isinstance(settings, Settings), str(settings)
    return settings


def test_the_shipped_file_names_every_key_and_repeats_the_default_of_the_program() -> None:
    """[defaults] holds every key, with the value the program has without a file."""
    tree = tomllib.loads(SHIPPED.read_text(encoding="utf-8"), parse_float=Decimal)
    in_file = set(_leaves(tree["defaults"], ""))
    assert in_file == {path for path in KEYS if not path.startswith("paper.")}
    settings = loaded("prod", paper=False)
    for path, value in values_of(settings).items():
        if settings.sources[path].layer == "defaults":
            assert value == KEYS[path].default, path


@pytest.mark.parametrize("profile", ["dev", "demo", "canary", "prod", "spot"])
@pytest.mark.parametrize("paper", [True, None])
def test_every_shipped_profile_loads(profile: str, paper: bool | None) -> None:
    """Each profile is right, on paper and as configured, and has its own configuration hash."""
    settings = loaded(profile, paper=paper)
    assert settings.profile == profile
    assert re.fullmatch(r"[0-9a-f]{64}", settings.config_hash)


def test_the_live_canary_keeps_the_ultra_safe_values() -> None:
    """Reduce-only, one hour a day, 500 USD, 0.01 BTC, leverage 1, 10 USD a day."""
    canary = loaded(paper=False)
    assert canary.venue == "coinbase"
    assert canary.start_mode == "reduce_only"
    assert str(canary.trading_window) == "14:00-15:00"
    assert canary.risk.max_position_usd == 500
    assert canary.risk.max_position_base["BTC-USD"] == Decimal("0.01")
    assert canary.risk.leverage_max == 1
    assert canary.risk.max_daily_loss_usd == 10
    assert canary.risk.consecutive_losses == 2


def test_the_paper_canary_trades_at_once_and_says_where_its_values_come_from() -> None:
    """The paper table overrides the profile; the loss limits stay."""
    canary = loaded(paper=True)
    assert (canary.venue, canary.start_mode, canary.trading_window) == ("paper", "normal", None)
    assert canary.strategy.bar_seconds == 1
    assert canary.paper.equity_usd == 1000
    assert canary.risk.max_daily_loss_usd == 10
    line = _line_of('start_mode = "normal"', after="[profiles.canary.paper]")
    assert str(canary.sources["start_mode"]) == f"profile canary, paper (config.toml:{line})"
    assert str(canary.sources["venue"]) == "no --live"
    assert str(canary.sources["paper.taker_fee"]) == "default"


@pytest.mark.parametrize(
    ("profile", "equity"), [("canary", 1000), ("demo", 1000), ("dev", 100_000), ("prod", 10_000), ("spot", 10_000)]
)
def test_paper_accounts_start_with_the_stated_equity_and_fees(profile: str, equity: int) -> None:
    """Settled: canary and demo 1,000 USD, dev 100,000, others 10,000; maker 0.5 %, taker 0.9 %."""
    paper = loaded(profile, paper=True).paper
    assert (paper.equity_usd, paper.maker_fee, paper.taker_fee) == (equity, Decimal("0.005"), Decimal("0.009"))


def test_a_perpetual_becomes_its_spot_pair_until_derivatives_are_enabled() -> None:
    """Anything but 1 leaves the gate closed, and a note says so."""
    gated = loaded(environ={"COINBASE_ENABLE_DERIVATIVES": "true"})
    assert gated.symbols == ("BTC-USD",)
    assert any("derivatives are gated" in note for note in gated.notes)
    assert loaded(environ={"COINBASE_ENABLE_DERIVATIVES": "1"}).symbols == ("BTC-PERP",)


def test_the_target_leverage_is_lowered_to_the_cap_with_a_note() -> None:
    """D04: clamped, never refused."""
    canary = loaded(overrides=flag_overrides({"leverage": "5"}))
    assert canary.sizing.target_leverage == 1
    assert "target leverage 5 lowered to the cap 1" in canary.notes


def test_flags_beat_the_environment_and_the_environment_beats_the_file() -> None:
    """The order of strength, with the origin named."""
    environ = {"LOG_LEVEL": "warning", "RISK_MAX_DAILY_LOSS_USD": "5"}
    canary = loaded(environ=environ, overrides=flag_overrides({"log_level": "error", "symbols": None}))
    assert canary.log_level == "ERROR"
    assert str(canary.sources["log_level"]) == "flag --log-level"
    assert canary.risk.max_daily_loss_usd == 5
    assert str(canary.sources["risk.max_daily_loss_usd"]) == "environment RISK_MAX_DAILY_LOSS_USD"


def test_every_flag_of_the_runbook_reaches_its_key() -> None:
    """--symbols --leverage --order-type --tif --interval --reduce-only --status-interval --log-level."""
    flags = {
        "symbols": ["BTC-USD", "SOL-USD,ETH-USD"],
        "leverage": "1",
        "order_type": "limit",
        "tif": "IOC",
        "interval": "30",
        "reduce_only": True,
        "status_interval": 2.5,
        "log_level": "DEBUG",
        "live": False,
    }
    settings = loaded("dev", overrides=flag_overrides(flags))
    assert settings.symbols == ("BTC-USD", "SOL-USD", "ETH-USD")
    assert settings.sizing.target_leverage == 1
    assert (settings.execution.order_type, settings.execution.time_in_force) == ("limit", "IOC")
    assert settings.strategy.bar_seconds == 30
    assert settings.start_mode == "reduce_only"
    assert settings.status_interval_s == 2.5
    assert settings.log_level == "DEBUG"
    assert loaded("dev", overrides=flag_overrides({"reduce_only": False})).start_mode == "normal"


@pytest.mark.parametrize(
    ("environ", "profile", "venue"),
    [
        ({"PERPS_FORCE_MOCK": "1"}, "prod", "paper"),
        ({"PERPS_PAPER": "1"}, "spot", "paper"),
        ({"COINBASE_SANDBOX": "1"}, "demo", "paper"),
        ({"COINBASE_SANDBOX": "1", "COINBASE_API_MODE": "exchange"}, "demo", "coinbase"),
        ({"SPOT_FORCE_LIVE": "1"}, "dev", "coinbase"),
        ({"SPOT_FORCE_LIVE": "1", "PERPS_FORCE_MOCK": "1"}, "dev", "paper"),
        ({"PERPS_PAPER": "0"}, "prod", "coinbase"),
    ],
)
def test_the_environment_selects_the_venue(environ: dict[str, str], profile: str, venue: str) -> None:
    """The documents' variables; paper wins over live."""
    assert loaded(profile, environ=environ).venue == venue


@pytest.mark.parametrize(("profile", "environ"), [("dev", {}), ("prod", {"PERPS_PAPER": "1"})])
def test_live_is_refused_where_paper_is_configured(profile: str, environ: dict[str, str]) -> None:
    """--live never becomes a silent paper run."""
    refused = load_settings(SHIPPED, profile, paper=False, environ=environ)
    assert isinstance(refused, ConfigErrors)
    assert refused.exit_code == 64
    assert "--live" in str(refused)


def test_the_environment_moves_data_and_switches_keep_alive() -> None:
    """EVENT_STORE_ROOT, COINBASE_ENABLE_KEEP_ALIVE, COINBASE_API_MODE."""
    settings = loaded(environ={"EVENT_STORE_ROOT": "/srv/data", "COINBASE_ENABLE_KEEP_ALIVE": "0"})
    assert settings.environment.data_root == "/srv/data"
    assert settings.rest.enable_keep_alive is False
    assert loaded().environment.data_root == "./data"
    assert loaded().environment.api_mode == "advanced"


def test_equal_values_have_equal_hashes_and_a_changed_limit_another() -> None:
    """The hash names the values, not where they stand."""
    first = loaded()
    assert first.config_hash == loaded(overrides={"log_level": "INFO"}).config_hash
    assert first.config_hash != loaded(overrides={"risk.max_daily_loss_usd": "9"}).config_hash


def test_aliases_of_a_perpetual_are_one_symbol() -> None:
    """BTC-USD-PERP and BTC-PERP-INTX are BTC-PERP (D15)."""
    on = {"COINBASE_ENABLE_DERIVATIVES": "1"}
    assert loaded(environ=on, overrides={"symbols": ["ETH-USD-PERP"]}).symbols == ("ETH-PERP",)
    assert loaded(environ=on, overrides={"symbols": ["SOL-PERP-INTX"]}).symbols == ("SOL-PERP",)


def _leaves(tree: dict[str, object], prefix: str) -> list[str]:
    found = []
    for name, node in tree.items():
        path = f"{prefix}{name}"
        is_table = isinstance(node, dict) and path not in KEYS
        found += _leaves(node, f"{path}.") if is_table else [path]  # type: ignore[arg-type]
    return found


def _line_of(text: str, *, after: str) -> int:
    lines = SHIPPED.read_text(encoding="utf-8").splitlines()
    start = next(index for index, line in enumerate(lines) if line.startswith(after))
    return next(index for index, line in enumerate(lines) if index > start and line.startswith(text)) + 1
