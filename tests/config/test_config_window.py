"""The trading window: which seconds of the day belong to it, and how it is written."""

import pytest
from hypothesis import given, strategies as st

from trader.risk.window import TradingWindow

TWO_O_CLOCK = 1_700_000_000 - 1_700_000_000 % 86_400 + 14 * 3600


def window(text: str) -> TradingWindow:
    parsed = TradingWindow.parse(text)
    assert parsed is not None
    return parsed


@pytest.mark.parametrize(
    ("second", "inside"), [(0, True), (3599.999, True), (3600, False), (-0.001, False), (86_400, True), (43_200, False)]
)
def test_the_start_belongs_to_the_window_and_the_end_does_not(second: float, inside: bool) -> None:
    """14:00:00 is in, 15:00:00 is out, on any day."""
    assert window("14:00-15:00").contains(TWO_O_CLOCK + second) is inside


@pytest.mark.parametrize(
    ("hours", "inside"), [(8, False), (9, True), (10, True), (11.99, True), (12, False), (0, False)]
)
def test_a_window_may_cross_midnight(hours: float, inside: bool) -> None:
    """23:00-02:00 holds the end of one day and the start of the next (D38)."""
    assert window("23:00-02:00").contains(TWO_O_CLOCK + hours * 3600) is inside


def test_the_wait_until_it_opens_is_zero_inside() -> None:
    """The verdict on the screen says when entries begin again."""
    assert window("14:00-15:00").opens_in_s(TWO_O_CLOCK + 60) == 0
    assert window("14:00-15:00").opens_in_s(TWO_O_CLOCK - 90) == 90
    assert window("14:00-15:00").opens_in_s(TWO_O_CLOCK + 3600) == 23 * 3600


@pytest.mark.parametrize(
    "text", ["14:00", "14-15", "24:00-01:00", "14:60-15:00", " 14:00-15:00", "14:00-14:00", "١٤:00-15:00"]
)
def test_anything_else_is_refused_with_an_example(text: str) -> None:
    """Local digits, spaces and hours that do not exist are no window."""
    with pytest.raises(ValueError, match=r"14:00-15:00|always open"):
        TradingWindow.parse(text)


def test_an_empty_text_is_always_open() -> None:
    """No window at all."""
    assert TradingWindow.parse("") is None


@given(st.integers(0, 1439), st.integers(0, 1439), st.floats(0, 4e9))
def test_a_window_and_its_complement_split_the_day(opens_min: int, closes_min: int, second: float) -> None:
    """Every second is in exactly one of the two."""
    if opens_min == closes_min:
        return
    inner = TradingWindow(opens_min * 60, closes_min * 60)
    outer = TradingWindow(closes_min * 60, opens_min * 60)
    assert inner.contains(second) is not outer.contains(second)
    assert TradingWindow.parse(str(inner)) == inner
    assert inner.contains(second + inner.opens_in_s(second) + 0.001)
