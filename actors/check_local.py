"""The part of `run.py check` that needs no network: Python, packages, the data folder, the lock, the disk, the event store.

Reads and changes nothing, but for one file that proves the folder can be written and is removed again. Only `check_command.py`
imports this.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path

from actors.holdfile import HoldFile
from trader.config import Settings
from trader.report.checkup import Row, fail, ok, skip, warn
from trader.report.webhook import URL_VARIABLE, BadTarget, target_from
from trader.report.words import size, stamp
from trader.risk.holds import ACCOUNT, Hold
from trader.store.layout import Layout
from trader.store.reader import EventReader
from trader.store.running import is_held, readable
from trader.store.verdict import StoreRefused

PYTHON_MIN = (3, 11)
PACKAGES = ("pykka", "websocket-client", "requests", "PyJWT", "cryptography", "loguru", "msgspec")
DISK_MIN_BYTES = 1_000_000_000


def local_rows(settings: Settings, folder: Path) -> Iterator[Row]:
    """Look at this machine and the profile's folder, one row after the other."""
    yield _python()
    yield _packages()
    yield ok("configuration", f"profile {settings.profile}, {settings.config_hash[:12]}, no problem in any profile")
    yield _folder(folder)
    looks: tuple[tuple[str, Callable[[Path], Row]], ...] = (
        ("lock", _lock), ("disk", _disk), ("event store", _store), ("holds", _holds)
    )  # fmt: skip
    for name, look in looks:
        try:
            yield look(folder)
        except PermissionError as error:
            yield skip(name, f"{error.filename} is closed to this user")
    yield _alerts()


def _python() -> Row:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < PYTHON_MIN:
        return fail("python", version, f"install Python {PYTHON_MIN[0]}.{PYTHON_MIN[1]} or newer")
    return ok("python", version)


def _packages() -> Row:
    missing, found = [], []
    for name in PACKAGES:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        return fail("packages", f"missing: {', '.join(missing)}", "pip install --require-hashes -r requirements.lock")
    return ok("packages", ", ".join(found))


def _folder(folder: Path) -> Row:
    probe = folder / f".check-{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        probe.touch(mode=0o600)
        probe.unlink()
    except OSError as error:
        return fail(
            "data folder", f"{folder}: {error.strerror}", "set EVENT_STORE_ROOT to a folder this user may write"
        )
    if folder.stat().st_mode & 0o077:
        return warn("data folder", f"{folder} can be read by others", f"chmod 700 {folder}")
    return ok("data folder", str(folder))


def _lock(folder: Path) -> Row:
    if is_held(folder / "lock"):
        return ok("lock", "the profile runs right now; a second start would end with 75")
    return ok("lock", "free")


def _disk(folder: Path) -> Row:
    """The disk that holds the folder, or will hold it."""
    there = next(place for place in (folder, *folder.absolute().parents) if os.access(place, os.X_OK))
    free = shutil.disk_usage(there).free
    if free < DISK_MIN_BYTES:
        return warn("disk", f"{size(free)} free", "free some: nothing is sent that cannot be written first")
    return ok("disk", f"{size(free)} free")


def _store(folder: Path) -> Row:
    if not Layout.of(folder).has_trace():
        return ok("event store", "none yet; the first start makes one")
    if is_held(folder / "lock"):
        return skip("event store", "the profile runs; python run.py events verify reads beside it")
    try:
        found = EventReader.open_readonly(folder).verify()
    except (StoreRefused, OSError, ValueError) as error:
        return fail("event store", str(error), "do not delete it; docs/runbook.md, Restore")
    return ok("event store", f"{found.records} records, every one authentic, head {found.head}")


def _holds(folder: Path) -> Row:
    table = HoldFile(readable(folder) / "holds.json").load()
    held = sorted(table.durable(), key=lambda hold: (hold.scope != ACCOUNT, hold.scope))
    if not held:
        return ok("holds", "none: the next start comes up NORMAL unless the configuration says otherwise")
    causes = " or ".join(sorted({hold.cause for hold in held}))
    remedy = f"they survive a start; python run.py resume CAUSE ({causes}) when you have looked"
    return warn("holds", "; ".join(_hold(hold) for hold in held), remedy)


def _hold(hold: Hold) -> str:
    """One hold as scope, level, cause, end and text."""
    until = f" until {stamp(hold.ends_at)}" if hold.ends_at is not None else ""
    return f"{hold.scope} {hold.level.name} by {hold.cause}{until}: {hold.text}"


def _alerts() -> Row:
    target = target_from(os.environ)
    if isinstance(target, BadTarget):
        return fail("alerts", target.why, f"set {URL_VARIABLE} right or unset it")
    if target is None:
        return warn("alerts", "nobody is told", f"set {URL_VARIABLE}, then python run.py test-alert")
    return ok("alerts", f"a {target.format} webhook is named; python run.py test-alert tries it")
