"""How many turns a second the stage makes: `python -m tests.benchmarks stage`. Empty handlers, one address book, one process."""

from __future__ import annotations

import sys
import time
from typing import Any

from actors.address import AddressBook
from actors.base import SupervisedActor
from actors.eventlog import EventLog
from actors.messages import Hello
from actors.stage import Stage, StageSurroundings
from actors.straight import StraightStage
from trader.store.memory import MemoryJournal

SYMBOLS = tuple(f"S{number}" for number in range(10))
TURNS = 200_000


class Passer(SupervisedActor):
    """Hands every message on to the next actor."""

    following = ""

    def handle(self, message: Any) -> None:
        """Tell the next one the same."""
        self.addresses.symbols[self.following].tell(message)


def _start(around: StageSurroundings) -> None:
    for at, name in enumerate(SYMBOLS):
        ref = Passer.start(name, 1, around)
        actor = ref._actor_weakref()
        assert actor is not None
        actor.following = SYMBOLS[(at + 1) % len(SYMBOLS)]
        around.addresses.symbols[name].bind(ref)


def seeded() -> float:
    """Turns a second in seeded order."""
    with Stage(1) as stage:
        book = AddressBook(SYMBOLS)
        around = StageSurroundings(book, _events(), stage.time, stage.launch, lambda: "id", "bench")
        _start(around)
        for name in SYMBOLS:
            book.symbols[name].tell(Hello(name, 1))
        started = time.perf_counter()
        while stage.turns < TURNS:
            stage.step()
        return stage.turns / (time.perf_counter() - started)


def straight() -> float:
    """Turns a second first in, first out; the ring is cut after a fixed number of turns."""
    stage = StraightStage()
    book = stage.addresses(SYMBOLS)
    around = StageSurroundings(book, _events(), stage.time, stage.launch, lambda: "id", "bench")
    _start(around)
    for name in SYMBOLS:
        book.symbols[name].tell(Hello(name, 1))
    queue, handled = stage.queue, 0
    started = time.perf_counter()
    while handled < TURNS:
        handle, message = queue.popleft()
        handle(message)
        handled += 1
    return handled / (time.perf_counter() - started)


def _events() -> EventLog:
    return EventLog(MemoryJournal(), "bench", "", time.time)


def main() -> int:
    """Print the best of three for both modes and their ratio."""
    fast = {run.__name__: max(run() for _ in range(3)) for run in (seeded, straight)}
    for name, rate in fast.items():
        sys.stdout.write(f"{name:<9} {rate:>12,.0f} turns/s\n")
    sys.stdout.write(f"straight is {fast['straight'] / fast['seeded']:.1f} times as fast\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
