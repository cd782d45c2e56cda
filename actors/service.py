"""Words to the service manager (systemd's notify protocol): ready, alive, stopping. Silent where no manager listens.

The main thread calls it on its ticks, so the manager's watchdog ends a process whose main loop hangs. Only `operations.py` imports
this. Datagrams to the socket that NOTIFY_SOCKET names; what cannot be sent is dropped: trading never depends on it.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import MutableMapping


class ServiceManager:
    """Takes NOTIFY_SOCKET out of `environ`, so that no child speaks in our name. Machine times are monotonic seconds."""

    def __init__(self, environ: MutableMapping[str, str]) -> None:
        address = environ.pop("NOTIFY_SOCKET", "")
        period = environ.pop("WATCHDOG_USEC", "")
        wanted = environ.pop("WATCHDOG_PID", "") in {"", str(os.getpid())}
        self._every_s = int(period) / 2e6 if period.isdecimal() and int(period) and wanted else 0.0
        self._next = 0.0
        self._ready = self._stopping = False
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) if address else None
        if self._socket is not None:
            self._socket.setblocking(False)
            with contextlib.suppress(OSError):
                self._socket.connect("\0" + address[1:] if address.startswith("@") else address)

    def on_tick(self, machine_time: float, *, ready: bool, words: str) -> None:
        """Say that the main loop turns, as often as asked for; the first time `ready`, that the start is over."""
        if ready and not self._ready:
            self._ready = True
            self._send(f"READY=1\nSTATUS={words}")
        if self._every_s and machine_time >= self._next:
            self._next = machine_time + self._every_s
            self._send(f"WATCHDOG=1\nSTATUS={words}")

    def stopping(self) -> None:
        """Say, once, that the end has begun."""
        if not self._stopping:
            self._stopping = True
            self._send("STOPPING=1")

    def close(self) -> None:
        """Let the socket go."""
        if self._socket is not None:
            self._socket.close()

    def _send(self, text: str) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.send(text.replace("\r", " ").encode())
