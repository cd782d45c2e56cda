"""A file that changes under a running system: tightening at once, loosening after accept, rubbish never."""

import os
from pathlib import Path

import pytest

from trader.config import ConfigErrors, Settings, load_settings
from trader.config.changes import Answer
from trader.config.reload import ConfigWatch

TEXT = (Path(__file__).parents[2] / "config.toml").read_text(encoding="utf-8")


class Running:
    """A run on a file of its own."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "config.toml"
        self.saved = 0
        self.save(TEXT)
        settings = self.load()
        assert isinstance(settings, Settings)
        self.watch = ConfigWatch(self.file, settings, self.load)

    def load(self) -> Settings | ConfigErrors:
        return load_settings(self.file, "prod", paper=True)

    def save(self, text: str) -> None:
        """Write the file with a time stamp of its own, as a later save has."""
        self.saved += 1
        self.file.write_text(text, encoding="utf-8")
        os.utime(self.file, (self.saved, self.saved))


@pytest.fixture
def running(tmp_path: Path) -> Running:
    """Profile prod on paper."""
    return Running(tmp_path)


def test_a_change_is_judged_when_the_file_is_at_rest(running: Running) -> None:
    """Two looks at the same file; then nothing new until the next save."""
    assert running.watch.check() is None
    running.save(TEXT.replace("max_open_orders = 40", "max_open_orders = 30"))
    assert running.watch.check() is None
    told = running.watch.check()
    assert told is not None
    assert told.applied
    assert told.settings.risk.max_open_orders == 30
    assert told.lines() == ["risk.max_open_orders: 40 -> 30 (tightening): applied"]
    assert running.watch.check() is None


def test_loosening_waits_for_accept_and_tightening_beside_it_does_not(running: Running) -> None:
    """Both in one save."""
    running.save(
        TEXT.replace("max_open_orders = 40", "max_open_orders = 30").replace("stale_mark_s = 30", "stale_mark_s = 60")
    )
    told = running.watch.reload()
    assert told.settings.risk.max_open_orders == 30
    assert told.settings.risk.stale_mark_s == 30
    assert [change.path for change in told.waiting] == ["risk.stale_mark_s"]
    accepted = running.watch.reload(accepted=True)
    assert accepted.settings.risk.stale_mark_s == 60
    assert accepted.waiting == ()
    assert running.watch.reload().lines() == ["configuration unchanged"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (TEXT.replace("stale_mark_s", "stail_mark_s"), "did you mean stale_mark_s"),
        (TEXT.replace("max_open_orders = 40", "max_open_orders = -1"), "from 1 to 200"),
        (
            TEXT.replace("max_position_usd = 5000, leverage", "max_position_usd = 5000000, leverage"),
            "from 1 to 1000000",
        ),
        (TEXT[: TEXT.index("leverage_max_global = ") + 12], "not valid TOML"),
        ("", "is not in the file"),
    ],
    ids=["unknown key", "negative", "times 1000", "half a file", "empty"],
)
def test_a_file_with_an_error_changes_nothing(running: Running, text: str, why: str) -> None:
    """F-C01: the old configuration stays in force, and why is said."""
    before = running.watch.settings
    running.save(text)
    told = running.watch.reload(accepted=True)
    assert told.settings is before
    assert why in told.refused
    assert told.lines()[0] == "configuration refused, the old one stays in force:"
    running.save(TEXT)
    assert running.watch.reload().refused == ""


def test_a_removed_or_untrusted_file_changes_nothing(running: Running) -> None:
    """Removed, a dangling link, writable by everybody."""
    before = running.watch.settings
    running.file.chmod(0o666)
    assert "chmod o-w" in running.watch.reload().refused
    running.file.unlink()
    assert running.watch.check() is None
    gone = running.watch.check()
    assert gone is not None
    assert "does not exist" in gone.refused
    assert running.watch.check() is None
    running.file.symlink_to("nowhere.toml")
    assert "does not exist" in running.watch.reload().refused
    assert running.watch.settings is before


def test_what_needs_a_start_is_answered_so(running: Running) -> None:
    """Each key as applied or next start."""
    running.save(TEXT.replace("max_retries = 3 ", "max_retries = 2 "))
    told = running.watch.reload(accepted=True)
    assert [change.answer for change in told.changes] == [Answer.NEXT_START]
    assert not told.applied


def test_a_refused_file_is_told_to_a_run_that_goes_on(running: Running) -> None:
    """Nothing was to be started, and nothing is to be run again."""
    running.save(TEXT.replace("max_open_orders = 40", "max_open_orders = 0"))
    told = "\n".join(running.watch.reload().lines())
    assert "config.toml: 1 problem\n" in told
    assert "Correct the file and save it" in told
    assert "started" not in told
    assert "run again" not in told
