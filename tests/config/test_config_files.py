"""Broken configuration files: half-written, binary, endless, damaged, untrusted; each is one clear answer."""

import os
import random
from pathlib import Path

import pytest

from trader.config import ConfigErrors, load_settings
from trader.config.document import distrust

TEXT = (Path(__file__).parents[2] / "config.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("content", "remedy"),
    [
        (b"", "is not in the file"),
        (b"[defaults\nvenue = 1\n", "not valid TOML"),
        (b'[defaults]\nvenue = "coin', "not valid TOML"),
        (b"\xff\xfe[defaults]", "not UTF-8"),
        (b"x = " + b"[" * 5000 + b"]" * 5000, "nests too deeply"),
        (b"x = " + b"9" * 5000, "thousands of digits"),
        (b"# " + b"a" * 300_000, "larger than 256 KiB"),
        (b"defaults = 5\n[profiles.canary]", "must be a table"),
        (b"[[profiles]]\n[[profiles]]", "must be tables"),
        (b"[defaults]\nrisk = 5\n[profiles.canary]", "must be a table"),
    ],
)
def test_a_broken_file_is_one_clear_sentence(tmp_path: Path, content: bytes, remedy: str) -> None:
    """Half-written, binary, endless or oversized: no traceback, nothing started."""
    file = tmp_path / "config.toml"
    file.write_bytes(content)
    errors = load_settings(file, "canary")
    assert isinstance(errors, ConfigErrors)
    assert errors.exit_code == 78
    assert remedy in str(errors)


def test_a_missing_file_a_folder_and_a_pipe_are_refused_without_waiting(tmp_path: Path) -> None:
    """A pipe would block a reader for ever."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path, remedy in (
        (tmp_path / "none.toml", "does not exist"),
        (tmp_path, "regular file"),
        (pipe, "regular file"),
    ):
        errors = load_settings(path, "canary")
        assert isinstance(errors, ConfigErrors)
        assert remedy in str(errors)


def test_a_file_that_others_can_change_is_not_believed_while_running(tmp_path: Path) -> None:
    """F-C01: the hot reload keeps the old configuration; a start only reads it."""
    file = tmp_path / "config.toml"
    file.write_text(TEXT, encoding="utf-8")
    file.chmod(0o644)
    assert distrust(file) == ""
    file.chmod(0o646)
    assert "chmod o-w" in distrust(file)
    assert distrust(tmp_path / "none.toml") == ""
    assert distrust(Path("/proc/self/status")) == ""  # root's or our own


def test_a_byte_order_mark_at_the_front_is_not_part_of_the_file(tmp_path: Path) -> None:
    """Some editors put one there; the values and the lines of errors are those of the same file without it."""
    file = tmp_path / "config.toml"
    file.write_bytes(b"\xef\xbb\xbf" + TEXT.encode())
    assert not isinstance(load_settings(file, "canary"), ConfigErrors)
    file.write_bytes(b"\xef\xbb\xbf" + b"max_oder = 1\n" + TEXT.encode())
    errors = load_settings(file, "canary")
    assert isinstance(errors, ConfigErrors)
    assert [problem.line for problem in errors.problems] == [1]


PIECES = [
    "{",
    "}",
    "[",
    "]",
    "=",
    '"',
    "'''",
    ".",
    "\n",
    "#",
    "0x",
    "nan",
    "1e9",
    "[[",
    "profiles",
    "\\",
    "é",
    "\x00",
    "9" * 30,
]


@pytest.mark.parametrize("seed", range(8))
def test_a_damaged_file_is_an_answer_and_never_an_exception(tmp_path: Path, seed: int) -> None:
    """Pieces inserted, cut out and moved, forty times a seed: settings or errors in printable lines."""
    rng, file = random.Random(seed), tmp_path / "config.toml"
    for _ in range(40):
        text = TEXT
        for _ in range(rng.randint(1, 4)):
            at, end, other = rng.randrange(len(text)), rng.randint(1, 60), rng.randrange(len(text))
            inserted = rng.choice([rng.choice(PIECES), "", text[other : other + end]])
            text = text[:at] + inserted + text[at + (0 if inserted else end) :]
        file.write_text(text, encoding="utf-8")
        told = load_settings(file, "canary", paper=True)
        if isinstance(told, ConfigErrors):
            assert told.exit_code == 78, seed
            assert all(char.isprintable() or char == "\n" for char in str(told)), seed
