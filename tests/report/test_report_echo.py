"""The console does not repeat itself: what is of one kind, how often it is shown, and what is said each time all the same."""

from __future__ import annotations

import pytest
from loguru import logger

from trader.report.echo import KINDS_KEPT, WINDOW_S, Echo
from trader.report.logs import _Console


def test_the_third_warning_of_a_kind_within_an_hour_is_counted_instead() -> None:
    """Another symbol, number or id is the same kind; the second one says where the others are."""
    echo = Echo()
    assert echo.hear("stale_mark: ETH-USD mark is 30 s old", 0) == "stale_mark: ETH-USD mark is 30 s old"
    second = echo.hear("stale_mark: BTC-USD mark is 31.5 s old", 1)
    assert second == "stale_mark: BTC-USD mark is 31.5 s old (more like it within the hour: in the log file)"
    assert echo.hear("stale_mark: SOL-USD mark is 30 s old", 2) == ""
    assert echo.hear("stale_mark: ETH-USD mark is 999 s old", WINDOW_S - 1) == ""
    assert echo.hear("stale_mark: ETH-USD mark is 30 s old", WINDOW_S).endswith("(2 like it in the log file before)")


def test_orders_differ_in_their_ids_only() -> None:
    """A short id is no kind of its own, another sentence is."""
    echo = Echo()
    said = [echo.hear(f"ETH-USD {order}: outcome unknown", 0) for order in ("7ea9f882", "b291e759", "cea14f91")]
    assert [bool(text) for text in said] == [True, True, False]
    assert echo.hear("ETH-USD 7ea9f882 never reached the venue: released", 0)


def test_memory_is_bounded_whatever_is_said() -> None:
    """Old kinds give way."""
    echo = Echo()
    for number in range(KINDS_KEPT * 2):
        echo.hear("x" * (number + 1), 0)
    assert len(echo._said) == KINDS_KEPT


def test_errors_information_and_changes_of_mode_are_said_each_time(capsys: pytest.CaptureFixture[str]) -> None:
    """Only warnings collapse."""
    sink = logger.add(_Console(), level="INFO", catch=False)
    try:
        for number in range(4):
            logger.warning("guard {} warns", number)
            logger.error("error {}", number)
            logger.info("order {}", number)
            logger.bind(always=True).warning("mode {}", number)
    finally:
        logger.remove(sink)
    console = capsys.readouterr().err
    assert [console.count(word) for word in ("warns", "error ", "order ", "mode ")] == [2, 4, 4, 4]
