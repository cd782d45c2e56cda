"""The alarm between two rounds of the guards: it may ring for nothing, but never stays silent where a guard would speak."""

from __future__ import annotations

from hypothesis import given, settings as hypothesis_settings, strategies as st

from tests.backtest.backtest_markets import START
from trader.risk.samples import Samples


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(9_000, 11_000)), min_size=1, max_size=120))
@hypothesis_settings(deadline=None)
def test_a_volatility_that_could_warn_is_never_ruled_out(steps: list[tuple[int, int]]) -> None:
    """Whatever marks come, with gaps or without: if the measured volatility reaches a figure, `may_reach` says so."""
    samples, now = Samples(60, 30), float(START)
    for minutes, mark in steps:
        now += 60 * minutes
        samples.add(mark, now)
        assert samples.count == len(samples.returns())
        assert abs(samples.squares - sum(move * move for move in samples.returns().values())) < 1e-12
        measured = samples.volatility()
        if measured is not None:
            assert samples.may_reach(measured)
            assert samples.may_reach(measured * 0.5)
