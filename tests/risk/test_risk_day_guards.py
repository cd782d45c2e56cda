"""The day's loss over clocks and restarts, and the drawdown from the peak."""

from decimal import Decimal

import msgspec
import pytest
from desk_builders import (
    DAY,
    START,
    alive,
    at,
    intent,
    make_desk,
    move,
    put,
    quote,
    refused,
    spot,
    told,
    trade,
    wide,
)

from trader.market.clock import Now
from trader.orders.order import Side
from trader.orders.reason import Reason
from trader.risk.finding import (
    Severity,
)
from trader.risk.holds import HoldTable

D = Decimal
BTC = "BTC-USD"


@pytest.mark.parametrize(
    ("limits", "price", "key"),
    [
        ({"max_daily_loss_pct": D("0.02")}, 48_000, "risk.max_daily_loss_pct"),
        ({"max_daily_loss_usd": D(10)}, 49_990, "risk.max_daily_loss_usd"),
        ({"max_daily_loss_pct": D("0.02"), "max_daily_loss_usd": D(10)}, 49_990, "risk.max_daily_loss_usd"),
    ],
)
def test_the_daily_loss_is_hit_by_percent_or_usd_whichever_is_first(limits, price, key):
    """Measured on the equity at the start of the UTC day; at the limit it trips (D03)."""
    desk = make_desk(limits=wide(**limits))
    trade(desk, BTC, Side.BUY, 1, at(1))
    move(desk, price + 1, 2)
    assert told(desk, at(2), "daily_loss") == []
    move(desk, price, 3)
    (found,) = told(desk, at(3), "daily_loss")
    assert (found.level, found.config_key) == (Severity.REDUCE_ONLY, key)
    assert found.ends_at == (START // DAY + 1) * DAY
    assert refused(desk, intent(BTC, Side.BUY, "0.1", at(3), mark=D(price)), at(3)).reason is Reason.DAILY_LOSS


def test_a_breach_is_told_once_and_again_after_a_resume_that_changed_nothing():
    """The condition raises it again; a warning repeats at most once a minute."""
    desk = make_desk(limits=wide(max_daily_loss_usd=D(10)))
    trade(desk, BTC, Side.BUY, 1, at(1))
    move(desk, 49_992, 2)
    assert len(told(desk, at(2), "daily_loss_80")) == 1
    assert told(desk, at(3), "daily_loss_80") == []
    move(desk, 49_990, 4)
    (found,) = told(desk, at(4), "daily_loss")
    put(desk, found, at(4))
    assert told(desk, at(5), "daily_loss") == []
    desk.set_holds(HoldTable())
    assert len(told(desk, at(6), "daily_loss")) == 1
    desk.clear_daily_loss()
    assert told(desk, at(7), "daily_loss") == []


def test_a_fall_from_the_peak_trips_and_stays_until_somebody_accepts_it():
    """10 % from the highest equity ever seen, over days and restarts (GUARD-12)."""
    desk = make_desk(limits=wide(max_drawdown_pct=D("0.10")))
    trade(desk, BTC, Side.BUY, 1, at(1))
    move(desk, 60_000, 2)
    desk.on_tick(at(2))
    move(desk, 49_000, 2 * DAY)
    (found,) = told(desk, at(2 * DAY), "drawdown")
    assert (found.level, found.ends_at) == (Severity.REDUCE_ONLY, None)
    put(desk, found, at(2 * DAY))
    desk.set_holds(desk.state.holds.resume("drawdown"))
    assert told(desk, at(2 * DAY + 1), "drawdown") == []


def test_the_day_begins_once_and_a_clock_stepping_back_rolls_nothing():
    """Tripped yesterday, clock back and forth: still tripped; at the real next UTC day it clears (issue 6, item 4)."""
    desk = make_desk(limits=wide(max_daily_loss_usd=D(10)))
    trade(desk, BTC, Side.BUY, 1, at(1))
    move(desk, 49_900, 2)
    (found,) = told(desk, at(2), "daily_loss")
    put(desk, found, at(2))
    baseline = desk.state.day.baseline
    for shift in (-DAY, 0.0, -DAY, 0.0):
        now = Now(at(3).market_time + shift, at(3).machine_time)
        desk.on_tick(now)
        desk.set_holds(desk.state.holds.expire(now))
        assert desk.state.holds.has("daily_loss")
        assert desk.state.day.baseline is not None
        assert desk.state.day.baseline.start_equity == baseline.start_equity
    to_midnight = (START // DAY + 1) * DAY - START
    alive(desk, at(to_midnight + 1), 49_900)
    desk.set_holds(desk.state.holds.expire(at(to_midnight + 1)))
    assert not desk.state.holds.has("daily_loss")
    assert told(desk, at(to_midnight + 1), "daily_loss") == []
    assert desk.state.day.baseline.start_equity == D(99_900)


def test_a_clock_leaping_a_day_ahead_and_back_does_not_clear_the_loss():
    """The leap is not believed for a minute of the machine's clock; meanwhile the guard raises what the clock ended."""
    desk = make_desk(limits=wide(max_daily_loss_usd=D(10)))
    trade(desk, BTC, Side.BUY, 1, at(1))
    move(desk, 49_900, 2)
    put(desk, told(desk, at(2), "daily_loss")[0], at(2))
    leapt = Now(at(3).market_time + DAY, at(3).machine_time)
    desk.set_holds(desk.state.holds.expire(leapt))
    assert not desk.state.holds.has("daily_loss")
    (again,) = told(desk, leapt, "daily_loss")
    put(desk, again, leapt)
    back = at(4)
    desk.on_tick(back)
    desk.set_holds(desk.state.holds.expire(back))
    assert desk.state.holds.has("daily_loss")


def test_a_restart_remembers_the_day():
    """kill -9, restart, clock back and forth: the baseline is in the record (GUARD-23)."""
    desk = make_desk(limits=wide(max_daily_loss_usd=D(10)))
    trade(desk, BTC, Side.BUY, 1, at(1))
    move(desk, 49_900, 2)
    put(desk, told(desk, at(2), "daily_loss")[0], at(2))
    record, holds = desk.snapshot(at(2)).to_bytes(), desk.state.holds
    for shift in (-DAY, 0.0):
        again = type(desk)(desk.ledger.instruments, desk.state.limits, desk.state.execution, None)
        again.restore(type(desk.snapshot(at(2))).from_bytes(record), (), (), at(3 + shift))
        now = Now(at(3).market_time + shift, 5.0)
        again.set_holds(holds.expire(now))
        again.on_quote(msgspec.structs.replace(quote(spot(), 49_900, now), machine_time=5.0))
        again.on_tick(now)
        assert again.state.holds.has("daily_loss")
        assert again.state.day.baseline == desk.state.day.baseline
        again.set_holds(HoldTable())
        assert len(told(again, now, "daily_loss")) == 1
