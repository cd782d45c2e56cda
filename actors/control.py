"""The operator's side door: commands over a local socket that only this user can open, each in a thread of its own.

Nothing here trades or decides: a handler tells actors what a person wants and watches what they publish. No thread of the trading
system ever waits for this one, and a hung actor cannot keep a command from being heard. Only `actors/operations.py` imports this.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec
from loguru import logger

from actors.control_wire import REQUEST_BYTES_MAX, Request, Told, read_line, socket_path

CONNECTIONS_MAX = 16
REQUEST_WITHIN_S = 2.0
SEND_WITHIN_S = 2.0
ACCEPT_S = 0.5
_decoder = msgspec.json.Decoder(
    Request
)  # made at import: msgspec's first look at a type must not happen in two threads at once

Say = Callable[[str], None]
Handle = Callable[[Request, Say], Told]


class ControlServer:
    """Listens from construction to `close`. `handle` runs in a connection's own thread and may take its time.

    Raises OSError when there is no place for the socket. The caller holds the profile's lock, so a socket file that is already
    there is a dead process's and is replaced.
    """

    def __init__(self, folder: Path, handle: Handle) -> None:
        self._handle = handle
        self._path = socket_path(folder)
        self._free = threading.BoundedSemaphore(CONNECTIONS_MAX)
        self._closed = False
        self._path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(self._path))  # the process's umask leaves it to the owner from the first moment
        self._path.chmod(0o600)
        self._listener.listen(CONNECTIONS_MAX)
        self._listener.settimeout(ACCEPT_S)
        self._thread = threading.Thread(target=self._accept, name="control", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Hear nothing more and take the socket away; commands under way go on until the process ends."""
        self._closed = True
        self._thread.join(ACCEPT_S * 3)
        self._listener.close()
        self._path.unlink(missing_ok=True)

    def _accept(self) -> None:
        while not self._closed:
            try:
                connection, _ = self._listener.accept()
            except TimeoutError:
                continue
            except OSError as error:
                if not self._closed:
                    logger.error("commands cannot be heard any more: {}", error)
                return
            if not self._free.acquire(blocking=False):
                _send(connection, Told("too many commands at once; try again in a moment", done=True, ok=False))
                connection.close()
                continue
            threading.Thread(target=self._serve, args=(connection,), name="command", daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection:
                connection.settimeout(REQUEST_WITHIN_S)
                answer = self._answer(connection)
                _send(connection, answer)
        finally:
            self._free.release()

    def _answer(self, connection: socket.socket) -> Told:
        """Read, check and run one request. A person who has gone away does not stop what was asked for."""
        try:
            who = _peer(connection)
            line = read_line(connection, bytearray(), REQUEST_BYTES_MAX)
            request = _decoder.decode(line or b"")
        except (OSError, ValueError) as error:
            return Told(f"not a command: {error}", done=True, ok=False)
        if who is None:
            return Told("only the user who runs the trader may command it", done=True, ok=False)
        named = msgspec.structs.replace(request, by=f"{request.by[:60] or 'somebody'} ({who})")
        try:
            return self._handle(named, lambda text: _send(connection, Told(text)))
        except Exception as error:  # noqa: BLE001 - the boundary of this thread: the answer says that it is a bug
            logger.opt(exception=True).error("the command {} failed", request.command)
            return Told(f"a bug: {type(error).__name__}; see the log", done=True, ok=False)


def _peer(connection: socket.socket) -> str | None:
    """Return who is on the other side as the kernel knows it; None for another user, who should not have come this far."""
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    pid, uid, _ = struct.unpack("3i", credentials)
    return f"process {pid}" if uid in {0, os.getuid()} else None


def _send(connection: socket.socket, told: Told) -> None:
    """Say one line; whoever does not listen any more misses it."""
    with contextlib.suppress(OSError):
        connection.settimeout(SEND_WITHIN_S)
        connection.sendall(msgspec.json.encode(told) + b"\n")
