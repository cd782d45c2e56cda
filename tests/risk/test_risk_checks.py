"""The pre-trade checks, one by one, in the documents' order: each with its boundary, its reason and its numbers."""

from decimal import Decimal

import msgspec
import pytest
from desk_builders import (
    alive,
    at,
    book,
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
    wide,
)

from trader.market.instrument import TradingStatus
from trader.orders.order import OrderState, OrderType, Side, TimeInForce
from trader.orders.reason import Reason
from trader.risk.checks import CHECKS, Applies
from trader.risk.desk import Refusal
from trader.risk.granted import Granted
from trader.risk.holds import ACCOUNT, Hold, HoldTable, Level
from trader.risk.limits import ExecutionSettings
from trader.risk.window import TradingWindow
from trader.venue import FeedEvent, FeedKind

D = Decimal
BTC, PERP = "BTC-USD", "BTC-PERP"
BUY, SELL = Side.BUY, Side.SELL


def limit_order(price: object, **changes: object) -> dict[str, object]:
    """The fields of a resting limit order."""
    return {
        "order_type": OrderType.LIMIT,
        "time_in_force": TimeInForce.GTC,
        "limit_price": D(str(price)),
        **changes,
    }


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


def test_leverage_is_capped_by_the_smallest_of_four():
    """Global, profile, symbol, venue (D04); the refusal begins with the documents' words (RISK-35)."""
    desk = make_desk(perp(), limits=wide(leverage_max_per_symbol={PERP: D(2)}))
    no = refused(desk, intent(PERP, BUY, 1, at(1), leverage=D("2.1")), at(1))
    assert no.reason is Reason.MAX_LEVERAGE
    assert no.text.startswith("Risk check failed: Leverage exceeds limit")
    assert granted(desk, intent(PERP, BUY, 1, at(1), leverage=D(2)), at(1)).size == 1
    assert refused(make_desk(), intent(BTC, BUY, 1, at(1), leverage=D(2)), at(1)).reason is Reason.MAX_LEVERAGE


def test_an_entry_keeps_its_distance_from_liquidation():
    """20 % on entry means at most 4x at 5 % maintenance; shorts are judged by the same distance (D07)."""
    desk = make_desk(perp())
    assert granted(desk, intent(PERP, BUY, 1, at(1), leverage=D(4)), at(1)).size == 1
    for side in Side:
        assert refused(desk, intent(PERP, side, 1, at(1), leverage=D(5)), at(1)).reason is Reason.LIQUIDATION_NEAR


def units_granted(limits: dict[str, object], held: object = 0) -> Granted | object:
    """What a wish for one BTC becomes under these limits, with 100,000 USD and `held` BTC."""
    desk = make_desk(limits=wide(**limits))
    if D(str(held)):
        trade(desk, BTC, BUY, held, at(1))
    return desk.decide(intent(BTC, BUY, 1, at(2)), at(2))


@pytest.mark.parametrize(
    ("limits", "held", "size"),
    [
        ({"max_position_pct_per_symbol": D("0.2")}, 0, "0.4"),
        ({"max_position_pct_per_symbol": D("0.2")}, "0.1", "0.3"),
        ({"max_exposure_pct": D("0.3")}, 0, "0.6"),
        ({"max_position_usd": D(500)}, 0, "0.01"),
        ({"max_position_usd": D(500)}, "0.004", "0.006"),
        ({"max_position_base": {BTC: D("0.25")}}, "0.05", "0.2"),
        ({"notional_caps_usd": {BTC: D(10_000)}}, 0, "0.2"),
        ({"first_live_orders_at_minimum": 1}, 0, "0.00002"),
        ({"max_order_notional_usd": D(50_500)}, 0, "1"),
    ],
)
def test_an_entry_is_cut_to_the_largest_size_every_cap_allows(limits, held, size):
    """Position and open orders count, not the new order alone; the binding cap is named."""
    answer = units_granted(limits, held)
    assert isinstance(answer, Granted), answer
    assert answer.size == D(size)
    assert answer.binding_cap == (f"risk.{next(iter(limits))}" if D(size) < 1 else None)


def test_the_tightest_cap_decides_and_is_named():
    """500 USD and 0.01 BTC at once: the canary's rule, whichever is smaller (D37)."""
    answer = units_granted({"max_position_usd": D(500), "max_position_base": {BTC: D("0.001")}})
    assert isinstance(answer, Granted)
    assert (answer.size, answer.binding_cap) == (D("0.001"), "risk.max_position_base")
    assert "cut from 1 by risk.max_position_base" in answer.text


def test_a_refusal_by_a_cap_says_would_be_limit_and_room():
    """One line with the numbers; an explicit order is refused rather than cut."""
    desk = make_desk(limits=wide(max_position_usd=D(500)))
    trade(desk, BTC, BUY, "0.00826", at(1))
    no = refused(desk, intent(BTC, BUY, "0.00198", at(2), may_downsize=False), at(2))
    assert no.reason is Reason.MAX_POSITION
    assert no.text == "BTC-USD position would be 512.00 USD, limit 500.00, room 87.00"
    assert (no.used, no.limit, no.config_key) == (512, 500, "risk.max_position_usd")


def test_below_the_venues_minimum_a_cap_refuses_with_its_own_reason():
    """Room for half a dollar is no room."""
    desk = make_desk(limits=wide(max_position_usd=D(500)))
    trade(desk, BTC, BUY, "0.00999", at(1))
    assert refused(desk, intent(BTC, BUY, "0.01", at(2)), at(2)).reason is Reason.MAX_POSITION


def test_every_order_that_may_still_fill_takes_its_room():
    """Reserved, sent, unknown and open orders count like positions (I-06)."""
    desk = make_desk(limits=wide(max_position_base={BTC: D(1)}))
    first = intent(BTC, BUY, "0.4", at(1))
    desk.reserve(first, granted(desk, first, at(1)), "a", at(1))
    assert granted(desk, intent(BTC, BUY, 1, at(1)), at(1)).size == D("0.6")
    desk.approve("a", at(1))
    desk.unknown("a", at(1))
    assert refused(desk, intent(BTC, BUY, 1, at(1)), at(1)).reason is Reason.ORDER_UNKNOWN
    desk.on_report(report(desk.order("a"), OrderState.CANCELLED, at(2), "0.1"), at(2))
    assert granted(desk, intent(BTC, BUY, 1, at(2)), at(2)).size == D("0.9")


def test_the_account_limit_counts_all_symbols():
    """What one symbol took is not there for the next."""
    desk = make_desk(spot(), spot("ETH-USD"), limits=wide(max_exposure_pct=D("0.5")))
    send(desk, intent(BTC, BUY, "0.8", at(1)), at(1))
    assert granted(desk, intent("ETH-USD", BUY, 1, at(1)), at(1)).size == D("0.2")


def test_symbols_that_move_together_share_two_shares():
    """The correlated group cap: measured from sampled returns, same side only (C-06)."""
    limits = wide(max_position_pct_per_symbol=D("0.2"))
    desk = make_desk(spot(), spot("ETH-USD"), spot("SOL-USD"), limits=limits)
    for minute in range(1, 26):
        alive(desk, at(60 * minute), 50_000 + (minute % 3) * 40)
    now = at(60 * 25)
    mark = desk.ledger.marks[BTC]
    send(desk, intent(BTC, BUY, "0.39", now, mark=mark), now)
    send(desk, intent("ETH-USD", BUY, "0.3", now, mark=mark), now)
    answer = granted(desk, intent("SOL-USD", BUY, "0.39", now, mark=mark), now)
    assert answer.binding_cap == "risk.max_correlation"
    assert D("0.69") + answer.size <= D(40_000) / mark


def test_funds_cover_price_and_fee():
    """A spot buy must be paid at its worst price with the taker's fee; other buys in flight hold their money."""
    desk = make_desk(usd=1000, limits=wide(max_exposure_pct=D(5), max_position_pct_per_symbol=D(5)))
    answer = granted(desk, intent(BTC, BUY, "0.019", at(1)), at(1))
    worst = answer.size * answer.limit_price * D("1.009")
    assert worst <= 1000 < (answer.size + D("0.00000001")) * answer.limit_price * D("1.009") + D(
        "0.001"
    ) or answer.size == D("0.019")
    send(desk, intent(BTC, BUY, "0.015", at(1)), at(1))
    second = granted(desk, intent(BTC, BUY, "0.015", at(2)), at(2))
    held = (D("0.015") + second.size) * second.limit_price * D("1.009")
    assert held <= 1000


def test_margin_carries_the_worst_case_of_all_derivatives():
    """Initial margin is notional over leverage; what is reserved holds margin already."""
    desk = make_desk(perp(), usd=1000, limits=wide(max_exposure_pct=D(9), max_position_pct_per_symbol=D(9)))
    answer = granted(desk, intent(PERP, BUY, 9, at(1), leverage=D(4)), at(1))
    assert answer.size == 8
    small = make_desk(perp(), usd=100, limits=wide(max_exposure_pct=D(9), max_position_pct_per_symbol=D(9)))
    assert refused(small, intent(PERP, BUY, 2, at(1)), at(1)).reason is Reason.MARGIN


def test_impact_is_walked_through_the_real_book():
    """15 bps of a mark at 50,000 is 75 USD: the levels within it on average are what an entry may take (D08)."""
    btc = spot(price_increment=D(10))
    desk = make_desk(btc, limits=wide(entry_slippage_bps=D(15)), usd=10_000_000)
    desk.on_book(book(btc, 50_000, at(1), "0.1"))
    assert granted(desk, intent(BTC, BUY, "0.5", at(1)), at(1)).binding_cap is None
    cut = granted(desk, intent(BTC, BUY, 5, at(1)), at(1))
    assert cut.binding_cap == "risk.entry_slippage_bps"
    assert cut.size == D("1.0")
    assert refused(desk, intent(BTC, BUY, 5, at(1), may_downsize=False), at(1)).reason is Reason.DEPTH_TOO_THIN


def test_an_exit_does_not_walk_the_book():
    """Getting out is never refused for a thin book."""
    desk = make_desk()
    trade(desk, BTC, BUY, 1, at(1))
    desk.on_book(book(spot(), 50_000, at(2), "0.00001"))
    assert granted(desk, intent(BTC, SELL, 1, at(2), reduce_only=True), at(2)).size == 1


@pytest.mark.parametrize(
    ("price", "reason"),
    [
        ("50500.00", None),
        ("50500.01", Reason.PRICE_COLLAR),
        ("49500.00", None),
        ("49499.99", Reason.PRICE_COLLAR),
        ("500000", Reason.PRICE_COLLAR),
        ("5000", Reason.PRICE_COLLAR),
    ],
)
def test_the_collar_holds_to_the_tick(price, reason):
    """One percent from risk's own mark: the boundary passes, one tick beyond does not (C-03)."""
    answer = make_desk().decide(intent(BTC, BUY, "0.1", at(1), **limit_order(price)), at(1))
    assert (None if isinstance(answer, Granted) else answer.reason) is reason


def test_a_decision_made_on_another_price_is_refused():
    """Risk believes its own mark, not the symbol's (C-03)."""
    assert refused(make_desk(), intent(BTC, BUY, "0.1", at(1), mark=D(51_000)), at(1)).reason is Reason.PRICE_COLLAR


def test_every_market_order_has_a_worst_price():
    """A market order goes out as IOC at the collar (I-04)."""
    desk = make_desk()
    buy = granted(desk, intent(BTC, BUY, "0.1", at(1)), at(1))
    assert (buy.limit_price, buy.time_in_force) == (D("50500.00"), TimeInForce.IOC)


def test_a_resting_entry_ends_by_itself():
    """GTC entries go out as GTD at the order-age limit; a resting exit stays."""
    desk = make_desk()
    entry = granted(desk, intent(BTC, BUY, "0.1", at(1), **limit_order(49_900)), at(1))
    assert (entry.time_in_force, entry.end_time) == (TimeInForce.GTD, at(121).market_time)
    trade(desk, BTC, BUY, 1, at(1))
    leave = intent(BTC, SELL, 1, at(2), **limit_order(50_100, reduce_only=True))
    assert granted(desk, leave, at(2)).time_in_force is TimeInForce.GTC


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


@pytest.mark.parametrize(
    ("taint", "reason"), [("crossed", Reason.BOOK_CROSSED), ("gap", Reason.DATA_GAP), ("no snapshot", Reason.DATA_GAP)]
)
def test_no_order_is_priced_off_a_tainted_book(taint, reason):
    """I-12: the last good mark is not silently used on."""
    desk = make_desk()
    desk.on_quote(quote(spot(), 50_000, at(1), taint))
    assert refused(desk, intent(BTC, BUY, "0.1", at(1)), at(1)).reason is reason


def test_a_jump_is_held_until_it_has_stood():
    """More than a tenth at once is not believed for three seconds (C-16)."""
    desk = make_desk()
    desk.on_quote(quote(spot(), 60_000, at(1)))
    assert refused(desk, intent(BTC, BUY, "0.1", at(1)), at(1)).reason is Reason.DATA_GAP
    assert desk.ledger.marks[BTC] == 50_000
    desk.on_quote(quote(spot(), 60_010, at(4.1)))
    assert desk.ledger.marks[BTC] == 60_010


def test_entries_need_a_market_feed_with_a_heartbeat():
    """Three seconds of silence refuse entries; exits go on (FEED_DOWN)."""
    desk = make_desk()
    trade(desk, BTC, BUY, 1, at(1))
    desk.on_quote(quote(spot(), 50_000, at(5)))
    assert refused(desk, intent(BTC, BUY, "0.1", at(5)), at(5)).reason is Reason.FEED_DOWN
    assert granted(desk, intent(BTC, SELL, "0.1", at(5), reduce_only=True), at(5)).size == D("0.1")
    desk = make_desk()
    desk.on_feed(FeedEvent(FeedKind.MARKET, up=False, machine_time=at(1).machine_time))
    assert refused(desk, intent(BTC, BUY, "0.1", at(1)), at(1)).reason is Reason.FEED_DOWN


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


def test_a_halted_product_takes_nothing_and_a_post_only_one_only_makers():
    """The venue's status is asked for each order (C-15)."""
    desk = make_desk()
    desk.update_instruments([spot(status=TradingStatus.HALTED)])
    assert refused(desk, intent(BTC, BUY, "0.1", at(1)), at(1)).reason is Reason.PRODUCT_HALTED
    desk.update_instruments([spot(status=TradingStatus.POST_ONLY)])
    assert refused(desk, intent(BTC, BUY, "0.1", at(1)), at(1)).reason is Reason.PRODUCT_HALTED
    resting = intent(BTC, BUY, "0.1", at(1), **limit_order(49_900, post_only=True))
    assert granted(desk, resting, at(1)).size == D("0.1")


def test_the_twin_of_a_live_order_is_refused_for_some_seconds():
    """Same side, size and price while one is live (C-09); later it is a second wish."""
    desk = make_desk(limits=wide(duplicate_window_s=5.0))
    wish = limit_order(49_900)
    send(desk, intent(BTC, BUY, "0.1", at(1), **wish), at(1))
    alive(desk, at(5.9))
    assert refused(desk, intent(BTC, BUY, "0.1", at(5.9), **wish), at(5.9)).reason is Reason.DUPLICATE_ORDER
    alive(desk, at(6))
    assert granted(desk, intent(BTC, BUY, "0.1", at(6), **wish), at(6)).size == D("0.1")


def test_a_signal_that_fires_again_and_again_stops_its_symbol():
    """Five within a minute pass, the sixth is refused and holds the symbol until somebody looks (C-08)."""
    desk = make_desk(limits=wide(repeat_limit=5))
    for n in range(5):
        alive(desk, at(n))
        trade(desk, BTC, BUY, "0.001", at(n))
    alive(desk, at(6))
    assert refused(desk, intent(BTC, BUY, "0.001", at(6)), at(6)).reason is Reason.REPEATED_ORDER
    found = [finding for finding in desk.on_tick(at(6)) if finding.guard == "repeated_order"]
    assert [(f.scope, f.level.name) for f in found] == [(BTC, "REDUCE_ONLY")]
    alive(desk, at(70))
    assert granted(desk, intent(BTC, BUY, "0.001", at(70)), at(70)).size == D("0.001")


def test_entries_leave_a_part_of_the_rate_to_exits():
    """Four a minute: three entries, then only exits; an exit is refused at the full rate (C-07)."""
    desk = make_desk(limits=wide(max_orders_per_minute=4))
    for n in range(3):
        trade(desk, BTC, BUY, "0.01", at(n))
    assert refused(desk, intent(BTC, BUY, "0.01", at(3)), at(3)).reason is Reason.ORDER_RATE
    trade(desk, BTC, SELL, "0.01", at(3))
    assert refused(desk, intent(BTC, SELL, "0.01", at(3), reduce_only=True), at(3)).reason is Reason.ORDER_RATE
    alive(desk, at(62))
    assert granted(desk, intent(BTC, SELL, "0.01", at(62), reduce_only=True), at(62)).reducing


def test_open_orders_are_counted_for_symbol_and_account():
    """Four and forty, or what the configuration says (C-10)."""
    limits = wide(max_open_orders_per_symbol=2, max_open_orders=3)
    desk = make_desk(spot(), spot("ETH-USD"), limits=limits)
    for n in range(2):
        send(desk, intent(BTC, BUY, "0.01", at(1), **limit_order(49_900 - n)), at(1))
    no = refused(desk, intent(BTC, BUY, "0.01", at(1), **limit_order(49_800)), at(1))
    assert (no.reason, no.config_key) == (Reason.OPEN_ORDER_LIMIT, "risk.max_open_orders_per_symbol")
    send(desk, intent("ETH-USD", BUY, "0.01", at(1), **limit_order(49_900)), at(1))
    no = refused(desk, intent("ETH-USD", BUY, "0.01", at(1), **limit_order(49_800)), at(1))
    assert no.config_key == "risk.max_open_orders"


def test_an_own_resting_order_is_never_crossed_and_gives_way_to_an_exit():
    """C-14: the exit is refused once, the entry in its way is cancelled, the next try goes through."""
    desk = make_desk()
    trade(desk, BTC, BUY, 1, at(1))
    resting = send(desk, intent(BTC, BUY, "0.1", at(1), **limit_order(49_900)), at(1))
    desk.on_report(report(resting, OrderState.OPEN, at(1)), at(1))
    leave = intent(BTC, SELL, 1, at(2), reduce_only=True)
    assert refused(desk, leave, at(2)).reason is Reason.SELF_TRADE
    due = desk.cancels_due(at(2))
    assert [(o.client_order_id, o.note) for o in due] == [(resting.client_order_id, "stands in the way of an exit")]
    desk.on_report(report(resting, OrderState.CANCELLED, at(3)), at(3))
    assert granted(desk, intent(BTC, SELL, 1, at(3), reduce_only=True), at(3)).size == 1


def test_an_entry_is_raised_to_the_minimum_only_if_the_caps_bear_it():
    """D17: a strategy's entry is raised, an explicit order is refused, a cap below the minimum wins."""
    desk = make_desk()
    raised = granted(desk, intent(BTC, BUY, "0.000001", at(1)), at(1))
    assert raised.size == spot().minimum_size(D(50_000))
    assert "raised" in raised.text
    explicit = intent(BTC, BUY, "0.000001", at(1), may_downsize=False)
    assert refused(desk, explicit, at(1)).reason is Reason.BELOW_MIN_SIZE
    tight = make_desk(limits=wide(max_position_usd=D("0.5")))
    assert refused(tight, intent(BTC, BUY, "0.000001", at(1)), at(1)).reason is Reason.MAX_POSITION


def test_dust_is_left_alone():
    """A position below the minimum cannot be sold and is not tried again and again (F-O11)."""
    desk = make_desk()
    order = send(desk, intent(BTC, BUY, "0.1", at(1)), at(1))
    desk.on_report(report(order, OrderState.CANCELLED, at(1), "0.000004"), at(1))
    no = refused(desk, intent(BTC, SELL, "0.000004", at(2), reduce_only=True), at(2))
    assert no.reason is Reason.BELOW_MIN_SIZE
    assert "dust" in no.text


def test_nothing_is_entered_before_the_account_is_known():
    """Unknown equity is not zero and not enough."""
    desk = make_desk()
    desk.state.reconciled = False
    assert refused(desk, intent(BTC, BUY, "0.1", at(1)), at(1)).reason is Reason.NOT_RECONCILED
    desk = make_desk(spot(), spot("BTC-USDC"))
    assert granted(desk, intent(BTC, BUY, "0.1", at(1)), at(1)).size == D("0.1")
    no = refused(desk, intent("BTC-USDC", BUY, "0.1", at(1)), at(1))
    assert no.reason is Reason.WRONG_WALLET
    assert "wants USDC, the wallet holds USD" in no.text
    other = make_desk(spot("ETH-BTC"))
    assert refused(other, intent("ETH-BTC", BUY, "0.1", at(1)), at(1)).reason is Reason.WRONG_WALLET


def test_an_old_decision_is_refused():
    """An intent older than an approval may live comes from somebody who may be dead (S12)."""
    desk = make_desk()
    wish = intent(BTC, BUY, "0.1", at(0))
    assert refused(desk, wish, at(2.5)).reason is Reason.EXPIRED


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


def test_limits_can_be_changed_while_running_and_baselines_stay():
    """A reload judges the next order; it resets nothing (C-12)."""
    desk = make_desk()
    baseline = desk.state.day.baseline
    desk.update_limits(wide(max_position_usd=D(500)))
    assert granted(desk, intent(BTC, BUY, 1, at(1)), at(1)).size == D("0.01")
    assert desk.state.day.baseline == baseline
    assert ExecutionSettings() == desk.state.execution
