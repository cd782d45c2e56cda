"""Replace a small file as a whole: readers see the old bytes or the new ones, never a mixture.

Anyone above risk/ may import this: the store itself, coinbase/, exchange/, report/, actors/.
"""

import os
import secrets
from pathlib import Path


def write_atomically(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Put `content` at `path` durably: a temporary file beside it, fsync, rename, fsync of the folder.

    May be called from any thread; two concurrent writers of one path both succeed and the later rename wins.
    Raises OSError (disk full, folder missing, no permission) and then leaves the old file as it was.
    Not guaranteed: that the folder exists; make it with `private_folder` first.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    try:
        try:
            os.fchmod(descriptor, mode)  # the umask may have taken bits away, a caller may want 0644
            _write_all(descriptor, content)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make renames, creations and deletions inside `folder` survive a power cut. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def private_folder(folder: Path) -> None:
    """Make `folder`, and parents that are missing, for the owner only; what exists keeps its mode. Raises OSError."""
    if not folder.is_dir():
        private_folder(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
        sync_folder(folder.parent)


def _write_all(descriptor: int, content: bytes) -> None:
    """Write every byte: on a nearly full disk one write() may take only a part and report no error."""
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
