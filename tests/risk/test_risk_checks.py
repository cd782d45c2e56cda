"""The gates, one by one: leverage, prices, data, rates, duplicates; each with its boundary and its reason."""

from decimal import Decimal

import pytest
from desk_builders import (
    alive,
    at,
    granted,
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
from trader.risk.granted import Granted
from trader.risk.limits import ExecutionSettings
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
    """Four a minute: three entries, then only exits; they are counted apart, and refused at the full rate (C-07)."""
    desk = make_desk(limits=wide(max_orders_per_minute=4))
    for n in range(3):
        trade(desk, BTC, BUY, "0.01", at(n))
    assert refused(desk, intent(BTC, BUY, "0.01", at(3)), at(3)).reason is Reason.ORDER_RATE
    for _ in range(4):
        trade(desk, BTC, SELL, "0.001", at(3))
    assert refused(desk, intent(BTC, SELL, "0.01", at(3), reduce_only=True), at(3)).reason is Reason.ORDER_RATE
    alive(desk, at(63))
    assert granted(desk, intent(BTC, SELL, "0.01", at(63), reduce_only=True), at(63)).reducing


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


def test_limits_can_be_changed_while_running_and_baselines_stay():
    """A reload judges the next order; it resets nothing (C-12)."""
    desk = make_desk()
    baseline = desk.state.day.baseline
    desk.update_limits(wide(max_position_usd=D(500)))
    assert granted(desk, intent(BTC, BUY, 1, at(1)), at(1)).size == D("0.01")
    assert desk.state.day.baseline == baseline
    assert ExecutionSettings() == desk.state.execution


def test_a_cancel_that_the_venue_never_confirms_takes_no_exits_order_rate():
    """Repeated every two seconds it fills a rate of thirty a minute; a position must still be closed meanwhile."""
    desk = make_desk(spot(), spot("ETH-USD"), limits=wide(max_orders_per_minute=30, order_max_age_s=5.0))
    trade(desk, "ETH-USD", BUY, "0.1", at(0))
    for name in ("r1", "r2"):
        wish = intent(
            BTC, BUY, "0.001", at(0), order_type=OrderType.LIMIT, time_in_force=TimeInForce.GTC, limit_price=D(49_900)
        )
        order = send(desk, wish, at(0), name)
        desk.on_report(report(order, OrderState.OPEN, at(0)), at(0))
    cancels = sum(len(desk.cancels_due(at(second))) for second in range(71))
    alive(desk, at(70))
    assert cancels > 60
    assert refused(desk, intent(BTC, BUY, "0.01", at(70)), at(70)).reason is Reason.ORDER_RATE
    assert granted(desk, intent("ETH-USD", SELL, "0.1", at(70), reduce_only=True), at(70)).size == D("0.1")


def test_a_persons_exit_is_never_refused_for_the_order_rate():
    """A strategy that wears out the exits' rate does not stop who wants out."""
    desk = make_desk(limits=wide(max_orders_per_minute=2))
    trade(desk, BTC, BUY, 1, at(0))
    trade(desk, BTC, SELL, "0.1", at(1))
    trade(desk, BTC, SELL, "0.1", at(2))
    assert refused(desk, intent(BTC, SELL, "0.1", at(3), reduce_only=True), at(3)).reason is Reason.ORDER_RATE
    assert granted(desk, intent(BTC, SELL, "0.8", at(3), reduce_only=True, by_operator=True), at(3)).size == D("0.8")
