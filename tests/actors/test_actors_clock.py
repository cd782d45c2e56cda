"""The market's clock after a pause: what waited in a buffer neither sets the clock back nor counts as fresh (F-P16)."""

from __future__ import annotations

import time

import pytest

from actors.clock import PATIENCE_S, MarketClock

SPEED = 120.0
MARKET = 1_740_000_000.0


def running(speed: float) -> tuple[MarketClock, float]:
    """A clock that has heard ten seconds of heartbeats; and the machine time of the last."""
    clock = MarketClock(free_running=speed != 1.0)
    machine = time.monotonic()
    for second in range(11):
        clock.hear(MARKET + second * speed, machine + second)
    return clock, machine + 10


@pytest.mark.parametrize("speed", [1.0, SPEED])
def test_what_comes_in_time_is_not_late(speed: float) -> None:
    """A price stamped now and heard now is fresh on any market's speed."""
    clock, machine = running(speed)
    assert clock.late_s(MARKET + 12 * speed, machine + 2) == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("speed", [1.0, SPEED])
def test_heartbeats_that_waited_in_a_buffer_do_not_move_the_clock(speed: float) -> None:
    """Thirty seconds of silence, then thirty old heartbeats at once and a fresh one: the clock has not noticed."""
    clock, machine = running(speed)
    for second in range(11, 40):
        clock.hear(MARKET + second * speed, machine + 30 + second / 1000)
    assert clock.late_s(MARKET + 40 * speed, machine + 30) == pytest.approx(0.0, abs=1e-6)
    assert clock.late_s(MARKET + 33 * speed, machine + 30) == pytest.approx(7.0)
    clock.hear(MARKET + 40 * speed, machine + 30)
    assert clock.late_s(MARKET + 45 * speed, machine + 35) == pytest.approx(0.0, abs=1e-6)


def test_a_venue_whose_clock_really_was_set_back_is_believed_after_a_while() -> None:
    """Late for longer than the patience is no buffer any more."""
    clock, machine = running(1.0)
    for second in range(11, 11 + int(PATIENCE_S) + 2):
        clock.hear(MARKET + second - 60, machine + second - 10)
    last = 11 + int(PATIENCE_S) + 1
    assert clock.late_s(MARKET + last - 60, machine + last - 10) == pytest.approx(0.0, abs=1e-6)
