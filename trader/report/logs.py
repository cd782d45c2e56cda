"""Logging: people read stderr, machines read the rotating JSON file; neither ever sees a secret, and logging never stops trading.

Only `actors/system.py` and the commands call `start_logging`. The standard library's loggers (pykka, urllib3, websocket) go to the
file alone. The console does not repeat what a guard goes on finding (`echo.py`). The last step of every record is redaction: known
secrets in the forms they travel in, then patterns.
"""

from __future__ import annotations

import logging
import sys
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from loguru import logger

from trader.report.echo import Echo
from trader.report.lastwords import tell_with
from trader.report.logfile import LogFile
from trader.report.redaction import redactor

if TYPE_CHECKING:
    from loguru import Message, Record

CONSOLE_WIDTH = 240
ROTATE_BYTES = 10_000_000
FILES_KEPT = 10

_CONTROL = {code: f"\\x{code:02x}" for code in (*range(32), 127) if code != 9}


class _ToLoguru(logging.Handler):
    """Carries the standard library's records into the file; marked so that the console leaves them out."""

    def emit(self, record: logging.LogRecord) -> None:
        level = record.levelname if record.levelname in {"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"} else "DEBUG"
        logger.bind(library=record.name).opt(exception=record.exc_info).log(level, "{}", record.getMessage())


def start_logging(console_level: str, file: Path | None) -> None:
    """Point loguru at stderr and at `file` (JSON lines, rotated by size, ten kept, owner-only)."""
    logger.remove()
    logger.add(_Console(), level=console_level, filter=_for_console, catch=True)
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        logger.add(
            LogFile(file, ROTATE_BYTES, FILES_KEPT),
            level="DEBUG",
            serialize=True,
            backtrace=False,
            diagnose=False,
            catch=True,
            enqueue=False,
        )
    logger.configure(patcher=_redact)
    logging.basicConfig(handlers=[_ToLoguru()], level=logging.INFO, force=True)
    tell_with(_tell_uncaught)
    logging.getLogger("pykka").setLevel(logging.ERROR)
    logging.getLogger("urllib3").setLevel(logging.ERROR)


def _redact(record: Record) -> None:
    """Clean what a record says; a traceback becomes clean text, because a sink would format the exception itself."""
    record["message"] = redactor.clean(record["message"])
    caught = record["exception"]
    if caught is not None:
        words = traceback.format_exception(caught.type, caught.value, caught.traceback)
        record["extra"]["traceback"] = redactor.clean("".join(words))
        record["exception"] = None


def _tell_uncaught(line: str, trace: str) -> None:
    logger.bind(traceback=trace).critical("{}", line)


def _for_console(record: Record) -> bool:
    return "library" not in record["extra"]


class _Console:
    """Writes lines for people; loguru calls it under its lock."""

    def __init__(self) -> None:
        self._echo = Echo()

    def __call__(self, message: Message) -> None:
        record = message.record
        text = record["message"]
        if record["level"].name == "WARNING":
            text = self._echo.hear(text, time.monotonic())
        if not text:
            return
        stamp = record["time"].astimezone(tz=None).strftime("%H:%M:%S")
        line = f"{stamp} {record['level'].name:<8} {text.translate(_CONTROL)}"
        sys.stderr.write(line[:CONSOLE_WIDTH] + "\n")
        sys.stderr.flush()
