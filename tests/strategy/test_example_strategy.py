"""The test of example_strategy.py, which the README shows beside it."""

from pathlib import Path

from strategy_builders import FILTERS, LONG, SIZING, decisions, settings_of

from trader.strategy.protocol import Action, Strategy
from trader.strategy.registry import create_strategy


def example() -> Strategy:
    """Made as the trader makes it, from its file, with an average over four bars."""
    return create_strategy(settings_of(name="example_strategy.py"), FILTERS, SIZING, Path(__file__).parent)


def test_it_buys_above_the_average_and_leaves_below_it() -> None:
    """Flat before the rise it enters with it; holding before the fall it leaves with it."""
    closes = [100, 100, 100, 100, 110, 90]
    assert decisions(example(), closes)[4].action is Action.BUY
    assert decisions(example(), closes, LONG)[5].action is Action.CLOSE
