"""The sequence guard, the reconnect pauses and the tape: small pure parts of a feed."""

from __future__ import annotations

from decimal import Decimal
from random import Random

import pytest
from hypothesis import given, strategies as st

from trader.coinbase.reconnect import Reconnect
from trader.coinbase.sequence import REMEMBERED, Order, SequenceGuard
from trader.coinbase.tape import Tape

STORIES = [
    ("in order", [0, 1, 2], "nnn"),
    ("begins where it begins", [7, 8], "nn"),
    ("one lost", [0, 1, 3, 4], "nngn"),
    ("repeated", [0, 1, 1, 2], "nndn"),
    ("late after a gap, then repeated", [0, 2, 1, 1, 3], "ngldn"),
    ("far back", [5, 6, 2, 7], "nnln"),
    ("no number", [None, 0, None, 1], "nnnn"),
]
LETTER = {"n": Order.NEXT, "g": Order.GAP, "d": Order.DUPLICATE, "l": Order.LATE}


@pytest.mark.parametrize(("name", "numbers", "verdicts"), STORIES)
def test_the_guard_by_stories(name: str, numbers: list[int | None], verdicts: str) -> None:
    """Lost, repeated and late are three different things, and none moves the counter back."""
    guard = SequenceGuard()
    assert [guard.see(number).order for number in numbers] == [LETTER[letter] for letter in verdicts], name


def test_a_gap_says_how_many_are_missing_and_where() -> None:
    """What the annotation of the documents holds."""
    guard = SequenceGuard()
    guard.see(10)
    sighting = guard.see(15)
    assert (sighting.gap_detected, sighting.missing, sighting.last_seq) == (True, 4, 15)
    assert guard.gaps == 1


def test_a_new_guard_forgets() -> None:
    """Each connection begins at zero again."""
    SequenceGuard().see(500)
    assert SequenceGuard().see(0).order is Order.NEXT


@given(st.lists(st.integers(0, 3 * REMEMBERED), max_size=600))
def test_the_guard_counts_every_number_once(numbers: list[int]) -> None:
    """Against a set of everything seen, as far back as the guard remembers."""
    guard, last = SequenceGuard(), None
    for number in numbers:
        order = guard.see(number).order
        if last is None or number > last:
            assert order is (Order.NEXT if last is None or number == last + 1 else Order.GAP)
            last = number
        else:
            assert order in {Order.DUPLICATE, Order.LATE}
    assert len(guard._recent_set) <= REMEMBERED


def test_pauses_double_up_to_the_cap_with_jitter_and_reset_after_a_stable_minute() -> None:
    """Between half and all of 1, 2, 4 … 60; a connection good for a minute begins anew, however it ended."""
    waits = Reconnect(1.0, 60.0, Random(7))
    for attempt in range(1, 12):
        waits.ended(0.0)
        ceiling = min(60.0, 2.0 ** (attempt - 1))
        assert ceiling / 2 <= waits.pause_s() <= ceiling
    waits.ended(59.9)
    assert waits.pause_s() >= 30.0
    waits.ended(60.0)
    assert waits.pause_s() <= 1.0


def test_a_base_above_the_cap_is_the_cap() -> None:
    """A configuration may set both alike."""
    waits = Reconnect(5.0, 2.0, Random(1))
    waits.ended(0.0)
    assert waits.pause_s() <= 2.0


def test_twenty_tries_within_a_minute_are_flapping() -> None:
    """F-W13; a quiet minute ends it."""
    waits = Reconnect(0.0, 60.0, Random(1))
    for at in range(19):
        waits.started(float(at))
    assert not waits.is_flapping
    waits.started(19.0)
    assert waits.is_flapping
    waits.started(200.0)
    assert not waits.is_flapping


def test_the_tape_sums_the_last_minute_once_per_trade() -> None:
    """Unknown before the first trade, exact afterwards, zero when the minute is empty."""
    tape = Tape(Decimal(1))
    assert tape.volume_usd(0.0) is None
    assert tape.add("1", Decimal(100), Decimal("0.5"), 10.0)
    assert not tape.add("1", Decimal(100), Decimal("0.5"), 10.0)
    assert tape.add("2", Decimal(200), Decimal(1), 50.0)
    assert tape.volume_usd(50.0) == 250
    assert tape.volume_usd(70.5) == 200
    assert tape.volume_usd(200.0) == 0


def test_a_late_trade_counts_at_its_own_time_and_is_not_the_last_price() -> None:
    """The snapshot comes newest first."""
    tape = Tape(Decimal("0.01"))
    tape.add("9", Decimal(300), Decimal(1), 100.0)
    tape.add("8", Decimal(200), Decimal(1), 90.0)
    assert tape.last == 300
    assert tape.volume_usd(100.0) == Decimal(5)
    assert tape.volume_usd(151.0) == Decimal(3)


@given(st.lists(st.tuples(st.integers(1, 1000), st.integers(1, 100), st.integers(0, 300)), max_size=100))
def test_the_tape_equals_a_naive_sum(trades: list[tuple[int, int, int]]) -> None:
    """Kept by difference, equal to a sum from scratch at the newest time."""
    tape, newest = Tape(Decimal(1)), 0
    for number, (price, size, when) in enumerate(trades):
        tape.add(str(number), Decimal(price), Decimal(size), float(when))
        newest = max(newest, when)
        expected = sum(
            price * size for at, (price, size, when) in enumerate(trades) if at <= number and when > newest - 60
        )
        assert tape.volume_usd(float(newest)) == expected
