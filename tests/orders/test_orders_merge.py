"""Merging reports into an order: a join, so transport may lose, double and reorder."""

from decimal import Decimal

import msgspec
from hypothesis import given, strategies as st

from trader.orders.order import (
    RANK,
    TERMINAL,
    Fill,
    Order,
    OrderReport,
    OrderState,
    OrderType,
    Side,
    TimeInForce,
    merge,
)

D = Decimal
STATES = [state for state in OrderState if RANK[state] >= RANK[OrderState.PENDING]]


def order(state: OrderState = OrderState.SENT) -> Order:
    """A sent buy of ten at a hundred."""
    return Order("c1", "X-USD", "X-USD", Side.BUY, D(10), D(100), OrderType.LIMIT, TimeInForce.GTC, False, state)


def report(
    state: OrderState, filled: object = 0, price: object = 100, fees: object = 0, source: str = "user", at: float = 1.0
) -> OrderReport:
    """A cumulative report."""
    size = D(str(filled))
    return OrderReport(
        "c1", "v1", "X-USD", state, at, source, filled_size=size, filled_value=size * D(str(price)), fees=D(str(fees))
    )


reports = st.lists(
    st.builds(
        report,
        st.sampled_from(STATES),
        st.integers(0, 10),
        st.integers(90, 110),
        st.integers(-3, 9),
        st.sampled_from(["user", "rest"]),
        st.sampled_from([1.0, 2.0, 3.0]),
    ),
    max_size=7,
)


def fold(told: list[OrderReport]) -> tuple[Order, list[Fill]]:
    """Join reports one after another."""
    current, fills = order(), []
    for each in told:
        current, fill = merge(current, each, 0.0)
        fills += [fill] if fill is not None else []
    return current, fills


@given(reports, st.randoms(use_true_random=False))
def test_any_order_and_any_repetition_of_reports_ends_in_the_same_order(told, random):
    """Associative, commutative and idempotent: the join of a shuffled, doubled stream equals the join of the stream."""
    expected, _ = fold(told)
    shuffled = told * 2
    random.shuffle(shuffled)
    assert fold(shuffled)[0] == expected


@given(reports)
def test_the_fills_of_any_stream_add_up_to_what_the_order_has_filled(told):
    """No fill is lost or doubled: sizes, exact values and fees of the fills sum to the order's totals (I-02)."""
    final, fills = fold(told + told)
    assert sum((fill.size for fill in fills), D(0)) == final.filled_size
    assert sum((fill.exact_value for fill in fills), D(0)) == final.filled_value
    assert sum((fill.fee for fill in fills), D(0)) == final.fees
    assert len({fill.fill_id for fill in fills}) == len(fills)


@given(reports)
def test_filled_quantity_never_decreases_and_rank_never_falls(told):
    """Cumulative size and rank only rise, whatever comes late (I-03)."""
    current = order()
    for each in told:
        joined, _ = merge(current, each, 0.0)
        assert joined.filled_size >= current.filled_size
        assert RANK[joined.state] >= RANK[current.state]
        assert current.state not in TERMINAL or joined.state in TERMINAL
        current = joined


def test_a_late_fill_on_a_cancelled_order_is_a_fill_and_does_not_reopen_it():
    """The order stays cancelled, the fill is told."""
    cancelled, _ = merge(order(), report(OrderState.CANCELLED, 2), 0.0)
    after, fill = merge(cancelled, report(OrderState.OPEN, 3), 0.0)
    assert after.state is OrderState.CANCELLED
    assert fill is not None
    assert fill.size == 1
    assert after.remaining == 0


def test_a_released_order_that_shows_up_at_the_venue_lives_again():
    """RELEASED is our belief; the venue's word outranks it."""
    after, _ = merge(order(OrderState.RELEASED), report(OrderState.OPEN, 1), 0.0)
    assert after.state is OrderState.OPEN
    assert after.remaining == 9


def test_a_corrected_fee_is_a_fill_of_size_zero():
    """The books learn the difference, the position does not move."""
    first, _ = merge(order(), report(OrderState.FILLED, 10, fees="1.00"), 0.0)
    _, fill = merge(first, report(OrderState.FILLED, 10, fees="1.25"), 0.0)
    assert fill is not None
    assert (fill.size, fill.fee, fill.exact_value) == (0, D("0.25"), 0)


def test_a_fee_that_the_venues_records_lower_is_booked_as_a_rebate():
    """The records outrank the feed for the same fills, a later record an earlier one; a feed repeated late changes nothing."""
    feed = report(OrderState.FILLED, 10, fees="1.00")
    rebate = report(OrderState.FILLED, 10, fees="0.60", source="rest", at=5.0)
    again = report(OrderState.FILLED, 10, fees="1.00", source="rest", at=9.0)
    joined, fills = fold([feed, rebate, feed, again, rebate])
    assert [(fill.size, fill.fee) for fill in fills] == [(10, D("1.00")), (0, D("-0.40")), (0, D("0.40"))]
    assert len({fill.fill_id for fill in fills}) == 3
    assert joined.fees == D("1.00")


def test_a_record_of_fewer_fills_says_nothing_about_the_fees_of_more():
    """Size and value come first: an old page of the records takes no fee back."""
    after, fill = merge(
        merge(order(), report(OrderState.FILLED, 10, fees="1.00"), 0.0)[0],
        report(OrderState.OPEN, 4, fees="0.10", source="rest", at=5.0),
        0.0,
    )
    assert (after.fees, fill) == (D("1.00"), None)


def test_a_corrected_fee_survives_the_journal():
    """What is written of an order carries the record its fees are from, so replay ends where the books were."""
    feed = report(OrderState.FILLED, 10, fees="1.00")
    rebate = report(OrderState.FILLED, 10, fees="0.60", source="rest", at=5.0)
    final, _ = fold([feed, rebate])
    kept = report(OrderState.FILLED, 10, fees=final.fees, source="journal", at=7.0)
    kept = msgspec.structs.replace(kept, fees_at=final.fees_at)
    assert fold([kept, feed])[0].fees == fold([feed, kept])[0].fees == D("0.60")
