"""What is left when something dies: tracebacks without secrets, wherever the exception was, and never an image of the memory."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SECRET = "planted-" + "c0ffee" * 4
BEGIN = f"""
import sys, threading
from pathlib import Path
from trader.report.lastwords import guard_last_words
from trader.report.redaction import redactor
guard_last_words()
redactor.know({SECRET!r})
def fail():
    raise RuntimeError("the venue said {SECRET}") from ValueError({SECRET!r})
class Cleans:
    def __del__(self):
        fail()
def in_thread():
    thread = threading.Thread(target=fail, name="worker")
    thread.start()
    thread.join()
"""
LOGGED = """
from trader.report.logs import start_logging
start_logging("INFO", Path(sys.argv[1]))
"""
ENDS = {"on the main thread": "fail()", "in thread worker": "in_thread()", "while cleaning up": "Cleans()"}


def ended(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a piece of code in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("where", ENDS)
def test_an_uncaught_exception_is_told_without_its_secret(where: str) -> None:
    """Without a log the traceback comes on stderr: whole, with the cause, and masked."""
    said = ended(BEGIN + ENDS[where]).stderr
    assert "RuntimeError: the venue said [secret]" in said
    assert "ValueError: [secret]" in said
    assert SECRET not in said


def test_with_a_log_the_traceback_is_in_the_file_and_one_line_on_the_console(tmp_path: Path) -> None:
    """Uncaught ones and those that are logged: neither the console nor the file has the secret."""
    caught = """
from loguru import logger
in_thread()
Cleans()
try:
    fail()
except RuntimeError:
    logger.opt(exception=True).error("it failed")
fail()
"""
    file = tmp_path / "logs" / "perps_bot.log"
    done = ended(BEGIN + LOGGED + caught, str(file))
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert len(lines) == 4
    assert [sum(where in line for line in lines) for where in ENDS] == [1, 1, 1]
    written = file.read_text()
    assert SECRET not in done.stderr + written
    traces = [json.loads(line)["record"]["extra"].get("traceback", "") for line in written.splitlines()]
    assert [trace.count("in fail") >= 1 for trace in traces] == [True] * 4


def test_a_process_of_run_py_leaves_no_core_dump() -> None:
    """The limit is zero for good, and the kernel's flag forbids the pipe to a handler too; children inherit the limit."""
    code = """
import ctypes, resource, subprocess, sys
import run
run.main(["config", "--profile", "canary"])
print("limits", resource.getrlimit(resource.RLIMIT_CORE), "dumpable", ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))
subprocess.run([sys.executable, "-c", "import resource; print('child', resource.getrlimit(resource.RLIMIT_CORE))"])
"""
    said = ended(code).stdout
    assert "limits (0, 0) dumpable 0" in said
    assert "child (0, 0)" in said
