"""The embedded exchange as a child process: spawned first, found through the one line it prints, ended with us.

Only `run.py` and `actors/system.py` import this. The child ends by itself when our end of its standard input closes, so it does not
outlive a parent that was killed.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import msgspec

READY_WITHIN_S = 15.0
STOP_WITHIN_S = 3.0


class ExchangeFailed(Exception):
    """The embedded exchange did not start; the message says what it said, `code` how it ended (None: it was ended)."""

    def __init__(self, text: str, code: int | None = None) -> None:
        super().__init__(text)
        self.code = code


class ReadyLine(msgspec.Struct, frozen=True):
    """What the exchange prints when it is ready: where it listens and a freshly made key."""

    rest_url: str
    ws_url: str
    ws_user_url: str
    api_key: str
    api_secret: str
    pid: int
    ca_file: str = ""

    def __repr__(self) -> str:
        return f"ReadyLine({self.rest_url}, pid {self.pid})"


class ExchangeProcess:
    """One running embedded exchange of ours."""

    def __init__(self, arguments: Sequence[str], log: Path) -> None:
        with log.open("ab") as errors:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [sys.executable, "-m", "trader.exchange", "--port", "0", "--die-with-parent", *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                cwd=Path(__file__).resolve().parent.parent,
                start_new_session=True,
            )
        self._log = log

    def ready(self) -> ReadyLine:
        """Wait for the ready line; raises ExchangeFailed with the exchange's last words."""
        process = self._process
        assert process.stdout is not None
        overdue = threading.Timer(READY_WITHIN_S, process.kill)
        overdue.start()
        line = process.stdout.readline()
        overdue.cancel()
        try:
            return msgspec.json.decode(line, type=ReadyLine)
        except msgspec.DecodeError as error:
            self.stop()
            words = self._log.read_text(errors="replace")[-500:] if self._log.exists() else ""
            told = words.strip() or repr(line)
            raise ExchangeFailed(f"the embedded exchange did not start: {told}", process.returncode) from error

    def stop(self) -> None:
        """End it: politely by closing its input, then by signal."""
        process = self._process
        for stream in (process.stdin, process.stdout):
            if stream:
                stream.close()
        try:
            process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.terminate()
            try:
                process.wait(STOP_WITHIN_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
