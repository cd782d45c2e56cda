"""What a process may leave behind when something goes wrong: no memory image, and tracebacks without secrets.

`run.py` calls `guard_last_words` before anything else; `logs.py` takes the tracebacks over once there is a log file. Interpreter
crashes are told by faulthandler, which writes names of files and functions and no values.
"""

from __future__ import annotations

import ctypes
import resource
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType

from trader.report.redaction import redactor

PR_SET_DUMPABLE = 4

Tell = Callable[[str, str], None]
"""Takes one line of what happened and the traceback, both without secrets."""


def guard_last_words() -> None:
    """Switch memory images off and route every uncaught exception of this process through the redactor. Once, on the main thread."""
    without_core_dumps()
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread
    sys.unraisablehook = _unraisable


def without_core_dumps() -> None:
    """Forbid a file of our memory, which holds the key: by the limit, and where a handler is fed through a pipe, by the kernel's flag."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)


def tell_with(tell: Tell) -> None:
    """Hand tracebacks to `tell` from now on, instead of stderr."""
    global _tell
    _tell = tell


def _to_stderr(_line: str, trace: str) -> None:
    sys.stderr.write(trace)
    sys.stderr.flush()


_tell: Tell = _to_stderr


def _say(where: str, kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    words = "".join(traceback.format_exception(kind, error, trace))
    _tell(redactor.clean(f"uncaught {where}: {kind.__name__}: {error}"), redactor.clean(words))


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    _say("on the main thread", kind, error, trace)


def _uncaught_in_thread(given: threading.ExceptHookArgs) -> None:
    if given.exc_type is not SystemExit:
        name = given.thread.name if given.thread is not None else "that has ended"
        _say(f"in thread {name}", given.exc_type, given.exc_value, given.exc_traceback)


def _unraisable(given: sys.UnraisableHookArgs) -> None:
    _say("while cleaning up", given.exc_type, given.exc_value, given.exc_traceback)
