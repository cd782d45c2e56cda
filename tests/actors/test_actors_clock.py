"""The market's clock: it follows the venue's heartbeats and believes no single strange one."""

from __future__ import annotations

import pytest

from actors import clock as module
from actors.clock import MarketClock


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A machine whose monotonic and UTC clocks are ours; UTC is 1,000,000 s ahead of the monotonic one."""
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(module.time, "time", lambda: now[0] + 1_000_000.0)
    return now


def beats(clock: MarketClock, machine: list[float], seconds: int, ahead: float = 0.0) -> None:
    for _ in range(seconds):
        machine[0] += 1.0
        clock.hear(machine[0] + 1_000_000.0 + ahead, machine[0])


def test_it_keeps_the_venues_time_between_heartbeats(machine: list[float]) -> None:
    """And never runs back."""
    clock = MarketClock(free_running=False)
    beats(clock, machine, 5, ahead=0.3)
    machine[0] += 0.5
    assert clock.now().market_time == pytest.approx(machine[0] + 1_000_000.3)
    assert clock.skew_s == pytest.approx(0.3)


def test_one_heartbeat_from_the_future_moves_nothing(machine: list[float]) -> None:
    """It would lift a daily loss and roll the day."""
    clock = MarketClock(free_running=False)
    beats(clock, machine, 5)
    beats(clock, machine, 1, ahead=172_800.0)
    beats(clock, machine, 5)
    assert clock.now().market_time == pytest.approx(machine[0] + 1_000_000.0)


def test_a_venue_that_leapt_is_believed_after_a_while(machine: list[float]) -> None:
    """Ten seconds of the same word are the truth."""
    clock = MarketClock(free_running=False)
    beats(clock, machine, 5)
    beats(clock, machine, 30, ahead=5.0)
    assert clock.now().market_time == pytest.approx(machine[0] + 1_000_005.0)
    assert clock.skew_s == pytest.approx(5.0)


def test_a_recorded_market_may_run_at_its_own_speed(machine: list[float]) -> None:
    """Sixty times, and its distance from this machine's clock means nothing."""
    clock = MarketClock(free_running=True)
    market = 1_677_000_000.0
    for _ in range(8):
        machine[0] += 1.0
        market += 60.0
        clock.hear(market, machine[0])
    machine[0] += 0.5
    assert clock.now().market_time == pytest.approx(market + 30.0, abs=1.0)
    assert clock.skew_s is None
