"""The broker's ring of marks: what a restarted symbol warms its window from."""

from __future__ import annotations

from actors.feedsink import QUIET_BARS_MAX, MarkRing


def test_a_quiet_bar_repeats_the_last_close_so_that_a_calm_market_still_warms_a_window() -> None:
    """Quotes come only when something changes; a bar without one is flat, not a hole."""
    ring = MarkRing(bar_seconds=5, capacity=10)
    for moment, mark in ((100.0, 1), (103.0, 2), (117.0, 3), (121.0, 4)):
        ring.add(moment, mark)
    assert ring.closed() == ((100.0, 2), (105.0, 2), (110.0, 2), (115.0, 3))


def test_a_long_silence_is_a_hole_and_only_what_came_after_it_is_given() -> None:
    """More quiet bars than the limit: nobody knows what happened, so the ring begins anew behind them."""
    ring = MarkRing(bar_seconds=5, capacity=100)
    later = 100.0 + 5 * (QUIET_BARS_MAX + 2)
    for moment, mark in ((100.0, 1), (later, 2), (later + 5, 3), (later + 10, 4)):
        ring.add(moment, mark)
    assert ring.closed() == ((later, 2), (later + 5, 3))


def test_the_ring_is_bounded() -> None:
    """The oldest bars are forgotten."""
    ring = MarkRing(bar_seconds=1, capacity=3)
    for moment in range(10):
        ring.add(float(moment), moment)
    assert ring.closed() == ((7.0, 7), (8.0, 8))
