"""Wilder's RSI against the definition in exact fractions and against an independent library."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given, settings, strategies as st

from trader.market.rsi import CONTEXT_PERIODS, WilderRsi

CLOSES = st.lists(st.integers(1, 10**7), min_size=2, max_size=90)


def stream(closes: list[int], period: int) -> WilderRsi:
    """Feed closes one by one."""
    rsi = WilderRsi(period)
    for end in range(1, len(closes) + 1):
        rsi.update(closes[:end])
    return rsi


def by_definition(closes: list[int], period: int) -> float | None:
    """Mean of the first changes, then Wilder's recursion, in exact fractions; 50 when nothing moved."""
    changes = [now - before for before, now in pairwise(closes)]
    if len(changes) < period:
        return None
    rise = Fraction(sum(max(change, 0) for change in changes[:period]), period)
    fall = Fraction(sum(max(-change, 0) for change in changes[:period]), period)
    for change in changes[period:]:
        rise = (rise * (period - 1) + max(change, 0)) / period
        fall = (fall * (period - 1) + max(-change, 0)) / period
    return 50.0 if rise + fall == 0 else float(100 * rise / (rise + fall))


@given(CLOSES, st.integers(2, 5))
@settings(max_examples=200, deadline=None)
def test_it_is_wilders_definition_over_the_newest_context(closes: list[int], period: int) -> None:
    """At every length: the textbook index of the last ten periods of changes, exactly but for rounding."""
    expected = by_definition(closes[-CONTEXT_PERIODS * period - 1 :], period)
    value = stream(closes, period).value
    if expected is None:
        assert value is None
    else:
        assert value == pytest.approx(expected, abs=1e-6)


def test_it_stays_within_a_twentieth_of_a_point_of_the_never_forgetting_form(random_walk: list[int]) -> None:
    """The stated tolerance, over a long random walk with period 14."""
    rsi, worst = WilderRsi(14), 0.0
    for end in range(1, len(random_walk) + 1):
        rsi.update(random_walk[:end])
        if end % 50 == 0 and end > 140:
            expected, value = by_definition(random_walk[:end], 14), rsi.value
            assert expected is not None
            assert value is not None
            worst = max(worst, abs(value - expected))
    assert worst < 0.05


def test_an_independent_library_agrees(random_walk: list[int]) -> None:
    """talipp's RSI 14 over the same closes, within the stated tolerance."""
    talipp = pytest.importorskip("talipp.indicators", reason="talipp is not installed (test extra)")
    theirs = list(talipp.RSI(14, [float(close) for close in random_walk]))
    rsi, compared = WilderRsi(14), 0
    for end in range(1, len(random_walk) + 1):
        rsi.update(random_walk[:end])
        if theirs[end - 1] is None:
            assert rsi.value is None
        else:
            assert rsi.value == pytest.approx(theirs[end - 1], abs=0.05)
            compared += 1
    assert compared == len(random_walk) - 14


@pytest.mark.parametrize(
    ("closes", "expected"),
    [
        ([100] * 30, 50.0),
        (list(range(100, 130)), 100.0),
        (list(range(130, 100, -1)), 0.0),
        ([*range(100, 130), *([130] * 200)], 50.0),
    ],
)
def test_edges_read_as_a_trader_would(closes: list[int], expected: float) -> None:
    """Flat is neutral, not overbought; only up is 100; only down is 0; a move long ago is forgotten."""
    assert stream(closes, 14).value == expected


def test_a_restart_with_the_context_computes_the_same_index(random_walk: list[int]) -> None:
    """What came before the context has no say, so a warmed-up process agrees with the one it replaces."""
    kept = CONTEXT_PERIODS * 14 + 1
    assert stream(random_walk[-kept:], 14).value == pytest.approx(stream(random_walk, 14).value, abs=1e-9)
