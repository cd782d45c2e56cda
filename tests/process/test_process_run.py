"""Whole runs of `run.py` as a person starts it: with its own exchange, with flags, and twice (issue 2 must-show 2)."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from decimal import Decimal
from pathlib import Path

import pytest
from busy_market import write_candles, write_config
from compared_books import assert_books_agree, assert_last_state_agrees
from trader_process import (
    ExchangeRecords,
    Room,
    TraderProcess,
    clean_environment,
    exchange_process,
    room,
    until,
)

MakeRoom = Callable[..., AbstractContextManager[Room]]


def test_a_run_with_its_own_exchange_trades_reports_and_ends_with_nothing_open(tmp_path: Path) -> None:
    """Dumps, fills over the wire, money on the screen, exit 0; and the account the exchange kept equals the last state."""
    market = write_candles(tmp_path)
    files = [flag for flag in market if flag.endswith(".csv")]
    command = [
        sys.executable, "run.py", "--profile", "dev", "--config", str(write_config(tmp_path)),
        "--market", *files, "--speed", "120", "--seed", "7", "--duration", "12", "--status-interval", "4",
    ]  # fmt: skip
    data = tmp_path / "data"
    folder = data / "perps_bot" / "dev"
    trader = TraderProcess(command, clean_environment(EVENT_STORE_ROOT=str(data)), folder)
    try:
        banner, _ = trader.see("^dev  PAPER", 10)
        decided, _ = trader.see("filled buy", 60, stream="stderr")
        assert decided - banner < 60
        code = trader.wait(30)
    finally:
        trader.kill()
    assert code == 0, trader.words()
    assert trader.stdout.text.count("VERDICT") >= 3
    assert "ORDERS   none open.   UNKNOWN: 0." in trader.stdout.text
    assert "day P&L" in trader.stdout.text
    assert "fees" in trader.stdout.text
    with exchange_process(*market, "--data", str(folder / "exchange")) as kept:
        fills = kept.fills()
        assert fills
        assert_books_agree(folder, fills)
        assert_last_state_agrees(folder, fills)
        assert not kept.open_orders()


def test_the_canary_decides_within_five_seconds_on_the_synthetic_market(tmp_path: Path) -> None:
    """The documents' canary as a newcomer starts it: the window is warm from candles and trades."""
    data = tmp_path / "data"
    command = [sys.executable, "run.py", "--profile", "canary", "--seed", "7"]
    trader = TraderProcess(command, clean_environment(EVENT_STORE_ROOT=str(data)), data / "perps_bot" / "canary")
    try:

        def decided() -> bool:
            told = trader.told("status.json") if trader.mode() else {}
            rows = told.get("decisions", ())
            return bool(rows) and all(row["reason"] != "WARMING_UP" and row["age_s"] is not None for row in rows)

        began = time.time()
        until(decided, 15, "a decision from a warm window")
        took = time.time() - began
        trader.send(signal.SIGTERM)
        assert trader.wait(10) == 0
    finally:
        trader.kill()
    print(f"first decision read from the status {took:.1f} s after the start")


def test_an_exchange_that_run_py_started_dies_with_it(tmp_path: Path) -> None:
    """Killed without a chance to say goodbye, the trader leaves no exchange behind."""
    data = tmp_path / "data"
    command = [sys.executable, "run.py", "--profile", "canary", "--seed", "7"]
    trader = TraderProcess(command, clean_environment(EVENT_STORE_ROOT=str(data)), data / "perps_bot" / "canary")
    try:
        trader.ready()
        children = Path(f"/proc/{trader.process.pid}/task/{trader.process.pid}/children").read_text().split()
        assert len(children) == 1, "the trader has one child: the exchange"
    finally:
        trader.kill()
    until(lambda: not _is_running(children[0]), 10, "the exchange's end")


def _is_running(pid: str) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_dry_run_approves_and_posts_nothing(busy_room: MakeRoom) -> None:
    """Everything up to the approval happens, the broker notes what it would send, and the exchange hears of no order."""
    with busy_room() as where:
        begin = time.time()
        trader = where.start("--dry-run")
        _, line = trader.see("would send", 30, stream="stderr")
        assert "BUY" in line
        assert "DRY-RUN" in trader.stdout.lines[0][1]
        trader.send(signal.SIGTERM)
        assert trader.wait(10) == 0
        assert not where.exchange.arrivals(since=begin)


def test_dev_fast_makes_one_decision_per_symbol_and_ends(busy_room: MakeRoom) -> None:
    """`--dev-fast` needs no signal and no duration: it ends by itself with 0."""
    with busy_room() as where:
        trader = where.start("--dev-fast")
        assert trader.wait(30) == 0
        last = json.loads((where.profile_folder / "status.json").read_bytes())
        assert all(row["age_s"] is not None for row in last["decisions"])


def test_reduce_only_from_the_start_opens_nothing(busy_room: MakeRoom) -> None:
    """`--reduce-only`: entries are refused with their reason, and none reaches the exchange."""
    with busy_room() as where:
        begin = time.time()
        trader = where.start("--reduce-only")
        _, line = trader.see("refused: MODE_REDUCE_ONLY", 30, stream="stderr")
        assert "buy" in line
        trader.send(signal.SIGTERM)
        assert trader.wait(10) == 0
        assert not where.exchange.arrivals(since=begin)


def test_a_second_instance_is_refused_and_disturbs_nothing(busy_room: MakeRoom) -> None:
    """Two starts on one data folder: the second ends with 75 and names the first, which goes on (I-16)."""
    with busy_room() as where:
        first = where.start()
        first.ready()
        second = where.start()
        assert second.wait(15) == 75
        assert str(first.process.pid) in second.stderr.text
        assert "Traceback" not in second.stderr.text
        until(lambda: where.fills(), 20, "a fill of the first instance")
        first.send(signal.SIGTERM)
        assert first.wait(10) == 0


def test_a_second_start_leaves_the_paper_account_alone(tmp_path: Path) -> None:
    """The profile is locked before its embedded exchange starts: 75, and no advice to reset the account of the first."""
    command = [sys.executable, "run.py", "--profile", "canary"]
    environment = clean_environment(EVENT_STORE_ROOT=str(tmp_path))
    first = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(lambda: (tmp_path / "perps_bot" / "canary" / "lock").exists(), 20, "the lock of the first")
        second = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=20, check=False)
        assert second.returncode == 75
        assert str(first.pid) in second.stderr
        assert "reset" not in second.stderr
        until(lambda: (tmp_path / "perps_bot" / "canary" / "health.json").exists(), 20, "the first's health")
    finally:
        first.terminate()
        assert first.wait(20) == 0


def test_a_replaced_lock_file_halts_within_a_second(busy_room: MakeRoom) -> None:
    """Somebody deletes the lock while we run: another instance may come, so this one stops trading (F-P14)."""
    with busy_room() as where:
        trader = where.start()
        trader.ready()
        (where.profile_folder / "lock").unlink()
        deleted = time.time()
        seen, _ = trader.see("HALTED account", 5, stream="stderr")
        assert seen - deleted < 1.5
        until(lambda: trader.mode() == "HALTED", 5, "HALTED in the health file")
        trader.send(signal.SIGTERM)
        assert trader.wait(10) == 0


def test_a_position_survives_an_orderly_restart(busy_room: MakeRoom) -> None:
    """Stop with something held, start again: the same position, and its exit still comes."""
    with busy_room() as where:
        first = where.start()
        first.ready()
        until(lambda: first.told("health.json").get("positions"), 20, "a position")
        first.send(signal.SIGTERM)
        assert first.wait(10) == 0
        held = {name: Decimal(size) for name, size in json.loads(
            (where.profile_folder / "health.json").read_bytes())["positions"].items()}  # fmt: skip
        second = where.start("--reduce-only")
        second.ready()
        until(lambda: second.mode() == "REDUCE_ONLY", 10, "the second run's status")
        told = {name: Decimal(size) for name, size in second.told()["positions"].items()}
        assert all(told.get(name, Decimal(0)) <= size for name, size in held.items())
        until(lambda: second.mode() and not second.told()["positions"], 30, "the exit of what was kept")
        second.send(signal.SIGTERM)
        assert second.wait(10) == 0


@pytest.mark.campaign
def test_the_canary_fills_over_the_wire_within_a_minute(tmp_path: Path) -> None:
    """Must-show 2 whole: ninety seconds, seed 7, a filled entry, exit 0, nothing open."""
    with exchange_process("--seed", "7", "--equity", "1000") as exchange:
        _ninety_seconds(tmp_path, exchange)


def _ninety_seconds(tmp_path: Path, exchange: ExchangeRecords) -> None:
    with room(tmp_path / "room", exchange, profile="canary") as where:
        trader = where.start("--duration", "90")
        trader.see("filled buy", 60, stream="stderr")
        assert trader.wait(120) == 0
        assert not exchange.open_orders()
        assert where.fills()
