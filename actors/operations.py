"""Everything around a running system that serves people: commands, alerts, hot reload, metrics, the service manager.

Made by `system.py` on the main thread, ticked by it, closed at the end. None of it decides about trading, and none of it can hold
trading up: commands, alerts and metrics have threads of their own, and what fails here is told and left out.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, MutableMapping
from pathlib import Path

from loguru import logger

from actors.address import AddressBook
from actors.alerting import Alerting
from actors.base import Board
from actors.clock import MarketClock
from actors.control import ControlServer
from actors.control_board import Cancelled, Wiring
from actors.control_commands import Commands
from actors.control_wire import Told
from actors.eventlog import EventLog
from actors.guardian import Inbox
from actors.hot_reload import HotReload
from actors.messages import Kill
from actors.service import ServiceManager
from trader.config import ConfigErrors, Settings
from trader.exit_code import Ends, ExitCode
from trader.report.screen import render_screen
from trader.report.server import Published, StatusServer
from trader.report.status import AlertStatus, SystemStatus
from trader.report.verdict import verdict
from trader.report.words import span
from trader.risk.holds import Level

METRICS_PORT = "METRICS_PORT"
KILL_FILE = "KILL"
ACCEPT_WITHIN_S = 10.0
SHOWN_WITHIN_S = 1.0
OLD_STATUS_S = 5.0


class Operations:
    """See the module docstring. `environ` loses what only the service manager and we should know."""

    def __init__(
        self,
        file: Path,
        settings: Settings,
        folder: Path,
        load: Callable[[], Settings | ConfigErrors],
        environ: MutableMapping[str, str] = os.environ,
    ) -> None:
        self._folder = folder
        self._service = ServiceManager(environ)
        self._alerting = Alerting(settings.profile, environ)
        self._published = Published()
        self._metrics = _serve_metrics(environ, self._published)
        self.reloading = HotReload(
            file, settings, folder, load, lambda why: self._alerting.notify("config_refused", why)
        )
        self._control: ControlServer | None = None
        self._addresses: AddressBook | None = None
        self._killed = False
        self._words = "starting"
        self._ready = False

    def current(self) -> Settings:
        """Return the settings in force: what a restarted actor starts with. Any thread."""
        return self.reloading.current()

    def attach(
        self,
        addresses: AddressBook,
        board: Board,
        events: EventLog,
        clock: MarketClock,
        inbox: Inbox,
        cancel: Callable[[], Cancelled],
        renew: Callable[[], None],
    ) -> None:
        """Open the side door to a system that has been put together; `cancel` is the cold path, `renew` makes files due."""
        self._addresses = addresses
        self.reloading.attach(addresses, events, clock)

        def accept() -> Told:
            return _on_main_thread(inbox, lambda: self.reloading.reload("config accept", accepted=True))

        wiring = Wiring(
            addresses,
            board,
            events,
            clock,
            cancel,
            self._show_status,
            self._alerting.test,
            accept,
            self._folder / KILL_FILE,
            lambda: _after_a_look(inbox, renew),
        )
        try:
            self._control = ControlServer(self._folder, Commands(wiring).run)
        except OSError as error:
            logger.error("commands cannot be heard: {}; signals still work", error)

    # --- the main thread's calls -----------------------------------------------------------------------------------------

    def on_status(self, status: SystemStatus) -> None:
        """Take each status as it is made, once a second."""
        self._published.publish(status)
        self._alerting.observe(status)
        self._ready = self._ready or status.mode is not Level.STARTING
        if status.stopping:
            self._service.stopping()
        self._words = f"{status.mode.name}: {verdict(status).sentence}"

    def on_tick(self, machine_time: float) -> None:
        """Look at the configuration file and the kill file, and tell the service manager that the main loop turns."""
        self.reloading.on_tick(machine_time)
        self._service.on_tick(machine_time, ready=self._ready, words=self._words)
        asked = (self._folder / KILL_FILE).exists()
        if asked and not self._killed and self._addresses is not None:
            self._addresses.supervisor.tell(Kill("the kill file", f"the file {KILL_FILE} lies in the profile's folder"))
        self._killed = asked

    def reload(self) -> None:
        """Judge the configuration file now: SIGHUP."""
        self.reloading.reload("SIGHUP")

    def alert_state(self) -> AlertStatus:
        """Return the alert path's state for the status."""
        return self._alerting.state()

    def stopping(self) -> None:
        """Tell the service manager that the end has begun."""
        self._service.stopping()

    def close(self) -> None:
        """Close the side door, send what is still to be told, stop serving."""
        if self._control is not None:
            self._control.close()
        self._alerting.close()
        self._service.close()
        if self._metrics is not None:
            self._metrics.close()

    def _show_status(self) -> str:
        newest = self._published.read()
        if newest is None:
            return "starting: no status yet"
        status, age_s = newest
        old = f"OLD      the main loop has said nothing for {span(age_s)}\n" if age_s > OLD_STATUS_S else ""
        return old + render_screen(status)


def _serve_metrics(environ: MutableMapping[str, str], published: Published) -> StatusServer | None:
    """Serve /metrics, /health, /live and /ready on 127.0.0.1 when METRICS_PORT names a port; off without it."""
    text = environ.get(METRICS_PORT, "").strip()
    if not text:
        return None
    if not text.isdecimal() or int(text) > 65535:
        raise Ends(
            ExitCode.CONFIG_ERROR, f"{METRICS_PORT} must be a port from 0 to 65535, for example 9464 (0: a free one)"
        )
    try:
        server = StatusServer(int(text), published)
    except OSError as error:
        logger.warning("metrics cannot be served on port {}: {}; trading goes on without", text, error)
        return None
    logger.info("metrics on {}/metrics", server.url)
    return server


def _on_main_thread(inbox: Inbox, work: Callable[[], Told]) -> Told:
    """Run a piece of work on the main thread and wait for it there; a main thread that hangs is told."""
    done = threading.Event()
    answers: list[Told] = []

    def run() -> None:
        answers.append(work())
        done.set()

    inbox.hand_over(run)
    done.wait(ACCEPT_WITHIN_S)
    if not answers:
        return Told(f"the main loop has not answered within {ACCEPT_WITHIN_S:g} s", done=True, ok=False)
    return answers[0]


def _after_a_look(inbox: Inbox, renew: Callable[[], None]) -> None:
    """Return when the status files show what a command has done, so that the next look does; a hung main loop is not waited for."""
    shown = threading.Event()
    inbox.hand_over(renew)
    inbox.hand_over(shown.set)  # handed over later, so done after the tick that writes
    shown.wait(SHOWN_WITHIN_S)
