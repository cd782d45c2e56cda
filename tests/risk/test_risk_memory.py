"""The durable record: what survives, what becomes unknown, and that replay is idempotent."""

from decimal import Decimal

import pytest
from desk_builders import alive, at, granted, intent, make_desk, report, send, spot, trade, wide

from trader.orders.order import OrderReport, OrderState, Side
from trader.risk.desk import RiskDesk
from trader.risk.memory import RiskMemory

D = Decimal
BTC = "BTC-USD"


def reborn(memory, orders=(), reports=(), second: float = 100.0) -> RiskDesk:
    """A new process's desk."""
    desk = RiskDesk({BTC: spot()}, wide(), make_desk().state.execution, None)
    desk.restore(memory, orders, reports, at(second))
    desk.ledger.audit()
    return desk


def test_the_record_survives_its_own_bytes():
    """Decimals exactly, positions, orders, wallets, baseline and counters."""
    desk = make_desk()
    trade(desk, BTC, Side.BUY, "0.3", at(1), price="49999.99", fee="1.23456789")
    send(desk, intent(BTC, Side.BUY, "0.1", at(2)), at(2))
    memory = desk.snapshot(at(3))
    assert RiskMemory.from_bytes(memory.to_bytes()) == memory
    again = reborn(RiskMemory.from_bytes(memory.to_bytes()))
    assert again.ledger.positions == desk.ledger.positions
    assert again.ledger.wallets == desk.ledger.wallets
    assert again.state.day.baseline == desk.state.day.baseline
    assert again.state.entries_sent == 2


def test_the_count_of_closed_trades_survives_and_goes_on():
    """Kelly sizing must not begin anew with each start."""
    desk = make_desk()
    for second, price in ((1, 50_000), (10, 50_100)):
        alive(desk, at(second))
        trade(desk, BTC, Side.BUY, "0.1", at(second))
        trade(desk, BTC, Side.SELL, "0.1", at(second + 1), price=price)
    again = reborn(RiskMemory.from_bytes(desk.snapshot(at(20)).to_bytes()))
    told = again.ledger.positions[BTC].trades
    assert (told.wins, told.losses, told.won_usd) == (1, 1, D(10))


@pytest.mark.parametrize("damage", [b"", b"{}", b"[1]", b'{"market_time": "x"}', b"\xff\xfe", b"null"])
def test_a_damaged_record_is_refused_with_words(damage):
    """Damage is never read as an empty memory."""
    with pytest.raises(ValueError, match="cannot be read"):
        RiskMemory.from_bytes(damage)


def test_what_was_under_way_becomes_unknown_and_keeps_its_exposure():
    """Reserved and sent orders may be at the venue; the proof of absence counts from the restart."""
    desk = make_desk()
    wish = intent(BTC, Side.BUY, "0.1", at(1))
    reserved = desk.reserve(wish, granted(desk, wish, at(1)), "r1", at(1))
    sent = send(desk, intent(BTC, Side.BUY, "0.2", at(1)), at(1), "s1")
    again = reborn(None, (reserved, sent))
    assert {order.state for order in again.live_orders()} == {OrderState.UNKNOWN}
    assert again.ledger.worst_long(BTC) == D("0.3")
    assert {order.client_order_id for order in again.queries_due(at(100))} == {"r1", "s1"}
    assert not again.absent("r1", at(110).machine_time, at(110))
    assert again.absent("r1", at(116).machine_time, at(116))


def test_reports_replayed_over_the_record_change_nothing():
    """The record holds what is booked of each order, so the journal may overlap it."""
    desk = make_desk()
    order = send(desk, intent(BTC, Side.BUY, 1, at(1)), at(1))
    half = report(order, OrderState.OPEN, at(2), "0.5")
    desk.on_report(half, at(2))
    memory = desk.snapshot(at(3))
    whole = report(order, OrderState.FILLED, at(4), 1)
    again = reborn(memory, (order,), (half, whole, half, whole))
    assert again.ledger.positions[BTC].size == 1
    assert again.ledger.wallets["USD"] == 50_000
    assert again.state.entries_sent == 1


def test_a_late_fill_of_a_finished_order_still_finds_it_after_a_restart():
    """Recent finished orders are part of the record."""
    desk = make_desk()
    order = send(desk, intent(BTC, Side.BUY, 1, at(1)), at(1))
    desk.on_report(report(order, OrderState.CANCELLED, at(2), "0.5"), at(2))
    again = reborn(desk.snapshot(at(3)))
    booked = again.on_report(report(order, OrderState.CANCELLED, at(101), "0.7"), at(101))
    assert (booked.late, booked.foreign) == (True, False)
    assert again.ledger.positions[BTC].size == D("0.7")


def test_the_record_keeps_the_orders_a_late_fill_may_still_concern_and_no_more():
    """Written once a minute for years: old finished orders are left out, a few newest and every live one stay."""
    desk = make_desk()
    for now in map(at, range(60, 2_400, 60)):
        alive(desk, now)
        order = send(desk, intent(BTC, Side.BUY, "0.001", now), now)
        desk.on_report(report(order, OrderState.CANCELLED, now, "0"), now)
    alive(desk, at(2_400))
    live = send(desk, intent(BTC, Side.BUY, "0.001", at(2_400)), at(2_400))
    kept = [order.client_order_id for order in desk.snapshot(at(2_400)).orders]
    assert kept == [*(f"c{number}" for number in range(24, 39)), live.client_order_id]
    later = [order.client_order_id for order in desk.snapshot(at(90_000)).orders]
    assert later == [*(f"c{number}" for number in range(29, 39)), live.client_order_id]


def test_an_order_that_rested_for_long_is_kept_from_its_end_on():
    """It finished a minute ago, however many orders that were made after it finished long before: its last fill may be reported yet."""
    desk = make_desk()
    resting = send(desk, intent(BTC, Side.BUY, 1, at(1)), at(1), "rests")
    desk.on_report(report(resting, OrderState.OPEN, at(2), "0"), at(2))
    for now in map(at, range(60, 780, 60)):
        alive(desk, now)
        order = send(desk, intent(BTC, Side.BUY, "0.001", now), now)
        desk.on_report(report(order, OrderState.CANCELLED, now, "0"), now)
    desk.on_report(report(resting, OrderState.CANCELLED, at(2_340), "0.5"), at(2_340))
    assert "rests" in {order.client_order_id for order in desk.snapshot(at(2_400)).orders}
    again = reborn(desk.snapshot(at(2_400)), second=2_410)
    booked = again.on_report(report(resting, OrderState.CANCELLED, at(2_411), "0.7"), at(2_411))
    assert (booked.late, booked.foreign) == (True, False)
    assert again.ledger.positions[BTC].size == D("0.7")


def test_no_baseline_is_made_of_a_position_without_a_mark():
    """A restored position is valued at its entry until a quote comes; that is no equity to measure a day by."""
    desk = make_desk()
    trade(desk, BTC, Side.BUY, 1, at(1))
    again = reborn(desk.snapshot(at(2)), second=90_000.0)
    before = again.state.day.baseline
    again.on_tick(at(90_000))
    assert again.state.day.baseline == before
    alive(again, at(90_001), 52_000)
    again.on_tick(at(90_001))
    assert again.state.day.baseline.start_equity == 102_000


def test_a_restored_position_has_the_limits_time_to_get_its_first_mark():
    """No alarm at every restart; one when no mark comes."""
    desk = make_desk()
    trade(desk, BTC, Side.BUY, 1, at(1))
    again = reborn(desk.snapshot(at(2)), second=100.0)
    assert not again.on_tick(at(101))
    assert [finding.guard for finding in again.on_tick(at(131))] == ["mark_lost"]


def test_a_fill_of_an_order_nobody_remembers_is_not_ours():
    """Without a record an old order is foreign: counted while open, never booked as our coins."""
    fresh = reborn(None)
    told = OrderReport("gone", "v1", BTC, OrderState.OPEN, 1.0, "user", Side.BUY, D(1), D(50_000), D("0.5"), D(25_000))
    booked = fresh.on_report(told, at(100))
    assert (booked.adopted, booked.foreign, booked.fill) == (True, True, None)
    assert fresh.ledger.positions[BTC].size == 0
