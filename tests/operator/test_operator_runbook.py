"""The runbook's command lines are real, and those of the documents work as they stand there, with `run.py` in place of the runner."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from operator_desk import run_alone
from trader_process import ROOT, exchange_process

from run import COMMANDS

RUNBOOK = (ROOT / "docs" / "runbook.md").read_text()
FILES = (ROOT / "README.md").read_text().partition("**Files**")[2].partition("**Exit codes**")[0]
LINES = re.findall(r"python run\.py ([^`\n|]*?)(?=`|\n|$)", RUNBOOK)


def test_every_command_of_the_runbook_is_a_row_of_the_command_table() -> None:
    """And every command that acts on a running trader is in the runbook."""
    named = {line.split()[0] for line in LINES if line and not line.startswith("-")}
    assert named <= set(COMMANDS)
    acting = {name for name, (place, _) in COMMANDS.items() if "operator_command" in place} - {"pause"}
    assert acting <= named


def test_every_cause_of_a_hold_is_in_the_runbook() -> None:
    """MODE names the cause; the runbook says how it ends. Warnings, and the holds of start and stop themselves, need no row."""
    sources = "".join(path.read_text() for room in ("actors", "trader/risk") for path in (ROOT / room).glob("*.py"))
    made = [*re.findall(r'(?:Finding|Hold|_hold)\(\s*f?"([a-z_]+)', sources), "unconfigured"]
    unheld = {
        "starting",
        "stopping",
        "cold_path",
        "concentration",
        "correlation",
        "liquidity",
        "volatility_warn",
        "user_feed",
    }
    assert {cause for cause in made if f"`{cause}" not in RUNBOOK} - unheld == set()


@pytest.mark.parametrize("line", sorted({line for line in LINES if "PROFILE" not in line and "COPY" not in line}))
def test_each_command_line_of_the_runbook_is_understood(line: str) -> None:
    """With --help behind it, the parser accepts every flag that stands before; nothing is run."""
    words = line.replace("CAUSE", "kill").replace("SYMBOL", "BTC-USD").split()
    command = words[0] if words and not words[0].startswith("-") else "trade"
    flags = [word for word in words if word.startswith("--")]
    deeper = words[1:2] if command == "events" or words[:2] == ["config", "accept"] else []
    told = run_alone(command, *deeper, "--help").stdout if flags else ""
    assert [flag for flag in flags if flag not in told and flag != "--help"] == []


LISTS: Mapping[str, tuple[str, ...]] = {
    "SEC-04 production checklist": (
        "credentials: view and trade", "risk limits fit the size", "monitoring:", "health check:", "data paths:",
        "emergency shutdown tried", "network:", "position sizes reviewed",
    ),
    "SEC-05 safety checklist": (
        "credentials", "risk limits", "Dry run first", "METRICS_PORT", "run.py kill", "a backup of both restored once", "who is on call",
    ),
    "SEC-06 daily": ("**Daily**", "result and positions", "WARNING and ERROR lines", "use of\nlimits", "the strategy's behaviour"),
    "SEC-07 weekly": ("**Weekly**", "trade history", "strategy parameters", "risk\nevents", "windows of marks"),
    "SEC-08 monthly": ("**Monthly**", "backup", "performance over the month", "optimization", "review of every limit"),
    "SEC-09": ("No mark price", "is the symbol right", "fresh cache"),
    "SEC-10": ("Leverage exceeds limit", "lower `sizing.target_leverage`", "more equity", "look at the positions"),
    "SEC-11": ("below the venue's minimum", "quantization", "position_fraction", "the product's minimum"),
    "SEC-12": ("gives no signals", "WARMING_UP", "its parameters"),
    "SEC-13": ("| 401", "| 429", "connection reset", "orders refused by the venue"),
    "SEC-15": ("see the exposure", "reduce it", "adjust the configuration", "clear the day's counter"),
    "SEC-18": ("reaches the venue over TLS",),
    "SEC-19": ("stale data in thin markets", "funding of positions held long", "latency when markets move", "slippage in large moves"),
    "VAL-12, ARCH-32": ("Dry run first", "run.py resume start_mode", "canary for days", "one limit at a time"),
    "VAL-16": ("two to four weeks",),
}  # fmt: skip


@pytest.mark.parametrize("row", LISTS)
def test_the_lists_and_procedures_of_the_documents_are_in_the_runbook(row: str) -> None:
    """Each item, in words a person can search for."""
    missing = [words for words in LISTS[row] if words not in RUNBOOK]
    assert not missing


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An exchange every run of this module attaches to."""
    with exchange_process() as exchange:
        file = tmp_path_factory.mktemp("documents") / "ready.json"
        file.write_text(json.dumps(exchange.ready))
        yield file


DOCUMENTED: Mapping[str, tuple[tuple[str, ...], dict[str, str]]] = {
    "a full dry cycle": (("--profile", "dev", "--dry-run", "--dev-fast"), {}),
    "a specific symbol": (("--profile", "dev", "--symbols", "BTC-USD", "--dry-run", "--dev-fast"), {}),
    "several symbols": (("--profile", "demo", "--symbols", "BTC-USD", "ETH-USD", "--dev-fast"), {}),
    "leverage one": (("--profile", "demo", "--leverage", "1", "--dev-fast"), {}),
    "limit orders": (("--profile", "demo", "--order-type", "limit", "--tif", "IOC", "--dev-fast"), {}),
    "an interval": (("--profile", "demo", "--interval", "30", "--duration", "3"), {}),
    "mock trading": (("--profile", "dev", "--interval", "1", "--duration", "5"), {}),
    "reduce-only by restart": (("--profile", "canary", "--reduce-only", "--duration", "3"), {}),
    "the canary, dry": (("--profile", "canary", "--dry-run", "--duration", "3"), {}),
    "demo, mocked": (
        ("--profile", "demo", "--dev-fast"),
        {"COINBASE_SANDBOX": "1", "PERPS_FORCE_MOCK": "1"},
    ),
    "prod on paper": (("--profile", "prod", "--dev-fast"), {"PERPS_PAPER": "1"}),
    "a louder log": (("--profile", "dev", "--dev-fast"), {"LOG_LEVEL": "DEBUG"}),
    "perpetuals": (
        ("--profile", "dev", "--symbols", "BTC-PERP", "--dev-fast"),
        {"COINBASE_ENABLE_DERIVATIVES": "1"},
    ),
    "no kept connections": (("--profile", "dev", "--dev-fast"), {"COINBASE_ENABLE_KEEP_ALIVE": "0"}),
    "a limit from the environment": (("--profile", "dev", "--dev-fast"), {"RISK_MAX_DAILY_LOSS_USD": "5"}),
}


@pytest.mark.parametrize("name", DOCUMENTED)
def test_the_documents_command_lines_work(name: str, ready: Path, tmp_path: Path) -> None:
    """Must show 7: each ends with 0, leaves its health file, no order open, and no file that the README does not name."""
    flags, environment = DOCUMENTED[name]
    attached = () if "COINBASE_ENABLE_DERIVATIVES" in environment else ("--exchange", str(ready))
    done = run_alone(*flags, *attached, EVENT_STORE_ROOT=str(tmp_path), **environment)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    profile = flags[flags.index("--profile") + 1]
    health = json.loads((tmp_path / "perps_bot" / profile / "health.json").read_text())
    assert health["profile"] == profile
    assert "ERROR" not in done.stderr
    left = {path.name for path in (tmp_path / "perps_bot" / profile).iterdir()}
    assert {name for name in left if f"`{name}`" not in FILES and f"`{name}/" not in FILES} == set(), "files of no row"
    if "--reduce-only" in flags:
        assert health["mode"] == "REDUCE_ONLY"
        second = run_alone("--profile", profile, "--duration", "2", *attached, EVENT_STORE_ROOT=str(tmp_path))
        assert "resume" in second.stdout.split("\n\n")[0]


def test_live_without_a_key_ends_with_77_and_spot_force_live_alone_stays_on_paper(tmp_path: Path) -> None:
    """SPOT_FORCE_LIVE selects the venue only; --live is still needed, and it needs a key."""
    done = run_alone("--profile", "prod", "--live", EVENT_STORE_ROOT=str(tmp_path), SPOT_FORCE_LIVE="1")
    assert done.returncode == 77
    assert "COINBASE_API_KEY" in done.stderr
    done = run_alone("--profile", "spot", "--dev-fast", EVENT_STORE_ROOT=str(tmp_path), SPOT_FORCE_LIVE="1")
    assert done.returncode == 0, done.stderr
    assert "PAPER" in done.stdout
