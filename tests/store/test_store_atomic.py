"""Small durable files: whole or not at all, owner-only, nothing left behind."""

import os
import resource
from pathlib import Path

import pytest

from trader.store.atomic import private_folder, write_atomically


def test_a_file_is_replaced_as_a_whole_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    """New content takes the place of the old, with mode 0600 and no temporary file beside it."""
    path = tmp_path / "health.json"
    write_atomically(path, b"old")
    write_atomically(path, b"new and longer")
    assert path.read_bytes() == b"new and longer"
    assert path.stat().st_mode & 0o777 == 0o600
    assert os.listdir(tmp_path) == ["health.json"]


def test_a_mode_asked_for_is_given_whatever_the_umask_says(tmp_path: Path) -> None:
    """A file meant for other readers is readable by them although the process runs under umask 077."""
    before = os.umask(0o077)
    try:
        write_atomically(tmp_path / "page.html", b"x", mode=0o644)
    finally:
        os.umask(before)
    assert (tmp_path / "page.html").stat().st_mode & 0o777 == 0o644


def test_a_write_that_does_not_fit_leaves_the_old_file_and_no_temporary_one(tmp_path: Path) -> None:
    """When the file system refuses the bytes the caller gets OSError and the old content stays."""
    path = tmp_path / "holds.json"
    write_atomically(path, b"holds")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(OSError, match="large"):
            write_atomically(path, b"x" * 10_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == b"holds"
    assert os.listdir(tmp_path) == ["holds.json"]


def test_a_symbolic_link_at_the_target_is_replaced_not_followed(tmp_path: Path) -> None:
    """A link planted at the path cannot redirect the write to another file."""
    victim, path = tmp_path / "victim", tmp_path / "state.json"
    victim.write_bytes(b"mine")
    path.symlink_to(victim)
    write_atomically(path, b"state")
    assert victim.read_bytes() == b"mine"
    assert not path.is_symlink()


def test_a_private_folder_is_made_with_its_parents_for_the_owner_only(tmp_path: Path) -> None:
    """The folder is 0700 and making it twice is harmless."""
    folder = tmp_path / "perps_bot" / "canary"
    private_folder(folder)
    private_folder(folder)
    assert folder.stat().st_mode & 0o777 == 0o700
