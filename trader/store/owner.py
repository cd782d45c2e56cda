"""Whose file it is that we may not touch: a command typed as another user than the one who runs the trader. Commands import this."""

from __future__ import annotations

import os
import pwd
from pathlib import Path


def not_ours(error: PermissionError) -> str:
    """Say which place refused us, whose it is as far as can be seen, and as whom the command has to be typed."""
    if error.filename is None:
        return f"permission denied: {error}"
    owner = _owner(Path(os.fsdecode(error.filename)))
    whose = f" belongs to {owner}, and" if owner else ""
    typed = f"sudo -u {owner} env EVENT_STORE_ROOT=… python run.py …" if owner else "as the user who runs the trader"
    return (
        f"{error.filename}{whose} is closed to {_name(os.geteuid())}: permission denied. Type it as that user: {typed}"
    )


def _owner(path: Path) -> str:
    """The owner of the path, or of the nearest folder above it that can be looked at."""
    for place in (path, *path.absolute().parents):
        try:
            return _name(place.stat().st_uid)
        except OSError:
            continue
    return ""


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
