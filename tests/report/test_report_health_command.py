"""`run.py health`: one line, 0 or 1, and never fooled by an old file."""

import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from status_examples import healthy

from actors.status_command import main as status
from trader.exit_code import Ends, ExitCode
from trader.report.files import write_status_files
from trader.report.health_command import main


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The data folder of a canary that runs: its lock is held."""
    monkeypatch.setenv("EVENT_STORE_ROOT", str(tmp_path))
    made = tmp_path / "perps_bot" / "canary"
    made.mkdir(parents=True)
    with (made / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield made


def test_a_healthy_profile_is_one_line_and_zero(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Ready for a container's probe."""
    write_status_files(folder, healthy())
    assert main(["--profile", "canary"]) == ExitCode.OK
    assert capsys.readouterr().out == (
        "ok: canary NORMAL: Waiting: the trading window opens in 20h45m. Nothing is wrong.\n"
    )


def test_an_old_file_is_not_ok_whatever_it_says(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The program may be gone or stuck."""
    write_status_files(folder, healthy())
    old = time.time() - 120
    os.utime(folder / "health.json", (old, old))
    assert main(["--profile", "canary"]) == ExitCode.NEGATIVE
    assert "the trader is down or stuck" in capsys.readouterr().out
    assert main(["--profile", "canary", "--max-age", "1000"]) == ExitCode.OK


def test_a_killed_profile_is_not_ok_at_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """kill -9 leaves a young file that says ok, and a lock that nobody holds."""
    write_status_files(folder, healthy())
    (folder / "lock").unlink()
    (folder / "lock").touch()
    assert main([]) == ExitCode.NEGATIVE
    assert "not ok: canary DOWN: no process runs it, last heard 0." in capsys.readouterr().out
    assert status([]) == ExitCode.NEGATIVE
    screen = capsys.readouterr().out
    assert screen.startswith("DOWN     not running since 2026-11-20 17:24:09Z")
    assert "canary  LIVE  DOWN (was NORMAL)  " in screen


def test_no_file_is_not_ok_and_says_what_to_look_at(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong folder looks the same as a program that never ran."""
    assert main(["--profile", "canary"]) == ExitCode.NEGATIVE
    assert "EVENT_STORE_ROOT" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["--profile", "../canary"], ["--max-age", "soon"], ["--nonsense"]])
def test_what_is_no_profile_is_a_wrong_argument(folder: Path, arguments: list[str]) -> None:
    """Exit 64."""
    with pytest.raises(Ends) as end:
        main(arguments)
    assert end.value.code is ExitCode.USAGE
