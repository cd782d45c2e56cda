"""`run.py report` and other long answers at a terminal: places that cannot be written, and readers that go away."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from actors.check_local import local_rows
from trader.config import Settings, load_settings
from trader.exit_code import Ends, ExitCode
from trader.report.report_command import main
from trader.store.log import EventStore

ROOT = Path(__file__).parents[2]


def test_a_report_that_cannot_be_written_says_where_and_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full or read-only disk, or a file where the folder should be: one sentence and exit 1, no traceback."""
    monkeypatch.setenv("EVENT_STORE_ROOT", str(tmp_path))
    folder = tmp_path / "perps_bot" / "canary"
    folder.mkdir(parents=True, mode=0o700)
    EventStore.open(folder, profile="canary", account="paper:canary").close()
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(Ends) as end:
        main(["--profile", "canary", "--out", str(tmp_path / "taken" / "reports")])
    assert end.value.code is ExitCode.NEGATIVE
    assert "taken" in end.value.sentence
    assert "--out" in end.value.sentence


def test_a_reader_that_goes_away_ends_a_command_quietly() -> None:
    """`run.py config --explain | head -1`: no traceback, also not from the interpreter's own last flush."""
    command = [sys.executable, "run.py", "config", "--explain"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        said = process.stderr.read()
    assert said == b""
    assert process.returncode == ExitCode.NEGATIVE


def test_the_check_of_a_folder_that_cannot_be_made_goes_on_with_its_other_rows(tmp_path: Path) -> None:
    """The row of the folder fails with its remedy; the disk is the one that would hold it."""
    (tmp_path / "taken").write_text("a file")
    settings = load_settings(ROOT / "config.toml", "canary", paper=True)
    assert isinstance(settings, Settings)
    rows = {row.name: row for row in local_rows(settings, tmp_path / "taken" / "perps_bot" / "canary")}
    assert rows["data folder"].finding.value == "fail"
    assert "EVENT_STORE_ROOT" in rows["data folder"].remedy
    assert "free" in rows["disk"].text
    assert "alerts" in rows
