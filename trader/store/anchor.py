"""Two small witnesses of the chain's end, kept outside the segments: the head anchor and the head mark.

Only trader/store/ imports this. A chain alone cannot see that its last records were cut off or that the whole file was
replaced by an older copy; these can. The **anchor** is replaced atomically and durably: at checkpoints, at least every
ten seconds, at segment changes and at close. The **mark** is written in place after each commit and before the commit
is acknowledged, without an fsync of its own: after kill -9 it names the last acknowledged record exactly, after a power
cut it may be a few seconds old, never newer than the log.

Not guaranteed: that replacing segments, anchor, mark and key file *all together* by older copies is seen. For that the
head is also in the health file and in the log.
"""

import hmac
import os
import struct
from typing import Final, NamedTuple

import msgspec

from trader.store.atomic import write_atomically
from trader.store.keys import MasterKeys
from trader.store.layout import Layout, check_private, read_private
from trader.store.seal import MAC_BYTES, SCHEMA, Head, derive
from trader.store.verdict import StoreRefused

_RESTORE: Final = (
    "Restore the whole folder from a backup, or move it and the key file aside to begin a new store; "
    "positions then come from the venue."
)


class SealedSegment(msgspec.Struct, frozen=True):
    """A finished segment: never written again, its bytes pinned by a digest."""

    number: int
    first: int  # sequence
    last: int
    mac: str  # of `last`, hex
    sha256: str  # of the file
    bytes: int
    utc_day: int  # days since 1970-01-01 of its first record


class Anchor(msgspec.Struct, frozen=True):
    """The head anchor: who the store belongs to, its segments, and where the chain ended when this was written."""

    schema: int
    generation: int  # grows by one with each write
    store_id: str
    account: str  # fingerprint
    profile: str
    created: float  # UNIX s
    written: float  # UNIX s
    key: str  # name of the master key that authenticates this anchor
    base_sequence: int  # what pruning removed ends here; 0 and zeros when nothing was pruned
    base_mac: str
    sealed: tuple[SealedSegment, ...]
    active: int  # number of the segment being written
    active_utc_day: int  # 0 while it is empty
    head_sequence: int
    head_mac: str
    closed_sha256: str  # of the active segment after an orderly close, else ""

    @property
    def head(self) -> Head:
        """Where the chain ended."""
        return Head(self.head_sequence, bytes.fromhex(self.head_mac))

    @property
    def active_base(self) -> Head:
        """The record before the active segment's first."""
        if self.sealed:
            return Head(self.sealed[-1].last, bytes.fromhex(self.sealed[-1].mac))
        return Head(self.base_sequence, bytes.fromhex(self.base_mac))


_decoder = msgspec.json.Decoder(
    Anchor
)  # made at import: msgspec's first look at a type must not happen in two threads at once


def write_anchor(layout: Layout, keys: MasterKeys, anchor: Anchor) -> None:
    """Replace the anchor durably. Raises OSError."""
    line = msgspec.json.encode(anchor)
    write_atomically(layout.head_file, line + b"\n" + _tag(keys, anchor.key, line) + b"\n")


def read_anchor(layout: Layout, keys: MasterKeys) -> Anchor:
    """The authenticated anchor. Raises StoreRefused when it is missing, damaged, newer, or under a foreign key."""
    path = layout.head_file
    if not path.exists():
        raise StoreRefused(path, "the head anchor is missing: the store was deleted or moved", _RESTORE)
    content = read_private(path, 16 << 20)
    line, _, rest = content.partition(b"\n")
    try:
        anchor = _decoder.decode(line)
    except ValueError:
        raise StoreRefused(path, "the head anchor is damaged", _RESTORE) from None
    if anchor.schema > SCHEMA:
        raise StoreRefused(
            path, f"schema {anchor.schema} is newer than this program's {SCHEMA}", "Use a newer version."
        )
    if keys.master(anchor.key) is None or anchor.store_id != keys.store_id.hex():
        raise StoreRefused(layout.key_file, f"does not hold key {anchor.key} of this store", "Give the right key file.")
    if not hmac.compare_digest(rest, _tag(keys, anchor.key, line) + b"\n"):
        raise StoreRefused(path, "the head anchor is damaged or was edited", _RESTORE)
    return anchor


def _tag(keys: MasterKeys, name: str, line: bytes) -> bytes:
    return hmac.digest(_anchor_key(keys, name), b"anchor" + line, "sha256").hex().encode()


def _anchor_key(keys: MasterKeys, name: str) -> bytes:
    master = keys.master(name)
    assert master is not None, f"key {name} vanished"
    return derive(master, keys.store_id, "anchor")


_MARK: Final = struct.Struct(f">QQ{MAC_BYTES}s")  # generation, sequence, mac
_SLOT_BYTES: Final = _MARK.size + 16


class Mark(NamedTuple):
    """One slot of the head mark: the chain's end, and the anchor's generation at that time."""

    generation: int
    head: Head


class MarkReading(NamedTuple):
    """What the mark file says: the newest sound slot, and whether the other slot is damaged."""

    newest: Mark
    damaged_slot: bool


class HeadMark:
    """The open mark file. Used by one thread at a time."""

    __slots__ = ("_descriptor", "_key", "_slot")

    def __init__(self, layout: Layout, keys: MasterKeys, key: str) -> None:
        """Open or make the file; both slots must then be written with `write`. Raises OSError."""
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        self._descriptor = os.open(layout.mark_file, flags, 0o600)
        self._key = _anchor_key(keys, key)
        self._slot = 0

    def write(self, mark: Mark) -> None:
        """Overwrite the older slot. Raises OSError."""
        packed = _MARK.pack(mark.generation, mark.head.sequence, mark.head.mac)
        written = os.pwrite(self._descriptor, packed + _mark_tag(self._key, packed), self._slot * _SLOT_BYTES)
        if written != _SLOT_BYTES:
            raise OSError(28, "head mark written in part: no space left")
        self._slot ^= 1

    def write_both(self, mark: Mark) -> None:
        """Write both slots and wait for the disk. Raises OSError."""
        self.write(mark)
        self.write(mark)
        os.fsync(self._descriptor)

    def close(self) -> None:
        """Release the file."""
        os.close(self._descriptor)


def read_mark(layout: Layout, keys: MasterKeys) -> MarkReading:
    """The newest sound slot, under any key of the file. Raises StoreRefused when no slot is sound."""
    path = layout.mark_file
    if not path.exists():
        raise StoreRefused(path, "the head mark is missing", _RESTORE)
    check_private(path)
    content = read_private(path, _SLOT_BYTES * 4)
    tag_keys = [_anchor_key(keys, name) for name in reversed(keys.names())]
    slots = [_sound_slot(content[at : at + _SLOT_BYTES], tag_keys) for at in (0, _SLOT_BYTES)]
    sound = [slot for slot in slots if slot is not None]
    if not sound:
        raise StoreRefused(path, "the head mark is damaged", _RESTORE)
    damaged = len(sound) < len(slots) or len(content) != 2 * _SLOT_BYTES
    return MarkReading(max(sound, key=lambda mark: (mark.head.sequence, mark.generation)), damaged)


def _sound_slot(slot: bytes, tag_keys: list[bytes]) -> Mark | None:
    if len(slot) != _SLOT_BYTES:
        return None
    packed, tag = slot[: _MARK.size], slot[_MARK.size :]
    if not any(hmac.compare_digest(_mark_tag(key, packed), tag) for key in tag_keys):
        return None
    generation, sequence, mac = _MARK.unpack(packed)
    return Mark(generation, Head(sequence, mac))


def _mark_tag(key: bytes, packed: bytes) -> bytes:
    return hmac.digest(key, b"mark" + packed, "sha256")[:16]
