"""The market's clock: it follows the venue's heartbeats and believes no single strange one."""

from __future__ import annotations

import pytest

from actors import clock as module
from actors.clock import MarketClock, SkewWatch
from trader.market.clock import Now
from trader.risk.holds import Level


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


def test_a_machine_whose_clock_is_stepped_may_only_reduce_until_it_is_right_again(
    machine: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """C-26: within half a second nothing, within two a warning, beyond a hold that ends by itself."""
    clock, watch = MarketClock(free_running=False), SkewWatch()
    beats(clock, machine, 3, ahead=0.3)
    assert watch.judge(clock.skew_s, clock.now()) is None
    monkeypatch.setattr(module.time, "time", lambda: machine[0] + 1_003_600.0)
    beats(clock, machine, 3)
    now = clock.now()
    hold = watch.judge(clock.skew_s, now)
    assert hold is not None
    assert hold.level is Level.REDUCE_ONLY
    assert "3600.0 s ahead of" in hold.text
    assert hold.ends_at == pytest.approx(now.market_time + 60)
    assert watch.judge(clock.skew_s, Now(now.market_time + 5, now.machine_time + 5)) is None
    again = watch.judge(clock.skew_s, Now(now.market_time + 31, now.machine_time + 31))
    assert again is not None
    assert hold.joined(again).ends_at == again.ends_at


def test_a_recorded_market_and_a_small_difference_hold_nothing() -> None:
    """An unknown skew is a recorded market's; between the two limits only the log speaks."""
    watch = SkewWatch()
    assert watch.judge(None, Now(0.0, 0.0)) is None
    assert watch.judge(-1.5, Now(0.0, 0.0)) is None
