"""The care of live orders: cancels, look-ups, and what proves that an order never was."""

from decimal import Decimal

import pytest
from desk_builders import alive, at, granted, hold, intent, make_desk, perp, report, send, trade, wide

from trader.orders.order import OrderReport, OrderState, OrderType, Side, TimeInForce
from trader.orders.reason import Reason
from trader.risk.holds import HoldTable, Level

D = Decimal
BTC = "BTC-USD"


def resting(desk, side: Side, size: object, price: object, now, **changes: object):
    """A limit order that the venue has acknowledged."""
    wish = intent(
        BTC,
        side,
        size,
        now,
        order_type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTC,
        limit_price=D(str(price)),
        **changes,
    )
    order = send(desk, wish, now)
    desk.on_report(report(order, OrderState.OPEN, now), now)
    return desk.order(order.client_order_id)


def due(desk, now) -> list[tuple[str, str]]:
    """What to cancel now, and why."""
    return [(order.client_order_id, order.note) for order in desk.cancels_due(now)]


def test_reduce_only_cancels_what_would_grow_and_keeps_what_shrinks():
    """By quantity, at once, and again every two seconds until the venue proves the end."""
    desk = make_desk()
    trade(desk, BTC, Side.BUY, 1, at(0))
    entry = resting(desk, Side.BUY, "0.1", 49_900, at(1))
    resting(desk, Side.SELL, "0.5", 50_100, at(1), reduce_only=True)
    assert due(desk, at(1)) == []
    hold(desk, Level.REDUCE_ONLY, Reason.MODE_REDUCE_ONLY)
    assert due(desk, at(2)) == [(entry.client_order_id, "would grow the position in reduce-only")]
    assert due(desk, at(3)) == []
    assert len(due(desk, at(4))) == 1
    desk.on_report(report(entry, OrderState.CANCELLED, at(5)), at(5))
    assert due(desk, at(9)) == []


def test_halted_cancels_everything_of_ours_and_kill_what_is_not_ours_too():
    """Stop and reduce-only cancel our own orders, kill every open order."""
    desk = make_desk()
    trade(desk, BTC, Side.BUY, 1, at(0))
    resting(desk, Side.BUY, "0.1", 49_900, at(1))
    resting(desk, Side.SELL, "0.5", 50_100, at(1), reduce_only=True)
    foreign = OrderReport("", "v77", BTC, OrderState.OPEN, 1.0, "user", Side.BUY, D("0.2"), D(49_000))
    desk.on_report(foreign, at(1))
    hold(desk, Level.HALTED, Reason.MODE_HALTED, "hung")
    assert len(due(desk, at(2))) == 2
    hold(desk, Level.HALTED, Reason.KILL_SWITCH, "kill")
    assert len(due(desk, at(5))) == 3


def test_starting_cancels_nothing_but_hides_no_hold_that_does():
    """While nothing is known nothing is cancelled; a stored reduce-only acts all the same."""
    desk = make_desk()
    resting(desk, Side.BUY, "0.1", 49_900, at(1))
    hold(desk, Level.STARTING, Reason.NOT_RECONCILED, "starting")
    assert due(desk, at(2)) == []
    both = desk.state.holds.holds
    hold(desk, Level.REDUCE_ONLY, Reason.MODE_REDUCE_ONLY)
    desk.set_holds(HoldTable((*both, *desk.state.holds.holds)))
    assert len(due(desk, at(2))) == 1


def test_unfilled_entries_age_out_and_exits_stay():
    """120 seconds on the machine's clock (C-11)."""
    desk = make_desk()
    trade(desk, BTC, Side.BUY, 1, at(0))
    resting(desk, Side.BUY, "0.1", 49_900, at(1))
    resting(desk, Side.SELL, "0.5", 50_100, at(1), reduce_only=True)
    alive(desk, at(121))
    assert due(desk, at(121)) == []
    assert [why for _, why in due(desk, at(121.5))] == ["unfilled for more than 120 s"]


def test_an_exit_whose_position_has_gone_is_cancelled_before_it_opens_one():
    """F-O09."""
    desk = make_desk()
    trade(desk, BTC, Side.BUY, 1, at(0))
    leave = resting(desk, Side.SELL, 1, 50_100, at(1), reduce_only=True)
    desk.ledger.adjust(BTC, D("0.3"), D(50_000), at(2).market_time, "gone")
    assert due(desk, at(2)) == [(leave.client_order_id, "no longer reduces the position")]


def test_a_symbols_orders_can_be_asked_for():
    """The symbol's own wish."""
    desk = make_desk()
    order = resting(desk, Side.BUY, "0.1", 49_900, at(1))
    desk.cancel_symbol(BTC, "signal gone")
    assert due(desk, at(1)) == [(order.client_order_id, "signal gone")]


def test_an_unknown_order_is_looked_up_with_growing_pauses():
    """At once, then after 1, 2, 4, 8 and every 10 seconds; query failures change nothing (I-09)."""
    desk = make_desk()
    send(desk, intent(BTC, Side.BUY, "0.1", at(0)), at(0), "c1")
    desk.unknown("c1", at(0))
    asked = [second for second in range(60) if desk.queries_due(at(second))]
    assert asked == [0, 1, 3, 7, 15, 25, 35, 45, 55]
    assert desk.order("c1").state is OrderState.UNKNOWN
    assert desk.ledger.exposure(BTC) == 5_000


def test_a_silent_post_becomes_unknown_after_its_longest_life():
    """Approval life plus post deadline: after that the post has ended one way or another."""
    desk = make_desk()
    send(desk, intent(BTC, Side.BUY, "0.1", at(0)), at(0), "c1")
    assert desk.queries_due(at(12)) == ()
    assert [o.client_order_id for o in desk.queries_due(at(12.5))] == ["c1"]
    assert desk.order("c1").state is OrderState.UNKNOWN


def test_an_immediate_order_that_stays_open_is_looked_up():
    """An IOC does not rest: five seconds of silence mean a report was lost."""
    desk = make_desk()
    order = send(desk, intent(BTC, Side.BUY, "0.1", at(0)), at(0))
    desk.on_report(report(order, OrderState.OPEN, at(0)), at(0))
    assert desk.queries_due(at(5)) == ()
    assert len(desk.queries_due(at(5.5))) == 1


@pytest.mark.parametrize(
    ("asked_s", "released"), [(0.0, False), (5.0, False), (15.0, False), (15.01, True), (60.0, True)]
)
def test_absence_is_proof_only_when_it_was_asked_late_enough(asked_s, released):
    """Approval life 2 + longest post 10 + margin 3 seconds after the sending (S16)."""
    desk = make_desk()
    send(desk, intent(BTC, Side.BUY, "0.1", at(0)), at(0), "c1")
    desk.unknown("c1", at(1))
    assert desk.absent("c1", at(asked_s).machine_time, at(61)) is released
    assert desk.ledger.exposure(BTC) == (0 if released else 5_000)


def test_an_order_the_venue_has_shown_is_never_absent():
    """What existed cannot have been absent: it ended, and only its own end proves that."""
    desk = make_desk()
    order = send(desk, intent(BTC, Side.BUY, "0.1", at(0)), at(0))
    desk.on_report(report(order, OrderState.OPEN, at(0)), at(0))
    assert desk.absent(order.client_order_id, at(99).machine_time, at(99)) is False
    assert desk.absent("never-heard-of", at(99).machine_time, at(99)) is False


def test_a_released_order_that_turns_up_counts_again():
    """Should the venue show it after all, its word counts, fills and exposure included."""
    desk = make_desk()
    order = send(desk, intent(BTC, Side.BUY, "0.1", at(0)), at(0))
    desk.unknown(order.client_order_id, at(1))
    assert desk.absent(order.client_order_id, at(20).machine_time, at(20))
    booked = desk.on_report(report(order, OrderState.OPEN, at(21), "0.04"), at(21))
    assert booked.fill is not None
    assert desk.ledger.positions[BTC].size == D("0.04")
    assert desk.ledger.worst_long(BTC) == D("0.1")


def test_forced_exits_go_down_to_the_leverage_cap():
    """D24: a position above its cap is reduced to it, by an ordinary checked exit."""
    desk = make_desk(perp(), usd=10_000, limits=wide(max_exposure_pct=D(9), max_position_pct_per_symbol=D(9)))
    order = send(desk, intent("BTC-PERP", Side.BUY, 80, at(1), leverage=D(4)), at(1))
    desk.on_report(report(order, OrderState.FILLED, at(1), 80), at(1))
    assert desk.forced_exits(at(1)) == ()
    desk.update_limits(wide(leverage_max=D(2)))
    (leave,) = desk.forced_exits(at(2))
    assert (leave.side, leave.size, leave.reduce_only) == (Side.SELL, 40, True)
    assert granted(desk, leave, at(2)).size == 40
    assert desk.forced_exits(at(3)) == ()


@pytest.mark.parametrize("forced", [False, True])
def test_an_account_wide_reduce_only_forces_exits_only_when_configured(forced):
    """`force_exit_on_reduce_only`, default off; one symbol's hold never forces anything (D23)."""
    desk = make_desk(limits=wide(force_exit_on_reduce_only=forced))
    trade(desk, BTC, Side.BUY, 1, at(0))
    hold(desk, Level.REDUCE_ONLY, Reason.VOLATILITY_HIGH, "volatility", BTC)
    assert desk.forced_exits(at(1)) == ()
    hold(desk, Level.REDUCE_ONLY, Reason.DAILY_LOSS, "daily_loss")
    assert len(desk.forced_exits(at(1))) == int(forced)


def test_flatten_closes_every_position_even_on_an_old_mark():
    """The operator's word, with the last good price as reference."""
    desk = make_desk()
    trade(desk, BTC, Side.BUY, 1, at(0))
    (leave,) = desk.flatten(at(100))
    assert granted(desk, leave, at(100)).size == 1
    assert desk.flatten(at(100), ["BTC-USD"])[0].by_operator
