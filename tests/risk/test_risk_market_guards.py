"""The guards over market and venue, and the runner: cause at the feed or the venue, effect as a finding."""

from decimal import Decimal

import pytest
from desk_builders import (
    START,
    alive,
    at,
    book,
    hold,
    intent,
    make_desk,
    move,
    put,
    refused,
    report,
    send,
    spot,
    told,
    trade,
    wide,
)

from trader.orders.order import OrderState, Side
from trader.orders.reason import Reason
from trader.risk.finding import (
    RiskGuardComputationError,
    RiskGuardDataUnavailableError,
    RiskGuardError,
    Severity,
)
from trader.risk.guards import GUARDS, GuardRunner, configured
from trader.risk.holds import Level
from trader.risk.limits import RiskLimits, VolatilityLimits

D = Decimal
BTC = "BTC-USD"


def sampled(desk, moves: list[int]) -> None:
    """One mark a minute."""
    price = 50_000
    for minute, step in enumerate(moves):
        price += step
        alive(desk, at(60 * minute), price)


def failing(error: Exception):
    """A guard that fails with `error`."""

    def guard(_state, _now):
        raise error
        yield

    return guard


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


def test_an_old_mark_with_a_position_is_told_and_told_louder():
    """30 s, then 60 s (D09); an old mark without a position is nobody's trouble."""
    desk = make_desk()
    assert told(desk, at(99), "stale_mark") == []
    desk = make_desk()
    trade(desk, BTC, Side.BUY, 1, at(0))
    assert told(desk, at(30), "stale_mark") == []
    assert len(told(desk, at(31), "stale_mark")) == 1
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
    assert list(configured(desk.state, at(0))) == []
    desk.update_limits(RiskLimits(kill_switch_enabled=True, reduce_only_mode=True))
    holds = [finding.hold(START) for finding in desk.on_tick(at(0)) if finding.guard in ("kill", "config")]
    assert [(h.cause, h.level, h.reason) for h in holds if h is not None] == [
        ("kill", Level.HALTED, Reason.KILL_SWITCH),
        ("config", Level.REDUCE_ONLY, Reason.MODE_REDUCE_ONLY),
    ]


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


def test_reduce_only_of_one_symbol_leaves_the_others_alone():
    """Scope is a symbol or the account."""
    desk = make_desk(spot(), spot("ETH-USD"))
    hold(desk, Level.REDUCE_ONLY, Reason.VOLATILITY_HIGH, "volatility", BTC)
    assert refused(desk, intent(BTC, Side.BUY, "0.1", at(1)), at(1)).reason is Reason.VOLATILITY_HIGH
    assert desk.decide(intent("ETH-USD", Side.BUY, "0.1", at(1)), at(1)).size == D("0.1")


def test_a_kill_switch_set_in_the_running_configuration_stops_entries_until_it_is_unset():
    """A reload works within a tick, is told once while its hold stands, and again when a person resumes against it."""
    desk = make_desk()
    desk.update_limits(wide(kill_switch_enabled=True))
    (finding,) = [f for f in desk.on_tick(at(1)) if f.guard == "kill"]
    table = desk.state.holds.place(finding.hold(START))
    desk.set_holds(table)
    assert refused(desk, intent(BTC, Side.BUY, "0.01", at(1)), at(1)).reason is Reason.KILL_SWITCH
    assert [f.guard for f in desk.on_tick(at(2))] == []
    desk.set_holds(table.resume())
    assert [f.guard for f in desk.on_tick(at(3))] == ["kill"]
    desk.update_limits(wide())
    desk.set_holds(table.resume())
    assert [f.guard for f in desk.on_tick(at(4))] == []
