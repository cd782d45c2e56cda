"""No look into the future, no dependence on the message rate, and the same decisions from the same inputs."""

from __future__ import annotations

import random
from decimal import Decimal
from pathlib import Path

import pytest
from strategy_builders import FILTERS, PERP, SIZING, bars, context, decisions, walk

from trader.market.window import MarkWindow
from trader.strategy.protocol import FLAT, Context, Decision, PositionView
from trader.strategy.registry import MODULES, create_strategy
from trader.strategy.settings import StrategySettings

NAMES = [*MODULES, "example_strategy.py"]
FOLDER = Path(__file__).parent


def settings_for(name: str) -> StrategySettings:
    """Shorts, RSI where it does not contradict, no cooldown."""
    return StrategySettings(
        name=name, bar_seconds=1, short_ma_period=3, long_ma_period=10, enable_shorts=True,
        require_rsi_confirmation=name != "rsi_reversion", confirmation_bars=1, epsilon_bps=Decimal("0.5"),
    )  # fmt: skip


def session(name: str, marks: list[tuple[int, float]]) -> list[tuple[float, Decision]]:
    """Trade a stream of marks with fills at once; return every decision with its moment."""
    strategy = create_strategy(settings_for(name), FILTERS, SIZING, FOLDER)
    window = MarkWindow("BTC-PERP", 1, strategy.window_plan)
    position, rows = FLAT, []
    for half_ticks, time in marks:
        moment: Context = context(PERP, market_time=time)
        taken: list[Decision | None] = []
        bar = window.add(half_ticks, time)
        while bar is not None:
            taken.append(strategy.on_bar(window, position, moment))
            bar = window.fill()
        taken.append(strategy.on_mark(half_ticks, position, moment))
        for decision in taken:
            if decision is not None:
                rows.append((window.bar_end, decision))
                position = after(decision, position, half_ticks)
    return rows


def after(decision: Decision, position: PositionView, half_ticks: int) -> PositionView:
    """The position a fill at the mark would leave."""
    if decision.action == "CLOSE":
        return FLAT
    if decision.action in {"BUY", "SELL"}:
        size = Decimal(1) if decision.action == "BUY" else Decimal(-1)
        return PositionView(size, PERP.from_half_ticks(half_ticks), adds=1)
    return position


def stream(seconds: int, seed: int) -> list[tuple[int, float]]:
    """Several marks a second with quiet stretches."""
    source, time, rows = random.Random(seed), 1_700_000_000.0, []
    for half_ticks in walk(seconds * 3, seed):
        time += source.choice([0.1, 0.2, 0.3, 0.9, 2.5])
        rows.append((half_ticks, time))
    return rows


@pytest.mark.parametrize("name", NAMES)
def test_cutting_off_the_future_changes_no_decision_before_the_cut(name: str) -> None:
    """At many cuts: what was decided with the history then is what was decided with all of it."""
    marks = stream(400, seed=11)
    whole = session(name, marks)
    assert len({row[1].action for row in whole}) >= 3, "the stream must make the strategy trade"
    for cut in range(1, len(marks), 97):
        part = session(name, marks[:cut])
        assert part == whole[: len(part)]


@pytest.mark.parametrize("name", NAMES)
def test_the_same_inputs_give_the_same_decisions_to_the_byte(name: str) -> None:
    """Reasons, texts and numbers included: the ground of replay parity."""
    marks = stream(300, seed=5)
    assert repr(session(name, marks)) == repr(session(name, marks))


@pytest.mark.parametrize("name", NAMES)
def test_more_messages_with_the_same_closes_decide_the_same_bars(name: str) -> None:
    """Bars, not ticks: a busy feed means no more than a quiet one, the range of the bar apart."""
    strategy = create_strategy(settings_for(name), FILTERS, SIZING, FOLDER)
    busy_strategy = create_strategy(settings_for(name), FILTERS, SIZING, FOLDER)
    closes = walk(300, seed=2)
    sparse = decisions(strategy, closes, FLAT, context(PERP))
    window, busy = MarkWindow("BTC-USD", 1, busy_strategy.window_plan), []
    for second, close in enumerate([*closes, closes[-1]]):
        closed = [window.add(close, second + part / 4) for part in range(4)]
        assert closed[1:] == [None] * 3
        if closed[0] is not None:
            busy.append(busy_strategy.on_bar(window, FLAT, context(PERP)))
    assert busy == sparse


@pytest.mark.parametrize("name", NAMES)
def test_a_warmed_restart_gives_the_signals_of_the_process_it_replaces(name: str) -> None:
    """Signals hang on the window alone, and `window_plan.bars` is enough history for them."""
    closes = walk(700, seed=23)
    old = create_strategy(settings_for(name), FILTERS, SIZING, FOLDER)
    expected = [decision.action for decision in decisions(old, closes, FLAT, context(PERP))]
    new = create_strategy(settings_for(name), FILTERS, SIZING, FOLDER)
    kept = new.window_plan.bars
    got = [new.on_bar(window, FLAT, context(PERP)).action for window in bars(new, closes[300 - kept :])]
    assert got[kept:] == expected[300:]
