"""One segment: a SQLite file with a table of sealed records. Only trader/store/ imports this.

Exactly one connection ever writes a segment, in one thread of one process: the SQLite versions in use may damage a
log when two connections write or checkpoint at once. Readers open read-only and keep each transaction short.
"""

import hashlib
import os
import secrets
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

from trader.store.keys import MasterKeys
from trader.store.seal import MAC_BYTES, SALT_BYTES, SCHEMA, BadRecord, Head, RecordSeal
from trader.store.verdict import StoreRefused

_APPLICATION_ID: Final = 0x54524445
_TABLES: Final = """
CREATE TABLE epochs (epoch INTEGER PRIMARY KEY, key TEXT NOT NULL, salt BLOB NOT NULL) STRICT;
CREATE TABLE records (seq INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, mac BLOB NOT NULL, body BLOB NOT NULL) STRICT;
"""
_INSERT: Final = "INSERT INTO records (seq, epoch, mac, body) VALUES (?, ?, ?, ?)"
_SELECT: Final = "SELECT seq, epoch, mac, body FROM records WHERE seq > ? ORDER BY seq LIMIT ?"
_ROWS_PER_READ: Final = 1024  # one short read transaction
BUSY_TIMEOUT_S: Final = 2.0
_PAGE_BYTES_MIN: Final = 512  # SQLite takes files of 0 and of 1 byte for empty databases

Row = tuple[int, int, bytes, bytes]
RawRow = tuple[Any, Any, Any, Any]  # as a damaged file may hold it


class Disk(Protocol):
    """The step that waits for the disk; tests put a slow or failing one in its place."""

    def commit(self, connection: sqlite3.Connection) -> None:
        """Make the open transaction durable. Raises sqlite3.Error or OSError."""


class RealDisk:
    """The disk itself: SQLite's COMMIT, which with synchronous=FULL returns after the fsync."""

    def commit(self, connection: sqlite3.Connection) -> None:
        """Make the open transaction durable."""
        connection.execute("COMMIT")


class Damaged(Exception):
    """Reading a segment met bytes that were not written so."""


class OpenRecord(NamedTuple):
    """A verified record: its place in the chain and its plain body."""

    head: Head
    body: bytes


def create_segment(path: Path) -> None:
    """Make an empty segment, mode 0600 from its first byte. Raises FileExistsError, OSError, sqlite3.Error."""
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
    connection = open_for_writing(path)
    try:
        connection.executescript(
            f"PRAGMA application_id={_APPLICATION_ID}; PRAGMA user_version={SCHEMA}; BEGIN; {_TABLES} COMMIT;"
        )
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        connection.close()


def open_for_writing(path: Path) -> sqlite3.Connection:
    """The one writing connection. Checkpoints are ours to time, so SQLite's automatic ones are off."""
    connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
    journal = connection.execute("PRAGMA journal_mode=WAL").fetchone()[0]
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA wal_autocheckpoint=0")
    assert journal == "wal", f"{path} is in journal mode {journal}"
    return connection


def open_for_reading(path: Path) -> sqlite3.Connection:
    """A connection that cannot write. A file without a log has no writer: read as immutable, no side files appear.

    Raises sqlite3.Error, also for a file cut to nothing: opening that, even read-only, makes SQLite delete its log.
    """
    if path.exists() and path.stat().st_size < _PAGE_BYTES_MIN:
        raise sqlite3.DatabaseError(f"the file is cut to {path.stat().st_size} bytes")
    at_rest = not path.with_name(path.name + "-wal").exists()
    query = "mode=ro&immutable=1" if at_rest else "mode=ro"
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?{query}", uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None
    )


def check_schema(path: Path, connection: sqlite3.Connection) -> None:
    """Refuse a segment written by a newer program. Raises StoreRefused, sqlite3.Error."""
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version != SCHEMA:
        raise StoreRefused(path, f"schema {version}, this program reads {SCHEMA}", "Use the version that wrote it.")


def begin_epoch(connection: sqlite3.Connection, keys: MasterKeys, segment: int) -> tuple[int, RecordSeal]:
    """Draw the salt of this boot for this segment, store it, and return the epoch's number and seal."""
    salt, name = secrets.token_bytes(SALT_BYTES), keys.current
    master = keys.master(name)
    assert master is not None
    cursor = connection.execute("INSERT INTO epochs (key, salt) VALUES (?, ?)", (name, salt))
    assert cursor.lastrowid is not None
    return cursor.lastrowid, RecordSeal(master=master, store_id=keys.store_id, segment=segment, salt=salt)


def insert(connection: sqlite3.Connection, rows: Sequence[Row], disk: Disk) -> None:
    """Write rows in one transaction and wait for the disk. Raises sqlite3.Error or OSError; then none is written."""
    try:
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(_INSERT, rows)
        disk.commit(connection)
    except (sqlite3.Error, OSError):
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


class SegmentReader:
    """Reads and verifies the records of one segment through a connection of the caller's. One thread at a time."""

    __slots__ = ("_connection", "_keys", "_number", "_seals")

    def __init__(self, connection: sqlite3.Connection, keys: MasterKeys, number: int) -> None:
        self._connection = connection
        self._keys = keys
        self._number = number
        self._seals: dict[int, RecordSeal] = {}

    def records(self, after: Head, last: int | None = None) -> Iterator[OpenRecord]:
        """Every record behind `after`, verified, up to sequence `last`. Raises Damaged at the first that is wrong."""
        previous = after
        while last is None or previous.sequence < last:
            rows = self._rows(previous.sequence, last)
            for row in rows:
                body = self._open(previous, row)
                previous = Head(previous.sequence + 1, row[2])
                yield OpenRecord(previous, body)
            if len(rows) < _ROWS_PER_READ:
                return

    def head_at(self, sequence: int) -> Head:
        """The stored mac of a record, itself not verified: the start of a partial read. Raises Damaged."""
        rows = self._rows(sequence - 1, sequence)
        if not rows or rows[0][0] != sequence or not isinstance(rows[0][2], bytes) or len(rows[0][2]) != MAC_BYTES:
            raise Damaged(f"record {sequence} is missing")
        return Head(sequence, rows[0][2])

    def last_sequence(self, base: int) -> int:
        """The highest sequence present, `base` when the segment is empty. Raises Damaged."""
        try:
            found = self._connection.execute("SELECT max(seq) FROM records").fetchone()[0]
        except sqlite3.Error as error:
            raise Damaged(f"SQLite says: {error}") from error
        return found if isinstance(found, int) else base

    def _rows(self, after: int, last: int | None) -> list[RawRow]:
        limit = _ROWS_PER_READ if last is None else min(_ROWS_PER_READ, last - after)
        try:
            return self._connection.execute(_SELECT, (after, limit)).fetchall()
        except (sqlite3.Error, OverflowError) as error:
            raise Damaged(f"SQLite says: {error}") from error

    def _open(self, previous: Head, row: RawRow) -> bytes:
        sequence, epoch, mac, sealed = row
        if sequence != previous.sequence + 1:
            raise Damaged(f"record {previous.sequence + 1} is missing (the next is {sequence})")
        if not (isinstance(mac, bytes) and isinstance(sealed, bytes) and len(mac) == MAC_BYTES):
            raise Damaged(f"record {sequence} is malformed")
        seal = self._seals.get(epoch) or self._seal(epoch, sequence)
        try:
            return seal.unseal(previous, sealed, mac)
        except BadRecord as error:
            raise Damaged(f"record {sequence}: {error}") from None

    def _seal(self, epoch: int, sequence: int) -> RecordSeal:
        try:
            found = self._connection.execute("SELECT key, salt FROM epochs WHERE epoch = ?", (epoch,)).fetchone()
        except (sqlite3.Error, OverflowError) as error:
            raise Damaged(f"SQLite says: {error}") from error
        master = self._keys.master(found[0]) if found and isinstance(found[0], str) else None
        if master is None or not isinstance(found[1], bytes):
            raise Damaged(f"record {sequence}: its key (epoch {epoch}) is unknown")
        seal = RecordSeal(master=master, store_id=self._keys.store_id, segment=self._number, salt=found[1])
        self._seals[epoch] = seal
        return seal


def file_digest(path: Path) -> str:
    """SHA-256 of a file, hex. Only for files without an open connection: closing ours would drop SQLite's locks."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
