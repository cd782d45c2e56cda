"""The running system's view of its configuration file: notices a change, judges it, says what may apply now.

The main loop owns one `ConfigWatch`, calls `check` on its ticks and `reload` on SIGHUP or `run.py config accept`. A change is
believed when two checks in a row see the same file, so a half-written one is not read. Whatever is wrong with the new file,
the old configuration stays in force (F-C01).
"""

from collections.abc import Callable
from pathlib import Path

import msgspec

from trader.config.changes import Answer, Change, applicable
from trader.config.document import distrust
from trader.config.problem import ConfigErrors
from trader.config.settings import Settings

Signature = tuple[int, int, int] | None


class Reloaded(msgspec.Struct, frozen=True):
    """What a new file came to: the settings to run on from now, the answer for each changed key, or why it was refused."""

    settings: Settings
    changes: tuple[Change, ...]
    refused: str = ""

    @property
    def applied(self) -> bool:
        """Whether anything changes now."""
        return any(change.answer is Answer.APPLIED for change in self.changes)

    @property
    def waiting(self) -> tuple[Change, ...]:
        """The changes that need `run.py config accept`."""
        return tuple(change for change in self.changes if change.answer is Answer.NEEDS_ACCEPT)

    def lines(self) -> list[str]:
        """The answer to a person, one line a key."""
        if self.refused:
            return ["configuration refused, the old one stays in force:", *self.refused.splitlines()]
        if not self.changes:
            return ["configuration unchanged"]
        return [str(change) for change in self.changes]


class ConfigWatch:
    """Watches one file for one run. Not thread-safe: the main thread owns it. `load` reads the file with the run's flags."""

    def __init__(self, path: Path, settings: Settings, load: Callable[[], Settings | ConfigErrors]) -> None:
        self._path = path
        self._load = load
        self.settings = settings
        self._judged = self._seen = self._signature()

    def check(self) -> Reloaded | None:
        """Judge the file if it has changed and is at rest; None when there is nothing new. A missing file is not news twice."""
        signature = self._signature()
        if signature == self._judged or signature != self._seen:
            self._seen = signature
            return None
        return self.reload()

    def reload(self, *, accepted: bool = False) -> Reloaded:
        """Judge the file now; `accepted` is an operator's word for what loosens."""
        self._judged = self._seen = self._signature()
        if why := distrust(self._path):
            return Reloaded(self.settings, (), why)
        loaded = self._load()
        if isinstance(loaded, ConfigErrors):
            return Reloaded(self.settings, (), loaded.refusal())
        settings, changes = applicable(self.settings, loaded, accepted=accepted)
        self.settings = settings
        return Reloaded(settings, changes)

    def _signature(self) -> Signature:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino
