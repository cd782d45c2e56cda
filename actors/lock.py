"""One process per profile folder and per account: a lock that a second instance sees at once and the kernel releases on any death.

The trading command takes it first of all. The lock is held on an open file; `is_intact` notices within a tick that somebody replaced or
deleted the file while we ran (F-P14). Processes are spawned, never forked, so no child can keep the lock.
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

TRIES = 10
RETRY_S = 0.02


class AlreadyRunning(Exception):
    """Another process holds the lock."""


class ProcessLock:
    """An exclusive lock on `path`, held from construction to the end of the process. Raises AlreadyRunning."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        if not self._taken():
            holder = os.pread(self._descriptor, 64, 0).decode("ascii", "replace").strip()
            os.close(self._descriptor)
            raise AlreadyRunning(f"process {holder or 'unknown'} holds {path}")
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)

    def _taken(self) -> bool:
        """Try for 0.2 s: a command that looks who runs holds the lock for a moment."""
        for _ in range(TRIES):
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(RETRY_S)
            else:
                return True
        return False

    def is_intact(self) -> bool:
        """Whether the file we hold is still the one at its path."""
        try:
            here = os.stat(self._path)
        except OSError:
            return False
        held = os.fstat(self._descriptor)
        return (here.st_dev, here.st_ino) == (held.st_dev, held.st_ino)

    def release(self) -> None:
        """Let go; the file stays."""
        os.close(self._descriptor)
