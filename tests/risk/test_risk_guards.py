"""The guards over money: funding, liquidation, leverage, losses in a row, drift and overfill."""

from decimal import Decimal

from desk_builders import (
    START,
    alive,
    at,
    intent,
    make_desk,
    perp,
    report,
    send,
    snapshot,
    trade,
    wide,
)

from trader.orders.account import VenuePosition
from trader.orders.order import OrderState, Side
from trader.risk.finding import (
    Finding,
    Severity,
)

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


def test_the_liquidation_buffer_holds_its_symbol():
    """The venue's price where it names one, else the position's own leverage; below 15 % that symbol reduces only (D07)."""
    desk = make_desk(perp())
    trade(desk, "BTC-PERP", Side.BUY, 100, at(1))
    assert told(desk, at(1), "liquidation_buffer") == []
    near = VenuePosition("BTC-PERP", D(100), D(50_000), liquidation_price=D(43_000))
    desk.reconcile(snapshot(at(2), 100_000, positions=(near,)), at(2))
    (found,) = told(desk, at(2), "liquidation_buffer")
    assert (found.scope, found.level, found.used) == ("BTC-PERP", Severity.REDUCE_ONLY, D("0.14"))
    desk.state.venue_positions.clear()
    desk.ledger.set_wallet("USD", D(9_000))
    assert len(told(desk, at(3), "liquidation_buffer")) == 1


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
