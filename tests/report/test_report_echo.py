"""The console does not repeat what a guard goes on finding: what is of one kind, how often it is shown, and what is said each time."""

from __future__ import annotations

import pytest
from loguru import logger

from trader.report.echo import KINDS_KEPT, WINDOW_S, Echo
from trader.report.logs import _Console


def test_the_third_finding_of_a_kind_within_an_hour_is_counted_instead() -> None:
    """Another symbol or number is the same kind; the second one says where the others are."""
    echo = Echo()
    assert echo.hear("stale_mark: ETH-USD mark is 30 s old", 0) == "stale_mark: ETH-USD mark is 30 s old"
    second = echo.hear("stale_mark: BTC-USD mark is 31.5 s old", 1)
    assert second == "stale_mark: BTC-USD mark is 31.5 s old (more like it within the hour: in the log file)"
    assert echo.hear("stale_mark: SOL-USD mark is 30 s old", 2) == ""
    assert echo.hear("stale_mark: ETH-USD mark is 999 s old", WINDOW_S - 1) == ""
    assert echo.hear("stale_mark: ETH-USD mark is 30 s old", WINDOW_S).endswith("(2 like it in the log file before)")


@pytest.mark.parametrize(
    "text",
    [
        "ETH-USD 7ea9f882: outcome unknown (no answer), counted as open",
        "REDUCE_ONLY account by risk: 20 % of 29 venue calls failed",
        "config (the file changed): configuration refused, the old one stays in force:",
        "alert [PAGE] canary began halted: calls failed",
        "cold path: 0 cancelled, 1 left, UNCONFIRMED",
    ],
)
def test_what_is_no_finding_of_a_guard_is_said_each_time(text: str) -> None:
    """Orders, modes, pages, answers to a person."""
    echo = Echo()
    assert [echo.hear(text, 0) for _ in range(5)] == [text] * 5


def test_memory_is_bounded_whatever_is_said() -> None:
    """Old kinds give way."""
    echo = Echo()
    for number in range(KINDS_KEPT * 2):
        echo.hear("guard: " + "x" * (number + 1), 0)
    assert len(echo._said) == KINDS_KEPT


def test_the_console_leaves_out_what_guards_go_on_finding_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    """Only what guards find collapses."""
    logger.remove()  # another test may have left a console
    sink = logger.add(_Console(), level="INFO", catch=False)
    try:
        for number in range(4):
            logger.warning("stale_mark: {} warns", number)
            logger.error("error {}", number)
            logger.info("order {}", number)
            logger.warning("mode {}", number)
    finally:
        logger.remove(sink)
    console = capsys.readouterr().err
    assert [console.count(word) for word in ("warns", "error ", "order ", "mode ")] == [2, 4, 4, 4]
