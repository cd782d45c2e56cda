"""Status, files and metrics of one instant agree; evaluations add up; a hung actor is named within a second."""

from __future__ import annotations

import json
import re
import signal
from decimal import Decimal

from operator_desk import OperatorDesk
from trader_process import until


def metric(text: str, name: str) -> dict[str, Decimal]:
    """The samples of one metric, by their labels."""
    rows = re.findall(rf"^{name}{{(.*?)}} (\S+)$", text, re.MULTILINE)
    return {labels: Decimal(value) for labels, value in rows}


def test_screen_files_and_metrics_of_one_instant_agree(calm: OperatorDesk) -> None:
    """Mode, result and positions are the same number wherever they are read (must show 3)."""
    calm.ok("flatten")  # a market that moves changes results between two looks; what is flat stays

    def same() -> bool:
        status, health, state = (calm.told(name) for name in ("status.json", "health.json", "last_state.json"))
        _, text = calm.get("/metrics")
        pnl = next(iter(metric(text, "bot_day_pnl_usd").values()))
        wanted = Decimal(status["money"]["day_pnl_usd"])
        return (
            status["mode"] == health["mode"] == state["mode"] == "REDUCE_ONLY"
            and next(iter(metric(text, "bot_mode").values())) == 1
            and pnl == wanted
            and status["positions"] == state["positions"] == []
            and not metric(text, "bot_position_quantity")
            and f"{wanted:+.2f}" in calm.ok("status")
        )

    until(same, 15, "one instant in which all agree")


def test_evaluations_are_the_sum_over_reason_codes_and_the_metric(calm: OperatorDesk) -> None:
    """Must show 2, on a live run: nothing is counted twice or not at all."""

    def evaluations(text: str) -> Decimal:
        return next(iter(metric(text, "bot_evaluations_total").values()), Decimal(0))

    until(lambda: evaluations(calm.get("/metrics")[1]) > 20, 20, "more than 20 evaluations")
    _, text = calm.get("/metrics")
    decisions = metric(text, "bot_decisions_total")
    assert len(decisions) > 3
    assert sum(decisions.values()) == evaluations(text)


def test_the_endpoints_answer_and_change_nothing(calm: OperatorDesk) -> None:
    """/health, /live, /ready are 200 while trading; anything else is refused."""
    assert json.loads(calm.get("/health")[1])["ok"] is True
    assert [calm.get(path)[0] for path in ("/live", "/ready", "/kill", "/../holds.json")] == [200, 200, 404, 404]
    calm.ok("kill")
    until(lambda: calm.get("/ready")[0] == 503, 5, "/ready says no while halted")
    assert calm.get("/live")[0] == 200
    assert json.loads(calm.get("/health")[1])["ok"] is False


def test_health_in_one_line_follows_the_mode(calm: OperatorDesk) -> None:
    """0 while it trades and while a limit acts, 1 when halted."""
    assert calm.ok("health").startswith("ok: dev NORMAL")
    calm.ok("kill")
    until(lambda: calm.type("health").returncode == 1, 5, "health says no")


def test_sigusr2_prints_the_screen_within_a_second(calm: OperatorDesk) -> None:
    """The screen comes from what is published, at once."""
    seen = len(calm.trader.stdout.lines)
    sent = calm.trader.send(signal.SIGUSR2)
    when, _ = calm.trader.see("VERDICT", 2, after=seen)
    assert when - sent < 1.0
