"""The promise of a quiet log, measured over a real hour: run with `-m campaign`, or see the lines with `python -m tests.quiet`."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from quiet_hour import HEALTHY_LINES, HEALTHY_LINES_A_MINUTE, HOUR_S, OUTAGE_LINES, Figures, healthy, outage


@pytest.mark.campaign
def test_a_healthy_hour_and_an_hour_without_the_venue_are_as_quiet_as_promised(tmp_path: Path) -> None:
    """All of them at the same time, as shipped; the minute in which the venue comes back is held to the same number."""
    with ThreadPoolExecutor(5) as hours:
        quiet = [hours.submit(healthy, tmp_path / profile, profile, HOUR_S) for profile in ("canary", "dev")]
        cases = (("canary", "cut"), ("canary", "silent"), ("dev", "cut"))
        cut = [hours.submit(outage, tmp_path / f"{profile}-{how}", profile, HOUR_S, how) for profile, how in cases]
        for figures in (one.result() for one in quiet):
            print(figures.sentence)
            assert len(figures.counted) <= HEALTHY_LINES, figures
            assert figures.fullest_minute <= HEALTHY_LINES_A_MINUTE, figures
        for figures in (part for one in cut for part in one.result()):
            print(figures.sentence)
            assert len(figures.counted) <= OUTAGE_LINES, figures


def test_orders_fills_and_changes_of_mode_do_not_count() -> None:
    """What the figures leave out is what the promise exempts, and nothing more."""
    assert not Figures.exempt("07:05:18 INFO     market feed up")
    assert not Figures.exempt("07:05:18 INFO     BTC-USD buy refused: COOLDOWN 60 s after the previous attempt")
    assert not Figures.exempt("07:05:18 WARNING  alert [PAGE] canary began halted: calls failed")
    for line in (
        "BTC-USD buy 0.00051439 sent (ecdadaa7)",
        "BTC-USD filled buy 0.00051439 at 97204.86, fee 0.45",
        "BTC-USD sell not sent: the approval has expired",
        "HALTED account by risk: 60.00 % of 10 venue calls failed",
        "hold daily_loss (account) ended by clock",
    ):
        assert Figures.exempt(f"07:05:18 INFO     {line}"), line
