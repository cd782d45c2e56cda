"""Runs `run.py` and the exchange as real processes for the tests of this folder, and compares their books.

Imported by the process tests, the crash campaign and the benchmarks. A `Room` is one data folder and one exchange that
outlives every trader started in it. Leaving the room proves what must hold after every test: the exchange's fills sum to
the trader's ledger for every symbol, each fill is written down once, and no secret is in anything that was written.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO, TypeVar

import requests
from compared_books import assert_books_agree, assert_last_state_agrees, assert_no_secrets, signed

from tests.planted_secrets import plant, searcher

__all__ = ["ROOT", "ExchangeRecords", "Output", "Room", "TraderProcess", "assert_no_secrets", "clean_environment",
           "exchange_process", "room", "signed", "until"]  # fmt: skip
ROOT = Path(__file__).resolve().parents[2]
FOREIGN = ("COINBASE_", "RISK_", "PERPS_", "SPOT_", "EVENT_STORE", "LOG_LEVEL")
POLL_S = 0.02
T = TypeVar("T")


def until(ask: Callable[[], T | None], seconds: float, what: str) -> T:
    """Ask again and again until the answer is true; AssertionError with `what` when the time is over."""
    deadline = time.monotonic() + seconds
    while True:
        found = ask()
        if found:
            return found
        assert time.monotonic() < deadline, f"{what}: not within {seconds:g} s"
        time.sleep(POLL_S)


def clean_environment(**more: str) -> dict[str, str]:
    """Return this environment without any variable that would change what the trader does."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    return {**kept, "NO_COLOR": "1", **more}


class Output:
    """One stream of a process, read by a thread: its lines with the moment each was read."""

    def __init__(self, stream: TextIO) -> None:
        self.lines: list[tuple[float, str]] = []
        self._stream = stream
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        for line in self._stream:
            self.lines.append((time.time(), line.rstrip("\n")))

    def finish(self) -> None:
        """Wait for the stream's end and close it."""
        self._thread.join(5)
        self._stream.close()
        searcher.hear("a trader's output", self.text)

    @property
    def text(self) -> str:
        """Everything so far."""
        return "\n".join(line for _, line in tuple(self.lines))

    def find(self, pattern: str, after: int = 0) -> tuple[float, str] | None:
        """Return the first line from number `after` on that holds a pattern, with its moment; None when there is none."""
        return next((entry for entry in tuple(self.lines)[after:] if re.search(pattern, entry[1])), None)


class TraderProcess:
    """One `run.py` that trades, started in a room."""

    def __init__(self, command: Sequence[str], environment: dict[str, str], folder: Path) -> None:
        self.folder = folder
        self.started = time.time()
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self.stdout, self.stderr = Output(self.process.stdout), Output(self.process.stderr)

    def send(self, number: signal.Signals) -> float:
        """Send a signal and return when."""
        moment = time.time()
        self.process.send_signal(number)
        return moment

    def see(self, pattern: str, seconds: float, *, after: int = 0, stream: str = "stdout") -> tuple[float, str]:
        """Wait for a line, from line number `after` on; return it and when it came. The process must not end meanwhile."""
        output: Output = getattr(self, stream)

        def look() -> tuple[float, str] | None:
            over = self.process.poll() is not None
            found = output.find(pattern, after)
            if over and found is None:
                output.finish()
                found = output.find(pattern, after)
                assert found is not None, f"ended with {self.process.returncode} before {pattern!r}:\n{self.words()}"
            return found

        try:
            return until(look, seconds, f"{pattern!r} on {stream}")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.words()}\n{self.stacks()}") from None

    def ready(self, seconds: float = 30) -> None:
        """Wait until the books agree with the venue."""
        self.see("reconciled with the venue", seconds, stream="stderr")

    def wait(self, seconds: float) -> int:
        """Wait for the end; return the exit code."""
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {seconds:g} s:\n{self.words()}") from None
        self.stdout.finish()
        self.stderr.finish()
        return code

    def kill(self) -> None:
        """End it at once, whatever it does."""
        if self.process.poll() is None:
            self.process.kill()
        self.wait(10)

    def stacks(self) -> str:
        """End it so that every thread's stack is told; for a process that no longer does what it should."""
        before = len(self.stderr.lines)
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGABRT)
            self.process.wait(10)
            self.stderr.finish()
        return "\n".join(line for _, line in self.stderr.lines[before:])

    def words(self) -> str:
        """Return the last words of both streams."""
        return f"--- stdout\n{self.stdout.text[-1500:]}\n--- stderr\n{self.stderr.text[-3000:]}"

    def told(self, name: str = "health.json") -> dict[str, Any]:
        """Read one of the status files; empty when it is not there yet."""
        try:
            return dict(json.loads((self.folder / name).read_bytes()))
        except FileNotFoundError:
            return {}

    def mode(self) -> str:
        """Return the mode that health.json names; "" before there is a file of this run."""
        try:
            if (self.folder / "health.json").stat().st_mtime < self.started:
                return ""
        except FileNotFoundError:
            return ""
        return str(self.told().get("mode", ""))


class ExchangeRecords:
    """The records of an exchange that runs by itself."""

    def __init__(self, ready: dict[str, Any]) -> None:
        self.ready = ready
        self._session = requests.Session()
        self._session.trust_env = False

    def read(self) -> dict[str, Any]:
        """Everything the exchange knows."""
        answer = self._session.get(f"{self.ready['rest_url']}/_exchange/ledger", timeout=10)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def arrivals(self, *, since: float = 0.0) -> list[dict[str, Any]]:
        """Create requests as they reached the exchange after a moment (UTC)."""
        return [arrival for arrival in self.read()["arrivals"] if arrival["machine_time"] > since]

    def fills(self) -> list[dict[str, Any]]:
        """All fills of the account."""
        return list(self.read()["fills"])

    def open_orders(self) -> list[dict[str, Any]]:
        """Orders that could still fill."""
        return [order for order in self.read()["orders"] if order["status"] in {"OPEN", "PENDING", "QUEUED"}]

    def arm(self, fault_id: str, **terms: Any) -> None:
        """Arm one fault of the exchange's table."""
        fault = {"id": fault_id, **terms}
        answer = self._session.post(f"{self.ready['rest_url']}/_exchange/faults", json=fault, timeout=10)
        assert answer.status_code == 200, answer.text

    def close(self) -> None:
        """Let the connection go."""
        self._session.close()


@contextlib.contextmanager
def exchange_process(*flags: str) -> Iterator[ExchangeRecords]:
    """An exchange of its own on a free port, as `run.py exchange` starts it; ended with the block."""
    process = subprocess.Popen(
        [sys.executable, "run.py", "exchange", "--port", "0", "--die-with-parent", *flags],
        cwd=ROOT, env=clean_environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    records = None
    try:
        line = process.stdout.readline()
        assert line, f"the exchange said nothing and ended with {process.wait(5)}"
        records = ExchangeRecords(json.loads(line))
        plant(records.ready["api_secret"])
        yield records
    finally:
        if records is not None:
            records.close()
        process.stdin.close()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


class Room:
    """One data folder, one configuration, and the exchange every trader in it attaches to."""

    def __init__(
        self, folder: Path, exchange: ExchangeRecords, profile: str = "dev", config: Path | None = None
    ) -> None:
        self.folder = folder
        self.exchange = exchange
        self.profile = profile
        self.config = config
        self.traders: list[TraderProcess] = []
        folder.mkdir(parents=True, exist_ok=True)
        self.ready_file = folder / "ready.json"
        self.ready_file.write_text(json.dumps(exchange.ready))
        self.ready_file.chmod(0o600)
        self.data = folder / "data"
        self._fills_before = {fill["entry_id"] for fill in exchange.fills()}

    @property
    def profile_folder(self) -> Path:
        """Where everything of the profile is."""
        return self.data / "perps_bot" / self.profile

    def start(self, *flags: str, entry: Sequence[str] = ("run.py",), **environment: str) -> TraderProcess:
        """Start a trader attached to the room's exchange."""
        command = [sys.executable, *entry, "--profile", self.profile, "--exchange", str(self.ready_file)]
        if self.config is not None:
            command += ["--config", str(self.config)]
        given = clean_environment(
            EVENT_STORE_ROOT=str(self.data), PYTHONWARNINGS="default", PYTHONFAULTHANDLER="1", **environment
        )
        trader = TraderProcess([*command, *flags], given, self.profile_folder)
        self.traders.append(trader)
        return trader

    def end(self) -> None:
        """End whatever still runs here."""
        for trader in self.traders:
            trader.kill()

    def fills(self) -> list[dict[str, Any]]:
        """The exchange's fills since the room was opened."""
        return [fill for fill in self.exchange.fills() if fill["entry_id"] not in self._fills_before]

    def check(self) -> None:
        """Prove what must hold after every test; the traders have ended."""
        assert_books_agree(self.profile_folder, self.fills())
        last = self.traders[-1] if self.traders else None
        if last is not None and last.process.returncode == 0 and "cold path" not in last.stderr.text:
            assert_last_state_agrees(self.profile_folder, self.fills())  # the cold path waits for nobody's report
        assert_no_secrets(self.data, self.traders, self.exchange.ready)


@contextlib.contextmanager
def room(folder: Path, exchange: ExchangeRecords, profile: str = "dev", config: Path | None = None) -> Iterator[Room]:
    """A room whose traders are ended with the block, and whose books are then compared."""
    opened = Room(folder, exchange, profile, config)
    try:
        yield opened
    finally:
        opened.end()
    opened.check()
