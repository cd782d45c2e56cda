"""Reading SQLite's write-ahead log from outside: how much of it is complete transactions, and is there a torn tail.

Only trader/store/verify.py imports this. SQLite itself drops an unfinished transaction without a word, and drops
everything behind a flipped bit the same way; to keep such bytes aside, and to say what happened, we must see them.
Format: the section "The Write-Ahead Log" of SQLite's file format description.
"""

import struct
from pathlib import Path
from typing import Final, NamedTuple

_HEADER: Final = struct.Struct(">IIIIIIII")  # magic, version, page size, checkpoint, salt 1, salt 2, checksum 1, 2
_FRAME: Final = struct.Struct(">IIIIII")  # page, pages after commit (0: not a commit), salt 1, salt 2, checksum 1, 2
_MAGIC: Final = {0x377F0682: "<", 0x377F0683: ">"}  # the byte order of the checksummed words
_WORD: Final = 0xFFFFFFFF


class WalReading(NamedTuple):
    """A log read from outside: the bytes up to the last complete transaction, and what follows of this generation."""

    sound_bytes: int
    torn_tail: bytes  # empty when the log ends with a complete transaction


def read_wal(path: Path) -> WalReading:
    """Read the log at `path`; a missing or empty one is sound. Raises OSError.

    A damaged header makes everything behind it the torn tail; whether acknowledged records were in there is for the
    head mark to say.
    """
    content = path.read_bytes() if path.exists() else b""
    if not content:
        return WalReading(0, b"")
    if len(content) < _HEADER.size:
        return WalReading(0, content)
    magic, _, page_bytes, _, salt_1, salt_2, sum_1, sum_2 = _HEADER.unpack_from(content)
    order = _MAGIC.get(magic)
    if order is None or _checksum(order, content[:24], 0, 0) != (sum_1, sum_2):
        return WalReading(0, content)
    return _read_frames(content, order, page_bytes, (salt_1, salt_2), (sum_1, sum_2))


def _read_frames(
    content: bytes, order: str, page_bytes: int, salts: tuple[int, int], sums: tuple[int, int]
) -> WalReading:
    """Follow the frames as SQLite does: the first with another salt or a wrong checksum ends the log."""
    frame_bytes = _FRAME.size + page_bytes
    at = sound = _HEADER.size
    while at + frame_bytes <= len(content):
        _, pages_after, salt_1, salt_2, sum_1, sum_2 = _FRAME.unpack_from(content, at)
        if (salt_1, salt_2) != salts:
            break
        sums = _checksum(order, content[at : at + 8], *sums)
        sums = _checksum(order, content[at + _FRAME.size : at + frame_bytes], *sums)
        if sums != (sum_1, sum_2):
            break
        at += frame_bytes
        if pages_after:
            sound = at
    return WalReading(sound, _tail(content, sound, frame_bytes, salts))


def _tail(content: bytes, sound: int, frame_bytes: int, salts: tuple[int, int]) -> bytes:
    """What lies behind the last complete transaction, unless it is only left over from before the log was restarted."""
    tail = content[sound:]
    for at in range(0, len(tail), frame_bytes):
        header = tail[at : at + _FRAME.size]
        if len(header) < _FRAME.size or _FRAME.unpack(header)[2:4] == salts:
            return tail
    return b""


def _checksum(order: str, block: bytes, sum_1: int, sum_2: int) -> tuple[int, int]:
    """SQLite's running checksum over pairs of 32-bit words."""
    words = struct.unpack(f"{order}{len(block) // 4}I", block)
    for first, second in zip(words[::2], words[1::2], strict=True):
        sum_1 = (sum_1 + first + sum_2) & _WORD
        sum_2 = (sum_2 + second + sum_1) & _WORD
    return sum_1, sum_2
