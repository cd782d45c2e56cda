"""What runs: the version, the commit and the hash of the dependency lock, for the start event (C-28, F-C09)."""

from __future__ import annotations

import hashlib
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def version() -> str:
    """Return the project's version, or "unknown" when pyproject.toml is not beside the program."""
    try:
        return str(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"])
    except (OSError, KeyError, tomllib.TOMLDecodeError):
        return "unknown"


def commit() -> str:
    """Return the checked-out commit, "" outside a clone. Reads git's own files; runs nothing."""
    try:
        head = (ROOT / ".git" / "HEAD").read_text().strip()
        if not head.startswith("ref: "):
            return head
        return (ROOT / ".git" / head.removeprefix("ref: ")).read_text().strip()
    except OSError:
        return ""


def lock_hash() -> str:
    """Return the SHA-256 of requirements.lock, "" without one."""
    try:
        return hashlib.sha256((ROOT / "requirements.lock").read_bytes()).hexdigest()
    except OSError:
        return ""
