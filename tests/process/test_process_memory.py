"""The trading process stays small (issue 2 must-show 7): `python -m pytest -m campaign tests/process/test_process_memory.py -s`."""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path

import pytest
from trader_process import TraderProcess, clean_environment, until

LIMIT_MIB = 70.0
SOON_LIMIT_MIB = 65.0
SYMBOLS = ("BTC-USD", "ETH-USD", "SOL-USD")


def resident_mib(pid: int) -> float:
    """Resident memory of a process, as the kernel counts it."""
    fields = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(fields["VmRSS"].split()[0]) / 1024


def measured(tmp_path: Path, after_s: float) -> float:
    """Run three symbols on the synthetic market and return the resident memory so many seconds after the first decision."""
    data = tmp_path / "data"
    command = [sys.executable, "run.py", "--profile", "demo", "--symbols", *SYMBOLS, "--seed", "7", "--interval", "1"]
    trader = TraderProcess(command, clean_environment(EVENT_STORE_ROOT=str(data)), data / "perps_bot" / "demo")
    try:
        trader.ready()
        due = time.monotonic() + after_s
        until(lambda: time.monotonic() >= due, after_s + 1, "the time to measure")
        resident = resident_mib(trader.process.pid)
        trader.send(signal.SIGTERM)
        assert trader.wait(15) == 0
    finally:
        trader.kill()
    print(f"{resident:.1f} MiB resident with {len(SYMBOLS)} symbols after {after_s:g} s")
    return resident


def test_a_fresh_trader_is_small(tmp_path: Path) -> None:
    """Four seconds in, every library is loaded and every window warm; what comes later is measured by the campaign."""
    assert measured(tmp_path, 4) < SOON_LIMIT_MIB


@pytest.mark.campaign
def test_three_symbols_stay_below_seventy_mebibytes_after_two_minutes(tmp_path: Path) -> None:
    """The figure of the issue."""
    assert measured(tmp_path, 120) < LIMIT_MIB
