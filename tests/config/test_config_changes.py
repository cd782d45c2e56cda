"""What a changed file means for a running system: tighter at once, looser after accept, some at the next start."""

from decimal import Decimal
from pathlib import Path

import pytest

from trader.config import Settings, load_settings
from trader.config.changes import Answer, Effect, applicable, changes, effect_of
from trader.config.key import Safer, Value
from trader.config.table import KEYS
from trader.risk.window import TradingWindow

SHIPPED = Path(__file__).parents[2] / "config.toml"


def with_values(**values: object) -> Settings:
    overrides = {name.replace("__", "."): value for name, value in values.items()}
    settings = load_settings(SHIPPED, "prod", overrides=overrides)
    assert isinstance(settings, Settings), str(settings)
    return settings


EFFECTS = [
    ("risk.max_daily_loss_usd", Decimal(10), Decimal(5), Effect.TIGHTENING),
    ("risk.max_daily_loss_usd", Decimal(10), Decimal(11), Effect.LOOSENING),
    ("risk.max_daily_loss_usd", Decimal(0), Decimal(11), Effect.TIGHTENING),
    ("risk.max_daily_loss_usd", Decimal(10), Decimal(0), Effect.LOOSENING),
    ("risk.kill_switch_enabled", False, True, Effect.TIGHTENING),
    ("risk.kill_switch_enabled", True, False, Effect.LOOSENING),
    ("strategy.enable_shorts", True, False, Effect.TIGHTENING),
    ("filters.min_depth_l1_usd", Decimal(1), Decimal(2), Effect.TIGHTENING),
    ("filters.min_depth_l1_usd", Decimal(2), Decimal(1), Effect.LOOSENING),
    ("risk.notional_caps_usd", {}, {"BTC-USD": Decimal(1)}, Effect.TIGHTENING),
    ("risk.notional_caps_usd", {"BTC-USD": Decimal(1)}, {}, Effect.LOOSENING),
    ("risk.notional_caps_usd", {"BTC-USD": Decimal(2)}, {"BTC-USD": Decimal(1)}, Effect.TIGHTENING),
    (
        "risk.notional_caps_usd",
        {"BTC-USD": Decimal(2)},
        {"BTC-USD": Decimal(3), "ETH-USD": Decimal(1)},
        Effect.LOOSENING,
    ),
    ("trading_window", None, TradingWindow.parse("14:00-15:00"), Effect.TIGHTENING),
    ("trading_window", TradingWindow.parse("14:00-15:00"), None, Effect.LOOSENING),
    ("trading_window", TradingWindow.parse("14:00-15:00"), TradingWindow.parse("14:10-15:10"), Effect.LOOSENING),
    ("trading_window", TradingWindow.parse("22:00-02:00"), TradingWindow.parse("23:00-01:00"), Effect.TIGHTENING),
    ("log_level", "INFO", "DEBUG", Effect.NEUTRAL),
]


@pytest.mark.parametrize(("path", "old", "new", "effect"), EFFECTS)
def test_each_kind_of_change_moves_the_right_way(path: str, old: Value, new: Value, effect: Effect) -> None:
    """The safe direction stands in the table of keys."""
    assert effect_of(KEYS[path], old, new) is effect


@pytest.mark.parametrize("path", [path for path, key in KEYS.items() if key.safer in (Safer.LOWER, Safer.HIGHER)])
def test_a_limit_moved_there_and_back_tightens_once_and_loosens_once(path: str) -> None:
    """No limit may be loosened by a change that counts as tightening."""
    key = KEYS[path]
    assert key.low is not None
    assert key.high is not None
    low, high = key.low, key.high
    if key.kind == "per_symbol":
        pair: tuple[Value, Value] = ({"BTC-USD": low}, {"BTC-USD": high})
    else:
        pair = (low, high)
    there, back = effect_of(key, *pair), effect_of(key, *pair[::-1])
    assert {there, back} == {Effect.TIGHTENING, Effect.LOOSENING}
    assert (there is Effect.LOOSENING) is (key.safer is Safer.LOWER)


def test_tightening_applies_at_once_and_loosening_waits_for_accept() -> None:
    """C-27: two steps for loosening, one for tightening, in the same file."""
    old = with_values(risk__max_position_usd="4000", risk__max_exposure_pct="0.5")
    new = with_values(risk__max_position_usd="3000", risk__max_exposure_pct="0.6")
    now, answers = applicable(old, new)
    assert now.risk.max_position_usd == 3000
    assert now.risk.max_exposure_pct == Decimal("0.5")
    assert {change.path: change.answer for change in answers} == {
        "risk.max_position_usd": Answer.APPLIED,
        "risk.max_exposure_pct": Answer.NEEDS_ACCEPT,
    }
    accepted, _ = applicable(now, new, accepted=True)
    assert accepted.risk == new.risk
    assert accepted.config_hash == new.config_hash


def test_keys_of_the_start_are_answered_next_start_and_stay() -> None:
    """Symbols, bar length and restart budgets are fixed while running, accepted or not."""
    old, new = with_values(), with_values(symbols="BTC-USD", strategy__bar_seconds="9", rest__max_retries="1")
    now, answers = applicable(old, new, accepted=True)
    assert {change.answer for change in answers} == {Answer.NEXT_START}
    assert {change.path for change in answers} == {"symbols", "strategy.bar_seconds", "rest.max_retries"}
    assert now.config_hash == old.config_hash


def test_the_answer_is_a_sentence_with_old_and_new() -> None:
    """What the operator reads after saving the file."""
    (change,) = changes(with_values(), with_values(risk__max_daily_loss_usd="50"))
    assert str(change) == "risk.max_daily_loss_usd: 0 -> 50 (tightening): applied"


def test_no_change_is_no_answer() -> None:
    """Saving an unchanged file says nothing."""
    assert changes(with_values(), with_values()) == ()
