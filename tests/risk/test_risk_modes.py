"""Modes and exits: what may be sent when, what counts as reducing, and the last look before sending."""

from decimal import Decimal

import msgspec
import pytest
from desk_builders import (
    alive,
    at,
    granted,
    hold,
    intent,
    make_desk,
    perp,
    quote,
    refused,
    report,
    send,
    spot,
    trade,
)

from trader.orders.order import OrderState, Side
from trader.orders.reason import Reason
from trader.risk.checks import CHECKS, Applies
from trader.risk.desk import Refusal
from trader.risk.granted import Granted
from trader.risk.holds import ACCOUNT, Hold, HoldTable, Level
from trader.risk.window import TradingWindow
from trader.venue import FeedEvent, FeedKind

D = Decimal
BTC, PERP = "BTC-USD", "BTC-PERP"
BUY, SELL = Side.BUY, Side.SELL


def test_the_documents_first_six_checks_stand_in_their_order():
    """RISK-01 to RISK-06: kill, reduce-only, leverage, liquidation distance, exposure, daily loss."""
    names = [check.run.__name__ for check in CHECKS]
    six = ["mode_permits", "reduce_only", "leverage", "liquidation_distance", "symbol_share", "daily_loss"]
    assert [name for name in names if name in six] == six


def test_exits_meet_no_exposure_loss_window_or_filter_rule():
    """What an exit meets is a short list, and none of it is about having too much."""
    met = {check.run.__name__ for check in CHECKS if check.applies is Applies.ALL}
    assert met == {
        "mode_permits",
        "exit_has_something",
        "reduce_only",
        "intent_is_fresh",
        "mark_is_fresh",
        "product_trades",
        "venue_maximum",
        "price_collar",
        "is_no_duplicate",
        "order_rate",
        "self_trade",
        "venue_minimum",
    }


@pytest.mark.parametrize(
    ("level", "side", "reason"),
    [
        (Level.HALTED, BUY, Reason.KILL_SWITCH),
        (Level.HALTED, SELL, Reason.KILL_SWITCH),
        (Level.STARTING, BUY, Reason.KILL_SWITCH),
        (Level.STARTING, SELL, Reason.KILL_SWITCH),
        (Level.REDUCE_ONLY, BUY, Reason.KILL_SWITCH),
        (Level.REDUCE_ONLY, SELL, None),
        (Level.NORMAL, BUY, None),
    ],
)
def test_each_mode_permits_what_its_row_says(level, side, reason):
    """HALTED and STARTING send nothing, REDUCE_ONLY shrinks, NORMAL trades."""
    desk = make_desk()
    trade(desk, BTC, BUY, 1, at(1))
    hold(desk, level, Reason.KILL_SWITCH) if level is not Level.NORMAL else None
    answer = desk.decide(intent(BTC, side, "0.5", at(2), reduce_only=side is SELL), at(2))
    assert (answer.reason if not isinstance(answer, Granted) else None) is reason


def test_after_the_operators_kill_only_the_operator_may_still_leave():
    """Kill refuses everything except the operator's flatten (D25); any other halt refuses that as well."""
    desk = make_desk()
    trade(desk, BTC, BUY, 1, at(1))
    hold(desk, Level.HALTED, Reason.KILL_SWITCH, "kill")
    assert refused(desk, intent(BTC, SELL, 1, at(2), reduce_only=True), at(2)).reason is Reason.KILL_SWITCH
    (leave,) = desk.flatten(at(2))
    order = send(desk, leave, at(2))
    assert (order.side, order.size) == (SELL, 1)
    both = (*desk.state.holds.holds, Hold("hung", Level.HALTED, ACCOUNT, Reason.MODE_HALTED))
    desk.on_report(report(order, OrderState.CANCELLED, at(3)), at(3))
    desk.set_holds(HoldTable(both))
    (leave,) = desk.flatten(at(3))
    assert isinstance(desk.decide(leave, at(3)), Refusal)


def test_the_documents_reduce_only_example():
    """Long 1.0: buying 1.0 is refused with their words, selling 0.5 passes (RISK-21, RISK-27)."""
    desk = make_desk(perp(), usd=100_000)
    trade(desk, PERP, BUY, 100, at(1))
    hold(desk, Level.REDUCE_ONLY, Reason.MODE_REDUCE_ONLY)
    no = refused(desk, intent(PERP, BUY, 100, at(2)), at(2))
    assert no.reason is Reason.MODE_REDUCE_ONLY
    assert no.text.startswith("Reduce-only mode active")
    yes = granted(desk, intent(PERP, SELL, 50, at(2)), at(2))
    assert (yes.size, yes.reducing) == (50, True)


def test_reducing_is_a_matter_of_quantity():
    """Selling five against a long of one is no reduction, and two exits may not hold more than the position (I-11)."""
    desk = make_desk(perp())
    trade(desk, PERP, BUY, 10, at(1))
    hold(desk, Level.REDUCE_ONLY, Reason.MODE_REDUCE_ONLY)
    assert refused(desk, intent(PERP, SELL, 50, at(2)), at(2)).reason is Reason.MODE_REDUCE_ONLY
    first = send(desk, intent(PERP, SELL, 50, at(2), reduce_only=True), at(2))
    assert (first.size, first.reduce_only) == (10, True)
    assert refused(desk, intent(PERP, SELL, 1, at(3), reduce_only=True), at(3)).reason is Reason.PENDING_ORDER


def test_spot_never_sells_what_is_not_the_bots():
    """Coins held before are never touched: without an own position there is nothing to sell."""
    desk = make_desk()
    no = refused(desk, intent(BTC, SELL, 1, at(1)), at(1))
    assert no.reason is Reason.NO_FUNDS
    assert "never sold" in no.text


def test_old_marks_refuse_and_only_an_operator_may_still_leave():
    """30 s: at the limit it passes, beyond it only the operator's exit does (D09)."""
    desk = make_desk()
    trade(desk, BTC, BUY, 1, at(0))
    leave = intent(BTC, SELL, "0.5", at(30), reduce_only=True)
    assert granted(desk, leave, at(30)).size == D("0.5")
    leave = intent(BTC, SELL, "0.5", at(31), reduce_only=True)
    assert refused(desk, leave, at(31)).reason is Reason.DATA_STALE
    by_hand = msgspec.structs.replace(leave, by_operator=True)
    assert granted(desk, by_hand, at(31)).size == D("0.5")


def test_a_blind_user_feed_with_a_position_means_reduce_only_until_backfilled():
    """Over ten seconds down with a position open; a later complete reading ends it."""
    desk = make_desk()
    trade(desk, BTC, BUY, 1, at(1))
    desk.on_feed(FeedEvent(FeedKind.USER, up=False, machine_time=at(2).machine_time))
    alive(desk, at(11))
    assert granted(desk, intent(BTC, BUY, "0.1", at(11)), at(11)).size == D("0.1")
    alive(desk, at(13))
    assert refused(desk, intent(BTC, BUY, "0.1", at(13)), at(13)).reason is Reason.FEED_DOWN
    assert granted(desk, intent(BTC, SELL, "0.1", at(13), reduce_only=True), at(13)).reducing


def test_the_window_gates_entries_only():
    """UTC, over midnight too; exits never wait (D38)."""
    hour = int(at(0).market_time % 86_400 // 3600)
    shut = TradingWindow.parse(f"{(hour + 2) % 24:02d}:00-{(hour + 3) % 24:02d}:00")
    desk = make_desk(window=shut)
    no = refused(desk, intent(BTC, BUY, "0.1", at(1)), at(1))
    assert no.reason is Reason.OPS_WINDOW_CLOSED
    assert "opens in" in no.text


def test_the_recheck_sees_what_changed_while_the_disk_was_busy():
    """Mode, age, mark and position are asked once more before anything is sent."""
    cases = {
        Reason.MODE_REDUCE_ONLY: lambda desk: hold(desk, Level.REDUCE_ONLY, Reason.MODE_REDUCE_ONLY),
        Reason.KILL_SWITCH: lambda desk: hold(desk, Level.HALTED, Reason.KILL_SWITCH, "kill"),
        Reason.PRICE_COLLAR: lambda desk: desk.on_quote(quote(spot(), 49_400, at(2))),
        Reason.DATA_STALE: lambda desk: desk.on_quote(quote(spot(), 50_000, at(2), "gap")),
    }
    for reason, happens in cases.items():
        desk = make_desk()
        wish = intent(BTC, BUY, "0.1", at(1))
        desk.reserve(wish, granted(desk, wish, at(1)), "a", at(1))
        assert desk.recheck("a", at(2)) is None
        happens(desk)
        answer = desk.recheck("a", at(2))
        assert answer is not None
        assert answer.reason is reason
    desk.set_holds(HoldTable())
    desk.on_quote(quote(spot(), 50_000, at(4)))
    answer = desk.recheck("a", at(4))
    assert answer is not None
    assert answer.reason is Reason.EXPIRED
