"""What a backtest promises: the same run however it is scheduled, and no knowledge of the future."""

from __future__ import annotations

import hashlib

import pytest

from actors.backtest import LEAD_S, Backtest, Outcome
from actors.backtest_market import History
from actors.straight import StraightStage
from tests.backtest.backtest_markets import CHEAP, history, settings, waves
from tests.backtest.seeded_run import SeededRun
from trader.config import Settings
from trader.store.events import Event, encode


def straight(market: History, chosen: Settings, **options: bool) -> tuple[Outcome, list[Event]]:
    """Run first in, first out, and keep the events."""
    with StraightStage(market.first_end - LEAD_S) as stage:
        run = Backtest(chosen, market, CHEAP, stage=stage, keep_events=True, **options)
        outcome = run.run()
    assert run.journal.events is not None
    return outcome, run.journal.events


def seeded(market: History, chosen: Settings, seed: int) -> tuple[Outcome, list[Event]]:
    """Run in random order with pykka's own loop, and keep the events."""
    with SeededRun(seed, market.first_end - LEAD_S) as stage:
        run = Backtest(chosen, market, CHEAP, stage=stage, keep_events=True)
        outcome = run.run()
        assert not stage.dead_letters()
    assert run.journal.events is not None
    return outcome, run.journal.events


def digest(market: History, events: list[Event]) -> str:
    """Hash the events from the first candle on: how many ticks the start takes may depend on who runs first."""
    total = hashlib.sha256()
    for event in events:
        if event.market_time >= market.first_end:
            total.update(encode(event))
    return total.hexdigest()


def test_the_same_market_gives_the_same_events_to_the_byte() -> None:
    """Two runs share nothing but their input."""
    market, chosen = history(waves(bars=1_500)), settings()
    first, _ = straight(market, chosen)
    second, _ = straight(market, chosen)
    assert first.digest == second.digest
    assert first.executions > 30


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_any_order_of_turns_gives_the_events_of_the_straight_run(seed: int) -> None:
    """Where order cannot matter it does not: mailboxes, pykka's loop and a random scheduler change nothing."""
    market, chosen = history(waves(bars=400)), settings()
    outcome, events = straight(market, chosen)
    shuffled, told = seeded(market, chosen, seed)
    assert outcome.executions > 8
    assert digest(market, told) == digest(market, events)
    assert shuffled.curve.last == outcome.curve.last


def test_three_symbols_give_the_same_events_in_any_order_of_turns() -> None:
    """Several symbols share one account: each is handled to its end before the next, whatever the scheduler does."""
    names = ("BTC-USD", "ETH-USD", "SOL-USD")
    series = [
        waves(name, 300, seed=at, period=40 + 7 * at, price=price)
        for at, (name, price) in enumerate(zip(names, (25_000, 1_600, 22), strict=True))
    ]
    market, chosen = history(*series), settings(symbols=names)
    outcome, events = straight(market, chosen)
    assert {trade.symbol for trade in outcome.trades} == set(names)
    _, told = seeded(market, chosen, 5)
    assert digest(market, told) == digest(market, events)


@pytest.mark.parametrize("cut", [137, 451, 700])
def test_cutting_the_future_away_changes_no_earlier_decision(cut: int) -> None:
    """No decision up to a moment depends on a later candle: the whole system's look-ahead check.

    Fills of the very last candle are left out: an order meets the market at the next candle's open, where there is one.
    """
    whole = waves(bars=900, seed=9, noise=0.0006)
    market, chosen = history(whole), settings()
    shorter = history(whole.between(0, whole.start[cut]))
    _, all_events = straight(market, chosen)
    _, events = straight(shorter, chosen)
    until = whole.start[cut - 1]
    told = [_fact(event) for event in events if event.market_time <= until]
    assert len(told) > 10
    assert told == [_fact(event) for event in all_events if event.market_time <= until]


def _fact(event: Event) -> tuple[object, ...]:
    return (event.event, event.code, event.decision_id, event.market_time, event.payload)
