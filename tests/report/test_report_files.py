"""The status files: whole, private, and readable after the program is gone."""

import json
import stat
from pathlib import Path

import pytest
from status_examples import NOW, healthy, reduce_only

from trader.report.files import read_last_status, write_status_files
from trader.report.screen import render_screen
from trader.report.state_files import health_json


def test_the_four_files_are_private_json_of_the_same_instant(tmp_path: Path) -> None:
    """health.json, metrics.json, last_state.json, status.json; 0600, no leftovers."""
    write_status_files(tmp_path, healthy())
    write_status_files(tmp_path, reduce_only())
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"health.json", "metrics.json", "last_state.json", "status.json"}
    told = {name: json.loads((tmp_path / name).read_text()) for name in names}
    assert all(stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600 for name in names)
    assert told["health.json"] == json.loads(json.dumps(health_json(reduce_only())))
    assert told["metrics.json"]["mode"] == 1
    assert told["last_state.json"]["positions"][0]["quantity"] == "0.0021"


def test_the_last_screen_is_shown_and_says_since_when_the_program_is_down(tmp_path: Path) -> None:
    """`run.py status` works when the bot is down."""
    write_status_files(tmp_path, healthy())
    fresh = read_last_status(tmp_path, NOW + 2)
    assert fresh is not None
    assert fresh.fresh
    assert fresh.screen == render_screen(healthy())
    old = read_last_status(tmp_path, NOW + 3600)
    assert old is not None
    assert not old.fresh
    assert old.screen.startswith("DOWN     stuck since 2026-11-20 17:24:09Z (1h00m ago).")
    assert old.screen.endswith(fresh.screen)


def test_a_run_that_ended_is_down_at_once_and_not_healthy(tmp_path: Path) -> None:
    """Its file is young, but nobody is there."""
    write_status_files(tmp_path, healthy(ended="stopped on request"))
    last = read_last_status(tmp_path, NOW + 1)
    assert last is not None
    assert not last.fresh
    assert last.screen.startswith("DOWN     stopped at 2026-11-20 17:24:09Z")
    assert json.loads((tmp_path / "health.json").read_text())["ok"] is False


@pytest.mark.parametrize("content", [None, b"", b"{}", b'{"utc_time": "x", "screen": 1}'])
def test_a_missing_or_strange_file_is_no_status(tmp_path: Path, content: bytes | None) -> None:
    """Answered by the caller with how to start the program."""
    if content is not None:
        (tmp_path / "status.json").write_bytes(content)
    assert read_last_status(tmp_path, NOW) is None


def test_a_folder_that_cannot_be_written_raises_and_leaves_the_old_files_whole(tmp_path: Path) -> None:
    """The caller says so once and trades on."""
    write_status_files(tmp_path, healthy())
    before = (tmp_path / "health.json").read_bytes()
    (tmp_path / ".health.json.tmp").mkdir()
    with pytest.raises(OSError, match="health"):
        write_status_files(tmp_path, reduce_only())
    assert (tmp_path / "health.json").read_bytes() == before
