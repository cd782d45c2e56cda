"""`run.py health`: one line, 0 or 1, and never fooled by an old file."""

import os
import time
from pathlib import Path

import pytest
from status_examples import healthy

from trader.exit_code import Ends, ExitCode
from trader.report.files import write_status_files
from trader.report.health_command import main


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The canary's data folder."""
    monkeypatch.setenv("EVENT_STORE_ROOT", str(tmp_path))
    made = tmp_path / "perps_bot" / "canary"
    made.mkdir(parents=True)
    return made


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


def test_no_file_is_not_ok_and_says_what_to_look_at(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong folder looks the same as a program that never ran."""
    assert main(["--profile", "canary"]) == ExitCode.NEGATIVE
    assert "EVENT_STORE_ROOT" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [[], ["--profile", "../canary"], ["--max-age", "soon"], ["--nonsense"]])
def test_without_one_profile_it_is_a_wrong_argument(folder: Path, arguments: list[str]) -> None:
    """Exit 64, with the running profiles named."""
    with pytest.raises(Ends) as end:
        main(arguments)
    assert end.value.code is ExitCode.USAGE
