"""Strategies by name: the built-in table, and a user's Python file.

Imported by the wiring and the backtest, at start-up only. A module is imported when its name is asked for and not
before, so an experimental strategy is no part of a process that does not use it. Every strategy module offers
`create(settings, filters, sizing) -> Strategy`; a user's file is trusted code of the operator's and runs with the
trader's rights.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import cast

from trader.market.window import WindowPlan
from trader.strategy.protocol import Strategy
from trader.strategy.settings import FilterLimits, SizingSettings, StrategySettings

MODULES = {
    "ma_cross": "trader.strategy.ma_cross",
    "rsi_reversion": "trader.strategy.experimental.rsi_reversion",
    "donchian": "trader.strategy.experimental.donchian",
    "multi_timeframe": "trader.strategy.experimental.multi_timeframe",
    "market_regime": "trader.strategy.experimental.market_regime",
}
REQUIRED_METHODS = ("on_bar", "on_mark", "quiet_bars", "pass_bars", "explain", "snapshot", "restore")
BARS_MAX = 100_000


class StrategyError(ValueError):
    """The configured strategy cannot be used; the message says what to change."""


def create_strategy(
    settings: StrategySettings, filters: FilterLimits, sizing: SizingSettings, folder: Path | None = None
) -> Strategy:
    """Make one instance of the strategy that `settings.name` names: a built-in name or a path ending in .py.

    A relative path is taken from `folder` (the configuration file's). Raises StrategyError; whatever the user's own
    code raises while it is imported or built is put into the message.
    """
    module = _load(settings.name, folder or Path())
    create = getattr(module, "create", None)
    if not callable(create):
        raise StrategyError(f"strategy {settings.name}: define create(settings, filters, sizing) in it")
    try:
        strategy = create(settings, filters, sizing)
    except (Exception, SystemExit) as error:
        raise StrategyError(f"strategy {settings.name}: create() failed: {type(error).__name__}: {error}") from error
    _validate(settings.name, strategy)
    return cast(Strategy, strategy)


def is_experimental(name: str) -> bool:
    """True for a built-in strategy that is marked experimental; imports its module to read the mark."""
    return name in MODULES and bool(getattr(importlib.import_module(MODULES[name]), "__experimental__", False))


def _load(name: str, folder: Path) -> ModuleType:
    if name in MODULES:
        return importlib.import_module(MODULES[name])
    if not name.endswith(".py"):
        known = ", ".join(MODULES)
        raise StrategyError(f"strategy.name = {name!r} is not known: use one of {known}, or the path of a .py file")
    path = (folder / name).resolve()
    if not path.is_file():
        raise StrategyError(f"strategy.name = {name!r}: there is no file {path}")
    return _import_file(name, path)


def _import_file(name: str, path: Path) -> ModuleType:
    """Import a user's file once per path; its module name cannot collide with a package's."""
    module_name = f"user_strategy_{hashlib.sha256(str(path).encode()).hexdigest()[:12]}"
    if module_name in sys.modules:
        return sys.modules[module_name]
    spec = importlib.util.spec_from_file_location(module_name, path)
    assert spec is not None, "a .py file always has a loader"
    assert spec.loader is not None, "a .py file always has a loader"
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[module_name]
        raise StrategyError(f"strategy {name}: importing it failed: {type(error).__name__}: {error}") from error
    return module


def _validate(name: str, strategy: object) -> None:
    """Refuse what is not a strategy before it sees a market."""
    for method in REQUIRED_METHODS:
        if not callable(getattr(strategy, method, None)):
            raise StrategyError(
                f"strategy {name}: method {method} is missing; subclass SignalStrategy, or Strategy of trader/strategy/protocol.py"
            )
    bars = getattr(strategy, "required_bars", None)
    if not isinstance(bars, int) or not 0 < bars <= BARS_MAX:
        raise StrategyError(f"strategy {name}: required_bars must be a whole number from 1 to {BARS_MAX}, not {bars!r}")
    plan = getattr(strategy, "window_plan", None)
    if not isinstance(plan, WindowPlan):
        raise StrategyError(f"strategy {name}: window_plan must be a WindowPlan, not {type(plan).__name__}")
    if max((plan.bars, *plan.sum_periods)) > BARS_MAX:
        raise StrategyError(f"strategy {name}: its window may not be longer than {BARS_MAX} bars")
