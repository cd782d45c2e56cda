"""Performance: the standard definitions on numbers worked by hand, and n/a where a sample says nothing."""

from __future__ import annotations

import math
import statistics
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from trader.report.performance import EquityCurve, Metric, measure, sparkline
from trader.report.round_trips import ClosedTrade

HOUR = 3600


def curve_of(equities: list[int], step: float = HOUR) -> EquityCurve:
    """One point per step from a whole hour on."""
    curve = EquityCurve()
    for number, equity in enumerate(equities):
        curve.add(1_000 * HOUR + number * step, Decimal(equity))
    return curve


def trade(pnl: int) -> ClosedTrade:
    """A closed trade with a result."""
    one = Decimal(1)
    return ClosedTrade("BTC-USD", "LONG", 0.0, 60.0, one, one, one, Decimal(pnl), Decimal("0.5"))


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=60))
def test_drawdown_is_the_worst_fall_from_any_peak(equities: list[int]) -> None:
    """Against every pair of an earlier and a later point."""
    worst = max(
        (1 - later / earlier for at, earlier in enumerate(equities) for later in equities[at:]),
        default=0.0,
    )
    assert curve_of(equities).max_drawdown == pytest.approx(max(worst, 0.0), abs=1e-12)


def test_drawdown_sees_between_the_samples() -> None:
    """A fall and a recovery within one hour count."""
    assert curve_of([100, 60, 100, 110], step=60).max_drawdown == pytest.approx(0.4)


def test_sharpe_and_sortino_are_the_textbooks() -> None:
    """Hourly returns, riskless rate 0, annualized by the square root of 8,760."""
    equities = [10_000 + (number * 37) % 101 + number for number in range(760)]
    returns = [now / before - 1 for before, now in pairwise(equities)]
    told = measure(curve_of(equities), [], 0.0)
    mean = statistics.fmean(returns)
    downside = math.sqrt(statistics.fmean([min(one, 0) ** 2 for one in returns]))
    assert told.sharpe.value == pytest.approx(mean / statistics.stdev(returns) * math.sqrt(8_760), rel=1e-9)
    assert told.sortino.value == pytest.approx(mean / downside * math.sqrt(8_760), rel=1e-9)


def test_growth_per_year_is_compounded_over_a_year_of_365_days() -> None:
    """Ten percent in 73 days, a fifth of a year, are 1.1 to the fifth; of a month's start no year is made."""
    curve = curve_of([10_000 + number for number in range(73 * 24)] + [11_000])
    assert measure(curve, [], 0.0).cagr.value == pytest.approx(1.1**5 - 1)
    assert measure(curve_of([100, 110]), [], 0.0).cagr.text() == "n/a (0.0 days, a yearly figure needs 30)"
    assert measure(curve_of([100] * 740 + [0]), [], 0.0).cagr.text() == "n/a (equity was used up)"


def test_a_first_stretch_shorter_than_an_hour_is_no_hourly_return() -> None:
    """The curve begins where it begins, at 23:01 and not at 23:00; its returns are those from hour to hour."""
    curve = EquityCurve()
    for at, equity in ((999 * HOUR + 60, 50), (1_000 * HOUR, 100), (1_001 * HOUR, 110), (1_001 * HOUR + 60, 500)):
        curve.add(at, Decimal(equity))
    assert curve.samples[0] == (999 * HOUR + 60, Decimal(50))
    assert curve.returns() == pytest.approx([0.1])


def test_points_inside_an_hour_do_not_make_more_returns() -> None:
    """A sample is what stood at the hour; the density of points changes nothing."""
    sparse = [10_000 + (number * 37) % 101 for number in range(40)]
    dense = EquityCurve()
    for number, equity in enumerate(sparse):
        dense.add(1_000 * HOUR + number * HOUR, Decimal(equity))
        dense.add(1_000 * HOUR + number * HOUR + 1, Decimal(equity + 5_000))
        dense.add(1_000 * HOUR + number * HOUR + 3_599, Decimal(equity))
    assert dense.returns() == curve_of(sparse).returns()
    assert len(dense.returns()) == len(sparse) - 1


def test_of_several_points_at_the_hour_the_last_one_stands() -> None:
    """A fill and a mark may come at the same moment; the sample is what stood when the hour was over."""
    curve = curve_of([100, 110])
    curve.add(1_001 * HOUR, Decimal(120))
    curve.add(1_002 * HOUR, Decimal(132))
    assert curve.returns() == pytest.approx([0.2, 0.1])


def test_a_pause_repeats_the_equity_that_stood() -> None:
    """Three hours without a point are three returns of zero."""
    curve = EquityCurve()
    curve.add(1_000 * HOUR, Decimal(100))
    curve.add(1_003.5 * HOUR, Decimal(110))
    curve.add(1_004 * HOUR, Decimal(121))
    assert curve.returns() == pytest.approx([0.0, 0.0, 0.0, 0.21])


def test_win_rate_and_profit_factor_count_closed_trades() -> None:
    """Eighteen of thirty, 1800 won over 600 lost; a trade of nothing is no win."""
    told = measure(curve_of([100, 110]), [trade(100)] * 18 + [trade(-100)] * 6 + [trade(0)] * 6, 1800.0)
    assert (told.trades, told.fees) == (30, Decimal(15))
    assert told.win_rate.value == pytest.approx(0.6)
    assert told.profit_factor.value == pytest.approx(3.0)
    assert told.average_trade.value == pytest.approx(40.0)
    assert told.exposure.value == pytest.approx(0.5)
    assert told.total_return.value == pytest.approx(0.1)


def test_small_samples_are_na_with_the_reason() -> None:
    """A number nobody should read is not printed."""
    told = measure(curve_of([100, 101, 99]), [trade(5)] * 29, 0.0)
    assert told.sharpe.text() == "n/a (0.1 days, a yearly figure needs 30)"
    assert told.win_rate.text() == "n/a (29 closed trades, needs 30)"
    assert measure(curve_of([100]), [], 0.0).average_trade.text() == "n/a (no closed trade)"
    assert Metric(1.234).text() == "1.23"


@pytest.mark.parametrize(
    ("equities", "sharpe", "sortino"),
    [
        ([100] * 48, "2.0 days, a yearly figure needs 30", "2.0 days, a yearly figure needs 30"),
        ([100] * 740, "equity never moved", "no negative return"),
        ([100 + number for number in range(740)], "", "no negative return"),
        ([100] * 39 + [0], "equity was used up", "equity was used up"),
    ],
)
def test_ratios_without_a_meaning_are_na(equities: list[int], sharpe: str, sortino: str) -> None:
    """A division by nothing is no infinity."""
    told = measure(curve_of(equities), [trade(1)] * 30, 0.0)
    assert (told.sharpe.why, told.sortino.why) == (sharpe, sortino)
    assert told.profit_factor.text() == "n/a (no losing trade)"


def test_a_run_without_data_is_an_error() -> None:
    """Not a row of zeros."""
    with pytest.raises(ValueError, match="no market data"):
        measure(EquityCurve(), [], 0.0)


def test_the_sparkline_spans_low_to_high() -> None:
    """Last value of each share; flat is a middle line; empty is empty."""
    assert sparkline([Decimal(value) for value in range(8)]) == "▁▂▃▄▅▆▇█"
    assert sparkline([Decimal(5)] * 3) == "▅▅▅"
    assert sparkline([]) == ""
    assert len(sparkline([Decimal(value % 9) for value in range(1_000)], width=40)) == 40
