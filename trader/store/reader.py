"""Reading a store: replay, tail and verification, also beside the process that writes it.

actors/, run.py's commands and report/ import this. Reads are short transactions on read-only connections; nothing here
writes, locks or checkpoints. Every record is authenticated as it is read.
"""

import sqlite3
from collections import deque
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final

import msgspec

from trader.store.anchor import Anchor, read_anchor, read_mark
from trader.store.events import Event, decode, wanted_types
from trader.store.keys import MasterKeys, load_keys
from trader.store.layout import Layout
from trader.store.seal import Head, fingerprint
from trader.store.segment import Damaged, SegmentReader, open_for_reading
from trader.store.verdict import NoStore, StoreRefused
from trader.store.verify import check_closed, check_sealed, compare_with_witnesses, read_chain

_WINDOW: Final = 512  # records a tail opens at a time, going backwards
_DAMAGED: Final = "Run `run.py events verify`; restore the folder from a backup."


class Verified(msgspec.Struct, frozen=True):
    """What a verification of every record found."""

    records: int
    first: int  # sequence of the first kept record
    head: str
    segments: int
    store_id: str


class EventReader:
    """A store opened for reading. One thread at a time; iterators of one reader are independent of each other."""

    def __init__(self, layout: Layout, keys: MasterKeys, anchor: Anchor) -> None:
        self._layout = layout
        self._keys = keys
        self._anchor = anchor

    @classmethod
    def open_readonly(cls, root: Path, *, key_file: Path | None = None) -> "EventReader":
        """Open the store of a profile's folder, running or not. Raises NoStore without a trace of one, else StoreRefused."""
        layout = Layout.of(root, key_file)
        if not layout.has_trace():
            remedy = f"Start it once: python run.py --profile {root.name}"
            raise NoStore(layout.folder, "there is no event store, the profile has never run", remedy)
        keys = load_keys(layout)
        return cls(layout, keys, read_anchor(layout, keys))

    @property
    def profile(self) -> str:
        """The profile the store belongs to."""
        return self._anchor.profile

    def belongs_to(self, account: str) -> bool:
        """Whether the store is this account's; it keeps only the account's fingerprint."""
        first = self._keys.master(self._keys.names()[0])
        assert first is not None
        return self._anchor.account == fingerprint(first, self._keys.store_id, account)

    def replay(self, types: Collection[str] | None = None, *, after: int = 0) -> Iterator[Event]:
        """Durable events behind sequence `after`, in order, or those of `types`. Raises StoreRefused at damage."""
        wanted = None if types is None else frozenset(types)
        try:
            for record in read_chain(self._layout, self._keys, self._anchor, after):
                event = decode(record.body, record.head.sequence)
                if wanted is None or event.type in wanted:
                    yield event
        except (Damaged, sqlite3.Error, OSError, ValueError) as error:
            raise StoreRefused(self._layout.folder, f"{error}", _DAMAGED) from error

    def newest(self, name: str) -> int:
        """The sequence of the newest event of a name; 0 when there is none. Raises StoreRefused at damage."""
        try:
            return next((event.sequence for event in self.backwards() if event.event == name), 0)
        except (Damaged, sqlite3.Error, OSError, ValueError) as error:
            raise StoreRefused(self._layout.folder, f"{error}", _DAMAGED) from error

    def tail(self, bot_id: str, limit: int = 100, types: Collection[str] | None = None) -> list[Event]:
        """The newest `limit` durable events of a bot id, oldest first. Raises ValueError, StoreRefused."""
        wanted = wanted_types(bot_id, self._anchor.profile, types)
        found: deque[Event] = deque()
        try:
            for event in self.backwards():
                if len(found) >= limit:
                    break
                if wanted is None or event.type in wanted:
                    found.appendleft(event)
        except (Damaged, sqlite3.Error, OSError) as error:
            raise StoreRefused(self._layout.folder, f"{error}", _DAMAGED) from error
        return list(found)

    def verify(self) -> Verified:
        """Check every file at rest and open every record. Raises StoreRefused when one is wrong or missing."""
        self._check_files_at_rest()
        mark = read_mark(self._layout, self._keys).newest.head
        must_see = {head.sequence: head for head in (self._anchor.head, mark)}
        head = first = Head(self._anchor.base_sequence, bytes.fromhex(self._anchor.base_mac))
        try:
            for record in read_chain(self._layout, self._keys, self._anchor):
                head = record.head
                compare_with_witnesses(must_see, head)
        except (Damaged, sqlite3.Error, OSError) as error:
            raise StoreRefused(self._layout.folder, f"{error}", _DAMAGED) from error
        if head.sequence < max(must_see):
            problem = f"records {head.sequence + 1} to {max(must_see)} are missing at the end"
            raise StoreRefused(self._layout.folder, problem, _DAMAGED)
        return Verified(
            head.sequence - first.sequence,
            first.sequence + 1,
            str(head),
            len(self._anchor.sealed) + 1,
            self._anchor.store_id,
        )

    def _check_files_at_rest(self) -> None:
        """Bytes that no record occupies are covered by digests, in every file that nobody is writing."""
        for sealed in self._anchor.sealed:
            check_sealed(self._layout, sealed)
        try:
            if self._anchor.closed_sha256:
                check_closed(self._layout, self._anchor)
        except StoreRefused:
            if read_anchor(self._layout, self._keys) == self._anchor:  # else the system has just been started
                raise

    def backwards(self) -> Iterator[Event]:
        """Every event, newest first; windows are read forwards, since a record is proven by its predecessor's mac."""
        ends = [Head(self._anchor.base_sequence, bytes.fromhex(self._anchor.base_mac))]
        ends += [Head(sealed.last, bytes.fromhex(sealed.mac)) for sealed in self._anchor.sealed]
        numbers = [sealed.number for sealed in self._anchor.sealed] + [self._anchor.active]
        for number, base in zip(reversed(numbers), reversed(ends), strict=True):
            connection = open_for_reading(self._layout.segment(number))
            try:
                segment = SegmentReader(connection, self._keys, number)
                high = segment.last_sequence(base.sequence)
                while high > base.sequence:
                    low = max(base.sequence, high - _WINDOW)
                    start = base if low == base.sequence else segment.head_at(low)
                    window = [decode(record.body, record.head.sequence) for record in segment.records(start, high)]
                    yield from reversed(window)
                    high = low
            finally:
                connection.close()
