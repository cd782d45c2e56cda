"""A changed configuration while running: what is safer applies at once, what loosens waits for a person (F-C01).

Owned by the main thread: `on_tick` looks at the file every two seconds, `reload` is SIGHUP and `run.py config accept`. What applies is
told to risk and the symbols as messages, and is what a restarted actor starts with. Only `operations.py` imports this.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import msgspec
from loguru import logger

from actors.address import AddressBook
from actors.children import symbol_settings
from actors.clock import MarketClock
from actors.control_wire import Told
from actors.eventlog import EventLog
from actors.messages import NewLimits, NewStrategy
from trader.config import ConfigErrors, Settings
from trader.config.explain import render_toml
from trader.config.reload import ConfigWatch, Reloaded
from trader.report.logs import start_logging
from trader.store.atomic import private_folder, write_atomically
from trader.store.events import EventName
from trader.strategy.protocol import Strategy
from trader.strategy.registry import StrategyError, create_strategy

LOOK_EVERY_S = 2.0
KEPT = 50


class FileState(msgspec.Struct, frozen=True):
    """What the saved file would still change: changes that wait for a person, or why it was refused."""

    waiting: str = ""
    refused: str = ""


class HotReload:
    """Holds the settings in force. `load` reads the file again with the run's own flags and environment."""

    def __init__(
        self,
        file: Path,
        settings: Settings,
        folder: Path,
        load: Callable[[], Settings | ConfigErrors],
        on_refused: Callable[[str], None],
    ) -> None:
        self._file = file
        self._folder = folder
        self._watch = ConfigWatch(file, settings, load)
        self._on_refused = on_refused
        self._next_look = 0.0
        self._tell: Callable[[Settings], None] | None = None
        self._events: EventLog | None = None
        self._clock: MarketClock | None = None
        self._state = FileState()
        self.loaded_at = time.time()
        keep_effective(folder, settings)

    def file_state(self) -> FileState:
        """Return what the file as last judged still waits for. Any thread."""
        return self._state

    def current(self) -> Settings:
        """Return the settings in force. Any thread."""
        return self._watch.settings

    def attach(self, addresses: AddressBook, events: EventLog, clock: MarketClock) -> None:
        """Name the running system that changes are told to."""
        self._tell = lambda settings: tell_system(settings, addresses, self._file.parent)
        self._events, self._clock = events, clock

    def on_tick(self, machine_time: float) -> None:
        """Look at the file now and then, and act on a change that is at rest."""
        if machine_time >= self._next_look:
            self._next_look = machine_time + LOOK_EVERY_S
            before = self.current()
            found = self._watch.check()
            if found is not None:
                self._take(before, found, "a saved file", quiet=True)

    def reload(self, by: str, *, accepted: bool = False) -> Told:
        """Judge the file now; the answer tells what became of each changed key."""
        before = self.current()
        return self._take(before, self._watch.reload(accepted=accepted), by, quiet=False)

    def _take(self, before: Settings, found: Reloaded, by: str, *, quiet: bool) -> Told:
        lines = found.lines()
        if not found.refused and found.applied:
            why = self._unusable(found.settings)
            if why:
                self._watch.settings = before
                lines = ["configuration refused, the old one stays in force:", why]
            else:
                self._apply(before, found.settings)
        refused = lines[0].startswith("configuration refused")
        waiting = "" if refused else "; ".join(f"{one.path} {one.old} -> {one.new}" for one in found.waiting)
        self._state = FileState(waiting, " ".join("; ".join(lines[1:4]).split()) if refused else "")
        if refused:
            self._on_refused(self._state.refused)
        if not quiet or found.changes or refused:
            for line in lines:
                logger.log("WARNING" if refused else "INFO", "config ({}): {}", by, line)
        self._record(found, lines, by)
        return Told("\n".join(lines), done=True, ok=not refused)

    def _unusable(self, settings: Settings) -> str:
        """Say why the strategy cannot be made from these settings; actors must not find out."""
        try:
            create_strategy(settings.strategy, settings.filters, settings.sizing, folder=self._file.parent)
        except StrategyError as error:
            return str(error)
        return ""

    def _apply(self, before: Settings, settings: Settings) -> None:
        self.loaded_at = time.time()
        if settings.log_level != before.log_level:
            start_logging(settings.log_level, self._folder / "logs" / "perps_bot.log")
        if self._tell is not None:
            self._tell(settings)
        keep_effective(self._folder, settings)

    def _record(self, found: Reloaded, lines: list[str], by: str) -> None:
        if self._events is None or self._clock is None or not (found.changes or found.refused):
            return
        self._events.use(found.settings.config_hash)
        changes = [str(change) for change in found.changes] or lines[:20]
        self._events.write(EventName.CONFIG_CHANGED, {"changes": changes, "by": by}, self._clock.now())


def tell_system(settings: Settings, addresses: AddressBook, folder: Path) -> None:
    """Tell risk and every symbol the settings that hold from now on."""
    addresses.risk.tell(NewLimits(settings.risk, settings.execution, settings.trading_window))

    def make() -> Strategy:
        return create_strategy(settings.strategy, settings.filters, settings.sizing, folder=folder)

    for symbol, address in addresses.symbols.items():
        given = symbol_settings(settings, symbol)
        address.tell(NewStrategy(make, given.execution, given.risk, given.leverage_cap))


def keep_effective(folder: Path, settings: Settings) -> None:
    """Keep the values in force as a TOML file in the profile's folder, the newest fifty; a full disk only costs the copy."""
    kept = folder / "config"
    name = f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}_{settings.config_hash[:12]}.toml"
    try:
        private_folder(kept)
        write_atomically(kept / name, render_toml(settings).encode())
        for old in sorted(kept.glob("*.toml"))[:-KEPT]:
            old.unlink(missing_ok=True)
    except OSError as error:
        logger.warning("the configuration in force could not be kept: {}", error)
