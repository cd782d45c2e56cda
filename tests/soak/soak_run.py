"""The soak itself: one trader on one exchange, faults all the time, an operator who resumes, and a judge at the end.

Imported by `python -m tests.soak` and by its test. Raises AssertionError with what was found.
"""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import requests
from soak_faults import draw
from soak_judge import breaches
from soak_market import PRICES, SPEED, write_config, write_market
from trader_process import ROOT, Room, TraderProcess, clean_environment, exchange_process, room, until

PAUSE_S = (1.5, 5.0)
LOOK_S = 1.0
OPERATOR_S = 8.0
SETTLE_S = 60.0


@dataclass(frozen=True)
class Sample:
    """One look at both processes: seconds since the start, resident megabytes and threads."""

    at_s: float
    trader_mib: float
    threads: int
    exchange_mib: float


@dataclass
class Summary:
    """What a soak has seen."""

    seed: int
    samples: list[Sample] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)
    modes: Counter[str] = field(default_factory=Counter)
    causes: Counter[str] = field(default_factory=Counter)
    resumes: int = 0
    orders: int = 0
    fills: int = 0
    market_s: float = 0.0

    def stage(self, part: float) -> Sample:
        """The middle of the looks around a part of the soak: 0 is the start after warming up, 1 the end."""
        count = len(self.samples)
        width = max(count // 10, 1)
        first = min(int(part * (count - width)), count - width)
        chosen = self.samples[first : first + width]
        return Sample(
            chosen[0].at_s,
            median(one.trader_mib for one in chosen),
            round(median(one.threads for one in chosen)),
            median(one.exchange_mib for one in chosen),
        )


class Soak:
    """One run. `told` hears of progress about once a second."""

    def __init__(self, seconds: float, seed: int, told: Callable[[Summary, float], None], speed: float = SPEED) -> None:
        self.summary = Summary(seed)
        self._speed = speed
        self._seconds = seconds
        self._choose = random.Random(seed)
        self._told = told
        self._control = requests.Session()
        self._control.trust_env = False

    def run(self, folder: Path) -> Summary:
        """Soak, settle, stop, judge. The room compares the books when it is left."""
        folder.mkdir(parents=True, exist_ok=True)
        with (
            exchange_process(*write_market(folder, self._speed)) as exchange,
            room(folder / "room", exchange, config=write_config(folder)) as where,
        ):
            trader = where.start()
            trader.ready()
            began = exchange.read()["market_time"]
            self._soak(where, trader)
            self._settle(where, trader)
            trader.process.terminate()
            assert trader.wait(30) == 0, trader.words()
            ledger = exchange.read()
            self.summary.market_s = ledger["market_time"] - began
            self.summary.orders, self.summary.fills = len(ledger["arrivals"]), len(ledger["fills"])
            assert not exchange.open_orders(), "an order is open after an orderly stop"
        self._control.close()
        broken = breaches(ledger)
        assert not broken, f"{len(broken)} limits broken, seed {self.summary.seed}: {broken[:5]}"
        return self.summary

    def _soak(self, where: Room, trader: TraderProcess) -> None:
        start = time.monotonic()
        next_fault = next_operator = start + 3
        while (now := time.monotonic()) - start < self._seconds:
            assert trader.process.poll() is None, f"the trader ended:\n{trader.words()}"
            if now >= next_fault:
                self._arm(where)
                next_fault = now + self._choose.uniform(*PAUSE_S)
            if now >= next_operator:
                self._operate(where, trader)
                next_operator = now + OPERATOR_S
            self._look(where, trader, now - start)
            self._told(self.summary, now - start)
            time.sleep(LOOK_S)

    def _arm(self, where: Room) -> None:
        fault = draw(self._choose, list(PRICES))
        answer = self._control.post(f"{where.exchange.ready['rest_url']}/_exchange/faults", json=fault, timeout=10)
        assert answer.status_code == 200, f"{fault}: {answer.text}"
        self.summary.faults[fault["id"]] += 1

    def _look(self, where: Room, trader: TraderProcess, at_s: float) -> None:
        mib, threads = _size_of(trader.process.pid)
        self.summary.samples.append(Sample(at_s, mib, threads, _size_of(where.exchange.ready["pid"])[0]))
        self.summary.modes[trader.mode() or "?"] += 1

    def _operate(self, where: Room, trader: TraderProcess) -> None:
        """Do what a person would: look at the holds, and resume."""
        latches = [hold for hold in trader.told().get("latches", ()) if hold["cause"] != "starting"]
        if not latches:
            return
        self.summary.causes.update(hold["cause"] for hold in latches)
        self.summary.resumes += 1
        subprocess.run(
            [sys.executable, "run.py", "resume", "--profile", "dev"],
            cwd=ROOT, env=clean_environment(EVENT_STORE_ROOT=str(where.data)), capture_output=True, timeout=60, check=False,
        )  # fmt: skip

    def _settle(self, where: Room, trader: TraderProcess) -> None:
        """Without further faults: everything proven, reconciled clean, and NORMAL again."""
        url = f"{where.exchange.ready['rest_url']}/_exchange/faults"
        self._control.delete(url, timeout=10)
        resumed_at = 0.0

        def calm() -> bool:
            nonlocal resumed_at
            told: dict[str, Any] = trader.told("status.json")
            settled = bool(told.get("reconciled")) and told["unknown_orders"] == 0
            if settled and trader.mode() == "NORMAL" and not trader.told().get("latches"):
                return True
            if settled and time.monotonic() - resumed_at > OPERATOR_S:
                self._operate(where, trader)
                resumed_at = time.monotonic()
            time.sleep(LOOK_S / 2)
            return False

        try:
            until(calm, SETTLE_S, "clean and NORMAL after the last fault")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{trader.told('status.json')}\n{trader.words()}") from None


def _size_of(pid: int) -> tuple[float, int]:
    """Resident megabytes and threads of a process."""
    told = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line)
    return int(told["VmRSS"].split()[0]) / 1024, int(told["Threads"])
