"""The base of every actor: one crash firewall, vitals that others can read, an incarnation number.

Which thread runs what: `__init__` runs in the supervisor's thread and only stores arguments; `prepare` and `handle` run in the
actor's own thread; `vitals` is read by anyone. Everything an actor raises, in `prepare` or in a message told or asked, ends in
`_die`: the actor is marked stopped, one `Died` notice goes to the supervisor, and an ordinary exception is raised for pykka, whose
own ways of dying differ by case (rule S5). Only `actors/` imports this.
"""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable
from typing import Any, NoReturn, Protocol

import msgspec
import pykka
from pykka import ActorRegistry

from actors.address import AddressBook
from actors.eventlog import EventLog
from actors.mailbox import Mailbox
from actors.messages import Began, Died
from trader.market.clock import Now
from trader.report.redaction import redactor

DETAIL_LIMIT = 8_000
MESSAGE_LIMIT = 300


class ActorCrashed(Exception):
    """What pykka sees of a crash; the cause travels as text in the `Died` notice."""


class Running(Protocol):
    """Whatever runs an actor's loop: a thread, or a place on the stage."""

    def is_alive(self) -> bool:
        """Whether the loop may still run code."""
        ...


class Vitals:
    """Signs of life of one incarnation, written by its own thread, read by anyone without a lock."""

    __slots__ = (
        "busy_since",
        "handled",
        "last_failure",
        "mailbox",
        "message",
        "running",
        "slowest_message",
        "slowest_s",
    )

    def __init__(self, mailbox: Mailbox) -> None:
        self.mailbox = mailbox
        self.running: Running | None = None
        self.busy_since: float | None = None
        self.message = ""
        self.handled = 0
        self.slowest_s = 0.0
        self.slowest_message = ""
        self.last_failure = ""


class Board:
    """The last immutable report of each actor: published on ticks, readable while its author hangs. Any thread."""

    def __init__(self) -> None:
        self._reports: dict[str, tuple[Any, float]] = {}

    def publish(self, name: str, report: Any, machine_time: float) -> None:
        """Replace the report of `name`."""
        self._reports[name] = (report, machine_time)

    def read(self, name: str) -> tuple[Any, float] | None:
        """Return the last report of `name` and the machine time it was published at, or None before the first."""
        return self._reports.get(name)


class Recorder(Protocol):
    """Where the inputs of actors are recorded; must not wait and must not raise."""

    def record(self, actor: str, machine_time: float, message: msgspec.Struct) -> None:
        """Take one message an actor is about to handle. Any thread."""
        ...


class Surroundings(Protocol):
    """What the system gives every actor: where to send, where to publish, what time it is for vitals, who runs loops."""

    addresses: AddressBook
    board: Board
    events: EventLog
    run_id: str
    vitals: dict[str, Vitals]
    recorder: Recorder | None

    def new_id(self) -> str:
        """Return a client order id that was never used before."""
        ...

    def machine_time(self) -> float:
        """Seconds of a monotonic clock, for vitals only (rule S22)."""
        ...

    def launch(self, name: str, loop: Callable[[], None]) -> Running:
        """Run an actor's loop: in a daemon thread, or on the stage."""
        ...

    def wake_clock(self) -> None:
        """Ask for the next tick soon: a death is pending."""
        ...


def launch_thread(name: str, loop: Callable[[], None]) -> Running:
    """Run a loop in a daemon thread: a stuck actor must not keep a dead process alive (rule S20)."""
    thread = threading.Thread(target=loop, name=name, daemon=True)
    thread.start()
    return thread


class SupervisedActor(pykka.ThreadingActor):
    """An actor under supervision. Subclasses write `prepare` and `handle`."""

    use_daemon_thread = True
    records_inputs = False
    """Whether what this kind of actor handles is recorded, where anything is: those whose decisions can be replayed."""

    def __init__(self, name: str, incarnation: int, surroundings: Surroundings) -> None:
        super().__init__()
        self.name = name
        self.incarnation = incarnation
        self.surroundings = surroundings
        self.addresses = surroundings.addresses
        self._machine_time = surroundings.machine_time
        assert isinstance(self.actor_inbox, Mailbox)
        self.vitals = surroundings.vitals[name] = Vitals(self.actor_inbox)
        self.now = Now(0.0, surroundings.machine_time())
        self._recorder = surroundings.recorder if self.records_inputs else None
        self._recorded_as = f"{name}#{incarnation}"

    def prepare(self) -> None:
        """Do the work of starting, in the actor's own thread: the same code for a first start and a restart (rule S8)."""

    def handle(self, message: Any) -> None:
        """Handle one message; whatever it raises ends this incarnation."""
        raise NotImplementedError

    def publish(self, report: Any) -> None:
        """Put this actor's report on the board."""
        self.surroundings.board.publish(self.name, report, self.now.machine_time)

    # --- what pykka calls --------------------------------------------------------------------------------------------------

    @staticmethod
    def _create_actor_inbox() -> Any:
        return Mailbox()

    def _start_actor_loop(self) -> None:
        """Bind the address, then run; in the supervisor's thread. What `prepare` asks for may be answered before `start` returns."""
        self.addresses[self.name].bind(self.actor_ref)
        self.vitals.running = self.surroundings.launch(f"{self.name}#{self.incarnation}", self._actor_loop)

    def on_start(self) -> None:
        """Run `prepare` behind the firewall; pykka alone would lose its failure."""
        if self._recorder is not None:
            self._recorder.record(self._recorded_as, self.now.machine_time, Began(self.now.machine_time))
        self.vitals.message, self.vitals.busy_since = "prepare", self._machine_time()
        try:
            self.prepare()
        except BaseException as error:  # noqa: BLE001 - the firewall's whole purpose (S5)
            self._die(error, "prepare")
        self.vitals.busy_since = None

    def on_receive(self, message: Any) -> None:
        """Run `handle` behind the firewall and keep the vitals."""
        vitals = self.vitals
        vitals.message = type(message).__name__
        started = vitals.busy_since = self._machine_time()
        if self._recorder is not None:
            self._recorder.record(self._recorded_as, started, message)
        try:
            self.handle(message)
        except BaseException as error:  # noqa: BLE001 - the firewall's whole purpose (S5)
            self._die(error, message)
        spent = self._machine_time() - started
        if spent > vitals.slowest_s:
            vitals.slowest_s, vitals.slowest_message = spent, vitals.message
        vitals.busy_since = None
        vitals.handled += 1

    def _die(self, error: BaseException, message: Any) -> NoReturn:
        """Stop this incarnation, tell the supervisor why, and raise what pykka can handle. A second death says nothing new."""
        told = redactor.clean(message if isinstance(message, str) else repr(message)[:MESSAGE_LIMIT])
        cause = redactor.clean(f"{type(error).__name__}: {error}")[:MESSAGE_LIMIT]
        detail = redactor.clean("".join(traceback.format_exception(error)))[-DETAIL_LIMIT:]
        first = not self.actor_stopped.is_set()
        ActorRegistry.unregister(self.actor_ref)
        self.actor_stopped.set()
        self.vitals.last_failure = cause
        self.vitals.busy_since = None
        if first:
            self.addresses.supervisor.tell(Died(self.name, self.incarnation, cause, detail, told))
            self.surroundings.wake_clock()
        raise ActorCrashed(cause) from None
