"""Stretches change nothing but the time a run takes: the same events, curve and books as bar by bar, on every kind of market."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from actors.backtest import LEAD_S, Backtest, Outcome
from actors.backtest_market import History, Series, Walk
from actors.straight import StraightStage
from tests.backtest.backtest_markets import CHEAP, START, history, settings, waves
from trader.config import Settings
from trader.store.events import EventName, encode


def run(market: History, chosen: Settings, *, one_by_one: bool, daily: bool = False) -> tuple[Outcome, list[bytes]]:
    """Run the straight way and keep every event as the store would write it."""
    with StraightStage(market.first_end - LEAD_S) as stage:
        backtest = Backtest(
            chosen, market, CHEAP, stage=stage, keep_events=True, one_by_one=one_by_one, resume_daily=daily
        )
        outcome = backtest.run()
    assert backtest.journal.events is not None
    return outcome, [encode(event) for event in backtest.journal.events]


def facts(outcome: Outcome) -> dict[str, Any]:
    """Everything a run came to, its curve included."""
    told = {name: repr(getattr(outcome, name)) for name in outcome.__struct_fields__ if name != "curve"}
    return told | {name: getattr(outcome.curve, name) for name in ("samples", "first", "last", "max_drawdown")}


def assert_same(market: History, chosen: Settings, *, daily: bool = False) -> Outcome:
    """Run both ways and compare."""
    plain, events = run(market, chosen, one_by_one=True, daily=daily)
    quick, told = run(market, chosen, one_by_one=False, daily=daily)
    assert told == events
    assert facts(quick) == facts(plain)
    return quick


def walks(symbol: str, bars: int, seed: int, *, step: float, price: float, holes: bool = False) -> Series:
    """A random walk of minute candles; with `holes` some minutes, and once some hours, are missing."""
    draw = random.Random(seed)
    made = waves(symbol, bars, seed=seed, price=price, amplitude=0.0, noise=0.0)
    shaped = Series(made.instrument, 60)
    last = made.close[0]
    for bar in range(bars):
        if holes and (draw.random() < 0.01 or 900 < bar < 1100):
            continue
        close = max(round(last * (1 + draw.gauss(0, step))), 10)
        shaped.append(START + 60 * bar, last, max(last, close), min(last, close), close, 500_000)
        last = close
    return shaped


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("step", [0.0002, 0.002, 0.02])
def test_random_walks_give_the_same_events_in_stretches_and_bar_by_bar(seed: int, step: float) -> None:
    """Quiet, lively and wild prices: alarms, volatility and jumps end a stretch where they would have acted."""
    market = history(walks("BTC-USD", 1_200, seed, step=step, price=25_000, holes=seed % 2 == 1))
    assert_same(market, settings(), daily=True)


@pytest.mark.parametrize(
    "keys",
    [
        {"strategy__confirmation_bars": 2},
        {"strategy__require_rsi_confirmation": True},
        {"strategy__epsilon_bps": 0, "strategy__short_ma_period": 2, "strategy__long_ma_period": 10},
        {"strategy__epsilon_bps": 30},
        {"strategy__max_adds": 3, "strategy__trailing_stop_pct": 0.005},
        {"strategy__bar_seconds": 300},
        {"execution__order_type": "limit", "execution__time_in_force": "GTC"},
        {"risk__volatility__sample_seconds": 300},
    ],
)
def test_every_setting_gives_the_same_events_in_stretches_and_bar_by_bar(keys: dict[str, Any]) -> None:
    """Confirmation, RSI, bands, adds, other bars than candles, resting orders and another sampling."""
    market = history(waves(bars=1_500, seed=3, noise=0.0008))
    assert assert_same(market, settings(**keys), daily=True).bars == 1_500


@pytest.mark.parametrize("profile", ["canary", "demo", "prod", "spot"])
def test_every_profile_gives_the_same_events_in_stretches_and_bar_by_bar(profile: str) -> None:
    """Tight limits hold early, loose ones late; the whole day's roll lies within."""
    market = history(waves(bars=2_000, seed=5, noise=0.0005))
    assert_same(market, settings(profile), daily=True)


def test_a_perpetual_with_shorts_gives_the_same_events_in_stretches_and_bar_by_bar() -> None:
    """Funding every hour, short positions, leverage."""
    market = history(waves("BTC-PERP", bars=2_000, seed=8, period=247, amplitude=0.02, noise=0.001))
    outcome = assert_same(
        market,
        settings("prod", ("BTC-PERP",), strategy__require_rsi_confirmation=False, strategy__trailing_stop_pct=0.005),
        daily=True,
    )
    assert outcome.events[EventName.FUNDING_ACCRUED] > 10
    assert any(trade.side == "SHORT" for trade in outcome.trades)


def test_a_run_whose_lead_lies_across_the_hour_books_no_funding_of_before_its_market() -> None:
    """Candles of five seconds from the full hour on: the actors start before it, with nothing held, and owe nothing for it."""
    shaped = waves("BTC-PERP", bars=250, seed=8, period=247, amplitude=0.02, noise=0.001)
    market = Series(shaped.instrument, 5)
    for at in range(len(shaped)):
        rows = (shaped.open, shaped.high, shaped.low, shaped.close, shaped.volume)
        market.append(START + 5 * at, *(row[at] for row in rows))
    keys: dict[str, Any] = {
        "strategy__bar_seconds": 5,
        "risk__volatility__warn": 100,
        "risk__volatility__reduce_only": 100,
    }
    keys |= {
        "risk__volatility__halt": 100,
        "strategy__require_rsi_confirmation": False,
        "strategy__trailing_stop_pct": 0.05,
    }
    outcome = assert_same(History((market,), 5), settings("dev", ("BTC-PERP",), **keys))
    assert outcome.open_symbols
    assert EventName.FUNDING_ACCRUED not in outcome.events


def test_three_symbols_with_holes_give_the_same_events_in_stretches_and_bar_by_bar() -> None:
    """One account, three products: equity moves with all of them, and a minute that one lacks ends the stretch."""
    names, prices = ("BTC-USD", "ETH-USD", "SOL-USD"), (25_000, 1_600, 22)
    series = [
        walks(name, 1_300, 20 + at, step=0.001, price=price, holes=at == 1)
        for at, (name, price) in enumerate(zip(names, prices, strict=True))
    ]
    outcome = assert_same(history(*series), settings(symbols=names), daily=True)
    assert {trade.symbol for trade in outcome.trades} == set(names)


def test_most_bars_pass_in_stretches() -> None:
    """The short cut is taken: of a quiet market's bars nearly all."""
    market, chosen = history(waves(bars=1_000, period=200)), settings()
    with StraightStage(market.first_end - LEAD_S) as stage:
        backtest = Backtest(chosen, market, CHEAP, stage=stage)
        told: list[int] = []
        take = stage.deliver

        def watch(address: Any, message: Any) -> None:
            told.append(len(message.half_ticks) if hasattr(message, "half_ticks") and hasattr(message, "bar_s") else 0)
            take(address, message)

        stage.deliver = watch  # type: ignore[method-assign]
        backtest.run()
    assert sum(told) > 900


def test_a_walk_names_the_steps_that_every_series_has() -> None:
    """`unbroken` ends at a hole, at the end of a series, at a moment, and is 0 where the series are apart."""
    one, other = waves("BTC-USD", 100), waves("ETH-USD", 100, start=START + 120)
    walk = Walk(history(one))
    assert walk.unbroken(64, float("inf")) == 64
    assert walk.unbroken(64, START + 60 * 5) == 4
    assert walk.unbroken(64, START + 60 * 5 + 1) == 5
    assert Walk(history(one, other)).unbroken(64, float("inf")) == 0
    both = Walk(history(one, other))
    both.cursors[0] = 2
    assert both.unbroken(200, float("inf")) == 98


EAGER = """
from trader.strategy.ma_cross import MovingAverageCross

class Eager(MovingAverageCross):
    def signal(self, window):
        return 1 if window.closes[-1] * self._short > window.sum(self._short) else 0

def create(*settings):
    return Eager(*settings)
"""


def test_a_users_strategy_that_signals_more_often_is_asked_for_every_bar(tmp_path: Path) -> None:
    """What it inherits knows nothing of its own signals: no bar of it may be passed over."""
    (tmp_path / "eager.py").write_text(EAGER, encoding="utf-8")
    chosen = settings(strategy__name=str(tmp_path / "eager.py"))
    assert assert_same(history(waves(bars=600)), chosen).executions > 40


MIXED = """
from trader.strategy.ma_cross import MovingAverageCross
from trader.strategy.protocol import Action, Decision
from trader.orders.reason import Reason

class TakesProfit:
    def on_mark(self, half_ticks, position, context):
        if position.size and not position.pending and context.quote.mark > position.entry_price:
            return Decision(Action.CLOSE, Reason.EXIT_SENT, "in profit", reduce_only=True)
        return super().on_mark(half_ticks, position, context)

class Mine(TakesProfit, MovingAverageCross):
    pass

def create(*given):
    return Mine(*given)
"""


def test_a_part_mixed_in_is_asked_at_every_bar_too(tmp_path: Path) -> None:
    """What decides may come from a class that is no strategy itself."""
    (tmp_path / "mine.py").write_text(MIXED, encoding="utf-8")
    chosen = settings(strategy__name=str(tmp_path / "mine.py"), risk__consecutive_losses=20)
    assert assert_same(history(waves(bars=600, seed=4, noise=0.0003)), chosen).trades
