"""The trailing stop: ratchets one way, is hit exactly, survives restarts, and belongs to one position."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given, strategies as st
from strategy_builders import FILTERS, LONG, PERP, SHORT, SIZING, SPOT, context, settings_of

from trader.orders.reason import Reason
from trader.strategy.ma_cross import MovingAverageCross
from trader.strategy.protocol import FLAT, Action, PositionView
from trader.strategy.trailing import TrailingStop

ENTRY = 10_000_000
ONE_PERCENT = Decimal("0.01")
MARKS = st.lists(st.integers(9_500_000, 10_500_000), min_size=1, max_size=50)


@given(MARKS, st.sampled_from(["0.005", "0.01", "0.05", "0.0123"]))
def test_a_long_stop_is_hit_exactly_at_one_distance_below_the_best_mark(marks: list[int], distance: str) -> None:
    """Against Decimal arithmetic over every mark since entry."""
    stop, seen = TrailingStop(Decimal(distance)), [ENTRY]
    for mark in marks:
        seen.append(mark)
        assert stop.hit(mark, LONG, SPOT) == (mark <= max(seen) * (1 - Decimal(distance)))


@given(MARKS, st.sampled_from(["0.005", "0.01", "0.05", "0.0123"]))
def test_a_short_stop_is_its_mirror_image(marks: list[int], distance: str) -> None:
    """Ratchets down with the lowest mark."""
    stop, seen = TrailingStop(Decimal(distance)), [ENTRY]
    for mark in marks:
        seen.append(mark)
        assert stop.hit(mark, SHORT, PERP) == (mark >= min(seen) * (1 + Decimal(distance)))


@given(MARKS)
def test_the_level_never_moves_back(marks: list[int]) -> None:
    """Up for a long, down for a short, or it stays."""
    for position, sign in ((LONG, 1), (SHORT, -1)):
        stop, levels = TrailingStop(ONE_PERCENT), []
        for mark in marks:
            stop.hit(mark, position, PERP)
            levels.append(sign * (stop.level_half_ticks or 0))
        assert levels == sorted(levels)


@given(MARKS, MARKS)
def test_a_restart_changes_no_verdict(before: list[int], after: list[int]) -> None:
    """The persisted peak puts a new strategy where the old one was."""
    old = TrailingStop(ONE_PERCENT)
    for mark in before:
        old.hit(mark, LONG, SPOT)
    new = TrailingStop(ONE_PERCENT)
    new.restore(old.snapshot())
    assert [new.hit(mark, LONG, SPOT) for mark in after] == [old.hit(mark, LONG, SPOT) for mark in after]


def test_a_peak_of_another_position_is_ignored() -> None:
    """A crash between a close and the next entry must not close the new position at once."""
    old = TrailingStop(ONE_PERCENT)
    old.hit(12_000_000, LONG, SPOT)
    new = TrailingStop(ONE_PERCENT)
    new.restore(old.snapshot())
    entered_lower = PositionView(Decimal(1), Decimal(49_000), adds=1)
    assert not new.hit(9_790_000, entered_lower, SPOT)
    assert new.peak_half_ticks == 9_800_000


def test_an_add_keeps_the_peak_and_a_new_position_does_not() -> None:
    """The average entry of an add moves; the position is the same."""
    stop = TrailingStop(ONE_PERCENT)
    stop.hit(11_000_000, LONG, SPOT)
    stop.hit(10_950_000, PositionView(Decimal(2), Decimal(52_000), adds=2), SPOT)
    assert stop.peak_half_ticks == 11_000_000
    stop.hit(10_950_000, FLAT, SPOT)
    assert stop.peak_half_ticks is None
    stop.hit(10_000_000, LONG, SPOT)
    assert stop.peak_half_ticks == 10_000_000


def test_a_persisted_peak_in_the_position_view_counts() -> None:
    """Whoever kept the peak with the position may hand it over that way."""
    stop = TrailingStop(ONE_PERCENT)
    assert stop.hit(10_800_000, PositionView(Decimal(1), Decimal(50_000), 1, 11_000_000), SPOT)


def test_a_stale_peak_in_the_view_does_not_close_the_next_position() -> None:
    """Whoever keeps the peak may be late to forget it; after the start only our own counts."""
    stop = TrailingStop(ONE_PERCENT)
    stop.hit(12_000_000, LONG, SPOT)
    stop.hit(9_000_000, FLAT, SPOT)
    assert not stop.hit(9_000_000, PositionView(Decimal(1), Decimal(45_000), 1, 12_000_000), SPOT)
    assert stop.peak_half_ticks == 9_000_000


def test_a_restored_peak_is_forgotten_when_the_position_turns_out_to_be_gone() -> None:
    """Flat at the first look: the next position is a new one, even at the same price."""
    old = TrailingStop(ONE_PERCENT)
    old.hit(12_000_000, LONG, SPOT)
    new = TrailingStop(ONE_PERCENT)
    new.restore(old.snapshot())
    assert new.snapshot() == old.snapshot()
    new.hit(10_000_000, FLAT, SPOT)
    assert not new.hit(10_000_000, LONG, SPOT)
    assert new.snapshot().peak_half_ticks == 10_000_000


def strategy() -> MovingAverageCross:
    """A strategy with a stop of one percent."""
    return MovingAverageCross(settings_of(), FILTERS, SIZING)


def test_on_mark_closes_reduce_only_and_says_where_the_stop_was() -> None:
    """STRAT-16, STRAT-19."""
    one = strategy()
    assert one.on_mark(10_200_000, LONG, context()) is None
    closing = one.on_mark(10_098_000, LONG, context())
    assert closing is not None
    assert (closing.action, closing.reason, closing.reduce_only) == (Action.CLOSE, Reason.EXIT_SENT, True)
    assert "mark 50490" in closing.text
    assert "best 51000" in closing.text


def test_a_stop_waits_for_the_order_in_flight_and_keeps_following_meanwhile() -> None:
    """One order at a time; the peak moves even then, and a refused stop is asked again after a second."""
    one = strategy()
    busy = PositionView(Decimal(1), Decimal(50_000), adds=1, pending=True)
    assert one.on_mark(10_200_000, busy, context()) is None
    assert one.on_mark(9_000_000, busy, context()) is None
    assert one.peak_half_ticks == 10_200_000
    assert one.on_mark(9_000_000, LONG, context()) is not None
    assert one.on_mark(9_000_000, LONG, context(market_time=1000.9)) is None
    assert one.on_mark(9_000_000, LONG, context(market_time=1001.0)) is not None
