"""The only wiring: settings to a running system, its main loop, and the exit code. Read it as a list.

    log → way to the venue → products → event store → supervisor (risk, broker, symbols) → main loop → cold path or order

`run.py`'s trading command calls `trade`. Everything here runs on the main thread.
"""

from __future__ import annotations

import argparse
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path

from loguru import logger

from actors.address import SUPERVISOR, AddressBook
from actors.base import Board, Recorder, Running, Vitals, launch_thread
from actors.child import vitals_of
from actors.children import child_specs
from actors.clock import MarketClock, SkewWatch
from actors.connection import Connection, check_venue, connect
from actors.control_board import Cancelled
from actors.eventlog import EventLog
from actors.exchange_process import ReadyLine
from actors.guardian import End, Guardian, Inbox, Outcome, listen_for_signals
from actors.holdfile import HoldFile
from actors.live import LivePorts
from actors.lock import ProcessLock
from actors.messages import CommitFailed, Escalate, Session, SetMode
from actors.operations import Operations
from actors.options import read_settings
from actors.projector import Projector
from actors.reports import SymbolReport
from actors.status import StatusWriter
from actors.supervisor import Supervisor
from trader.coinbase.cold import cancel_everything
from trader.coinbase.feed import MarketFeed, UserFeed
from trader.coinbase.polling import MarketPolling, UserPolling
from trader.coinbase.rest import CoinbaseVenue
from trader.config import Settings
from trader.exit_code import Ends, ExitCode
from trader.market.catalog import ProductCatalog
from trader.market.clock import Now
from trader.market.instrument import Instrument
from trader.orders.reason import Reason
from trader.report.logs import start_logging
from trader.risk.holds import ACCOUNT, Hold, HoldTable, Level
from trader.store.events import EventName
from trader.store.log import EventStore
from trader.store.recorder import InputRecorder
from trader.store.verdict import StoreBusy, StoreRefused
from trader.strategy.registry import StrategyError, create_strategy
from trader.venue import Feed

SWITCH_INTERVAL_S = 0.0005
COLD_DEADLINE_S = 20.0


class LiveSurroundings:
    """What every live actor is given: addresses, the board, events, the machine's clock, threads."""

    def __init__(self, addresses: AddressBook, events: EventLog, inbox: Inbox, run_id: str) -> None:
        self.addresses = addresses
        self.board = Board()
        self.vitals: dict[str, Vitals] = {}
        self.recorder: Recorder | None = None
        self.events = events
        self.run_id = run_id
        self._inbox = inbox

    def machine_time(self) -> float:
        """Return this machine's monotonic seconds."""
        return time.monotonic()

    def new_id(self) -> str:
        """Return a fresh client order id: random 128 bits, never used before (I-07)."""
        return str(uuid.uuid4())

    def launch(self, name: str, loop: Callable[[], None]) -> Running:
        """Run an actor's loop in a daemon thread."""
        return launch_thread(name, loop)

    def wake_clock(self) -> None:
        """Ask the main thread for a tick soon."""
        self._inbox.wake()


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
        return _run(settings, options, folder, lock, inbox, connection, clock, venue, instruments, store)
    finally:
        store.close()
        venue.close()


def _run(
    settings: Settings,
    options: argparse.Namespace,
    folder: Path,
    lock: ProcessLock,
    inbox: Inbox,
    connection: Connection,
    clock: MarketClock,
    venue: CoinbaseVenue,
    instruments: dict[str, Instrument],
    store: EventStore,
) -> ExitCode:
    operations = Operations(options.config, settings, folder, lambda: read_settings(options))
    events = EventLog(store, settings.profile, settings.config_hash, time.time)
    surroundings = LiveSurroundings(AddressBook(tuple(instruments)), events, inbox, uuid.uuid4().hex[:6])
    ports = LivePorts(venue, lambda: _feeds(connection, venue, instruments, settings), clock, dry_run=options.dry_run)
    holds = HoldFile(folder / "holds.json")
    _start_mode(settings, holds, clock, options.config.parent)
    recorder = surroundings.recorder = _recorder(settings, folder, surroundings.run_id, instruments)
    supervisor_ref = Supervisor.start(
        SUPERVISOR,
        1,
        surroundings,
        child_specs(
            settings, surroundings, ports, instruments, folder=options.config.parent, current=operations.current
        ),
        holds,
        inbox,
        settings.supervision.hang_s,
    )
    surroundings.addresses.supervisor.bind(supervisor_ref)
    status = StatusWriter(
        settings,
        surroundings,
        clock,
        store,
        folder,
        connection,
        dry_run=options.dry_run,
        attached=options.exchange is not None,
    )
    status.on_status, status.alert_state = operations.on_status, operations.alert_state
    status.config_state = operations.reloading.file_state
    status.banner(instruments, holds.load())
    projector = Projector(folder, store.replay())
    events.offer = projector.offer
    events.write(EventName.SYSTEM_STARTED, status.start_facts(), clock.now())
    operations.attach(
        surroundings.addresses,
        surroundings.board,
        events,
        clock,
        inbox,
        lambda: _cancel_everything(connection),
        status.renew,
    )
    skew = SkewWatch()

    def on_tick(machine_time: float) -> str:
        if hold := skew.judge(clock.skew_s, clock.now()):
            surroundings.addresses.supervisor.tell(Escalate(hold))
        if (
            failed := store.health.failed
        ):  # also when no intent waited for the disk: what cannot be written down cannot go on
            surroundings.addresses.risk.tell(CommitFailed("", failed))
        return _each_tick(machine_time, status, operations, projector, lock)

    watchdog_file = (folder / "logs" / "watchdog.log").open("a")
    guardian = Guardian(
        inbox,
        clock,
        surroundings.addresses.supervisor,
        supervisor_ref,
        vitals_of(supervisor_ref),
        on_tick=on_tick,
        dump=status.dump,
        reload=operations.reload,
        watchdog_file=watchdog_file,
    )
    try:
        outcome = guardian.run(options.duration, lambda: options.dev_fast and _all_decided(surroundings))
    except Exception as error:  # noqa: BLE001 - without its clock nothing else can be trusted: the cold path
        logger.opt(exception=True).critical("the main loop failed")
        outcome = Outcome(End.SUPERVISOR_LOST, f"the main loop failed: {type(error).__name__}: {error}")
    operations.stopping()
    code = _finish(outcome, connection, ports, surroundings.addresses, clock.now())
    try:
        events.write(EventName.SYSTEM_STOPPED, {"exit_code": str(int(code)), "why": outcome.text}, clock.now())
        status.dump("the end", code)
        projector.write()
        operations.close()
        if recorder is not None:
            recorder.close()
    except Exception:  # noqa: BLE001 - the last words must not replace the exit code
        logger.opt(exception=True).error("the last status could not be told")
    logger.info("ended with {}: {}", int(code), outcome.text)
    return code


def _recorder(
    settings: Settings, folder: Path, run_id: str, instruments: dict[str, Instrument]
) -> InputRecorder | None:
    """Record what actors handle on paper, so that a session can be replayed; where that cannot be, trade without."""
    if not settings.is_paper:
        return None
    try:
        recorder = InputRecorder(folder / "inputs")
    except OSError as error:
        logger.warning("the inputs of this session are not recorded: {}", error)
        return None
    session = Session(run_id, settings.profile, settings.config_hash, tuple(instruments.values()))
    recorder.record("session", time.monotonic(), session)
    return recorder


def _each_tick(
    machine_time: float, status: StatusWriter, operations: Operations, projector: Projector, lock: ProcessLock
) -> str:
    """Do the main thread's own work of a tick; return why the system must halt, or ""."""
    try:
        operations.on_tick(machine_time)
        status.use(operations.current())
        status.on_tick(machine_time)
        projector.on_tick(machine_time)
    except Exception:  # noqa: BLE001 - what people read must never stop what trades (F-S12)
        logger.opt(exception=True).error("the status could not be told; trading goes on")
    return "" if lock.is_intact() else "the lock file was replaced: another instance may trade"


def _feeds(
    connection: Connection, venue: CoinbaseVenue, instruments: dict[str, Instrument], settings: Settings
) -> list[Feed]:
    """Make the feeds of one broker incarnation: streams, or polling where streaming is switched off."""
    products, key, ca_file = list(instruments.values()), connection.credentials, connection.ca_file
    if not settings.feed.streaming:
        every_s = poll_interval_s(len(products), settings.rest.rate_limit_per_minute)
        return [MarketPolling(venue, products, every_s), UserPolling(venue, every_s)]
    clock = venue.token_clock
    return [
        MarketFeed(connection.ws_url, key, products, settings.feed, token_clock=clock, ca_file=ca_file),
        UserFeed(connection.ws_user_url, key, products, settings.feed, token_clock=clock, ca_file=ca_file),
    ]


def poll_interval_s(products: int, per_minute: int) -> float:
    """Return how often to poll so that polling takes at most half of the minute's requests, never faster than every two seconds."""
    requests = 5 + 2 * products
    return max(2.0, 60.0 * requests / (per_minute / 2))


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


def _cancel_everything(connection: Connection) -> Cancelled:
    """Take the cold path; any thread, with a connection of its own."""
    result = cancel_everything(connection.credentials, connection.rest_url, COLD_DEADLINE_S, ca_file=connection.ca_file)
    return Cancelled(result.cancelled, result.remaining, result.confirmed, "; ".join(result.errors[-1:]))


def _finish(outcome: Outcome, connection: Connection, ports: LivePorts, addresses: AddressBook, now: Now) -> ExitCode:
    """Turn the end of the main loop into an exit code, taking the cold path where the running system cannot be trusted."""
    if outcome.end is End.STOPPED:
        return ExitCode.OK
    if outcome.end is End.STOPPED_UNCONFIRMED:
        return ExitCode.CANCELS_UNCONFIRMED
    ports.shut = True
    halted = SetMode(HoldTable((Hold("cold_path", Level.HALTED, ACCOUNT, Reason.MODE_HALTED, outcome.text),)), now)
    addresses.broker.tell(halted)
    addresses.risk.tell(halted)
    logger.warning("cold path: cancelling every open order of the portfolio ({})", outcome.text)
    result = _cancel_everything(connection)
    logger.warning(
        "cold path: {} cancelled, {} left, {}",
        result.cancelled,
        result.remaining,
        "confirmed" if result.confirmed else "UNCONFIRMED",
    )
    if outcome.end is End.SUPERVISOR_LOST:
        return ExitCode.SUPERVISOR_LOST
    if outcome.end is End.IMPATIENT:
        return ExitCode.OK if result.confirmed else ExitCode.CANCELS_UNCONFIRMED
    return ExitCode.HALTED if result.confirmed else ExitCode.HALTED_UNCONFIRMED
