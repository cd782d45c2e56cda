"""What lies in deploy/ fits the program: every metric exists, every exit code that must not restart is named, every file is there."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
from pathlib import Path

import pytest
from operator_desk import run_alone
from trader_process import ROOT

from actors.service import ServiceManager
from run import COMMANDS
from trader.exit_code import FINAL
from trader.report.metrics import METRICS

DEPLOY = ROOT / "deploy"
KNOWN = {metric.prometheus_name for metric in METRICS} | {"bot_status_age_seconds"}


@pytest.mark.parametrize("name", ["alerts.yml", "grafana-dashboard.json"])
def test_every_metric_of_rules_and_dashboard_exists(name: str) -> None:
    """A rule about a name that is never sent would be silent for ever."""
    used = set(re.findall(r"\bbot_[a-z0-9_]+", (DEPLOY / name).read_text()))
    assert len(used) > 10
    assert used <= KNOWN, used - KNOWN


def test_the_dashboard_is_one_that_grafana_reads() -> None:
    """Valid JSON, panels with different places and queries."""
    board = json.loads((DEPLOY / "grafana-dashboard.json").read_text())
    places = {(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in board["panels"]}
    assert len(places) == len(board["panels"]) > 20
    assert all(target["expr"] for panel in board["panels"] for target in panel["targets"])


def test_the_rules_page_for_what_the_process_cannot_say() -> None:
    """The dead man's rule is there, and each rule says what to do."""
    text = (DEPLOY / "alerts.yml").read_text()
    assert "absent(bot_up_seconds)" in text
    assert text.count("- alert:") == text.count("do: ") == text.count("summary: ")
    assert set(re.findall(r"run\.py ([a-z-]+)", text)) <= set(COMMANDS)


def test_the_unit_never_restarts_what_a_person_must_look_at() -> None:
    """Exactly the final codes, and a watchdog above the tick."""
    unit = (DEPLOY / "actor-trader@.service").read_text()
    listed = re.search(r"^RestartPreventExitStatus=(.*)$", unit, re.MULTILINE)
    assert listed
    assert {int(code) for code in listed[1].split()} == {int(code) for code in FINAL}
    assert "Type=notify" in unit
    assert "OnFailure=actor-trader-failed@%i.service" in unit
    assert (DEPLOY / "actor-trader-failed@.service").exists()


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_the_units_are_ones_that_systemd_takes(tmp_path: Path) -> None:
    """Every section, key and value, by systemd's own check; only the programs, which are elsewhere here, are replaced."""
    for unit in DEPLOY.glob("*.service"):
        text = re.sub(r"^(Exec\w+=-?)/\S+", r"\1/bin/true", unit.read_text(), flags=re.MULTILINE)
        (tmp_path / unit.name).write_text(text)
    places = {"SYSTEMD_UNIT_PATH": f"{tmp_path}:", "PATH": os.environ["PATH"]}

    def told() -> str:
        units = [str(tmp_path / f"{name}@canary.service") for name in ("actor-trader", "actor-trader-failed")]
        done = subprocess.run(
            ["systemd-analyze", "verify", *units], env=places, capture_output=True, text=True, timeout=60, check=False
        )
        lines = [line for line in (done.stdout + done.stderr).splitlines() if "actor-trader" in line]
        return "\n".join([*lines, *([] if done.returncode == 0 else [f"ended with {done.returncode}"])])

    assert told() == ""
    unit = tmp_path / "actor-trader@.service"
    unit.write_text(unit.read_text().replace("WatchdogSec=30", "WatchdogSeconds=30"))
    assert "WatchdogSeconds" in told(), "the check sees a key that systemd does not know"


def test_the_container_copies_what_exists_and_asks_for_health() -> None:
    """Every COPY names something of this project; the health check is a command."""
    text = (DEPLOY / "Dockerfile").read_text()
    sources = [name for line in re.findall(r"^COPY (.*) \S+$", text, re.MULTILINE) for name in line.split()]
    assert sources
    assert [name for name in sources if not (ROOT / name).exists()] == []
    assert '"run.py", "health"' in text


def test_the_service_manager_hears_ready_alive_and_stopping(tmp_path: Path) -> None:
    """The words of a real short run, over a real notify socket; ready comes once and before any watchdog ping."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.bind(str(tmp_path / "notify"))
    listener.settimeout(0.2)
    done = run_alone(
        "--profile", "dev", "--dry-run", "--duration", "6", "--symbols", "BTC-USD",
        EVENT_STORE_ROOT=str(tmp_path), NOTIFY_SOCKET=str(tmp_path / "notify"), WATCHDOG_USEC="4000000",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    heard = []
    try:
        while True:
            heard.append(listener.recv(4096).decode())
    except TimeoutError:
        listener.close()
    assert sum(text.startswith("READY=1") for text in heard) == 1
    assert sum(text.startswith("WATCHDOG=1") for text in heard) >= 2
    assert heard.count("STOPPING=1") == 1
    assert "STATUS=NORMAL" in "".join(heard)


def test_no_child_inherits_the_service_managers_socket() -> None:
    """A child that spoke in our name could keep a dead trader alive."""
    environ = {"NOTIFY_SOCKET": "/nowhere/notify", "WATCHDOG_USEC": "30000000", "PATH": "/bin"}
    manager = ServiceManager(environ)
    manager.on_tick(0.0, ready=True, words="a socket that is not there is no error")
    manager.stopping()
    manager.close()
    assert environ == {"PATH": "/bin"}
