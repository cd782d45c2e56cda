"""Examine a store at rest: is every acknowledged record there, in order, and authentic?

Only trader/store/ imports this.

Nothing is written here, so a store that is refused stays byte for byte what it was. Sealed segments are pinned by a
digest in the authenticated anchor (about 1 GB/s); the active one is opened record by record.
"""

import sqlite3
from collections.abc import Iterator
from typing import Final, NamedTuple

from trader.store.anchor import Anchor, MarkReading, SealedSegment, read_anchor, read_mark
from trader.store.keys import MasterKeys
from trader.store.layout import Layout, check_private
from trader.store.seal import Head
from trader.store.segment import Damaged, OpenRecord, SegmentReader, check_schema, file_digest, open_for_reading
from trader.store.verdict import StoreRefused, Verdict
from trader.store.wal import read_wal

_RESTORE: Final = (
    "Nothing was changed. Restore the whole folder from a backup, or move it and the key file aside to begin a new "
    "store; positions then come from the venue. `run.py events export` reads what is still sound."
)


class Finding(NamedTuple):
    """A store that may be used: where its chain ends and what had to be overlooked."""

    anchor: Anchor
    head: Head
    verdict: Verdict
    torn_tail: bytes  # of the active segment's write-ahead log
    notes: tuple[str, ...]


def examine(layout: Layout, keys: MasterKeys) -> Finding:
    """Verify the whole store at rest. Raises StoreRefused with file, problem and remedy."""
    anchor = read_anchor(layout, keys)
    mark = read_mark(layout, keys)
    _check_files(layout, anchor)
    for sealed in anchor.sealed:
        check_sealed(layout, sealed)
    torn_tail = _check_active_file(layout, anchor)
    head = _read_active(layout, keys, anchor, mark)
    notes = []
    if torn_tail:
        notes.append(f"{len(torn_tail)} bytes of an unfinished write were put aside; no acknowledged record is lost")
    if mark.damaged_slot:
        notes.append("one half of the head mark was damaged and is rewritten")
    return Finding(anchor, head, Verdict.REPAIRED if notes else Verdict.CLEAN, torn_tail, tuple(notes))


def read_chain(layout: Layout, keys: MasterKeys, anchor: Anchor, after: int = 0) -> Iterator[OpenRecord]:
    """Every kept record behind sequence `after`, verified. Raises Damaged, sqlite3.Error, OSError.

    A start in the middle takes the mac of record `after` as it is stored: what follows it is proven, not what precedes.
    Also serves readers beside a running writer: each read is short, and the end is wherever the log ends now.
    """
    base = Head(anchor.base_sequence, bytes.fromhex(anchor.base_mac))
    for sealed in anchor.sealed:
        end = Head(sealed.last, bytes.fromhex(sealed.mac))
        if sealed.last > after:
            yield from _segment_records(layout, keys, sealed.number, base, end, after)
        base = end
    yield from _segment_records(layout, keys, anchor.active, base, None, after)


def _segment_records(
    layout: Layout, keys: MasterKeys, number: int, base: Head, end: Head | None, after: int
) -> Iterator[OpenRecord]:
    connection = open_for_reading(layout.segment(number))
    try:
        reader = SegmentReader(connection, keys, number)
        head = base if after <= base.sequence else reader.head_at(after)
        for record in reader.records(head):
            head = record.head
            yield record
        if end is not None and head != end:
            raise Damaged(f"segment {number} ends at {head}, expected {end}")
    finally:
        connection.close()


def _check_files(layout: Layout, anchor: Anchor) -> None:
    """The files are those the anchor names. An empty successor, left by a crash in a segment change, may be there."""
    check_private(layout.folder)
    named = {sealed.number for sealed in anchor.sealed} | {anchor.active}
    present = set(layout.segments_present())
    for number in sorted(named - present):
        raise StoreRefused(layout.segment(number), "the segment is missing", _RESTORE)
    for number in sorted(present - named - {anchor.active + 1}):
        if not _just_pruned(anchor, number):
            raise StoreRefused(layout.segment(number), "the head anchor does not know this segment", _RESTORE)
    for number in sorted(present):
        check_private(layout.segment(number))
    if anchor.active + 1 in present and not _is_empty(layout, anchor.active + 1):
        path = layout.segment(anchor.active + 1)
        raise StoreRefused(path, "it holds records but the head anchor is older than it", _RESTORE)


def _just_pruned(anchor: Anchor, number: int) -> bool:
    """Pruning forgets a segment first and deletes its file second; a crash in between leaves the file."""
    return number < min([sealed.number for sealed in anchor.sealed] + [anchor.active])


def _is_empty(layout: Layout, number: int) -> bool:
    try:
        connection = open_for_reading(layout.segment(number))
        try:
            tables = connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'records'").fetchone()[0]
            return not tables or connection.execute("SELECT count(*) FROM records").fetchone()[0] == 0
        finally:
            connection.close()
    except sqlite3.Error:
        return layout.segment(number).stat().st_size == 0


def check_sealed(layout: Layout, sealed: SealedSegment) -> None:
    """The file is the one that was sealed. Raises StoreRefused, OSError."""
    path = layout.segment(sealed.number)
    wal = layout.wal(sealed.number)
    if wal.exists() and wal.stat().st_size:
        raise StoreRefused(wal, "a sealed segment has a write-ahead log", _RESTORE)
    if not path.exists():
        raise StoreRefused(path, "the segment is missing", _RESTORE)
    if path.stat().st_size != sealed.bytes or file_digest(path) != sealed.sha256:
        problem = f"the sealed segment (records {sealed.first} to {sealed.last}) is not the file that was sealed"
        raise StoreRefused(path, problem, _RESTORE)


def _check_active_file(layout: Layout, anchor: Anchor) -> bytes:
    """The torn tail of the active segment's log; after an orderly close there is none."""
    if anchor.closed_sha256:
        check_closed(layout, anchor)
        return b""
    return read_wal(layout.wal(anchor.active)).torn_tail


def check_closed(layout: Layout, anchor: Anchor) -> None:
    """The active segment is the file an orderly close left. Raises StoreRefused, OSError."""
    path, wal = layout.segment(anchor.active), layout.wal(anchor.active)
    if wal.exists() and wal.stat().st_size:
        raise StoreRefused(wal, "a write-ahead log appeared after an orderly close", _RESTORE)
    if file_digest(path) != anchor.closed_sha256:
        raise StoreRefused(path, "the file changed after an orderly close", _RESTORE)


def _read_active(layout: Layout, keys: MasterKeys, anchor: Anchor, mark: MarkReading) -> Head:
    """Open every record of the active segment; its end must not lie before what either witness has seen."""
    path = layout.segment(anchor.active)
    witnessed = {anchor.head_sequence: anchor.head, mark.newest.head.sequence: mark.newest.head}
    head = anchor.active_base
    unseen = {sequence: seen for sequence, seen in witnessed.items() if sequence >= head.sequence}
    try:
        connection = open_for_reading(path)
        try:
            check_schema(path, connection)
            compare_with_witnesses(unseen, head)
            for record in SegmentReader(connection, keys, anchor.active).records(head):
                head = record.head
                if head.sequence in unseen:
                    compare_with_witnesses(unseen, head)
            _check_integrity(connection)
        finally:
            connection.close()
    except Damaged as error:
        raise StoreRefused(path, str(error), _RESTORE) from None
    except sqlite3.Error as error:
        raise StoreRefused(path, f"SQLite cannot read it ({error})", _RESTORE) from None
    _check_witnesses(layout, anchor, mark, head)
    return head


def compare_with_witnesses(witnessed: dict[int, Head], head: Head) -> None:
    """A record that anchor or mark has seen must be the one they saw. Raises Damaged."""
    seen = witnessed.get(head.sequence, head)
    if seen != head:
        raise Damaged(f"record {head.sequence} is not the one acknowledged ({head}, expected {seen})")


def _check_integrity(connection: sqlite3.Connection) -> None:
    complaint = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if complaint != "ok":
        raise Damaged(f"SQLite's integrity check says: {complaint}")


def _check_witnesses(layout: Layout, anchor: Anchor, mark: MarkReading, head: Head) -> None:
    """Nothing acknowledged may be missing at the end, and neither witness may be an old copy."""
    newest = mark.newest
    last = max(anchor.head_sequence, newest.head.sequence)
    path = layout.segment(anchor.active)
    if head.sequence < last:
        problem = f"records {head.sequence + 1} to {last} are missing at the end"
        raise StoreRefused(path, problem, _RESTORE)
    if anchor.generation < newest.generation:
        raise StoreRefused(layout.head_file, "the head anchor is an older copy", _RESTORE)
    if newest.generation < anchor.generation - 1:
        raise StoreRefused(layout.mark_file, "the head mark is an older copy", _RESTORE)
    if mark.damaged_slot and not anchor.closed_sha256 and head.sequence == newest.head.sequence:
        problem = "one half is damaged, and the records after the other half may be missing"
        raise StoreRefused(layout.mark_file, problem, _RESTORE)
