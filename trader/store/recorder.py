"""The recorder of actor inputs: each message an actor handled, with its time, for replay parity, `why` and incidents.

actors/ imports this. Files are bounded and rotated, mode 0600, and **not encrypted**: they hold market data, orders and
fills in the clear, but never a key or a token, for no message carries one. They are a debugging aid, not the audit
trail: no fsync, and a full disk ends the recording, never the trading.
"""

import os
import struct
import threading
import zlib
from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from trader.store.atomic import private_folder

PENDING_MAX: Final = 65_536
FILE_BYTES_MAX: Final = 64 << 20
FILES_KEPT: Final = 4
_COMPANY_WAIT_S: Final = 0.02
_FRAME: Final = struct.Struct(">II")  # bytes, CRC-32
GAP: Final = "gap"  # the kind of a frame that counts messages lost at this place


class Input(msgspec.Struct, frozen=True, gc=False):
    """One handled message. `kind` is the message's type name, `body` its msgpack bytes; GAP has the count as body."""

    actor: str
    machine_time: float
    kind: str
    body: bytes

    def message(self, kinds: Mapping[str, type]) -> Any:
        """The message itself, given the types by name. Raises KeyError for an unknown kind, msgspec.DecodeError."""
        return msgspec.msgpack.decode(self.body, type=kinds[self.kind])


class InputRecorder:
    """Records from any thread; a thread of its own encodes and writes."""

    def __init__(self, folder: Path, *, file_bytes_max: int = FILE_BYTES_MAX, files_kept: int = FILES_KEPT) -> None:
        """Start recording into a new file of `folder`. Raises OSError."""
        assert files_kept >= 1
        private_folder(folder)
        self.failed = ""
        self.dropped = 0
        self._folder = folder
        self._file_bytes_max = file_bytes_max
        self._files_kept = files_kept
        self._pending: deque[tuple[str, float, msgspec.Struct]] = deque()
        self._lost = 0
        self._wake = threading.Event()
        self._dozing = False
        self._closing = False
        self._number = max(_numbers(folder), default=0)
        self._descriptor = -1
        self._written = 0
        self._begin_file()
        self._thread = threading.Thread(target=self._run, name="input-recorder", daemon=True)
        self._thread.start()

    def record(self, actor: str, machine_time: float, message: msgspec.Struct) -> None:
        """Hand over one handled message (immutable). Never waits; when the queue is full it is counted lost."""
        if len(self._pending) >= PENDING_MAX or self.failed:
            self.dropped += 1
            return
        self._pending.append((actor, machine_time, message))
        if self._dozing:
            self._wake.set()

    def close(self, timeout_s: float = 5.0) -> None:
        """Write what is queued and stop."""
        self._closing = True
        self._wake.set()
        self._thread.join(timeout_s)

    def _run(self) -> None:
        try:
            while not (self._closing and not self._pending):
                self._wait()
                self._write_pending()
        except OSError as error:
            self.failed = f"recording of inputs ended: {error}"
            self._pending.clear()
        finally:
            self._end_file()

    def _wait(self) -> None:
        self._dozing = True  # before the look: an append that misses it is seen by the look
        if not self._pending and not self._closing:
            self._wake.wait()
        self._dozing = False
        self._wake.clear()
        if not self._closing:
            self._wake.wait(_COMPANY_WAIT_S)  # a system call per batch, not per message

    def _write_pending(self) -> None:
        frames = bytearray()
        for _ in range(min(len(self._pending), 4096)):
            actor, machine_time, message = self._pending.popleft()
            frames += _frame(Input(actor, machine_time, type(message).__name__, _body(message)))
        lost = self.dropped - self._lost
        if lost:
            self._lost += lost
            frames += _frame(Input("", 0.0, GAP, str(lost).encode()))
        rest = memoryview(frames)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]
        self._written += len(frames)
        if self._written >= self._file_bytes_max:
            self._begin_file()

    def _begin_file(self) -> None:
        """Open the next file and delete those beyond the number kept."""
        self._end_file()
        self._number += 1
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        self._descriptor = os.open(_path(self._folder, self._number), flags, 0o600)
        self._written = 0
        for number in _numbers(self._folder)[: -self._files_kept]:
            _path(self._folder, number).unlink(missing_ok=True)

    def _end_file(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def read_inputs(folder: Path) -> Iterator[Input]:
    """Every recorded input, oldest first. A file a crash left torn ends at its last whole frame. Raises OSError."""
    for number in _numbers(folder):
        content = _path(folder, number).read_bytes()
        at = 0
        while at + _FRAME.size <= len(content):
            size, crc = _FRAME.unpack_from(content, at)
            packed = content[at + _FRAME.size : at + _FRAME.size + size]
            if len(packed) < size or zlib.crc32(packed) != crc:
                break
            yield _decoder.decode(packed)
            at += _FRAME.size + size


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Input)


def _body(message: msgspec.Struct) -> bytes:
    """The message's bytes; one that holds what has no bytes (a function, a future) keeps its repr instead."""
    try:
        return _encoder.encode(message)
    except (TypeError, NotImplementedError):
        return _encoder.encode(repr(message))


def _frame(entry: Input) -> bytes:
    packed = _encoder.encode(entry)
    return _FRAME.pack(len(packed), zlib.crc32(packed)) + packed


def _path(folder: Path, number: int) -> Path:
    return folder / f"inputs-{number:08d}.bin"


def _numbers(folder: Path) -> list[int]:
    return sorted(int(path.name[7:15]) for path in folder.glob("inputs-????????.bin") if path.name[7:15].isdigit())
