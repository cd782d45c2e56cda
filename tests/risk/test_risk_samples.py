"""Volatility and correlation against independent references, and the counting windows."""

import statistics
from decimal import Decimal
from itertools import pairwise
from math import isclose, sqrt

from hypothesis import given, strategies as st

from trader.orders.order import Side
from trader.risk.rates import ErrorRate, OrderRates, Window
from trader.risk.samples import Correlations, Samples, correlation

marks = st.lists(st.integers(90_000, 110_000), min_size=25, max_size=60)


def sampled(values: list[int], seconds: float = 60.0, window: int = 30) -> Samples:
    """One value per slot."""
    samples = Samples(seconds, window)
    for slot, value in enumerate(values):
        samples.add(value, slot * seconds + 1)
    return samples


@given(marks)
def test_volatility_is_the_textbooks(values):
    """Sample standard deviation of the last thirty returns by the square root of the slots in a year."""
    kept = values[-31:]
    returns = [b / a - 1 for a, b in pairwise(kept)]
    expected = statistics.stdev(returns) * sqrt(525_600)
    measured = sampled(values).volatility()
    assert measured is not None
    assert isclose(measured, expected, rel_tol=1e-9, abs_tol=1e-12)


@given(marks, marks)
def test_correlation_is_the_textbooks(one, other):
    """Pearson's, over the slots both have; the kept one is the same either way round."""
    size = min(len(one), len(other))
    a, b = sampled(one[:size]), sampled(other[:size])
    x, y = list(a.returns().values()), list(b.returns().values())
    measured = correlation(a, b)
    if measured is None:
        assert len(set(x)) == 1 or len(set(y)) == 1 or min(statistics.pvariance(x), statistics.pvariance(y)) < 1e-18
        return
    assert isclose(measured, statistics.correlation(x, y), abs_tol=1e-6)
    kept = Correlations()
    assert kept.between("A", a, "B", b) == kept.between("B", b, "A", a) == measured
    a.add(100_000, size * 60 + 1)
    assert kept.between("A", a, "B", b) == correlation(a, b)


def test_too_few_samples_say_nothing():
    """Twenty returns at least, or the whole window when it is shorter."""
    assert sampled(list(range(100, 120))).volatility() is None
    assert sampled(list(range(100, 121))).volatility() is not None
    assert sampled([100, 101, 102, 103], window=3).volatility() is not None


def test_a_window_counts_its_seconds_and_no_more():
    """The event sixty seconds ago is gone."""
    window = Window(60.0)
    for second in (0.0, 30.0, 59.9):
        window.add(second)
    assert [window.count(now) for now in (59.9, 60.0, 90.0, 120.0)] == [3, 2, 1, 0]


def test_cancels_count_as_messages_and_exits_as_no_repeats():
    """The rate knows everything that is sent; the repeat counter only entries."""
    rates = OrderRates()
    rates.note_order("X", Side.BUY, 1.0, entry=True)
    rates.note_order("X", Side.BUY, 1.0, entry=False)
    rates.note_cancel(1.0)
    assert (rates.messages(2.0), rates.repeats("X", Side.BUY, 2.0), rates.repeats("X", Side.SELL, 2.0)) == (3, 1, 0)
    rates.clear_repeats("X")
    assert rates.repeats("X", Side.BUY, 2.0) == 0


def test_an_error_rate_needs_samples():
    """One failed call of one is no rate."""
    errors = ErrorRate()
    errors.note(0.0, failed=True)
    assert errors.share(1.0, 10) is None
    for _ in range(9):
        errors.note(1.0, failed=False)
    assert errors.share(1.0, 10) == (Decimal("0.1"), 10)
