"""The log file as a sink: JSON lines, rotated by size, kept by count, owner-only. Only trader/report/logs.py imports this.

A file that cannot be written (a full disk) is said once on stderr and once more when it works again; each record still goes to the
console, no traceback stands between people's lines, and nothing waits or stops for it.
"""

import contextlib
import logging
import os
import sys
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path


class LogFile(RotatingFileHandler):
    """Takes finished lines. Raises OSError only at construction, when the file cannot be opened at all."""

    def __init__(self, path: Path, rotate_bytes: int, kept: int) -> None:
        self._broken = False
        self._worked = True
        super().__init__(path, maxBytes=rotate_bytes, backupCount=kept, encoding="utf-8")

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line, or say that it cannot be written. Called under the handler's lock."""
        self._worked = True
        super().emit(record)
        if self._worked and self._broken:
            self._broken = False
            self._say("the log file is written again")

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the standard library's name
        """Say the trouble once, not for every record."""
        self._worked = False
        if not self._broken:
            self._broken = True
            self._say(
                f"the log file cannot be written: {sys.exception() or 'unknown'}; this console still has each record"
            )

    def format(self, record: logging.LogRecord) -> str:
        """The line as it came, without an end of its own."""
        return record.getMessage().rstrip("\n")

    def close(self) -> None:
        """Close the file; what the disk does not take any more is lost."""
        with contextlib.suppress(OSError):
            super().close()

    def _open(self) -> TextIOWrapper:
        return open(self.baseFilename, self.mode, encoding=self.encoding, opener=_owner_only)  # type: ignore[return-value]

    def _say(self, text: str) -> None:
        sys.stderr.write(f"WARNING  {text}\n")
        sys.stderr.flush()


def _owner_only(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
