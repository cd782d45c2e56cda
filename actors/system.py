"""The only wiring: settings to a running system, its main loop, and the exit code. Read it as a list.

    log → way to the venue → products → event store → supervisor (risk, broker, symbols) → main loop → cold path or order

`run.py`'s trading command calls `trade`. Everything here runs on the main thread.
"""

from __future__ import annotations

import argparse
import sys
import time
import uuid
from pathlib import Path

import pykka
from loguru import logger

from actors.address import SUPERVISOR, AddressBook
from actors.child import vitals_of
from actors.children import child_specs
from actors.clock import MarketClock, SkewWatch
from actors.connection import Connection, cancel_portfolio, check_venue, connect, make_feeds
from actors.ending import finish
from actors.eventlog import EventLog
from actors.exchange_process import ReadyLine
from actors.guardian import End, Guardian, Inbox, Outcome, listen_for_signals
from actors.holdfile import HoldFile
from actors.live import LivePorts, LiveSurroundings
from actors.lock import ProcessLock
from actors.messages import CommitFailed, Escalate, Session
from actors.operations import Operations
from actors.options import read_settings
from actors.projector import Projector
from actors.reports import SymbolReport
from actors.status import StatusWriter
from actors.supervisor import Supervisor
from trader.coinbase.rest import CoinbaseVenue
from trader.config import Settings
from trader.exit_code import Ends, ExitCode
from trader.market.catalog import ProductCatalog
from trader.market.instrument import Instrument
from trader.orders.reason import Reason
from trader.report.logs import start_logging
from trader.risk.holds import ACCOUNT, Hold, HoldTable, Level
from trader.store.events import EventName
from trader.store.log import EventStore
from trader.store.recorder import InputRecorder
from trader.store.verdict import StoreBusy, StoreRefused
from trader.strategy.registry import StrategyError, create_strategy

SWITCH_INTERVAL_S = 0.0005


def trade(
    settings: Settings, options: argparse.Namespace, folder: Path, lock: ProcessLock, ready: ReadyLine | None
) -> ExitCode:
    """Run one profile, whose lock we hold, to its end and return the exit code. Raises Ends for what keeps it from starting."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    inbox = Inbox()
    listen_for_signals(inbox)
    start_logging(settings.log_level, folder / "logs" / "perps_bot.log")
    connection = connect(settings, ready)
    venue = CoinbaseVenue(
        connection.rest_url,
        connection.credentials,
        settings.rest,
        ProductCatalog(derivatives=settings.environment.derivatives),
        ca_file=connection.ca_file,
    )
    clock = MarketClock(free_running=connection.is_embedded)
    instruments = check_venue(venue, settings, clock)
    store = _open_store(folder, settings, connection)
    try:
        system = LiveSystem(settings, options, folder, inbox, connection, clock, venue, instruments, store)
        return system.run(lock)
    finally:
        store.close()
        venue.close()


class LiveSystem:
    """Everything of one run, wired; `run` is its life. Main thread."""

    def __init__(
        self,
        settings: Settings,
        options: argparse.Namespace,
        folder: Path,
        inbox: Inbox,
        connection: Connection,
        clock: MarketClock,
        venue: CoinbaseVenue,
        instruments: dict[str, Instrument],
        store: EventStore,
    ) -> None:
        self._settings, self._options, self._folder = settings, options, folder
        self._inbox, self._connection, self._clock, self._store = inbox, connection, clock, store
        self._operations = Operations(options.config, settings, folder, lambda: read_settings(options))
        self._events = EventLog(store, settings.profile, settings.config_hash, time.time)
        addresses = AddressBook(tuple(instruments))
        self._surroundings = LiveSurroundings(addresses, self._events, inbox, uuid.uuid4().hex[:6])
        self._ports = LivePorts(
            venue, lambda: make_feeds(connection, venue, instruments, settings), clock, dry_run=options.dry_run
        )
        holds = HoldFile(folder / "holds.json")
        _start_mode(settings, holds, clock, options.config.parent)
        self._recorder = self._surroundings.recorder = self._record(instruments)
        self._supervisor = self._supervise(holds, instruments)
        self._status = StatusWriter(
            settings, self._surroundings, clock, store, folder, connection,
            dry_run=options.dry_run, attached=options.exchange is not None,
        )  # fmt: skip
        self._status.banner(instruments, holds.load())
        self._projector = Projector(folder, store.replay())
        self._skew = SkewWatch()
        self._connect_operations()

    def _record(self, instruments: dict[str, Instrument]) -> InputRecorder | None:
        """Record what actors handle, so that the session can be replayed: on paper, live when asked; where that cannot be, go without."""
        settings = self._settings
        if not settings.is_paper and not self._options.record_inputs:
            return None
        try:
            recorder = InputRecorder(self._folder / "inputs")
        except OSError as error:
            logger.warning("the inputs of this session are not recorded: {}", error)
            return None
        session = Session(
            self._surroundings.run_id,
            settings.profile,
            settings.config_hash,
            tuple(instruments.values()),
            self._store.sequence,
        )
        recorder.record("session", time.monotonic(), session)
        return recorder

    def _supervise(self, holds: HoldFile, instruments: dict[str, Instrument]) -> pykka.ActorRef[Supervisor]:
        """Start the supervisor, which starts everybody else."""
        settings, place, operations = self._settings, self._options.config.parent, self._operations
        specs = child_specs(
            settings, self._surroundings, self._ports, instruments, folder=place, current=operations.current
        )
        hang_s = settings.supervision.hang_s
        supervisor = Supervisor.start(SUPERVISOR, 1, self._surroundings, specs, holds, self._inbox, hang_s)
        self._surroundings.addresses.supervisor.bind(supervisor)
        return supervisor

    def _connect_operations(self) -> None:
        """Let status, events and commands know of each other."""
        status, operations, surroundings = self._status, self._operations, self._surroundings
        status.on_status, status.alert_state = operations.on_status, operations.alert_state
        status.config_state = operations.reloading.file_state
        self._events.offer = self._projector.offer
        self._events.write(EventName.SYSTEM_STARTED, status.start_facts(), self._clock.now())
        operations.attach(
            surroundings.addresses, surroundings.board, self._events, self._clock, self._inbox,
            lambda: cancel_portfolio(self._connection), status.renew,
        )  # fmt: skip

    def run(self, lock: ProcessLock) -> ExitCode:
        """Live until something ends it; return the exit code."""
        options = self._options
        guardian = Guardian(
            self._inbox,
            self._clock,
            self._surroundings.addresses.supervisor,
            self._supervisor,
            vitals_of(self._supervisor),
            on_tick=lambda machine_time: self._on_tick(machine_time, lock),
            dump=self._status.dump,
            reload=self._operations.reload,
            watchdog_file=(self._folder / "logs" / "watchdog.log").open("a"),
        )
        try:
            outcome = guardian.run(options.duration, lambda: options.dev_fast and _all_decided(self._surroundings))
        except Exception as error:  # noqa: BLE001 - without its clock nothing else can be trusted: the cold path
            logger.opt(exception=True).critical("the main loop failed")
            outcome = Outcome(End.SUPERVISOR_LOST, f"the main loop failed: {type(error).__name__}: {error}")
        self._operations.stopping()
        code = finish(outcome, self._connection, self._ports, self._surroundings.addresses, self._clock.now())
        self._say_the_last(code, outcome.text)
        return code

    def _on_tick(self, machine_time: float, lock: ProcessLock) -> str:
        """Do the main thread's own work of a tick; return why the system must halt, or ""."""
        addresses = self._surroundings.addresses
        if hold := self._skew.judge(self._clock.skew_s, self._clock.now()):
            addresses.supervisor.tell(Escalate(hold))
        if failed := self._store.health.failed:  # also when no intent waited: what cannot be written down cannot go on
            addresses.risk.tell(CommitFailed("", failed))
        try:
            self._operations.on_tick(machine_time)
            self._status.use(self._operations.current())
            self._status.on_tick(machine_time)
            self._projector.on_tick(machine_time)
        except Exception:  # noqa: BLE001 - what people read must never stop what trades (F-S12)
            logger.opt(exception=True).error("the status could not be told; trading goes on")
        return "" if lock.is_intact() else "the lock file was replaced: another instance may trade"

    def _say_the_last(self, code: ExitCode, why: str) -> None:
        """Write the end into the record, print the last screen and close what is open."""
        try:
            self._events.write(EventName.SYSTEM_STOPPED, {"exit_code": str(int(code)), "why": why}, self._clock.now())
            self._status.dump("the end", code)
            self._projector.write()
            self._operations.close()
            if self._recorder is not None:
                self._recorder.close()
        except Exception:  # noqa: BLE001 - the last words must not replace the exit code
            logger.opt(exception=True).error("the last status could not be told")
        logger.info("ended with {}: {}", int(code), why)


def _open_store(folder: Path, settings: Settings, connection: Connection) -> EventStore:
    try:
        return EventStore.open(folder, profile=settings.profile, account=connection.account)
    except StoreRefused as error:
        raise Ends(ExitCode.STORE_REFUSED, str(error)) from error
    except StoreBusy as error:
        raise Ends(ExitCode.ALREADY_RUNNING, str(error)) from error


def _start_mode(settings: Settings, holds: HoldFile, clock: MarketClock, folder: Path) -> None:
    """Put the configured start mode into the table before anybody reads it, and check the strategy can be made at all."""
    try:
        create_strategy(settings.strategy, settings.filters, settings.sizing, folder=folder)
    except StrategyError as error:
        raise Ends(ExitCode.CONFIG_ERROR, str(error)) from error
    wanted = [
        (
            settings.start_mode == "reduce_only" or settings.risk.reduce_only_mode,
            "start_mode",
            Level.REDUCE_ONLY,
            Reason.MODE_REDUCE_ONLY,
        ),
        (settings.risk.kill_switch_enabled, "kill", Level.HALTED, Reason.KILL_SWITCH),
    ]
    table: HoldTable = holds.load()
    for asked, cause, level, reason in wanted:
        if asked:
            text = f"the configuration says {settings.where('start_mode') if cause == 'start_mode' else cause}"
            table = table.place(Hold(cause, level, ACCOUNT, reason, text, by="start-up", since=clock.now().market_time))
    holds.save(table)


def _all_decided(surroundings: LiveSurroundings) -> bool:
    """Whether every symbol has made a decision (for --dev-fast)."""
    for symbol in surroundings.addresses.symbols:
        found = surroundings.board.read(symbol)
        if found is None or not isinstance(found[0], SymbolReport) or found[0].evaluations == 0:
            return False
    return True
