"""The main thread: clock, signal reader and guardian. It decides nothing about trading; it ticks, listens and watches the supervisor.

Signal handlers only put a number into a SimpleQueue, the one thing that is safe there (S18); a re-armed faulthandler timer ends a
process whose interpreter hangs as a whole. Only `actors/system.py` imports this.
"""

from __future__ import annotations

import faulthandler
import queue
import signal
import sys
import threading
from collections.abc import Callable
from enum import StrEnum
from typing import Any, TextIO

import msgspec
import pykka
from loguru import logger

from actors.address import Address
from actors.base import Vitals
from actors.clock import MarketClock
from actors.messages import Escalate, Shutdown, Tick
from trader.orders.reason import Reason
from trader.risk.holds import ACCOUNT, Hold, Level

TICK_S = 0.25
DEATH_POLL_S = 0.005
WATCHDOG_S = 60
SUPERVISOR_HANG_S = 5.0


class Wake(msgspec.Struct, frozen=True):
    """Somebody asks for a tick soon: a death is pending."""


class Work(msgspec.Struct, frozen=True):
    """A command needs something of the main thread's own: a moment's work, done between two ticks."""

    run: Callable[[], None]


class Stopped(msgspec.Struct, frozen=True):
    """The supervisor has stopped everything."""

    confirmed: bool
    text: str


class Cold(msgspec.Struct, frozen=True):
    """The running system cannot be trusted any more: take the cold path."""

    why: str


class End(StrEnum):
    """How the main loop ended."""

    STOPPED = "stopped"
    STOPPED_UNCONFIRMED = "stopped, cancels unconfirmed"
    HALTED = "halted"
    SUPERVISOR_LOST = "supervisor lost"
    IMPATIENT = "second signal"


class Inbox:
    """The main thread's queue. `put` is safe in signal handlers and from any thread; it also is the supervisor's `Ending`."""

    def __init__(self) -> None:
        self.queue: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def wake(self) -> None:
        """Ask for a tick soon."""
        self.queue.put(Wake())

    def hand_over(self, run: Callable[[], None]) -> None:
        """Have `run` called on the main thread."""
        self.queue.put(Work(run))

    def stopped(self, confirmed: bool, text: str) -> None:
        """Hear that the orderly stop is over."""
        self.queue.put(Stopped(confirmed, text))

    def cold(self, why: str) -> None:
        """Hear that the cold path is needed."""
        self.queue.put(Cold(why))


class Outcome(msgspec.Struct, frozen=True):
    """Why the main loop ended, in a word and a sentence."""

    end: End
    text: str


class Guardian:
    """Runs on the main thread from the first tick to the last."""

    def __init__(
        self,
        inbox: Inbox,
        clock: MarketClock,
        supervisor: Address,
        supervisor_ref: pykka.ActorRef[Any],
        supervisor_vitals: Vitals,
        on_tick: Callable[[float], str],
        dump: Callable[[str], None],
        reload: Callable[[], None],
        watchdog_file: TextIO,
    ) -> None:
        self._inbox = inbox
        self._clock = clock
        self._supervisor = supervisor
        self._ref = supervisor_ref
        self._vitals = supervisor_vitals
        self._on_tick = on_tick
        self._dump = dump
        self._reload = reload
        self._watchdog_file = watchdog_file
        self._stopping = False

    def run(self, duration_s: float | None, finished: Callable[[], bool]) -> Outcome:
        """Tick until the system has stopped or cannot be trusted. `finished` ends a run that has done what it was asked for."""
        started = self._clock.now().machine_time
        wait = TICK_S
        while True:
            try:
                item = self._inbox.queue.get(timeout=wait)
            except queue.Empty:
                item = None
            wait = TICK_S
            match item:
                case Stopped():
                    return Outcome(End.STOPPED if item.confirmed else End.STOPPED_UNCONFIRMED, item.text)
                case Cold():
                    return Outcome(End.HALTED, item.why)
                case Wake():
                    wait = DEATH_POLL_S
                case Work():
                    item.run()
                case int() if self._on_signal(item):
                    return Outcome(End.IMPATIENT, f"{signal.Signals(item).name} came twice")
            lost = self._tick()
            if lost:
                return Outcome(End.SUPERVISOR_LOST, lost)
            over = duration_s is not None and self._clock.now().machine_time - started >= duration_s
            if (over or finished()) and not self._stopping:
                self._stop("--duration" if over else "the end of its task")

    def _tick(self) -> str:
        """Send time to the supervisor; return why it is lost, or ""."""
        faulthandler.dump_traceback_later(WATCHDOG_S, exit=True, file=self._watchdog_file)
        now = self._clock.now()
        busy_since = self._vitals.busy_since
        if not self._ref.is_alive() or (self._vitals.running is not None and not self._vitals.running.is_alive()):
            return f"the supervisor is dead: {self._vitals.last_failure}"
        if busy_since is not None and now.machine_time - busy_since > SUPERVISOR_HANG_S:
            return f"the supervisor hangs in {self._vitals.message}"
        self._supervisor.tell(Tick(now))
        halted = self._on_tick(now.machine_time)
        if halted:
            self._hold("process_lock", Level.HALTED, halted, Reason.MODE_HALTED)
        return ""

    def _on_signal(self, number: int) -> bool:
        """Act on a signal; True when it is the second request to end."""
        name = signal.Signals(number).name
        if number in {signal.SIGTERM, signal.SIGINT}:
            if self._stopping:
                return True
            self._stop(name)
        elif number == signal.SIGUSR1:
            self._hold("operator", Level.REDUCE_ONLY, "SIGUSR1", Reason.MODE_REDUCE_ONLY)
        elif number == signal.SIGUSR2:
            self._dump("SIGUSR2")
        elif number == signal.SIGHUP:
            self._reload()
        elif number == signal.SIGQUIT:
            dump_threads(sys.stderr)
        return False

    def _stop(self, by: str) -> None:
        self._stopping = True
        self._supervisor.tell(Shutdown(by))

    def _hold(self, cause: str, level: Level, text: str, reason: Reason) -> None:
        logger.info("{}: asking the supervisor for {}", text, level.name)
        now = self._clock.now()
        self._supervisor.tell(Escalate(Hold(cause, level, ACCOUNT, reason, text, by=text, since=now.market_time)))


def listen_for_signals(inbox: Inbox) -> None:
    """Install the handlers: each puts its number into the inbox and returns."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, lambda number, _frame: inbox.queue.put(number))


def dump_threads(stream: TextIO) -> None:
    """Write every thread's name and stack; faulthandler alone shows no names on this Python."""
    names = ", ".join(f"{thread.name}={thread.ident:#x}" for thread in threading.enumerate() if thread.ident)
    stream.write(f"threads: {names}\n")
    stream.flush()
    faulthandler.dump_traceback(file=stream, all_threads=True)
