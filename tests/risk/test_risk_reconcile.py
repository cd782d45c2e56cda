"""Reconciliation in use: explained at once, unexplained twice, then the venue wins by an explicit adjustment."""

from decimal import Decimal

from desk_builders import alive, at, intent, make_desk, perp, refused, report, send, snapshot, spot, trade, wide

from trader.orders.account import Balance, FeeRates, VenuePosition
from trader.orders.order import Fill, OrderReport, OrderState, OrderType, Side, TimeInForce
from trader.orders.reason import Reason
from trader.orders.reconcile import DifferenceKind
from trader.risk.desk import RiskDesk
from trader.risk.finding import Severity
from trader.venue import FeedEvent, FeedKind

D = Decimal
BTC, PERP = "BTC-USD", "BTC-PERP"


def reading(now, usd: object = 50_000, btc: object = 1, **changes: object):
    """An account with these balances."""
    held = (Balance("USD", D(str(usd)), D(0)), Balance("BTC", D(str(btc)), D(0)))
    return snapshot(now, balances=held, **changes)


def owner() -> RiskDesk:
    """A desk that owns one BTC and 50,000 USD."""
    desk = make_desk()
    trade(desk, BTC, Side.BUY, 1, at(1))
    return desk


def test_a_clean_reading_is_clean():
    """Nothing to do, nothing to ask again."""
    result = owner().reconcile(reading(at(10)), at(10))
    assert (result.clean, result.again_soon, result.differences) == (True, False, ())


def test_a_difference_counts_when_it_is_seen_twice_two_seconds_apart():
    """Coins of ours are gone: first a question, then an adjustment and REDUCE_ONLY (C-19)."""
    desk = owner()
    first = desk.reconcile(reading(at(10), btc="0.4"), at(10))
    assert (first.clean, first.again_soon, first.mismatches, first.findings) == (False, True, (), ())
    soon = desk.reconcile(reading(at(11), btc="0.4"), at(11))
    assert (soon.again_soon, soon.mismatches) == (True, ())
    second = desk.reconcile(reading(at(12), btc="0.4"), at(12))
    assert [row.kind for row in second.mismatches] == [DifferenceKind.COINS]
    assert [(f.side, f.size) for f in second.adjustments] == [(Side.SELL, D("0.6"))]
    assert [(f.guard, f.level) for f in second.findings] == [("mismatch", Severity.REDUCE_ONLY)]
    assert desk.ledger.positions[BTC].size == D("0.4")
    row = second.mismatches[0]
    assert (row.ours, row.venue) == ("1", "0.4")
    desk.ledger.audit()


def test_a_difference_that_changes_or_passes_is_forgotten():
    """Reads that race fills disagree once; only the very same difference twice is one."""
    desk = owner()
    desk.reconcile(reading(at(10), btc="0.4"), at(10))
    assert desk.reconcile(reading(at(13), btc="0.5"), at(13)).mismatches == ()
    assert desk.reconcile(reading(at(14)), at(14)).clean
    assert desk.reconcile(reading(at(17), btc="0.5"), at(17)).mismatches == ()


def test_money_paid_in_or_out_is_no_result():
    """A deposit shifts the baselines; day result and drawdown stay (pitfall 2.5)."""
    desk = owner()
    for second in (10, 12):
        result = desk.reconcile(reading(at(second), usd=60_000), at(second))
    assert [(t.currency, t.amount, t.as_result) for t in result.transfers] == [("USD", 10_000, False)]
    assert result.mismatches == ()
    assert desk.equity == 110_000
    day = desk.state.day_result()
    assert day is not None
    assert (day.total, day.drawdown_pct) == (0, 0)
    assert desk.reconcile(reading(at(14), usd=60_000), at(14)).clean


def test_money_lost_with_a_position_counts_as_a_loss():
    """A liquidation takes position and money: that is no withdrawal."""
    desk = make_desk(perp())
    trade(desk, PERP, Side.BUY, 100, at(1))
    for second in (10, 12, 14):
        result = desk.reconcile(snapshot(at(second), 80_000), at(second))
        if result.adjustments:
            assert [row.kind for row in result.mismatches] == [DifferenceKind.POSITION]
    day = desk.state.day_result()
    assert day is not None
    assert (day.total, desk.equity) == (-20_000, 80_000)


def test_a_position_at_the_venue_that_is_not_ours_is_taken_into_the_exposure():
    """A derivative is the account's: counted, reduce-only until somebody accepts it (C-20)."""
    desk = make_desk(perp())
    strange = VenuePosition(PERP, D(-40), D(50_000))
    for second in (1, 3):
        result = desk.reconcile(snapshot(at(second), positions=(strange,)), at(second))
    assert desk.ledger.positions[PERP].size == -40
    assert desk.ledger.exposure(PERP) == 20_000
    assert [f.reason for f in result.findings] == [Reason.NOT_RECONCILED]
    assert desk.reconcile(snapshot(at(5), positions=(strange,)), at(5)).clean


def test_an_order_that_is_not_ours_is_counted_and_told_once():
    """By the user feed or by a reading; its fills are not our coins."""
    desk = make_desk()
    foreign = OrderReport("", "v77", BTC, OrderState.OPEN, 1.0, "rest", Side.BUY, D("0.2"), D(49_000))
    result = desk.reconcile(snapshot(at(1), open_orders=(foreign,)), at(1))
    assert [order.order_id for order in result.adoptions] == ["v77"]
    assert [f.guard for f in result.findings] == ["mismatch"]
    assert not result.clean
    assert desk.ledger.exposure(BTC) == 10_000
    again = desk.reconcile(snapshot(at(3), open_orders=(foreign,)), at(3))
    assert (again.adoptions, again.findings, again.clean) == ((), (), True)
    assert not desk.position_view(BTC).pending


def test_a_missed_fill_is_found_and_the_unknown_order_resolved():
    """E-03: the fill list tells what the feed did not."""
    desk = make_desk()
    order = send(desk, intent(BTC, Side.BUY, 1, at(1)), at(1))
    desk.unknown(order.client_order_id, at(2))
    missed = Fill("t9", order.client_order_id, "v9", BTC, Side.BUY, D(1), D(50_000), D(10), at(2).market_time)
    result = desk.reconcile(reading(at(10), usd=49_990, fills=(missed,)), at(10))
    assert result.resolved == (order.client_order_id,)
    assert (result.clean, desk.ledger.positions[BTC].size) == (True, 1)
    assert desk.ledger.wallets["USD"] == 49_990


def test_an_order_no_longer_listed_is_looked_up_and_never_assumed_gone():
    """Its symbol is not judged until its own end is proven."""
    desk = make_desk()
    wish = intent(
        BTC, Side.BUY, 1, at(1), order_type=OrderType.LIMIT, time_in_force=TimeInForce.GTC, limit_price=D(49_900)
    )
    order = send(desk, wish, at(1))
    desk.on_report(report(order, OrderState.OPEN, at(1)), at(1))
    young = desk.reconcile(reading(at(4), usd=100_000, btc=0), at(4))
    assert young.differences == ()
    for second in (10, 13):
        result = desk.reconcile(reading(at(second), usd=50_100, btc=1), at(second))
        assert [row.kind for row in result.differences] == [DifferenceKind.LOST_ORDER]
        assert result.mismatches == ()
    assert [o.client_order_id for o in desk.queries_due(at(13))] == [order.client_order_id]
    desk.on_report(report(order, OrderState.FILLED, at(14), 1, 49_900), at(14))
    assert desk.reconcile(reading(at(15), usd=50_100, btc=1), at(15)).clean


def test_an_incomplete_reading_proves_no_absence_and_no_loss():
    """F-N13: what it shows is booked, what it leaves out is not."""
    desk = owner()
    for second in (10, 13):
        result = desk.reconcile(reading(at(second), usd=0, btc=0, complete=False), at(second))
        assert (result.clean, result.again_soon, result.differences) == (False, True, ())
    assert desk.ledger.positions[BTC].size == 1


def test_a_reading_covers_what_the_user_feed_missed():
    """Only one asked for after the feed came back."""
    desk = owner()
    desk.on_feed(FeedEvent(FeedKind.USER, up=False, machine_time=at(2).machine_time))
    alive(desk, at(20))
    assert refused(desk, intent(BTC, Side.BUY, "0.1", at(20)), at(20)).reason is Reason.FEED_DOWN
    desk.reconcile(reading(at(20)), at(20))
    assert desk.state.user_feed_blind(at(20))
    desk.on_feed(FeedEvent(FeedKind.USER, up=True, machine_time=at(21).machine_time))
    desk.reconcile(reading(at(22)), at(22))
    assert not desk.state.user_feed_blind(at(22))


def test_fees_are_the_accounts_own():
    """Funds are judged with the tier the venue names."""
    desk = make_desk(usd=1_000, limits=wide(max_exposure_pct=D(9), max_position_pct_per_symbol=D(9)))
    desk.reconcile(snapshot(at(1), 1_000, fees=FeeRates(D(0), D("0.1"))), at(1))
    assert desk.state.fees.taker == D("0.1")
    answer = desk.decide(intent(BTC, Side.BUY, 1, at(1)), at(1))
    assert answer.size * answer.limit_price * D("1.1") <= 1_000


def test_a_restart_with_money_moved_meanwhile_is_no_profit():
    """Deposits while the process was down are found by the first readings."""
    desk = owner()
    record = desk.snapshot(at(5))
    again = RiskDesk({BTC: spot()}, wide(), desk.state.execution, None)
    again.restore(record, (), (), at(100))
    alive(again, at(100))
    for second in (101, 104):
        again.reconcile(reading(at(second), usd=70_000), at(second))
    day = again.state.day_result()
    assert day is not None
    assert (again.equity, day.total) == (120_000, 0)


def refused_but_alive(desk: RiskDesk, filled: object = 0) -> tuple[str, OrderReport]:
    """An order the books hold for refused, and the venue's row that lists it as open."""
    wish = intent(
        BTC, Side.BUY, 1, at(1), order_type=OrderType.LIMIT, time_in_force=TimeInForce.GTC, limit_price=D(49_900)
    )
    order = send(desk, wish, at(1))
    desk.on_report(report(order, OrderState.REJECTED, at(1)), at(1))
    return order.client_order_id, report(order, OrderState.OPEN, at(2), filled, 49_900)


def test_a_finished_order_the_venue_keeps_listing_is_counted_told_and_cancelled():
    """A refusal that was none: no report reopens it, so it would fill with nobody counting it."""
    desk = make_desk()
    name, row = refused_but_alive(desk)
    first = desk.reconcile(snapshot(at(2), open_orders=(row,)), at(2))
    assert [d.kind for d in first.differences] == [DifferenceKind.ENDED_ORDER]
    assert (first.clean, first.again_soon, first.findings) == (False, True, ())
    desk.reconcile(snapshot(at(4), open_orders=(row,)), at(4))
    second = desk.reconcile(snapshot(at(8), open_orders=(row,)), at(8))
    assert [(f.guard, f.level) for f in second.findings] == [("mismatch", Severity.REDUCE_ONLY)]
    assert [b.order.client_order_id for b in second.booked] == [name]
    assert not second.clean
    desk.ledger.audit()
    assert desk.ledger.worst_long(BTC) == 1
    assert [(o.client_order_id, o.order_id) for o in desk.cancels_due(at(8))] == [(name, row.order_id)]
    ended = report(desk.order(name), OrderState.CANCELLED, at(9), "0.25", 49_900)
    booked = desk.on_report(ended, at(9))
    assert (booked.fill.size, desk.ledger.positions[BTC].size, desk.ledger.worst_long(BTC)) == (
        D("0.25"),
        D("0.25"),
        D("0.25"),
    )
    desk.ledger.audit()


def test_a_list_that_lags_behind_an_end_is_no_finding():
    """What has just ended may stand in the venue's lists for some seconds (F-N14)."""
    desk = make_desk()
    name, row = refused_but_alive(desk)
    for second in (2, 4, 6):
        result = desk.reconcile(snapshot(at(second), open_orders=(row,)), at(second))
        assert (result.findings, result.booked) == ((), ())
    assert desk.reconcile(snapshot(at(8)), at(8)).clean
    assert not desk.order(name).is_live


def test_a_filled_order_in_a_stale_list_is_nothing():
    """Nothing of it can fill any more."""
    desk = make_desk()
    _, row = refused_but_alive(desk, filled=1)
    result = desk.reconcile(reading(at(2), usd=50_100, open_orders=(row,)), at(2))
    assert result.differences == ()
    assert desk.ledger.positions[BTC].size == 1
