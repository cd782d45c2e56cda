"""The log file: JSON lines, owner-only, rotated, and quiet about a disk that is full."""

from __future__ import annotations

import json
import resource
from pathlib import Path

import pytest
from loguru import logger

from trader.report import logs
from trader.report.logs import start_logging


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "logs" / "perps_bot.log"
    start_logging("INFO", path)
    return path


def test_each_record_is_one_line_of_json_only_the_owner_can_read(file: Path) -> None:
    """Tracebacks included."""
    logger.info("first")
    try:
        int("inside")
    except ValueError:
        logger.opt(exception=True).error("second")
    lines = file.read_text().splitlines()
    assert [json.loads(line)["record"]["message"] for line in lines] == ["first", "second"]
    assert "ValueError" in lines[1]
    assert file.stat().st_mode & 0o777 == 0o600


def test_it_is_rotated_by_size_and_kept_by_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The newest record is always in the file of that name."""
    monkeypatch.setattr(logs, "ROTATE_BYTES", 3_000)
    monkeypatch.setattr(logs, "FILES_KEPT", 2)
    path = tmp_path / "logs" / "perps_bot.log"
    start_logging("ERROR", path)
    for number in range(40):
        logger.info("record {}", number)
    assert sorted(found.name for found in path.parent.iterdir()) == [path.name, f"{path.name}.1", f"{path.name}.2"]
    assert "record 39" in path.read_text()
    assert capsys.readouterr().err == ""


def test_a_full_disk_is_said_once_and_the_console_keeps_every_record(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No traceback between people's lines, and the file goes on when there is room again."""
    logger.info("before")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (file.stat().st_size, hard))
    try:
        logger.info("lost one")
        logger.info("lost two")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    logger.info("after")
    said = capsys.readouterr().err
    assert "Traceback" not in said
    assert said.count("the log file cannot be written") == 1
    assert said.count("the log file is written again") == 1
    assert [word for word in ("before", "lost one", "lost two", "after") if word not in said] == []
    assert "after" in file.read_text()
