"""The operator's socket: where it is, and what travels over it. Only `control.py` and `control_client.py` import this.

One command a connection: a JSON line with the request, answered by JSON lines as things happen; the last one is marked `done`. The
socket lies in the profile's folder; a path too long for one (107 bytes on Linux) moves it to a short folder of this user's own.
"""

from __future__ import annotations

import hashlib
import os
import socket
import stat
import tempfile
from pathlib import Path

import msgspec

SOCKET_FILE = "control.sock"
PATH_BYTES_MAX = 107
LINE_BYTES_MAX = 8192
REQUEST_BYTES_MAX = 4096


class Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a person typed: the command, its arguments, and who says so."""

    command: str
    arguments: tuple[str, ...] = ()
    by: str = ""


class Told(msgspec.Struct, frozen=True):
    """One line of an answer. The last has `done`; `ok` then says whether what was asked for has happened."""

    text: str
    done: bool = False
    ok: bool = True


class NoSocketFolder(OSError):
    """There is no place for the socket that belongs to this user alone."""


def socket_path(folder: Path) -> Path:
    """Return where the socket of a profile's folder is, the same for the process and for commands."""
    wanted = folder.resolve() / SOCKET_FILE
    if len(os.fsencode(wanted)) <= PATH_BYTES_MAX:
        return wanted
    name = hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:16]
    return _short_folder() / f"{name}.sock"


def _short_folder() -> Path:
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime and Path(runtime).is_dir() and len(os.fsencode(runtime)) < PATH_BYTES_MAX - 40:
        return Path(runtime)
    folder = Path(tempfile.gettempdir()) / f"actor-trader-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o077 or not stat.S_ISDIR(found.st_mode):
        raise NoSocketFolder(f"{folder} does not belong to this user alone; remove it or set XDG_RUNTIME_DIR")
    return folder


def read_line(connection: socket.socket, buffered: bytearray, limit: int) -> bytes | None:
    """Return the next line without its end, None when the other side is gone; ValueError for one longer than `limit`."""
    while b"\n" not in buffered:
        if len(buffered) > limit:
            raise ValueError("a line without an end")
        received = connection.recv(4096)
        if not received:
            return None
        buffered += received
    line, _, rest = bytes(buffered).partition(b"\n")
    buffered[:] = rest
    if len(line) > limit:
        raise ValueError("a line too long")
    return line
