"""Where a store's files are, and the checks that they belong to us alone. Only trader/store/ and report/ import this.

<root>/store.key     the master keys; elsewhere with $EVENT_STORE_KEY_FOLDER
<root>/store.head    the head anchor: the chain's end, replaced as a whole
<root>/store.mark    the chain's end after every commit, written in place
<root>/store/        segment-000001.sqlite3 …, one a UTC day; aside/ keeps what a repair removed
"""

import fcntl
import os
import stat
import time
from pathlib import Path
from typing import Final

import msgspec

from trader.store.verdict import StoreBusy, StoreRefused

ROOT_VARIABLE: Final = "EVENT_STORE_ROOT"
DEFAULT_ROOT: Final = "./data"
KEY_FOLDER_VARIABLE: Final = "EVENT_STORE_KEY_FOLDER"
_LOCK_TRIES: Final = 10
_LOCK_RETRY_S: Final = 0.02


def profile_folder(profile: str, data_root: Path | None = None) -> Path:
    """The folder of a profile: `<data root>/perps_bot/<profile>`; the root is $EVENT_STORE_ROOT, else ./data."""
    if not profile or "/" in profile or profile.startswith("."):
        raise ValueError(f"{profile!r} is no profile name: it becomes a folder's name")
    return profiles_folder(data_root) / profile


def running_profiles(data_root: Path | None = None) -> list[str]:
    """The profiles whose store a process has open for writing now, by name."""
    folders = sorted(profiles_folder(data_root).glob("*/store"))
    return [folder.parent.name for folder in folders if _is_locked(folder)]


def profiles_folder(data_root: Path | None = None) -> Path:
    """The folder that holds a folder for each profile: `perps_bot` under the data root."""
    base = data_root if data_root is not None else Path(os.environ.get(ROOT_VARIABLE) or DEFAULT_ROOT)
    return base / "perps_bot"


def _is_locked(folder: Path) -> bool:
    try:
        descriptor = _try_lock(folder)
    except OSError:
        return False
    if descriptor is None:
        return True
    os.close(descriptor)
    return False


class Layout(msgspec.Struct, frozen=True):
    """The paths of one store."""

    root: Path
    key_file: Path

    @classmethod
    def of(cls, root: Path, key_file: Path | None = None) -> "Layout":
        """The layout under a profile's folder.

        Without `key_file` the key is `<profile>.key` in the folder $EVENT_STORE_KEY_FOLDER, else beside the store.
        """
        if key_file is None:
            elsewhere = os.environ.get(KEY_FOLDER_VARIABLE)
            key_file = Path(elsewhere) / f"{root.name}.key" if elsewhere else root / "store.key"
        return cls(root, key_file)

    @property
    def head_file(self) -> Path:
        """The head anchor."""
        return self.root / "store.head"

    @property
    def mark_file(self) -> Path:
        """The head mark."""
        return self.root / "store.mark"

    @property
    def folder(self) -> Path:
        """The folder of segments."""
        return self.root / "store"

    @property
    def aside(self) -> Path:
        """Where repairs keep what they removed."""
        return self.folder / "aside"

    def has_trace(self) -> bool:
        """Whether there is a store, or anything that only a store leaves: a missing part of one is not "never run"."""
        parts = (self.head_file, self.mark_file, self.key_file)
        return any(part.exists() for part in parts) or bool(self.segments_present())

    def segment(self, number: int) -> Path:
        """The database file of a segment."""
        return self.folder / f"segment-{number:06d}.sqlite3"

    def segments_present(self) -> list[int]:
        """The numbers of the segment files that exist, ascending."""
        found = (path.name for path in self.folder.glob("segment-*.sqlite3"))
        return sorted(int(name[8:-8]) for name in found if name[8:-8].isdigit())

    def wal(self, number: int) -> Path:
        """The write-ahead log SQLite keeps beside a segment."""
        return self.folder / f"segment-{number:06d}.sqlite3-wal"


def check_private(path: Path) -> None:
    """Refuse a file or folder that others may read or write, that is not ours, or that is a symbolic link."""
    try:
        found = path.lstat()
    except OSError as error:
        raise StoreRefused(path, f"cannot be examined ({error.strerror})", "Check the path and its folder.") from error
    if stat.S_ISLNK(found.st_mode):
        raise StoreRefused(path, "is a symbolic link", "Put the file itself there; links could be redirected.")
    if found.st_uid != os.geteuid():
        raise StoreRefused(
            path, f"belongs to user {found.st_uid}", f"Run as that user or `chown {os.geteuid()} {path}`."
        )
    if found.st_mode & 0o077:
        wanted = "700" if stat.S_ISDIR(found.st_mode) else "600"
        raise StoreRefused(path, f"has mode {found.st_mode & 0o777:04o}", f"Run `chmod {wanted} {path}`.")


def read_private(path: Path, limit_bytes: int = 1 << 20) -> bytes:
    """The bytes of a small private file. Raises StoreRefused when it is missing, too open, a link or too large."""
    check_private(path)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            content = file.read(limit_bytes + 1)
    except OSError as error:
        raise StoreRefused(path, f"cannot be read ({error.strerror})", "Check its permissions.") from error
    if len(content) > limit_bytes:
        raise StoreRefused(path, f"is larger than {limit_bytes} bytes", "Restore it from a backup.")
    return content


def lock_store(layout: Layout) -> int:
    """Become the one writer; returns the descriptor that holds the lock until it is closed. Raises StoreBusy, OSError.

    The segments' own folder is locked: unlike a lock file it cannot be deleted and made anew beside a running process.
    Tries for 0.2 s, since a look at who is running (`running_profiles`) holds the lock for a moment.
    """
    for _ in range(_LOCK_TRIES):
        descriptor = _try_lock(layout.folder)
        if descriptor is not None:
            return descriptor
        time.sleep(_LOCK_RETRY_S)
    raise StoreBusy(layout.folder, "another process is writing this store", "Stop it first.")


def _try_lock(folder: Path) -> int | None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor
