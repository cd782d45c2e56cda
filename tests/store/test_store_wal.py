"""Our reading of SQLite's write-ahead log agrees with SQLite's own recovery."""

import random
import shutil
import sqlite3
from pathlib import Path

import pytest

from trader.store.wal import read_wal

COMMITS = 25


def log_of(folder: Path) -> tuple[Path, dict[int, int]]:
    """A database with a log of 25 one-row transactions, not yet moved; and the rows at each log length."""
    path = folder / "a.sqlite3"
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA wal_autocheckpoint=0")
    connection.execute("CREATE TABLE t (n INTEGER, body BLOB)")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    wal = folder / "a.sqlite3-wal"
    rows = {0: 0, 32: 0}
    for number in range(COMMITS):
        connection.execute("INSERT INTO t VALUES (?, randomblob(900))", (number,))
        rows[wal.stat().st_size] = number + 1
    copy = folder / "copy.sqlite3"
    shutil.copy(path, copy)
    shutil.copy(wal, folder / "copy.sqlite3-wal")
    connection.close()
    return copy, rows


def rows_by_sqlite(path: Path, log: bytes, folder: Path) -> int:
    """How many rows SQLite recovers from that log."""
    shutil.copy(path, folder / "try.sqlite3")
    (folder / "try.sqlite3-wal").write_bytes(log)
    connection = sqlite3.connect(folder / "try.sqlite3")
    count: int = connection.execute("SELECT count(*) FROM t").fetchone()[0]
    connection.close()
    for leftover in folder.glob("try.sqlite3*"):
        leftover.unlink()
    return count


@pytest.mark.parametrize("kind", ["cut", "flip"])
def test_the_sound_part_is_what_sqlite_recovers(kind: str, tmp_path: Path) -> None:
    """For cuts and flipped bytes anywhere the last complete transaction is the same, and the tail is all that follows."""
    path, rows = log_of(tmp_path)
    wal = path.with_name("copy.sqlite3-wal")
    whole = wal.read_bytes()
    assert read_wal(wal) == (len(whole), b"")
    choose = random.Random(5)
    for place in sorted(choose.sample(range(len(whole)), 80)):
        damaged = whole[:place] if kind == "cut" else whole[:place] + bytes([whole[place] ^ 0x40]) + whole[place + 1 :]
        wal.write_bytes(damaged)
        reading = read_wal(wal)
        assert rows[reading.sound_bytes] == rows_by_sqlite(path, damaged, tmp_path), f"{kind} at {place}"
        assert reading.torn_tail in {b"", damaged[reading.sound_bytes :]}
        assert bool(reading.torn_tail) == (len(damaged) > reading.sound_bytes)


def test_frames_left_over_from_an_earlier_round_are_no_torn_tail(tmp_path: Path) -> None:
    """After a checkpoint the log is written again from its beginning; old frames behind the new ones are normal."""
    path = tmp_path / "a.sqlite3"
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("CREATE TABLE t (body BLOB)")
    connection.executemany("INSERT INTO t VALUES (randomblob(3000))", [()] * 20)
    connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
    connection.execute("INSERT INTO t VALUES (randomblob(10))")
    wal = tmp_path / "a.sqlite3-wal"
    reading = read_wal(wal)
    assert 32 < reading.sound_bytes < wal.stat().st_size
    assert reading.torn_tail == b""
    connection.close()


def test_no_log_and_an_empty_log_are_sound(tmp_path: Path) -> None:
    """At rest there is nothing to read."""
    assert read_wal(tmp_path / "none") == (0, b"")
    (tmp_path / "empty").touch()
    assert read_wal(tmp_path / "empty") == (0, b"")
