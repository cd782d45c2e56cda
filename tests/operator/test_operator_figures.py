"""The figures of quality are measured, and say so when nothing was: latency, slippage, nearest miss, inbox age."""

from __future__ import annotations

import re
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import msgspec
import pykka
from operator_desk import OperatorDesk
from trader_process import ROOT, until

from actors.figures import FillQuality, NearestMiss
from actors.mailbox import Mailbox
from trader.orders.order import Fill, Side
from trader.orders.reason import Reason

ONLY_WHEN = {
    "bot_clock_skew_seconds": "the market runs at the speed of this clock; here it runs a hundred times as fast",
    "bot_risk_guards_recoverable_failures_total": "a guard has failed",
    "bot_risk_guards_critical_failures_total": "a guard has failed",
}
"""Metrics that this trader does not send, each with when it does."""


def envelope(message: Any) -> Any:
    return pykka._envelope.Envelope(message)


def fill(side: Side, price: str) -> Fill:
    return Fill("f", "c", "o", "BTC-USD", side, Decimal(1), Decimal(price), Decimal(0), 0.0)


def order(mark: str, *, foreign: bool = False) -> Any:
    return SimpleNamespace(mark=Decimal(mark), foreign=foreign)


def test_slippage_is_positive_when_it_is_worse_on_either_side() -> None:
    """A buy above the mark and a sale below it both cost."""
    quality = FillQuality()
    assert quality.slippage_bps is None
    assert quality.latency_s is None
    quality.note(fill(Side.BUY, "101"), order("100"), 1.0, 1.5)
    quality.note(fill(Side.SELL, "99"), order("100"), None, 9.0)
    quality.note(fill(Side.SELL, "1"), order("100", foreign=True), 1.0, 9.0)
    assert quality.slippage_bps == Decimal(100)
    assert quality.latency_s == 0.5


def test_the_nearest_miss_is_the_smallest_part_over_a_limit_within_a_day() -> None:
    """Loss limits and words instead of numbers are never candidates; an old one gives way."""
    misses = NearestMiss()
    misses.note("A", Reason.DAILY_LOSS, "loss", Decimal(11), Decimal(10), 0.0)
    misses.note("A", Reason.SPREAD_TOO_WIDE, "crossed", "crossed", "10", 0.0)
    misses.note("A", Reason.SPREAD_TOO_WIDE, "zero", "1", "0", 0.0)
    assert misses.nearest is None
    misses.note("A", Reason.SPREAD_TOO_WIDE, "14 bp > 10 bp", "14", "10", 1.0)
    misses.note("B", Reason.DEPTH_TOO_THIN, "9 < 10", "9", "10", 2.0)
    misses.note("C", Reason.MAX_POSITION, "20 > 10", Decimal(20), Decimal(10), 3.0)
    assert misses.nearest is not None
    assert misses.nearest.symbol == "B"
    misses.note("C", Reason.MAX_POSITION, "20 > 10", Decimal(20), Decimal(10), 90_000.0)
    assert misses.nearest.symbol == "C"


def test_an_inbox_tells_how_long_messages_waited(monkeypatch: Any) -> None:
    """One at a time is timed, the one that still waits counts, and an idle box has no age."""

    class Said(msgspec.Struct, frozen=True):
        number: int

    now = [100.0]
    monkeypatch.setattr("actors.mailbox.time.monotonic", lambda: now[0])
    box = Mailbox()
    assert box.age_p99_s is None
    box.put(envelope(Said(1)))
    now[0] += 2.0
    assert box.age_p99_s == 2.0
    box.take()
    now[0] += 50.0
    assert box.age_p99_s == 2.0


def test_a_run_measures_them(calm: OperatorDesk) -> None:
    """On a market that trades, every KPI of the documents has a number, in the metrics and in the status."""
    calm.in_position()

    def measured() -> bool:
        status = calm.told("status.json")
        flow, feeds = status["flow"], status["feeds"]
        ages = [actor["inbox_age_p99_ms"] for actor in status["actors"]]
        return (
            flow["fill_latency_ms"] is not None
            and flow["slippage_bps"] is not None
            and (feeds["messages_per_s"] or 0) > 1
            and all(age is not None and age < 1000 for age in ages)
        )

    until(measured, 30, f"the figures, last {calm.told('status.json')['flow']}")
    _, text = calm.get("/metrics")
    for name in (
        "bot_fill_latency_ms",
        "bot_fill_slippage_bps",
        "bot_feed_messages_per_second",
        "bot_actor_inbox_age_p99_seconds",
    ):
        assert f"\n{name}{{" in text


def test_every_metric_of_the_dashboard_and_the_rules_is_in_a_real_answer(calm: OperatorDesk) -> None:
    """A panel over a name that is never sent would be empty for ever; with something held, each has a sample."""
    texts = [(ROOT / "deploy" / name).read_text() for name in ("alerts.yml", "grafana-dashboard.json")]
    wanted = {name for text in texts for name in re.findall(r"\bbot_[a-z0-9_]+", text)}
    calm.in_position()

    def absent() -> set[str]:
        sent = set(re.findall(r"^(bot_[a-z0-9_]+)\{", calm.get("/metrics")[1], re.MULTILINE))
        return wanted - sent - set(ONLY_WHEN)

    assert set(ONLY_WHEN) <= wanted
    until(lambda: not absent(), 30, f"samples of {absent()}")
