"""The chain being written: active segment, head anchor and head mark moved forward together.

Only trader/store/ imports this. Everything here belongs to one thread at a time: the opener's, then the writer's.
Errors are sqlite3.Error and OSError; after one the object must not be written to again (the writer sees to that).
"""

import sqlite3
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from trader.store.anchor import Anchor, HeadMark, Mark, SealedSegment, write_anchor
from trader.store.atomic import sync_folder
from trader.store.keys import MasterKeys
from trader.store.layout import Layout
from trader.store.seal import Head, RecordSeal
from trader.store.segment import (
    BUSY_TIMEOUT_S,
    Disk,
    begin_epoch,
    create_segment,
    file_digest,
    insert,
    open_for_writing,
)

SEGMENT_BYTES_MAX: Final = 64 << 20  # a larger one would make the digest at its end hold up an order
SECONDS_PER_DAY: Final = 86_400
SEAL_RETRY_S: Final = 30.0  # a reader in the way of a segment change is not asked again at every commit
_BUSY_AT_SEAL_MS: Final = 50
_PAGES_PER_COMMIT_BYTES: Final = 3 * 4120  # tables' pages that a commit writes again, beside the records themselves


class ActiveLog:
    """Appends to the chain. Between calls, disk and object agree: `head` is durable."""

    def __init__(
        self, layout: Layout, keys: MasterKeys, anchor: Anchor, head: Head, disk: Disk, utc: Callable[[], float]
    ) -> None:
        self.head = head
        if not anchor.active_utc_day and head != anchor.active_base:  # a crash before the first anchor of the segment
            anchor = msgspec.structs.replace(anchor, active_utc_day=int(utc() // SECONDS_PER_DAY))
        self.anchor = anchor
        self._layout = layout
        self._keys = keys
        self._disk = disk
        self._utc = utc
        self._empty = head == anchor.active_base
        self._full = False
        self._seal_not_before = 0.0
        self.uncheckpointed_bytes = 0  # about; the file itself stays as large as it once was
        self._connection = open_for_writing(layout.segment(anchor.active))
        self._epoch, self._seal = self._begin_epoch()
        self._mark = HeadMark(layout, keys, keys.current)
        self._anchor_generation(closed_sha256="")
        self._mark.write_both(Mark(self.anchor.generation, head))

    def write(self, bodies: Sequence[bytes], utc_time: float) -> int:
        """Write bodies as the next records of one transaction; returns the first one's sequence once it is durable.

        `utc_time` (UNIX s) is the batch's first event's: a new UTC day, or a full segment, begins a new segment.
        """
        utc_day = int(utc_time // SECONDS_PER_DAY)
        if self._segment_is_over(utc_day) and utc_time >= self._seal_not_before:
            self._begin_segment(utc_time)
        head, rows = self.head, []
        for body in bodies:
            head, sealed = self._seal.seal(head, body)
            rows.append((head.sequence, self._epoch, head.mac, sealed))
        insert(self._connection, rows, self._disk)
        if self._empty:
            self._empty = False
            self.anchor = msgspec.structs.replace(self.anchor, active_utc_day=utc_day)
        self.head = head
        self.uncheckpointed_bytes += _PAGES_PER_COMMIT_BYTES + sum(len(row[3]) for row in rows)
        self._mark.write(Mark(self.anchor.generation, head))
        return rows[0][0]

    @property
    def dirty(self) -> bool:
        """Whether the chain has grown since the anchor was written."""
        return self.head.sequence != self.anchor.head_sequence

    @property
    def wal_bytes(self) -> int:
        """The size of the write-ahead log's file; it grows without limit while a reader stays in one transaction."""
        wal = self._layout.wal(self.anchor.active)
        return wal.stat().st_size if wal.exists() else 0

    @property
    def file_bytes(self) -> int:
        """The size of all kept segments on disk."""
        active = self._layout.segment(self.anchor.active).stat().st_size
        return sum(sealed.bytes for sealed in self.anchor.sealed) + active + self.wal_bytes

    def checkpoint(self) -> None:
        """Move the write-ahead log into the segment as far as readers allow, and anchor the head."""
        self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        self.uncheckpointed_bytes = 0  # a reader in the way is asked again after as many bytes
        self._full = self._layout.segment(self.anchor.active).stat().st_size > SEGMENT_BYTES_MAX
        self.anchor_head()

    def anchor_head(self) -> None:
        """Write the head anchor and let the mark follow."""
        self._anchor_generation(closed_sha256="")
        self._mark.write(Mark(self.anchor.generation, self.head))

    def close(self) -> None:
        """Close in order: the next open finds the very file this leaves, or refuses."""
        busy = self._checkpoint_fully()
        self._connection.close()
        digest = "" if busy or self.wal_bytes else file_digest(self._layout.segment(self.anchor.active))
        self._anchor_generation(closed_sha256=digest)
        self._mark.write_both(Mark(self.anchor.generation, self.head))
        self._mark.close()

    def abandon(self) -> None:
        """Release the files after a failure; the anchor stays as it was, so the next open examines every record."""
        self._mark.close()
        self._connection.close()

    def _begin_epoch(self) -> tuple[int, RecordSeal]:
        return begin_epoch(self._connection, self._keys, self.anchor.active)

    def _segment_is_over(self, utc_day: int) -> bool:
        return not self._empty and (self._full or utc_day > self.anchor.active_utc_day)

    def _checkpoint_fully(self) -> bool:
        """Whether a reader was in the way of moving the whole write-ahead log into the segment."""
        busy = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        return bool(busy)

    def _begin_segment(self, utc_time: float) -> None:
        """Seal the active segment and begin the next, unless a reader is in the way: then the day runs on a little.

        Order: the old file complete, the new file made, then the anchor that names both. A crash before the anchor
        leaves an empty successor, which the next open recognizes.
        """
        self._connection.execute(f"PRAGMA busy_timeout={_BUSY_AT_SEAL_MS}")
        busy = self._checkpoint_fully()
        self._connection.execute(f"PRAGMA busy_timeout={int(BUSY_TIMEOUT_S * 1000)}")
        if busy:
            self._seal_not_before = utc_time + SEAL_RETRY_S
            return
        self._connection.close()
        number, path = self.anchor.active, self._layout.segment(self.anchor.active)
        base = self.anchor.active_base
        sealed = SealedSegment(
            number,
            base.sequence + 1,
            self.head.sequence,
            self.head.mac.hex(),
            file_digest(path),
            path.stat().st_size,
            self.anchor.active_utc_day,
        )
        remove_segment(self._layout, number + 1)
        create_segment(self._layout.segment(number + 1))
        sync_folder(self._layout.folder)
        self.anchor = msgspec.structs.replace(
            self.anchor, sealed=(*self.anchor.sealed, sealed), active=number + 1, active_utc_day=0
        )
        self.anchor_head()
        self._empty, self._full, self.uncheckpointed_bytes = True, False, 0
        self._connection = open_for_writing(self._layout.segment(number + 1))
        self._epoch, self._seal = self._begin_epoch()

    def _anchor_generation(self, *, closed_sha256: str) -> None:
        """Write the anchor's next generation, under the current key."""
        self.anchor = msgspec.structs.replace(
            self.anchor,
            generation=self.anchor.generation + 1,
            written=self._utc(),
            key=self._keys.current,
            head_sequence=self.head.sequence,
            head_mac=self.head.mac.hex(),
            closed_sha256=closed_sha256,
        )
        write_anchor(self._layout, self._keys, self.anchor)


def remove_segment(layout: Layout, number: int) -> None:
    """Delete a segment's file and SQLite's side files; missing ones are fine. Raises OSError."""
    path = layout.segment(number)
    for name in (path, layout.wal(number), path.with_name(path.name + "-shm")):
        name.unlink(missing_ok=True)


def sqlite_reason(error: sqlite3.Error | OSError) -> str:
    """A disk error in words an operator can act on."""
    name = getattr(error, "sqlite_errorname", "")
    if name == "SQLITE_FULL" or getattr(error, "errno", None) in (27, 28, 122):
        return f"disk full ({error}): free space, then restart"
    return (
        f"disk error ({name + ': ' if name else ''}{error}): check the disk, then restart; the store is verified then"
    )
