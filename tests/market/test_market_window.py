"""MarkWindow against a naive reference that keeps every mark, and its edges: gaps, late marks, warm-up, bounds."""

from __future__ import annotations

import math
import statistics
from itertools import pairwise

import pytest
from hypothesis import given, settings, strategies as st

from trader.market.quote import Bar
from trader.market.volatility import SECONDS_PER_YEAR
from trader.market.window import MarkWindow, WindowPlan

PLAN = WindowPlan(sum_periods=(3, 8), rsi_period=4, bars=20)
MARKS = st.lists(st.tuples(st.integers(1, 10**7), st.floats(0, 25, allow_nan=False)), min_size=1, max_size=120)


def feed(window: MarkWindow, half_ticks: int, time: float) -> list[Bar]:
    """Give one mark and collect every bar it closes, as the symbol actor does."""
    bars = []
    bar = window.add(half_ticks, time)
    while bar is not None:
        bars.append(bar)
        bar = window.fill()
    return bars


def at_times(steps: list[tuple[int, float]]) -> list[tuple[int, float]]:
    """Turn (mark, seconds since the one before) into (mark, time)."""
    time, marks = 1_700_000_003.0, []
    for half_ticks, wait in steps:
        time += wait
        marks.append((half_ticks, time))
    return marks


def naive_bars(marks: list[tuple[int, float]], bar_seconds: int) -> list[tuple[float, int, int, int, int]]:
    """Cut marks into bars by looking at all of them at once; every bar before the last mark's is closed."""
    by_bar: dict[int, list[int]] = {}
    for half_ticks, time in marks:
        by_bar.setdefault(math.floor(time / bar_seconds), []).append(half_ticks)
    rows, close = [], 0
    for number in range(min(by_bar), max(by_bar)):
        inside = by_bar.get(number, [close])
        close = inside[-1]
        rows.append((float(number * bar_seconds), inside[0], max(inside), min(inside), close))
    return rows


@given(MARKS)
@settings(max_examples=200, deadline=None)
def test_bars_are_those_of_a_reference_that_sees_every_mark_at_once(steps: list[tuple[int, float]]) -> None:
    """Open, high, low, close and start of each bar, flat ones included, whatever the spacing of the marks."""
    marks = at_times(steps)
    window = MarkWindow("BTC-USD", 5, PLAN)
    bars = [bar for half_ticks, time in marks for bar in feed(window, half_ticks, time)]
    assert [(b.start, b.open, b.high, b.low, b.close) for b in bars] == naive_bars(marks, 5)
    assert window.closed == len(bars)


@given(MARKS)
@settings(max_examples=100, deadline=None)
def test_sums_and_ranges_equal_those_over_all_closes_after_every_bar(steps: list[tuple[int, float]]) -> None:
    """The moving sums are exact and O(1), but never different from adding up afresh."""
    window = MarkWindow("BTC-USD", 5, PLAN)
    seen: list[Bar] = []
    for half_ticks, time in at_times(steps):
        bar = window.add(half_ticks, time)
        while bar is not None:
            seen.append(bar)
            closes = [one.close for one in seen]
            for period in (3, 8):
                if len(closes) >= period:
                    assert window.sum(period) == sum(closes[-period:])
                if len(closes) > period:
                    assert window.previous_sum(period) == sum(closes[-period - 1 : -1])
                    assert window.highest(period, skip=1) == max(one.high for one in seen[-period - 1 : -1])
                    assert window.lowest(period) == min(one.low for one in seen[-period:])
            bar = window.fill()


@given(MARKS)
@settings(max_examples=100, deadline=None)
def test_ticks_between_marks_change_when_bars_close_but_not_what_they_are(steps: list[tuple[int, float]]) -> None:
    """`advance` closes a bar earlier than the next mark would; the bars are the same."""
    plain, ticked = MarkWindow("BTC-USD", 5, PLAN), MarkWindow("BTC-USD", 5, PLAN)
    by_marks: list[Bar] = []
    by_ticks: list[Bar] = []
    for half_ticks, time in at_times(steps):
        by_marks += feed(plain, half_ticks, time)
        bar = ticked.advance(math.nextafter(time, 0))
        while bar is not None:
            by_ticks.append(bar)
            bar = ticked.fill()
        by_ticks += feed(ticked, half_ticks, time)
    assert by_ticks == by_marks


@given(MARKS, st.integers(1, 100))
@settings(max_examples=100, deadline=None)
def test_a_warmed_window_goes_on_like_the_one_it_replaces(steps: list[tuple[int, float]], cut: int) -> None:
    """Bars kept elsewhere put a new window into the same state: sums, RSI, range and the bars to come."""
    marks = at_times(steps)
    old = MarkWindow("BTC-USD", 5, PLAN)
    kept = [bar for half_ticks, time in marks[:cut] for bar in feed(old, half_ticks, time)]
    new = MarkWindow("BTC-USD", 5, PLAN)
    new.seed(kept)
    if marks[:cut]:
        new.add(*marks[:cut][-1])
    later_old = [bar for half_ticks, time in marks[cut:] for bar in feed(old, half_ticks, time)]
    later_new = [bar for half_ticks, time in marks[cut:] for bar in feed(new, half_ticks, time)]
    assert [bar.close for bar in later_new] == [bar.close for bar in later_old]
    assert list(new.closes[-new.capacity :]) == list(old.closes[-old.capacity :])
    assert (new.closed, new.rsi) == (old.closed, old.rsi)
    assert [new.sum(period) for period in (3, 8)] == [old.sum(period) for period in (3, 8)]


def test_an_independent_library_agrees_on_the_averages(random_walk: list[int]) -> None:
    """talipp's simple averages of 3 and 8 over the same closes."""
    talipp = pytest.importorskip("talipp.indicators", reason="talipp is not installed (test extra)")
    window = MarkWindow("BTC-USD", 1, PLAN)
    theirs = {period: list(talipp.SMA(period, random_walk)) for period in (3, 8)}
    for second, close in enumerate(random_walk):
        bars = feed(window, close, float(second))
        for period in (3, 8) if bars and window.closed >= 8 else ():
            assert window.sum(period) / period == pytest.approx(theirs[period][window.closed - 1], rel=1e-12)
    assert window.closed == len(random_walk) - 1


def test_history_arriving_after_live_marks_goes_before_them() -> None:
    """Warm-up may answer late: older bars are put in front, what overlaps is left out, the forming bar stays."""
    window = MarkWindow("BTC-USD", 5, PLAN)
    for number, half_ticks in enumerate((110, 120, 130)):
        feed(window, half_ticks, 100.0 + 5 * number)
    window.seed(Bar("BTC-USD", start, 1, 1, 1, int(start)) for start in (80.0, 85.0, 90.0, 100.0))
    assert [(bar.start, bar.close) for bar in window.bars()] == [
        (80.0, 80), (85.0, 85), (90.0, 90), (95.0, 90), (100.0, 110), (105.0, 120),
    ]  # fmt: skip
    assert feed(window, 140, 115.0) == [Bar("BTC-USD", 110.0, 130, 130, 130, 130)]


def test_a_gap_longer_than_the_window_empties_it_and_says_so() -> None:
    """A moving average over an hour of nothing would be a lie; the window starts anew."""
    window = MarkWindow("BTC-USD", 5, PLAN)
    for number in range(10):
        feed(window, 100 + number, 5.0 * number)
    assert feed(window, 500, 45.0 + 5 * (window.fill_limit + 2)) == []
    assert (window.closed, window.resets) == (0, 1)
    assert "no mark for" in window.reset_text


def test_a_gap_within_the_limit_is_filled_flat_one_bar_at_a_time() -> None:
    """Each flat bar can be decided on with the window ending at it."""
    window = MarkWindow("BTC-USD", 5, WindowPlan((2,), None, 10))
    feed(window, 100, 0.0)
    ends = []
    bar = window.add(200, 17.0)
    while bar is not None:
        ends.append((window.bar_end, window.closes[-1], bar.open))
        bar = window.fill()
    assert ends == [(5.0, 100, 100), (10.0, 100, 100), (15.0, 100, 100)]
    assert window.advance(19.9) is None


def test_a_mark_older_than_the_forming_bar_changes_nothing_and_is_counted() -> None:
    """A closed bar is never rewritten."""
    window = MarkWindow("BTC-USD", 5, PLAN)
    feed(window, 100, 0.0)
    feed(window, 101, 5.0)
    assert feed(window, 999, 4.9) == []
    assert window.late_marks == 1
    assert feed(window, 102, 10.0) == [Bar("BTC-USD", 5.0, 101, 101, 101, 101)]


def test_a_market_clock_set_far_back_starts_the_window_anew() -> None:
    """One wild timestamp in the future must not stop the bars for ever."""
    window = MarkWindow("BTC-USD", 5, PLAN)
    feed(window, 100, 1_000_000.0)
    feed(window, 100, 10.0)
    assert "went back" in window.reset_text
    assert feed(window, 101, 15.0) == [Bar("BTC-USD", 10.0, 100, 100, 100, 100)]


def test_a_long_silence_does_not_close_bars_by_ticks_alone() -> None:
    """Beyond the fill limit time alone says nothing about the market."""
    window = MarkWindow("BTC-USD", 5, PLAN)
    feed(window, 100, 0.0)
    assert window.advance(5.0 * (window.fill_limit + 3)) is None
    assert window.closed == 0


def test_memory_is_bounded_whatever_the_number_of_bars() -> None:
    """Twice the capacity at most, and the count of bars goes on."""
    window = MarkWindow("BTC-USD", 1, PLAN)
    for number in range(5_000):
        feed(window, 1_000 + number % 7, float(number))
    assert window.closed == 4_999
    assert len(window.closes) <= 2 * window.capacity


def test_volatility_is_the_sample_deviation_annualized_by_the_bar_length() -> None:
    """The factor is the square root of seconds per year over bar seconds; never that of trading days."""
    window = MarkWindow("BTC-USD", 60, WindowPlan(bars=12))
    closes = [10_000, 10_050, 10_020, 10_100, 10_080, 10_200, 10_150]
    for number, close in enumerate([*closes, 1]):
        feed(window, close, 60.0 * number)
    moves = [now / before - 1 for before, now in pairwise(closes)]
    expected = statistics.stdev(moves) * math.sqrt(SECONDS_PER_YEAR / 60)
    assert window.volatility(6) == pytest.approx(expected, rel=1e-12)
    assert window.volatility(7) is None
    assert window.volatility(1) is None


def test_a_mark_that_is_no_price_is_a_bug() -> None:
    """Zero and negative marks never reach the sums."""
    with pytest.raises(AssertionError, match="positive"):
        MarkWindow("BTC-USD", 5, PLAN).add(0, 1.0)
