"""A wrong configuration through the real command line: its exit code, one message on stderr, nothing started."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "config.toml").read_text(encoding="utf-8")

CASES = [
    ("stale_mark_s = 30", "stail_mark_s = 30", [], 78, "did you mean stale_mark_s?"),
    ("max_daily_loss_usd = 10,", "max_daily_loss_usd = 10000,", [], 78, "ceiling 10"),
    ("[defaults.rest]", "[defaults.rest", [], 78, "not valid TOML"),
    ("", "", ["--profile", "cnary"], 64, "unknown profile"),
    ("", "", ["--symbols", "BTX-USD"], 64, "did you mean BTC-USD"),
    ("", "", ["--leverage", "50"], 64, "from 1 to 5"),
    ("", "", ["--profile", "dev", "--live"], 64, "which selects paper"),
]


@pytest.mark.parametrize(("old", "new", "arguments", "code", "remedy"), CASES, ids=[case[4] for case in CASES])
def test_nothing_is_started_and_the_message_names_the_remedy(
    tmp_path: Path, old: str, new: str, arguments: list[str], code: int, remedy: str
) -> None:
    """No traceback, no data folder, nothing on stdout."""
    file, data = tmp_path / "config.toml", tmp_path / "data"
    file.write_text(TEXT.replace(old, new) if old else TEXT, encoding="utf-8")
    ended = subprocess.run(
        [sys.executable, str(ROOT / "run.py"), "--config", str(file), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "EVENT_STORE_ROOT": str(data)},
        check=False,
    )
    assert ended.returncode == code, ended.stderr
    assert remedy in ended.stderr
    assert "nothing was started" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert ended.stdout == ""
    assert not data.exists()
