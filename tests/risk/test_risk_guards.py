"""The runtime guards: cause at the feed, the books or the venue; effect as a finding with its hold."""

from decimal import Decimal

import msgspec
import pytest
from desk_builders import (
    DAY,
    START,
    alive,
    at,
    book,
    hold,
    intent,
    make_desk,
    perp,
    quote,
    refused,
    report,
    send,
    snapshot,
    spot,
    trade,
    wide,
)

from trader.market.clock import Now
from trader.orders.account import VenuePosition
from trader.orders.order import OrderState, Side
from trader.orders.reason import Reason
from trader.risk.finding import (
    Finding,
    RiskGuardComputationError,
    RiskGuardDataUnavailableError,
    RiskGuardError,
    Severity,
)
from trader.risk.guards import GUARDS, GuardRunner, configured
from trader.risk.holds import HoldTable, Level
from trader.risk.limits import RiskLimits, VolatilityLimits

D = Decimal
BTC = "BTC-USD"


def told(desk, now, guard: str) -> list[Finding]:
    """The findings of one guard at this tick."""
    return [finding for finding in desk.on_tick(now) if finding.guard == guard]


def put(desk, finding: Finding, now) -> None:
    """Do what the supervisor does with a finding."""
    placed = finding.hold(now.market_time)
    assert placed is not None
    desk.set_holds(desk.state.holds.place(placed))


def move(desk, price: object, second: float) -> None:
    """A new market price, in steps small enough to be believed at once."""
    mark = desk.ledger.marks[next(iter(desk.ledger.instruments))]
    target = D(str(price))
    while abs(target - mark) > mark / 20:
        mark += mark / 20 if target > mark else -mark / 20
        mark = mark.quantize(D(1))
        alive(desk, at(second), mark)
    alive(desk, at(second), target)


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


def test_fees_and_funding_are_part_of_the_days_loss():
    """Realized, unrealized, fees and funding together (C-12); the day's parts add up."""
    desk = make_desk(perp(funding_rate=D("0.001"), funding_time=START, funding_interval_s=3600), limits=wide())
    order = send(desk, intent("BTC-PERP", Side.BUY, 100, at(1)), at(1))
    desk.on_report(report(order, OrderState.FILLED, at(1), 100, 50_000, 45), at(1))
    desk.accrue_funding(at(1))
    (payment,) = desk.accrue_funding(at(3601))
    assert payment.amount == D(-50)
    result = desk.state.day_result()
    assert result is not None
    assert (result.total, result.price, result.fees, result.funding) == (-95, 0, -45, -50)
    assert result.loss == 95


def test_funding_is_booked_once_per_scheduled_time_also_after_downtime():
    """A day and a half of silence is 36 payments, and a second look is none (D32)."""
    desk = make_desk(perp(funding_rate=D("0.0001"), funding_time=START, funding_interval_s=3600))
    trade(desk, "BTC-PERP", Side.SELL, 100, at(1))
    assert desk.accrue_funding(at(1)) == ()
    assert len(desk.accrue_funding(at(1 + 36 * 3600))) == 36
    assert desk.accrue_funding(at(2 + 36 * 3600)) == ()
    assert desk.ledger.positions["BTC-PERP"].funding == 36 * 5
    memory = desk.snapshot(at(2 + 36 * 3600))
    again = type(desk)(desk.ledger.instruments, desk.state.limits, desk.state.execution, None)
    again.restore(memory, (), (), at(3 + 36 * 3600))
    alive(again, at(3 + 36 * 3600))
    assert again.accrue_funding(at(3 + 36 * 3600)) == ()
    assert len(again.accrue_funding(at(1 + 38 * 3600))) == 2


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


def test_the_liquidation_buffer_holds_its_symbol():
    """The venue's price where it names one, else the position's own leverage; below 15 % that symbol reduces only (D07)."""
    desk = make_desk(perp())
    trade(desk, "BTC-PERP", Side.BUY, 100, at(1))
    assert told(desk, at(1), "liquidation") == []
    near = VenuePosition("BTC-PERP", D(100), D(50_000), liquidation_price=D(43_000))
    desk.reconcile(snapshot(at(2), 100_000, positions=(near,)), at(2))
    (found,) = told(desk, at(2), "liquidation")
    assert (found.scope, found.level, found.used) == ("BTC-PERP", Severity.REDUCE_ONLY, D("0.14"))
    desk.state.venue_positions.clear()
    desk.ledger.set_wallet("USD", D(9_000))
    assert len(told(desk, at(3), "liquidation")) == 1


def test_leverage_above_the_cap_is_found_while_it_lasts():
    """Reduce to the cap: the hold here, the exits by `forced_exits` (D24)."""
    desk = make_desk(perp(), limits=wide(leverage_max=D(2)))
    trade(desk, "BTC-PERP", Side.BUY, 100, at(1))
    assert told(desk, at(1), "leverage") == []
    desk.ledger.set_wallet("USD", D(20_000))
    (found,) = told(desk, at(2), "leverage")
    assert (found.level, found.scope, found.limit) == (Severity.REDUCE_ONLY, "BTC-PERP", 2)


def test_losses_in_a_row_pause_the_symbol_and_a_win_forgets_them():
    """Three closed trades with a net loss, fees included; half an hour; counted anew afterwards (CB-01)."""
    desk = make_desk(limits=wide(consecutive_losses=3))

    def round_trip(second: float, price: int) -> None:
        alive(desk, at(second))
        trade(desk, BTC, Side.BUY, "0.01", at(second))
        trade(desk, BTC, Side.SELL, "0.01", at(second), price=price)

    for second, price in ((1, 49_990), (2, 49_990), (3, 50_010), (4, 49_990), (5, 49_990)):
        round_trip(second, price)
        assert told(desk, at(second), "consecutive_losses") == []
    round_trip(6, 49_990)
    (found,) = told(desk, at(6), "consecutive_losses")
    assert (found.scope, found.level, found.ends_at) == (BTC, Severity.PAUSE, at(6).market_time + 1800)
    put(desk, found, at(6))
    later = at(6 + 1801)
    desk.set_holds(desk.state.holds.expire(later))
    assert told(desk, later, "consecutive_losses") == []


def sampled(desk, moves: list[int]) -> None:
    """One mark a minute."""
    price = 50_000
    for minute, step in enumerate(moves):
        price += step
        alive(desk, at(60 * minute), price)


@pytest.mark.parametrize(
    ("step", "level", "guard"),
    [
        (10, None, ""),
        (60, Severity.WARN, "volatility_warn"),
        (90, Severity.PAUSE, "volatility"),
        (150, Severity.HALTED, "volatility"),
    ],
)
def test_the_volatility_breaker_warns_reduces_and_halts(step, level, guard):
    """Sampled each minute, annualized by the square root of 525,600; a step up and down each minute (D52)."""
    desk = make_desk(limits=wide(volatility=VolatilityLimits()))
    sampled(desk, [step if n % 2 else -step for n in range(25)])
    found = [f for f in desk.on_tick(at(60 * 25)) if f.guard.startswith("volatility")]
    assert [(f.guard, f.level, f.scope) for f in found] == ([(guard, level, BTC)] if level is not None else [])


def test_the_breaker_may_escalate_while_it_cools_down():
    """A pause does not hide a halt."""
    desk = make_desk(limits=wide(volatility=VolatilityLimits()))
    sampled(desk, [90 if n % 2 else -90 for n in range(25)])
    (found,) = told(desk, at(60 * 25), "volatility")
    put(desk, found, at(60 * 25))
    assert told(desk, at(60 * 25), "volatility") == []
    for minute in range(25, 40):
        alive(desk, at(60 * minute), 50_000 + (400 if minute % 2 else -400))
    (worse,) = told(desk, at(60 * 40), "volatility")
    assert worse.level is Severity.HALTED


def test_a_gap_in_the_samples_is_no_jump():
    """Returns exist only between neighbouring slots."""
    desk = make_desk(limits=wide(volatility=VolatilityLimits()))
    sampled(desk, [1] * 25)
    alive(desk, at(60 * 90), 54_000)
    assert told(desk, at(60 * 90), "volatility") == []


def test_failed_venue_calls_reduce_at_a_fifth_and_halt_above_half():
    """Over five minutes and at least ten calls (D14)."""
    desk = make_desk()
    for n in range(9):
        desk.on_request(at(n), failed=True)
    assert told(desk, at(9), "error_rate") == []
    for _ in range(36):
        desk.on_request(at(9), failed=False)
    (found,) = told(desk, at(10), "error_rate")
    assert (found.level, found.used) == (Severity.REDUCE_ONLY, D("0.2"))
    put(desk, found, at(10))
    for _ in range(30):
        desk.on_request(at(11), failed=True)
    (worse,) = told(desk, at(11), "error_rate")
    assert worse.level is Severity.HALTED
    assert told(desk, at(400), "error_rate") == []


def test_a_storm_of_refused_orders_pauses_its_symbol():
    """Five within a minute (C-13)."""
    desk = make_desk()
    for n in range(5):
        alive(desk, at(n))
        order = send(desk, intent(BTC, Side.BUY, "0.01", at(n)), at(n))
        desk.on_report(report(order, OrderState.REJECTED, at(n)), at(n))
    (found,) = told(desk, at(5), "rejects")
    assert (found.scope, found.level) == (BTC, Severity.PAUSE)


def test_fills_that_run_away_from_their_marks_hold_the_symbol():
    """Two percent summed within a minute (C-04)."""
    desk = make_desk()
    trade(desk, BTC, Side.BUY, "0.01", at(1), price=50_490)
    trade(desk, BTC, Side.BUY, "0.01", at(2), price=50_490)
    assert told(desk, at(2), "price_drift") == []
    trade(desk, BTC, Side.BUY, "0.01", at(3), price=50_490)
    (found,) = told(desk, at(3), "price_drift")
    assert (found.scope, found.level, found.used) == (BTC, Severity.REDUCE_ONLY, D("0.0294"))


def test_more_than_was_asked_for_holds_the_symbol():
    """F-O07: booked as reported, and the symbol reduces only."""
    desk = make_desk()
    order = send(desk, intent(BTC, Side.BUY, "0.01", at(1)), at(1))
    booked = desk.on_report(report(order, OrderState.FILLED, at(1), "0.02"), at(1))
    assert [(f.guard, f.scope, f.level) for f in booked.findings] == [("overfill", BTC, Severity.REDUCE_ONLY)]
    assert desk.ledger.positions[BTC].size == D("0.02")


def test_an_old_mark_with_a_position_is_told_and_told_louder():
    """30 s, then 60 s (D09); an old mark without a position is nobody's trouble."""
    desk = make_desk()
    assert told(desk, at(99), "mark_staleness") == []
    desk = make_desk()
    trade(desk, BTC, Side.BUY, 1, at(0))
    assert told(desk, at(30), "mark_staleness") == []
    assert len(told(desk, at(31), "mark_staleness")) == 1
    assert len(told(desk, at(61), "mark_lost")) == 1


def test_concentration_correlation_and_thin_books_are_told():
    """Three symbols, most of it one; two that move together; a position no ten levels would take."""
    desk = make_desk(spot(), spot("ETH-USD"), spot("SOL-USD"), limits=wide(max_correlation=D("1")))
    sampled(desk, [40 if n % 3 else -80 for n in range(25)])
    now = at(60 * 24)
    for symbol, size in ((BTC, 1), ("ETH-USD", "0.1"), ("SOL-USD", "0.1")):
        trade(desk, symbol, Side.BUY, size, now)
    desk.on_book(book(spot(), desk.ledger.marks[BTC], now, "0.01"))
    desk.update_limits(wide(max_correlation=D("0.9")))
    found = desk.on_tick(now)
    assert [f.level for f in found if f.guard == "concentration"] == [Severity.WARN]
    assert {f.scope for f in found if f.guard == "correlation"} == {
        "BTC-USD+ETH-USD",
        "BTC-USD+SOL-USD",
        "ETH-USD+SOL-USD",
    }
    assert [f.scope for f in found if f.guard == "liquidity"] == [BTC]


def test_what_the_configuration_holds_becomes_findings():
    """`kill_switch_enabled` and `reduce_only_mode` are holds like any other (RISK-17, RISK-18)."""
    desk = make_desk()
    assert configured(desk.state) == ()
    desk.update_limits(RiskLimits(kill_switch_enabled=True, reduce_only_mode=True))
    holds = [finding.hold(START) for finding in configured(desk.state)]
    assert [(h.cause, h.level, h.reason) for h in holds if h is not None] == [
        ("kill", Level.HALTED, Reason.KILL_SWITCH),
        ("config", Level.REDUCE_ONLY, Reason.MODE_REDUCE_ONLY),
    ]


def failing(error: Exception):
    """A guard that fails with `error`."""

    def guard(_state, _now):
        raise error
        yield

    return guard


@pytest.mark.parametrize(
    ("error", "kind", "level"),
    [
        (RiskGuardDataUnavailableError("no mark"), "recoverable", Severity.WARN),
        (RiskGuardComputationError("overflow"), "critical", Severity.REDUCE_ONLY),
        (ZeroDivisionError(), "critical", Severity.REDUCE_ONLY),
    ],
)
def test_a_failing_guard_is_counted_and_stops_no_other(error, kind, level):
    """The documents' classes and counters; critical means REDUCE_ONLY (GUARD-16 to 18)."""
    desk = make_desk(limits=wide(max_daily_loss_usd=D(1)))
    trade(desk, BTC, Side.BUY, 1, at(1))
    move(desk, 49_900, 2)
    desk.guards = GuardRunner({"broken": failing(error), "daily_loss": GUARDS["daily_loss"]})
    found = desk.on_tick(at(2))
    assert [(f.guard, f.level) for f in found] == [("guard:broken", level), ("daily_loss", Severity.REDUCE_ONLY)]
    assert desk.guards.failures == {f"risk.guards.broken.{kind}_failures": 1}


def test_a_bug_in_a_guard_is_no_guard_failure():
    """Only the guard errors and arithmetic are answered; everything else crashes the actor as a bug should."""
    desk = make_desk()
    desk.guards = GuardRunner({"broken": failing(KeyError("x"))})
    with pytest.raises(KeyError):
        desk.on_tick(at(1))
    assert issubclass(RiskGuardComputationError, RiskGuardError)


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


def test_reduce_only_of_one_symbol_leaves_the_others_alone():
    """Scope is a symbol or the account."""
    desk = make_desk(spot(), spot("ETH-USD"))
    hold(desk, Level.REDUCE_ONLY, Reason.VOLATILITY_HIGH, "volatility", BTC)
    assert refused(desk, intent(BTC, Side.BUY, "0.1", at(1)), at(1)).reason is Reason.VOLATILITY_HIGH
    assert desk.decide(intent("ETH-USD", Side.BUY, "0.1", at(1)), at(1)).size == D("0.1")
