"""Funding: every scheduled time once, whatever happened in between."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, strategies as st

from trader.market.funding import FundingSchedule, accrue, funding_amount, schedule_of
from trader.market.instrument import Instrument, ProductKind

HOUR = 3600.0
PERP = Instrument(
    "BTC-PERP", "BTC-PERP-INTX", ProductKind.PERPETUAL, "BTC", "USDC",
    Decimal("0.1"), Decimal("0.0001"), Decimal("0.0001"), Decimal(100), Decimal(10),
    funding_rate=Decimal("0.0001"), funding_time=1_000 * HOUR, funding_interval_s=3600,
)  # fmt: skip


def long_one(_time: float) -> tuple[Decimal, Decimal]:
    """One unit long at 50,000."""
    return Decimal(1), Decimal(50_000)


def test_a_long_pays_a_positive_rate_and_a_short_receives_it() -> None:
    """The documents' convention."""
    assert funding_amount(Decimal(1), Decimal(50_000), Decimal("0.0001")) == Decimal(-5)
    assert funding_amount(Decimal(-2), Decimal(50_000), Decimal("0.0001"), Decimal("0.01")) == Decimal("0.1")


def test_a_day_away_costs_twenty_four_payments_not_one() -> None:
    """D32: each time passed since the last accrual, once each."""
    done = accrue(PERP, 500 * HOUR, 524 * HOUR, long_one)
    assert [one.amount for one in done.accruals] == [Decimal(-5)] * 24
    assert [one.funding_time for one in done.accruals] == [(501 + hour) * HOUR for hour in range(24)]
    assert done.accrued_until == 524 * HOUR


@given(st.lists(st.floats(0, 9_000), max_size=30))
def test_accruing_in_any_steps_equals_accruing_at_once(steps: list[float]) -> None:
    """However often it is called, and however far apart: the same times, none twice."""
    start = until = 700 * HOUR + 17
    now, times = start, []
    for step in steps:
        now += step
        done = accrue(PERP, until, now, long_one)
        until = done.accrued_until
        times += [one.funding_time for one in done.accruals]
    at_once = accrue(PERP, start, now, long_one)
    assert times == [one.funding_time for one in at_once.accruals]
    assert len(set(times)) == len(times)


def test_the_first_call_starts_the_record_and_a_clock_set_back_pays_nothing() -> None:
    """No payment for a time before the books began; none twice."""
    assert accrue(PERP, None, 700.5 * HOUR, long_one).accruals == ()
    assert accrue(PERP, 700.5 * HOUR, 690 * HOUR, long_one).accrued_until == 700.5 * HOUR


def test_a_time_with_nothing_held_passes_without_a_record() -> None:
    """The size is asked for at the funding time, not at the time of the call."""
    done = accrue(PERP, 10 * HOUR, 13 * HOUR, lambda time: (Decimal(int(time == 12 * HOUR)), Decimal(100)))
    assert [one.funding_time for one in done.accruals] == [12 * HOUR]


def test_the_venues_history_beats_the_present_rate() -> None:
    """Where a past rate is known it is the one that was paid."""
    done = accrue(PERP, 10 * HOUR, 12 * HOUR, long_one, lambda time: Decimal(0) if time == 11 * HOUR else None)
    assert [one.rate for one in done.accruals] == [Decimal(0), Decimal("0.0001")]


def test_an_unknown_rate_keeps_the_time_due() -> None:
    """Funding is late rather than forgotten."""
    rateless = Instrument(
        "BTC-PERP", "BTC-PERP-INTX", ProductKind.PERPETUAL, "BTC", "USDC",
        Decimal("0.1"), Decimal("0.0001"), Decimal("0.0001"), Decimal(100), Decimal(10), funding_time=0.0,
    )  # fmt: skip
    waiting = accrue(rateless, 10 * HOUR, 12 * HOUR, long_one)
    assert (waiting.accruals, waiting.accrued_until) == ((), 10 * HOUR)
    half = accrue(rateless, 10 * HOUR, 12 * HOUR, long_one, lambda time: Decimal(0) if time == 11 * HOUR else None)
    assert ([one.funding_time for one in half.accruals], half.accrued_until) == ([11 * HOUR], 11 * HOUR)


def test_spot_has_no_schedule_and_a_wrong_clock_is_named() -> None:
    """A jump of decades is an error, not a hundred thousand payments."""
    assert schedule_of(PERP) == FundingSchedule(1_000 * HOUR, 3600)
    assert FundingSchedule(0.0, 3600).next_after(3600.0) == 7200.0
    with pytest.raises(ValueError, match="clock"):
        accrue(PERP, 0.0, 1.7e9, long_one)
