"""Pacing and breakers: who may go when, on a clock of the test's own."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st
from loguru import logger

from trader.coinbase.breaker import Breaker, BreakerState
from trader.coinbase.gateway import _RateVoice
from trader.coinbase.pacing import Pacer, PaceRules, Priority, retry_delay_s


def _use(rules: PaceRules, count: int, start: float, priority: Priority = Priority.ENTRY, every: float = 0.1) -> float:
    now = start
    for _ in range(count):
        assert rules.ask(priority, now) == 0.0
        now += every
    return now


def test_the_minute_window_slides() -> None:
    """A hundred entries a minute; the next may go when the oldest has left the window."""
    rules = PaceRules(100, 10_000)
    now = _use(rules, 100, 1000.0)
    wait = rules.ask(Priority.ENTRY, now)
    assert wait == pytest.approx(1060.0 - now)
    assert rules.ask(Priority.ENTRY, 1060.0) == 0.0


def test_reads_leave_room_for_entries_and_both_for_exits() -> None:
    """With the window full of reads an entry still goes; with it full of entries a cancel and an exit still go."""
    rules = PaceRules(100, 10_000)
    now = _use(rules, 85, 1000.0, Priority.READ)
    assert rules.ask(Priority.READ, now) > 0
    now = _use(rules, 15, now)
    assert rules.ask(Priority.ENTRY, now) > 0
    now = _use(rules, 30, now, Priority.CANCEL)
    assert rules.ask(Priority.EXIT, now) == 0.0
    assert rules.used(now) > 1.0


def test_the_second_has_a_ceiling_with_places_kept_for_cancels() -> None:
    """Eighteen reads, then only entries, then only cancels and exits, never above the venue's thirty."""
    rules = PaceRules(1000, 10_000)
    granted = dict.fromkeys(reversed(Priority), 0)
    for priority in reversed(Priority):
        while rules.ask(priority, 500.0) == 0.0:
            granted[priority] += 1
    assert list(granted.values()) == [18, 4, 4, 2]
    assert rules.ask(Priority.CANCEL, 501.0) == 0.0


def test_a_429_pauses_all_but_cancels_and_exits() -> None:
    """The pause is what the venue asked for, a minute at most."""
    rules = PaceRules(100, 10_000)
    rules.too_many(1000.0, 5.0)
    assert rules.ask(Priority.READ, 1001.0) == pytest.approx(4.0)
    assert rules.ask(Priority.ENTRY, 1004.9) > 0
    assert rules.ask(Priority.EXIT, 1001.0) == 0.0
    assert rules.ask(Priority.CANCEL, 1001.0) == 0.0
    assert rules.ask(Priority.READ, 1005.0) == 0.0
    rules.too_many(2000.0, 1e9)
    assert rules.ask(Priority.READ, 2060.0) == 0.0


def test_repeated_429s_halve_our_own_rate_and_quiet_minutes_restore_it() -> None:
    """Halving has a floor; a minute without trouble doubles back."""
    rules = PaceRules(100, 10_000)
    for at in (0.0, 5.0, 10.0):
        rules.too_many(1000.0 + at, None)
    assert rules.allowed_per_minute(1011.0) == 25
    assert rules.allowed_per_minute(1071.0) == 50
    assert rules.allowed_per_minute(1131.0) == 100
    for at in range(20):
        rules.too_many(3000.0 + at, None)
    assert rules.allowed_per_minute(3020.0) == 10


def test_what_quiet_minutes_gave_back_a_later_429_does_not_take_again() -> None:
    """Pairs of 429s every two minutes leave the rate at a half after each pair, not at a thousandth after the tenth."""
    rules = PaceRules(600, 10_000)
    for pair in range(10):
        begin = 1000.0 + 121.0 * pair
        rules.too_many(begin, 1.0)
        rules.too_many(begin + 1.0, 1.0)
        assert rules.allowed_per_minute(begin + 2.0) == 300
        assert rules.allowed_per_minute(begin + 62.0) == 600


def test_the_hourly_budget_keeps_its_last_part_for_cancels() -> None:
    """At the end of the key's hour reads stop first, then entries, cancels never."""
    rules = PaceRules(1000, 100)
    now = _use(rules, 80, 10_000.0, every=1.0)
    assert rules.ask(Priority.READ, now) > 0
    now = _use(rules, 15, now, every=1.0)
    assert rules.ask(Priority.ENTRY, now) > 0
    assert rules.ask(Priority.CANCEL, now) == 0.0
    assert rules.ask(Priority.READ, 10_000.0 + 3_800) == 0.0


def test_without_throttle_everything_goes_and_is_counted() -> None:
    """The switch of the configuration."""
    rules = PaceRules(10, 100, throttle=False)
    _use(rules, 50, 0.0, Priority.READ, every=0.0)
    assert rules.used(0.0) == 5.0


def test_the_warning_comes_once_per_crossing_of_eighty_percent() -> None:
    """Not on every request above it."""
    rules = PaceRules(10, 10_000)
    crossings = []
    for at in range(10):
        rules.ask(Priority.CANCEL, 100.0 + at)
        crossings.append(rules.crossed_warning(100.0 + at))
    assert crossings == [False] * 7 + [True, False, False]


def test_the_log_hears_of_it_once_an_hour() -> None:
    """An outage crosses the line every minute; each crossing is on the screen, one in an hour in the log."""
    said: list[str] = []
    now = [0.0]
    sink = logger.add(lambda message: said.append(str(message)), level="WARNING", filter="trader.coinbase.gateway")
    try:
        voice = _RateVoice(lambda: now[0])
        for minute in range(121):
            now[0] = 60.0 * minute
            voice(0.8)
    finally:
        logger.remove(sink)
    assert len(said) == 3
    assert "80% of the minute's allowance" in said[0]


@given(st.lists(st.tuples(st.sampled_from(list(Priority)), st.floats(0.0, 5.0)), min_size=1, max_size=400))
def test_no_window_ever_holds_more_than_allowed(asks: list[tuple[Priority, float]]) -> None:
    """Whatever comes when, reads and entries stay within the minute's allowance and every second within the ceiling."""
    rules, now, granted = PaceRules(50, 10_000), 0.0, []
    for priority, pause in asks:
        now += pause
        if rules.ask(priority, now) == 0.0:
            granted.append((now, priority))
    for at, priority in granted:
        minute = [each for each, _ in granted if at - 60 < each <= at]
        if priority >= Priority.ENTRY:
            assert len(minute) <= 50
        assert sum(1 for each, _ in granted if at - 1 < each <= at) <= 28


def test_a_waiter_gives_up_when_its_turn_would_come_too_late() -> None:
    """No sleeping past the deadline; otherwise the wait is on the injected clock."""
    now = [100.0]

    def pause(seconds: float) -> None:
        now[0] += seconds

    warnings: list[float] = []
    pacer = Pacer(PaceRules(10, 10_000), lambda: now[0], pause, warnings.append)
    for _ in range(10):
        assert pacer.acquire(Priority.ENTRY, now[0])
    assert warnings == [0.8]
    assert not pacer.acquire(Priority.ENTRY, now[0] + 10)
    assert pacer.acquire(Priority.ENTRY, now[0] + 100)
    assert 160.0 <= now[0] <= 160.5
    pacer.too_many(3.0)
    assert not pacer.acquire(Priority.READ, now[0] + 1)
    assert pacer.acquire(Priority.CANCEL, now[0])


def test_the_backoff_is_the_documents_own_example() -> None:
    """1.01, 2.04, 4.12 seconds for attempts one to three; the tenth has no jitter."""
    assert [retry_delay_s(attempt, 1.0, 0.1) for attempt in (1, 2, 3)] == pytest.approx([1.01, 2.04, 4.12])
    assert retry_delay_s(10, 1.0, 0.1) == 512.0
    assert retry_delay_s(1, 1.0, 0.0) == 1.0


BREAKER_TABLE = [
    ("five failures open it", "fffff", BreakerState.OPEN),
    ("a success in between starts the count anew", "ffffsffff", BreakerState.CLOSED),
    ("half open after the pause, one probe only", "fffff W a", BreakerState.HALF_OPEN),
    ("a failed probe opens it again", "fffff W af", BreakerState.OPEN),
    ("one good probe is not enough", "fffff W as", BreakerState.HALF_OPEN),
    ("two good probes close it", "fffff W as as", BreakerState.CLOSED),
]


@pytest.mark.parametrize(("name", "story", "end"), BREAKER_TABLE)
def test_the_breaker_by_stories(name: str, story: str, end: BreakerState) -> None:
    """f failed, s succeeded, a asked and allowed, W thirty seconds pass."""
    breaker, now = Breaker(), 0.0
    for step in story.replace(" ", ""):
        if step == "f":
            breaker.failed(now)
        elif step == "s":
            breaker.succeeded()
        elif step == "W":
            assert not breaker.allows(now)
            now += 30.0
        else:
            assert breaker.allows(now)
            assert not breaker.allows(now)
    assert breaker.state is end, name


def test_a_waiter_whose_machine_slept_past_the_deadline_does_not_go() -> None:
    """The process was suspended while it waited: its turn has come, and its deadline has gone."""
    now = [100.0]

    def sleep_long(_: float) -> None:
        now[0] += 100.0

    pacer = Pacer(PaceRules(100, 10_000), lambda: now[0], sleep_long)
    pacer.too_many(5.0)
    assert not pacer.acquire(Priority.ENTRY, 110.0)
