"""The straight stage: the same actors on one thread, first in, first out, without pykka's loop. For backtests.

`tell` order is handling order. Whatever an actor raises ends the run, and so does a dead letter once `seal` was called: a broken
actor would otherwise look like a faster one. Backtests and tests import this; the live system never does.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Self

import pykka

from actors.address import Address, AddressBook
from actors.base import Running, SupervisedActor
from actors.stage import VirtualTime

Turn = tuple[Callable[[Any], None], Any]


class StageError(AssertionError):
    """A straight run met a death or a dead letter: its result would be worthless."""


class StraightAddress(Address):
    """An address that queues for the straight loop."""

    __slots__ = ("_queue", "_stage", "actor", "handle")

    def __init__(self, name: str, stage: StraightStage) -> None:
        super().__init__(name)
        self._stage = stage
        self._queue = stage.queue
        self.handle: Callable[[Any], None] | None = None
        self.actor: SupervisedActor | None = None

    def attach(self, actor: SupervisedActor) -> None:
        """Point at the actor that now goes by this name."""
        self.actor, self.handle = actor, actor.handle

    def tell(self, message: Any) -> bool:
        """Queue a message behind everything told before it; StageError when nobody is there in a sealed run."""
        handle = self.handle
        if handle is None:
            if self._stage.sealed:
                raise StageError(f"dead letter: {type(message).__name__} to {self.name}")
            self.dead_letters[type(message).__name__] += 1
            return False
        self._queue.append((handle, message))
        return True


class StraightStage:
    """See the module docstring. Both clocks are `time`, moved by whoever drives the run."""

    def __init__(self, market_start: float = 0.0) -> None:
        self.time = VirtualTime(market_start)
        self.queue: deque[Turn] = deque()
        self.turns = 0
        self.sealed = False
        self._actors: list[SupervisedActor] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for actor in self._actors:
            pykka.ActorRegistry.unregister(actor.actor_ref)

    def addresses(self, symbols: tuple[str, ...]) -> AddressBook:
        """Make the address book of this run."""
        return AddressBook(symbols, lambda name: StraightAddress(name, self))

    def launch(self, actor: SupervisedActor) -> Running:
        """Take an actor in and prepare it at once."""
        address = actor.addresses[actor.name]
        assert isinstance(address, StraightAddress), "a straight stage needs straight addresses"
        self._actors.append(actor)
        address.attach(actor)
        actor.prepare()
        return Forever()

    def seal(self) -> None:
        """From now on a dead letter is an error: everyone is there."""
        self.sealed = True

    def deliver(self, address: Address, message: Any) -> None:
        """Hand a message over and handle all that follows; nothing may be waiting."""
        address.handle(message)  # type: ignore[attr-defined]
        if self.queue:
            self.drain()

    def drain(self) -> None:
        """Handle everything that waits, and what that leads to."""
        queue = self.queue
        take = queue.popleft
        while queue:
            handle, message = take()
            handle(message)


class Forever:
    """A straight actor runs until the run ends."""

    def is_alive(self) -> bool:
        """Say yes: a death ends the run instead."""
        return True
