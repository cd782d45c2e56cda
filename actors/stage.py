"""The stage: the same actors on one thread in virtual time, in an order drawn from a seed.

It replaces the one method that starts an actor's thread and the clock; everything else is the live code. Each turn a random ready actor
runs pykka's own loop for exactly one envelope, or a timer fires; virtual time may advance while mailboxes are full. A blocking ask
raises at once. Same seed, same run, byte for byte. `straight.py` is its fast sister for backtests.

Tests and schedules import this; the live system never does.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Self

import pykka
from pykka import ThreadingFuture
from pykka._envelope import Envelope

from actors.address import AddressBook
from actors.base import Board, Recorder, Running, SupervisedActor, Vitals
from actors.eventlog import EventLog
from actors.mailbox import Mailbox
from trader.market.clock import Now


class AskOnStage(AssertionError):
    """Somebody waits for an answer; nobody asks here (S17)."""


class _EndOfTurn(BaseException):
    """Leaves pykka's loop between two messages. Raised as a class: a kept instance would gather a traceback per raise."""


class StageFuture(ThreadingFuture[Any]):
    """A future that does not wait: on one thread waiting would be for ever."""

    def get(self, *, timeout: float | None = None) -> Any:
        """Return the result if it is there; raise AskOnStage if not."""
        if self._result is None:
            raise AskOnStage("a blocking ask on the stage")
        return super().get(timeout=timeout)


class _OneEnvelope:
    """The reading side of a mailbox for one turn: the first `get` gives an envelope, the second leaves the loop."""

    __slots__ = ("_armed", "_draining", "_mailbox", "put")

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox
        self._armed = False
        self._draining = False
        self.put = mailbox.put

    def arm(self) -> None:
        """Allow one envelope."""
        self._armed = True

    def drain(self) -> None:
        """Allow everything: the actor is stopping."""
        self._draining = True

    def get(self) -> Envelope[Any]:
        """Give the next envelope, or end the turn."""
        if not self._armed and not self._draining:
            raise _EndOfTurn
        self._armed = False
        envelope = self._mailbox.take()
        assert envelope is not None, "the stage runs an actor only when something waits for it"
        return envelope

    def empty(self) -> bool:
        """Whether nothing waits."""
        return self._mailbox.empty()


class Place:
    """One actor's place on the stage: what a thread is live."""

    __slots__ = ("_alive", "actor", "frozen", "inbox", "mailbox", "started")

    def __init__(self, actor: SupervisedActor) -> None:
        self.actor = actor
        self.mailbox = actor.vitals.mailbox
        self.inbox = _OneEnvelope(self.mailbox)
        self.started = False
        self.frozen = False
        self._alive = True

    def is_alive(self) -> bool:
        """Whether the actor may still run code."""
        return self._alive

    @property
    def is_ready(self) -> bool:
        """Whether a turn would do something. A frozen one hangs in its handler."""
        return (
            self._alive
            and not self.frozen
            and (not self.started or not self.mailbox.empty() or self.actor.actor_stopped.is_set())
        )

    def turn(self) -> None:
        """Run pykka's loop for one envelope, or its setup, and its teardown once the actor has stopped."""
        actor = self.actor
        if not self.started:
            self.started = True
            actor.actor_inbox = self.inbox
            actor._actor_loop_setup()  # noqa: SLF001 - pykka's own loop, run piecewise
        elif not actor.actor_stopped.is_set():
            self.inbox.arm()
            with suppress(_EndOfTurn):
                actor._actor_loop_running()  # noqa: SLF001
        if actor.actor_stopped.is_set():
            self.inbox.drain()
            actor._actor_loop_teardown()  # noqa: SLF001
            self._alive = False


class Timers:
    """What is due when, in virtual machine seconds; ties fire in the order they were set."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0

    def at(self, due: float, action: Callable[[], None]) -> None:
        """Do something at a time."""
        self._count += 1
        heapq.heappush(self._heap, (due, self._count, action))

    @property
    def next_due(self) -> float | None:
        """When the next one is due; None without any."""
        return self._heap[0][0] if self._heap else None

    def pop(self) -> Callable[[], None]:
        """Take the next action."""
        return heapq.heappop(self._heap)[2]


class VirtualTime:
    """Both clocks of a stage: they move together, by timers only."""

    def __init__(self, market_start: float) -> None:
        self.machine_time = 0.0
        self.market_offset = market_start
        self.timers = Timers()

    @property
    def market_time(self) -> float:
        """The market's clock alone."""
        return self.market_offset + self.machine_time

    def now(self) -> Now:
        """Return both clocks."""
        return Now(self.market_offset + self.machine_time, self.machine_time)

    def after(self, delay_s: float, action: Callable[[], None]) -> None:
        """Do something `delay_s` virtual seconds from now."""
        self.timers.at(self.machine_time + delay_s, action)


class StageSurroundings:
    """What actors on a stage are given; the same names as live."""

    def __init__(
        self,
        addresses: AddressBook,
        events: EventLog,
        time: VirtualTime,
        launch: Callable[[SupervisedActor], Running],
        new_id: Callable[[], str],
        run_id: str,
    ) -> None:
        self.addresses = addresses
        self.board = Board()
        self.vitals: dict[str, Vitals] = {}
        self.recorder: Recorder | None = None
        self.events = events
        self.run_id = run_id
        self.new_id = new_id
        self._time = time
        self._launch = launch

    def machine_time(self) -> float:
        """Return virtual machine seconds."""
        return self._time.machine_time

    def launch(self, name: str, loop: Callable[[], None]) -> Running:
        """Put an actor on the stage instead of starting a thread."""
        actor = loop.__self__  # type: ignore[attr-defined]
        assert isinstance(actor, SupervisedActor), f"{name} is not a supervised actor"
        return self._launch(actor)

    def wake_clock(self) -> None:
        """Do nothing: the stage ticks by its own timers."""


class Stage:
    """Random order from a seed. `step` runs one turn or fires one timer; `choose` draws from the run's own generator."""

    TIMER_CHANCE = 0.02

    def __init__(self, seed: int, market_start: float = 1_700_000_000.0) -> None:
        self.random = random.Random(seed)  # noqa: S311 - a schedule must be reproducible, not secret
        self.time = VirtualTime(market_start)
        self.places: list[Place] = []
        self.turns = 0
        self.meddle: Callable[[Place], None] | None = None
        self._futures = SupervisedActor.__dict__.get("_create_future")

    def __enter__(self) -> Self:
        SupervisedActor._create_future = staticmethod(StageFuture)  # type: ignore[method-assign]  # noqa: SLF001
        return self

    def __exit__(self, *_: object) -> None:
        if self._futures is None:
            del SupervisedActor._create_future  # noqa: SLF001
        for place in self.places:
            pykka.ActorRegistry.unregister(place.actor.actor_ref)

    def launch(self, actor: SupervisedActor) -> Place:
        """Give an actor its place."""
        place = Place(actor)
        self.places.append(place)
        return place

    def place_of(self, name: str) -> Place | None:
        """Return the living place of an actor by name."""
        for place in reversed(self.places):
            if place.actor.name == name and place.is_alive():
                return place
        return None

    def step(self) -> bool:
        """Run one turn of a random ready actor, or fire the next timer; False when there is nothing left to do.

        A timer may fire although messages wait: without that whole classes of faults cannot happen (measured).
        """
        ready = [place for place in self.places if place.is_ready]
        due = self.time.timers.next_due
        if not ready and due is None:
            return False
        if due is not None and (not ready or self.random.random() < self.TIMER_CHANCE):
            self.time.machine_time = max(self.time.machine_time, due)
            self.time.timers.pop()()
        else:
            place = ready[int(self.random.random() * len(ready))]
            if self.meddle and place.started:
                self.meddle(place)
            place.turn()
            self.turns += 1
        if len(self.places) > 64:
            self.places = [place for place in self.places if place.is_alive()]
        return True

    def run(self, until: float, check: Callable[[], None] | None = None) -> None:
        """Step until the virtual machine clock has reached `until` and every timer before it has fired."""
        while True:
            due = self.time.timers.next_due
            if (due is None or due > until) and not any(place.is_ready for place in self.places):
                self.time.machine_time = max(self.time.machine_time, until)
                return
            self.step()
            if check:
                check()
