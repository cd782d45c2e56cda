"""health.json, metrics.json, Prometheus and the screen of one instant say the same; the health file is judged by its age."""

import json
import re
from decimal import Decimal

import pytest
from status_examples import NOW, healthy, open_order, reduce_only

from trader.orders.reason import Reason
from trader.report.metrics import METRICS, metrics_json, prometheus_text
from trader.report.reasons import EXPLANATIONS, catalogue
from trader.report.screen import render_screen
from trader.report.state_files import health_json, judge_health, last_state_json, status_json
from trader.report.status import AlertStatus, MoneyStatus, SystemStatus, Unknown
from trader.risk.holds import Hold, Level
from trader.strategy.counters import COUNTER_KEYS

SAMPLE = re.compile(r'(?P<name>bot_[a-z0-9_]+)\{(?P<labels>(?:[a-z_]+="(?:[^"\\]|\\.)*",?)*)\} (?P<value>-?[0-9.e+-]+)')


def samples(text: str) -> dict[str, Decimal]:
    """Parse the text format; every line must be a comment or a sample."""
    found = {}
    for line in text.splitlines():
        if line.startswith("# "):
            continue
        match = SAMPLE.fullmatch(line)
        assert match, line
        labels = re.sub(r'profile="[^"]*",?', "", match["labels"])
        found[f"{match['name']}{{{labels}}}"] = Decimal(match["value"])
    return found


@pytest.mark.parametrize("status", [healthy(), reduce_only(orders=(open_order(),))])
def test_mode_pnl_and_positions_agree_everywhere(status: SystemStatus) -> None:
    """Issue 8, row 3: the same instant, four renderings."""
    health, metrics, text, screen = health_json(status), metrics_json(status), samples(prometheus_text(status)), ""
    screen = render_screen(status)
    assert health["mode"] == status.mode.name
    assert metrics["mode"] == text["bot_mode{}"] == int(status.mode)
    assert f"MODE     {status.mode.name} " in screen
    pnl = status.money.day_pnl_usd
    assert isinstance(pnl, Decimal)
    assert (
        Decimal(str(health["day_pnl_usd"])) == Decimal(str(metrics["day.pnl_usd"])) == text["bot_day_pnl_usd{}"] == pnl
    )
    assert f"{pnl:+.2f}" in screen
    held = {position.symbol: position.quantity for position in status.positions}
    assert health["positions"] == {symbol: str(quantity) for symbol, quantity in held.items()}
    assert metrics["position.quantity"] == health["positions"]
    assert text['bot_position_quantity{symbol="BTC-USD"}'] == held["BTC-USD"]
    assert last_state_json(status)["mode"] == status.mode.name


def test_evaluations_equal_the_sum_over_reason_codes_in_every_rendering() -> None:
    """Issue 8, row 2: the metric, the JSON and the record."""
    status = healthy()
    text = samples(prometheus_text(status))
    by_code = sum(value for name, value in text.items() if name.startswith("bot_decisions_total"))
    assert by_code == text["bot_evaluations_total{}"] == status.flow.evaluations == sum(status.reasons.values())
    counts = status_json(status)["reasons"]
    assert isinstance(counts, dict)
    assert sum(sum(codes.values()) for codes in counts.values()) == by_code


def test_health_keeps_the_documented_keys_with_their_types() -> None:
    """timestamp, ok, profile, symbols, last_decisions, message, error; ours stand beside them."""
    health = json.loads(json.dumps(health_json(reduce_only())))
    assert health["timestamp"] == "2026-11-20T17:24:09.250000+00:00"
    assert health["ok"] is True
    assert health["profile"] == "canary"
    assert health["symbols"][0] == "BTC-USD"
    assert health["last_decisions"] == dict.fromkeys(health["symbols"], "hold")
    assert "day loss" in health["message"]
    assert health["error"] == ""
    assert health["latches"][0]["cause"] == "daily_loss"
    assert {"mode", "mode_since", "mode_why", "actors", "feeds", "config_hash", "schema"} <= set(health)
    assert json.loads(json.dumps(health_json(healthy(error="broken"))))["error"] == "broken"


def test_health_json_names_what_fires_and_an_alert_that_did_not_get_out() -> None:
    """The file is what a probe reads when the webhook itself is what fails."""
    alerts = AlertStatus(firing=("halted",), failed=2, last_error="the webhook answered 500", configured=True)
    told = health_json(healthy(alerts=alerts))
    assert told["alerts"] == {"firing": ["halted"], "failed": 2, "not_sent": "the webhook answered 500"}


def test_the_reason_of_the_mode_is_a_hold_on_the_account() -> None:
    """A pause of one symbol stands under latches; it does not explain NORMAL."""
    pause = Hold("pause", Level.REDUCE_ONLY, "BTC-USD", Reason.PAUSED, "5 minutes asked for", "root", since=NOW)
    told = health_json(healthy(holds=(pause,)))
    assert (told["mode"], told["mode_why"]) == ("NORMAL", "")
    assert [latch["scope"] for latch in told["latches"]] == ["BTC-USD"]  # type: ignore[attr-defined]
    assert health_json(reduce_only())["mode_why"]


def test_unknown_figures_are_null_in_json_and_absent_in_prometheus() -> None:
    """Never 0: a dashboard must not show a flat line for something nobody measured."""
    status = healthy(money=MoneyStatus(*(Unknown("start-up") for _ in MoneyStatus.__struct_fields__)))
    assert metrics_json(status)["day.pnl_usd"] is None
    assert metrics_json(status)["pnl.net_usd"] is None
    assert "bot_day_pnl_usd" not in prometheus_text(status)
    assert health_json(status)["day_pnl_usd"] is None


def test_net_pnl_is_realized_and_unrealized_and_funding_less_fees() -> None:
    """D33."""
    assert Decimal(str(metrics_json(healthy())["pnl.net_usd"])) == Decimal("-3.12")


def test_metrics_carry_the_documents_names() -> None:
    """Dotted in JSON, underscored in Prometheus; the guards under their own names."""
    metrics = metrics_json(healthy())
    assert metrics["risk.guards.daily_loss.recoverable_failures"] == 1
    assert metrics["risk.guards.daily_loss.critical_failures"] == 0
    assert metrics["rejection_counts"] == {"filter_spread": 22, "entries_accepted": 4}
    text = samples(prometheus_text(healthy()))
    assert text['bot_risk_guards_recoverable_failures_total{guard="daily_loss"}'] == 1
    assert text['bot_rejection_counts_total{counter="filter_spread"}'] == 22


def test_every_metric_name_is_valid_and_stands_once() -> None:
    """A name is used by dashboards and alert rules."""
    names = [metric.prometheus_name for metric in METRICS]
    assert len(names) == len(set(names))
    for metric in METRICS:
        assert re.fullmatch(r"bot_[a-z][a-z0-9_]*", metric.prometheus_name)
        assert metric.kind in ("gauge", "counter")
        assert metric.meaning.endswith(".")


def test_labels_are_escaped() -> None:
    """A quote in a name cannot forge a sample."""
    assert 'guard="a\\"b\\\\c\\n"' in prometheus_text(healthy(guards={'a"b\\c\n': healthy().guards["daily_loss"]}))


def test_status_json_is_plain_json_with_verdict_health_and_metrics() -> None:
    """`run.py status --json`."""
    told = json.loads(json.dumps(status_json(healthy(orders=(open_order(),)))))
    assert told["verdict"]["ok"] is True
    assert told["orders"][0]["quantity"] == "0.0021"
    assert told["mode"] == "NORMAL"
    assert told["reasons"]["BTC-USD"] == {"ENTRY_SENT": 4}
    assert told["health"]["mode"] == told["mode"]


@pytest.mark.parametrize(
    ("content", "age_s", "ok", "line"),
    [
        (None, 0.0, False, "no health file"),
        (b"{", 0.0, False, "not JSON"),
        (b"[]", 0.0, False, "another form"),
        (b'{"ok": "yes"}', 0.0, False, "another form"),
        (
            b'{"ok": true, "profile": "canary", "mode": "NORMAL", "message": "fine"}',
            1.0,
            True,
            "ok: canary NORMAL: fine",
        ),
        (b'{"ok": true, "profile": "canary", "mode": "NORMAL"}', 90.0, False, "last heard 1m30s ago"),
        (
            b'{"ok": false, "profile": "dev", "mode": "HALTED", "message": "", "error": "dead"}',
            1.0,
            False,
            "HALTED: dead",
        ),
    ],
)
def test_a_health_file_is_judged_by_content_and_age(content: bytes | None, age_s: float, ok: bool, line: str) -> None:
    """`run.py health`: one line, exit 0 or 1; an old file is not ok whatever it says."""
    told = judge_health(content, age_s)
    assert told.ok is ok
    assert line in told.line
    assert "\n" not in told.line


def test_every_reason_code_is_explained_and_the_eight_counters_are_covered() -> None:
    """A code without a sentence would be a riddle on the screen."""
    assert set(EXPLANATIONS) == set(Reason)
    assert {told.counter for told in EXPLANATIONS.values() if told.counter} == set(COUNTER_KEYS)
    text = catalogue()
    for reason in Reason:
        assert f"| `{reason}` |" in text


def test_every_key_named_by_a_reason_exists() -> None:
    """The screen points at lines of config.toml."""
    from trader.config.table import KEYS

    for told in EXPLANATIONS.values():
        assert not told.config_key or told.config_key in KEYS, told.reason
