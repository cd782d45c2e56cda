"""The caps: an entry is cut to the largest size that passes all of them, counting all that may still fill."""

from decimal import Decimal

import pytest
from desk_builders import (
    alive,
    at,
    book,
    granted,
    intent,
    make_desk,
    perp,
    refused,
    report,
    send,
    spot,
    trade,
    wide,
)

from trader.orders.order import OrderState, Side
from trader.orders.reason import Reason
from trader.risk.granted import Granted

D = Decimal
BTC, PERP = "BTC-USD", "BTC-PERP"
BUY, SELL = Side.BUY, Side.SELL


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
        ({"first_live_orders_at_minimum": 1}, 0, "0.00002667"),
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


def test_an_entry_is_raised_to_the_minimum_only_if_the_caps_bear_it():
    """D17: a strategy's entry is raised, an explicit order is refused, a cap below the minimum wins."""
    desk = make_desk()
    raised = granted(desk, intent(BTC, BUY, "0.000001", at(1)), at(1))
    assert raised.size == spot().minimum_size(D(50_000) * D("0.75"))
    assert "raised" in raised.text
    explicit = intent(BTC, BUY, "0.000001", at(1), may_downsize=False)
    assert refused(desk, explicit, at(1)).reason is Reason.BELOW_MIN_SIZE
    tight = make_desk(limits=wide(max_position_usd=D("0.5")))
    assert refused(tight, intent(BTC, BUY, "0.000001", at(1)), at(1)).reason is Reason.MAX_POSITION


@pytest.mark.parametrize(("size", "limits"), [("0.000001", {}), ("1", {"first_live_orders_at_minimum": 1})])
def test_the_smallest_entry_can_still_be_left(size: str, limits: dict[str, object]) -> None:
    """At a price a fifth lower, by an exit that goes out at its collar: nothing is bought that could not be sold."""
    desk = make_desk(limits=wide(**limits))
    bought = granted(desk, intent(BTC, BUY, size, at(1)), at(1)).size
    trade(desk, BTC, BUY, bought, at(1))
    for second in range(2, 25):
        alive(desk, at(second), 50_000 - 450 * (second - 1))
    assert granted(desk, intent(BTC, SELL, bought, at(24), mark=D(39_650), reduce_only=True), at(24)).size == bought


def test_dust_is_left_alone():
    """A position below the minimum cannot be sold and is not tried again and again (F-O11)."""
    desk = make_desk()
    order = send(desk, intent(BTC, BUY, "0.1", at(1)), at(1))
    desk.on_report(report(order, OrderState.CANCELLED, at(1), "0.000004"), at(1))
    no = refused(desk, intent(BTC, SELL, "0.000004", at(2), reduce_only=True), at(2))
    assert no.reason is Reason.BELOW_MIN_SIZE
    assert "dust" in no.text


def test_an_exit_above_the_venues_maximum_is_cut_to_it_whatever_its_strategy_allows():
    """Refused, a position larger than one order may be could never be closed; the strategy asks again for the rest."""
    desk = make_desk(spot(base_max_size=D("0.5"), base_increment=D("0.1")))
    for second in range(3):
        trade(desk, BTC, Side.BUY, "0.4", at(second))
    for left in ("0.7", "0.2", "0"):
        size = desk.ledger.positions[BTC].size
        wish = intent(BTC, Side.SELL, size, at(3), reduce_only=True, may_downsize=False)
        order = send(desk, wish, at(3))
        desk.on_report(report(order, OrderState.FILLED, at(3), order.size), at(3))
        assert desk.ledger.positions[BTC].size == D(left)


def test_an_entry_that_may_not_be_cut_is_still_refused_at_the_venues_maximum():
    """The cut is for exits."""
    desk = make_desk(spot(base_max_size=D("0.5")))
    wish = intent(BTC, Side.BUY, "0.6", at(1), may_downsize=False)
    assert refused(desk, wish, at(1)).reason is Reason.MAX_ORDER_NOTIONAL
