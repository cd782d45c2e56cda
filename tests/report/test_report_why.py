"""`run.py why`: the funnel sums, the blocking limit has its line, the what-if counts recorded values and never a loss limit."""

import json
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from status_examples import NOW, healthy

from trader.exit_code import Ends, ExitCode
from trader.orders.reason import Reason
from trader.report.cycle import cycle_metrics
from trader.report.files import write_status_files
from trader.report.status import SystemStatus
from trader.report.why import Candidate, Refused, Verdicts, render_why, why
from trader.report.why_command import main
from trader.store.events import EventName, make_event
from trader.store.log import EventStore

COUNTS = {
    Reason.WARMING_UP: 40,
    Reason.NO_SIGNAL: 655,
    Reason.SPREAD_TOO_WIDE: 22,
    Reason.COOLDOWN: 3,
    Reason.MAX_EXPOSURE: 2,
    Reason.ENTRY_SENT: 1,
}
PLACES = {"filters.max_spread_bps": "config.toml:41"}


def spread(bps: str, at: float) -> Refused:
    text = f"spread {bps} bp > 10 bp"
    return Refused(at, Reason.SPREAD_TOO_WIDE, text, Decimal(bps), Decimal(10), "filters.max_spread_bps")


def test_the_funnel_sums_and_names_what_blocked_most() -> None:
    """Every evaluation stands in exactly one line."""
    answer = why("ETH-USD", COUNTS, [spread("14", NOW)], PLACES, 3600)
    assert answer.evaluations == sum(COUNTS.values())
    waiting = sum(step.count for step in answer.waiting)
    blocked = sum(step.count for step in answer.blocked)
    assert waiting + answer.wanted == answer.evaluations
    assert blocked + answer.sent == answer.wanted == 25
    text = render_why(answer)
    assert text.startswith("ETH-USD, last 1h00m: 1 order.  Most important: SPREAD_TOO_WIDE, the spread costs too much.")
    assert "   -    22  SPREAD_TOO_WIDE      spread 14 bp > 10 bp   config.toml:41 filters.max_spread_bps" in text
    assert "   =    25  wanted to trade" in text


def test_the_nearest_miss_and_the_what_if_are_of_recorded_values() -> None:
    """With 15 bp, 9 of 10 would have passed."""
    refusals = [spread(str(bps), NOW + bps) for bps in (11, 12, 12, 13, 13, 14, 14, 15, 15, 40)]
    answer = why("ETH-USD", COUNTS, refusals, PLACES, 3600)
    assert answer.nearest_miss.endswith("SPREAD_TOO_WIDE: spread 11 bp > 10 bp (config.toml:41)")
    assert answer.what_if.startswith(
        "With filters.max_spread_bps = 15, 9 of 10 recorded SPREAD_TOO_WIDE would have passed"
    )


def test_where_the_session_can_be_lived_again_the_what_if_names_the_later_checks() -> None:
    """Every recorded moment of the gate counts, also those that were not worth an event of their own."""
    refusals = [spread(str(bps), NOW + bps) for bps in (11, 12, 13, 14, 40)]
    asked: list[Candidate] = []

    def look(candidate: Candidate) -> Verdicts:
        asked.append(candidate)
        return Verdicts(22, ((Reason.MAX_EXPOSURE, 2), (Reason.COOLDOWN, 1)), 18)

    answer = why("ETH-USD", COUNTS, refusals, PLACES, 3600, look_further=look)
    assert [(one.reason, one.value) for one in asked] == [(Reason.SPREAD_TOO_WIDE, Decimal(40))]
    assert answer.what_if == (
        "With filters.max_spread_bps = 40, 21 of 22 SPREAD_TOO_WIDE would have passed this gate: 2 would then have met MAX_EXPOSURE,"
        " 1 would then have met COOLDOWN, 18 would have been sent, each judged on its own."
    )


def test_a_depth_limit_is_read_the_other_way_round() -> None:
    """More is better there."""
    deep = [
        Refused(NOW, Reason.DEPTH_TOO_THIN, "", Decimal(usd), Decimal(50_000), "filters.min_depth_l1_usd")
        for usd in (1000, 30_000, 40_000, 45_000)
    ]
    answer = why("ETH-USD", {Reason.DEPTH_TOO_THIN: 4}, deep, {}, 60)
    assert "45000 against the limit 50000" in answer.nearest_miss
    assert "4 of 4" in answer.what_if
    assert "= 1000," in answer.what_if


@pytest.mark.parametrize(
    "reason", [Reason.DAILY_LOSS, Reason.DRAWDOWN, Reason.CONSECUTIVE_LOSSES, Reason.LIQUIDATION_NEAR]
)
def test_no_what_if_ever_loosens_a_loss_limit(reason: Reason) -> None:
    """Not even when it blocks most."""
    losses = [Refused(NOW, reason, "", Decimal(11), Decimal(10), "risk.max_daily_loss_usd")] * 20
    assert why("BTC-USD", {reason: 20}, losses, {}, 60).what_if == ""


def test_a_symbol_that_was_never_evaluated_is_said() -> None:
    """Not a row of zeros."""
    assert "Nothing was evaluated" in render_why(why("BTC-USD", {}, [], {}, 60))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A profile that ran for three hours: two hours ago it had half of today's evaluations."""
    monkeypatch.setenv("EVENT_STORE_ROOT", str(tmp_path))
    made = tmp_path / "perps_bot" / "canary"
    made.mkdir(parents=True, mode=0o700)
    status = ran(600, 20)
    write_status_files(made, status)
    store = EventStore.open(made, profile="canary", account="paper")
    old = ran(100, 5)
    for at, name, payload, code in (
        (NOW - 7200, EventName.CYCLE_METRICS, cycle_metrics(old), ""),
        (NOW - 3660, EventName.CYCLE_METRICS, cycle_metrics(ran(300, 8)), ""),
        (NOW - 60, EventName.STRATEGY_SIGNAL, refusal(), "SPREAD_TOO_WIDE"),
        (NOW, EventName.CYCLE_METRICS, cycle_metrics(status), ""),
    ):
        store.append(make_event(name, payload, utc_time=at, market_time=at, profile="canary", code=code))  # type: ignore[arg-type]
    store.close()
    return made


def ran(no_signal: int, spread_too_wide: int) -> SystemStatus:
    counts = {("ETH-USD", Reason.NO_SIGNAL): no_signal, ("ETH-USD", Reason.SPREAD_TOO_WIDE): spread_too_wide}
    return msgspec.structs.replace(healthy(), reasons=counts)


def refusal() -> dict[str, str | None]:
    return {
        "symbol": "ETH-USD",
        "reason": "SPREAD_TOO_WIDE",
        "text": "spread 14 bp",
        "measured": "14",
        "limit": "10",
        "size": None,
    }


def test_the_command_subtracts_what_was_before(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """600 - 300 evaluations without a signal within the last hour."""
    assert main(["ETH-USD", "--profile", "canary", "--since", "1h", "--json"]) == ExitCode.OK
    told = json.loads(capsys.readouterr().out)
    assert told["evaluations"] == 300 + 12
    assert told["blocked"][0] == {
        "reason": "SPREAD_TOO_WIDE",
        "count": 12,
        "detail": "spread 14 bp",
        "place": "config.toml:41",
        "config_key": "filters.max_spread_bps",
    }
    assert main(["ETH-USD", "--profile", "canary", "--since", "1d"]) == ExitCode.OK
    text = capsys.readouterr().out
    assert text.startswith("ETH-USD, last 3h12m: no order.")
    assert "620 evaluations" in text


def test_the_runs_before_a_restart_count_too(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An hour is an hour: 30 evaluations of another run half an hour ago, of which 10 were too long ago."""
    store = EventStore.open(folder, profile="canary", account="paper")
    for at, count in ((NOW - 3630, 10), (NOW - 1800, 40)):
        run = msgspec.structs.replace(ran(count, 0), run_id="another")
        payload = cycle_metrics(run)
        store.append(
            make_event(EventName.CYCLE_METRICS, payload, utc_time=NOW, market_time=at, profile="canary", code="")
        )
    store.close()
    assert main(["ETH-USD", "--since", "1h", "--json"]) == ExitCode.OK
    assert json.loads(capsys.readouterr().out)["evaluations"] == 300 + 12 + 30


def test_totals_that_are_far_apart_are_told_with_the_time_they_count(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a market sixty times as fast a minute's record comes each hour: what is counted is an hour, and is called one."""
    assert main(["ETH-USD", "--profile", "canary", "--since", "30m"]) == ExitCode.OK
    text = capsys.readouterr().out
    assert text.startswith("ETH-USD, last 1h01m: ")
    assert "312 evaluations" in text


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["ETG-USD"], "did you mean ETH-USD"),
        (["ADA-USD"], "does not trade ADA-USD; it trades BTC-USD"),
        (["ETH-USD", "--since", "soon"], "write 30m, 1h or 2d"),
        (["ETH-USD", "--since", "0h"], "write 30m, 1h or 2d"),
        ([], "required"),
    ],
)
def test_wrong_arguments_end_with_64(folder: Path, arguments: list[str], word: str) -> None:
    """With the remedy."""
    with pytest.raises(Ends) as end:
        main([*arguments, "--profile", "canary"])
    assert end.value.code is ExitCode.USAGE
    assert word in end.value.sentence


def test_a_profile_that_never_ran_is_said(folder: Path) -> None:
    """Exit 1."""
    with pytest.raises(Ends) as end:
        main(["ETH-USD", "--profile", "prod"])
    assert end.value.code is ExitCode.NEGATIVE
