"""Strategies by name and by file: lazily, validated, with errors that say what to change."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from strategy_builders import FILTERS, LONG, SIZING, SPOT, context, decisions, settings_of

from trader.market.window import MarkWindow
from trader.orders.reason import Reason
from trader.strategy.protocol import FLAT, Action, Strategy
from trader.strategy.registry import MODULES, StrategyError, create_strategy, is_experimental

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def load(name: str, folder: Path | None = None) -> Strategy:
    """A strategy by name with the test's small periods."""
    return create_strategy(settings_of(name=name, rsi_period=3), FILTERS, SIZING, folder)


@pytest.mark.parametrize("name", MODULES)
def test_every_built_in_name_makes_a_working_strategy(name: str) -> None:
    """Each one warms up, then answers every bar with a reason of its own."""
    strategy = load(name)
    answers = decisions(strategy, [100 + (bar * 7) % 13 for bar in range(60)])
    assert answers[0].reason is Reason.WARMING_UP
    assert {one.reason for one in answers[strategy.required_bars :]} <= {
        Reason.NO_SIGNAL, Reason.ENTRY_SENT, Reason.SHORTS_DISABLED,
    }  # fmt: skip


def test_only_the_baseline_is_not_experimental() -> None:
    """ARCH-20: every other module carries the mark."""
    assert [name for name in MODULES if not is_experimental(name)] == ["ma_cross"]


def test_no_experimental_module_is_imported_unless_it_is_named() -> None:
    """ARCH-20, proved in a fresh interpreter with the whole strategy room loaded."""
    program = (
        "import sys\n"
        "from trader.strategy import counters, documented, examine, filters, protocol, sizing\n"
        "from trader.strategy.registry import create_strategy\n"
        "from trader.strategy.settings import FilterLimits, SizingSettings, StrategySettings\n"
        "create_strategy(StrategySettings(), FilterLimits(), SizingSettings())\n"
        "print([name for name in sys.modules if 'experimental' in name])\n"
        "create_strategy(StrategySettings(name='donchian'), FilterLimits(), SizingSettings())\n"
        "print(sorted(name for name in sys.modules if 'experimental.' in name))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[]", "['trader.strategy.experimental.donchian']"]


def test_the_readmes_strategy_runs_from_its_file() -> None:
    """A path in the configuration, taken from the configuration's folder."""
    strategy = load("example_strategy.py", HERE)
    closes = [100, 100, 100, 100, 110, 90]
    flat, held = decisions(strategy, closes, FLAT), decisions(load("example_strategy.py", HERE), closes, LONG)
    assert [one.reason for one in flat[3:]] == [Reason.NO_SIGNAL, Reason.ENTRY_SENT, Reason.NO_SIGNAL]
    assert (flat[4].action, held[5].action) == (Action.BUY, Action.CLOSE)
    stopped = strategy.on_mark(9_000_000, LONG, context())
    assert stopped is not None
    assert stopped.action is Action.CLOSE


EXAMPLE = (HERE / "example_strategy.py").read_text(encoding="utf-8")
BROKEN = {
    "syntax": ("def create(:", "SyntaxError"),
    "import": ("import no_such_module_here", "ModuleNotFoundError"),
    "no create": ("x = 1", "define create"),
    "exit": ("import sys\nsys.exit(3)", "SystemExit: 3"),
    "a method is not written": (EXAMPLE.replace("def signal(", "def sign("), "abstract method signal"),
    "create raises": ("def create(*_):\n    raise RuntimeError('no luck')", "no luck"),
    "not a strategy": ("def create(*_):\n    return object()", "method on_bar is missing; subclass SignalStrategy"),
}


@pytest.mark.parametrize(("source", "told"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_file_is_refused_with_the_reason(tmp_path: Path, source: str, told: str) -> None:
    """Before it sees a market, and naming the strategy."""
    (tmp_path / "mine.py").write_text(source, encoding="utf-8")
    with pytest.raises(StrategyError, match=told) as refused:
        load("mine.py", tmp_path)
    assert "mine.py" in str(refused.value)


PROTOCOL_ONLY = """
from trader.market.window import WindowPlan
from trader.orders.reason import Reason
from trader.strategy.protocol import HOLDS, Strategy, StrategyState

class Watcher(Strategy):
    required_bars = 3
    window_plan = WindowPlan((), None, 5)
    def on_bar(self, window, position, context): return HOLDS[Reason.NO_SIGNAL]
    def on_mark(self, half_ticks, position, context): return None
    def explain(self, window, context): return "watching"
    def snapshot(self): return StrategyState()
    def restore(self, state): pass

def create(*_): return Watcher()
"""


def test_the_protocol_alone_is_enough_for_a_strategy(tmp_path: Path) -> None:
    """Without SignalStrategy: the short cut of a backtest is inherited and asks for every bar; without it, it is named."""
    (tmp_path / "watcher.py").write_text(PROTOCOL_ONLY, encoding="utf-8")
    strategy = load("watcher.py", tmp_path)
    assert {one.reason for one in decisions(strategy, [100] * 9)} == {Reason.NO_SIGNAL}
    assert strategy.quiet_bars(MarkWindow("BTC-USD", 1, strategy.window_plan), [100], FLAT, SPOT) == 0
    (tmp_path / "duck.py").write_text(PROTOCOL_ONLY.replace("Watcher(Strategy)", "Watcher"), encoding="utf-8")
    with pytest.raises(StrategyError, match="method quiet_bars is missing"):
        load("duck.py", tmp_path)


def test_wrong_bars_and_plans_are_refused(tmp_path: Path) -> None:
    """A window nobody could keep is an error at the start, not at night."""
    for number, (line, told) in enumerate(
        [
            ("    required_bars = 0\n", "required_bars"),
            ("    required_bars = 'many'\n", "required_bars"),
            ("    window_plan = None\n", "window_plan"),
            ("    sum_periods = (10**9,)\n", "longer"),
        ]
    ):
        head, tail = EXAMPLE.split("class AboveAverage(SignalStrategy):\n")
        body = tail.replace("def sum_periods", "def ignored") if "sum_periods" in line else tail
        path = tmp_path / f"wrong_{number}.py"
        path.write_text(f"{head}class AboveAverage(SignalStrategy):\n{body.replace('def create', 'def _create')}")
        text = path.read_text(encoding="utf-8").replace("\n\ndef _create", f"\n{line}\n\ndef create")
        path.write_text(text, encoding="utf-8")
        with pytest.raises(StrategyError, match=told):
            load(path.name, tmp_path)


def test_an_unknown_name_lists_what_there_is(tmp_path: Path) -> None:
    """The remedy stands in the message."""
    with pytest.raises(StrategyError, match="ma_cross, rsi_reversion"):
        load("golden_goose")
    with pytest.raises(StrategyError, match="there is no file"):
        load("absent.py", tmp_path)


def test_a_contradiction_of_settings_is_refused() -> None:
    """RSI reversion with RSI confirmation would never trade."""
    settings = settings_of(name="rsi_reversion", require_rsi_confirmation=True)
    with pytest.raises(StrategyError, match="require_rsi_confirmation = false"):
        create_strategy(settings, FILTERS, SIZING)
