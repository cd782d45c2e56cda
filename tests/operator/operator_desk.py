"""A person at the desk: types commands of `run.py` at a running trader and looks at the venue's books. Imported by the operator tests."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from decimal import Decimal
from typing import Any

from trader_process import ROOT, Room, TraderProcess, clean_environment, signed, until

from trader.store.events import Event
from trader.store.reader import EventReader


def run_alone(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run one command of `run.py` by itself."""
    return subprocess.run(
        [sys.executable, "run.py", *arguments], cwd=ROOT, env=clean_environment(**environment),
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


class OperatorDesk:
    """One running trader and its exchange."""

    def __init__(self, where: Room, trader: TraderProcess) -> None:
        self.room = where
        self.trader = trader

    def type(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run one command of `run.py` beside the trader."""
        given = clean_environment(EVENT_STORE_ROOT=str(self.room.data), **environment)
        return subprocess.run(
            [sys.executable, "run.py", *arguments], cwd=ROOT, env=given,
            capture_output=True, text=True, timeout=240, check=False,
        )  # fmt: skip

    def ok(self, *arguments: str) -> str:
        """Run a command that must succeed; return what it says."""
        done = self.type(*arguments)
        assert done.returncode == 0, (
            f"{arguments}: {done.returncode}\n{done.stdout}{done.stderr}\n{self.trader.words()}"
        )
        return done.stdout

    def no(self, *arguments: str, code: int = 1) -> str:
        """Run a command that must be refused with a code; return what it says."""
        done = self.type(*arguments)
        assert done.returncode == code, f"{arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stderr

    def fault(self, **fault: Any) -> None:
        """Arm one fault at the exchange."""
        self._exchange("POST", json.dumps(fault).encode())

    def calm(self) -> None:
        """Disarm every fault and lift every hold, until the mode is NORMAL."""
        self._exchange("DELETE")

        def normal() -> bool:
            self.type("resume")
            return not self.told("status.json").get("holds") and self.trader.mode() == "NORMAL"

        if self.told("status.json").get("holds") or self.trader.mode() != "NORMAL":
            until(normal, 30, "a mode without holds")

    def positions(self) -> dict[str, Decimal]:
        """Positions by the exchange's own fills."""
        return signed(self.room.fills(), "product_id")

    def told(self, name: str = "health.json") -> dict[str, Any]:
        """One of the trader's status files."""
        return self.trader.told(name)

    def in_position(self, seconds: float = 60) -> dict[str, Decimal]:
        """Wait until something is held; return what."""
        return until(self.positions, seconds, "a position")

    def events(self, name: str) -> list[Event]:
        """Every event of this name so far."""
        return [event for event in EventReader.open_readonly(self.room.profile_folder).replay() if event.event == name]

    def metrics_url(self) -> str:
        """Where the trader said that its metrics are."""
        _, line = self.trader.see("metrics on", 5, stream="stderr")
        return line.split()[-1].removesuffix("/metrics")

    def get(self, path: str) -> tuple[int, str]:
        """Read one path of the metrics endpoint."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(self.metrics_url() + path, timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def _exchange(self, method: str, body: bytes | None = None) -> None:
        url = f"{self.room.exchange.ready['rest_url']}/_exchange/faults"
        request = urllib.request.Request(  # noqa: S310 - loopback
            url, data=body, method=method, headers={"Content-Type": "application/json"}
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=10) as answer:
            assert answer.status == 200
