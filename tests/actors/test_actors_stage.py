"""The stage itself: pykka's own loop one envelope at a time, virtual time, no waiting."""

from __future__ import annotations

from typing import Any

import pykka
import pytest

from actors.address import AddressBook
from actors.base import ActorCrashed, SupervisedActor
from actors.eventlog import EventLog
from actors.messages import Hello
from actors.stage import AskOnStage, Stage, StageSurroundings
from trader.risk.holds import UNTOLD, Level
from trader.store.memory import MemoryJournal

SYMBOLS = ("AAA", "BBB")


class Noter(SupervisedActor):
    """Notes what it handles, or does what it is told."""

    def prepare(self) -> None:
        self.seen: list[Any] = []

    def handle(self, message: Any) -> None:
        if callable(message):
            message(self)
        else:
            self.seen.append(message)


def on(stage: Stage) -> tuple[AddressBook, dict[str, Noter]]:
    book = AddressBook(SYMBOLS)
    around = StageSurroundings(
        book, EventLog(MemoryJournal(), "t", "", lambda: 0.0), stage.time, stage.launch, lambda: "id", "t"
    )
    actors = {}
    for name in SYMBOLS:
        ref = Noter.start(name, 1, around)
        book.symbols[name].bind(ref)
        actors[name] = ref._actor_weakref()
    return book, actors


def test_nothing_runs_before_its_turn_and_one_turn_is_one_message() -> None:
    """Starting only registers; each step handles at most one envelope."""
    with Stage(1) as stage:
        book, actors = on(stage)
        assert not hasattr(actors["AAA"], "seen")
        stage.run(0.0)
        for number in range(3):
            book.symbols["AAA"].tell(Hello("AAA", number))
        stage.step()
        assert len(actors["AAA"].seen) == 1
        stage.run(0.0)
        assert [hello.incarnation for hello in actors["AAA"].seen] == [0, 1, 2]


def test_s17_a_blocking_ask_raises_at_once_instead_of_hanging() -> None:
    """Somebody who asks on the stage would wait for itself."""
    with Stage(1) as stage:
        _, actors = on(stage)
        stage.run(0.0)
        with pytest.raises(AskOnStage):
            actors["AAA"].actor_ref.ask("anything")


def test_a_crash_on_the_stage_is_pykkas_own() -> None:
    """The actor is stopped, its mailbox gone, and a tell to the raw reference raises as live."""
    with Stage(1) as stage:
        book, actors = on(stage)
        stage.run(0.0)
        actor = actors["AAA"]

        def explode(_: Any) -> None:
            raise SystemExit

        book.symbols["AAA"].tell(explode)
        book.symbols["AAA"].tell(Hello("AAA", 1))
        stage.run(0.0)
        assert actor.seen == []
        assert stage.place_of("AAA") is None
        assert not book.symbols["AAA"].tell(Hello("AAA", 2))
        with pytest.raises(pykka.ActorDeadError):
            actor.actor_ref.tell("raw")


def test_timers_fire_in_order_of_time_and_the_clock_moves_only_by_them() -> None:
    """Virtual time is free and exact."""
    with Stage(1) as stage:
        fired: list[tuple[str, float]] = []
        for name, delay in (("late", 2.0), ("early", 1.0)):
            stage.time.after(delay, lambda name=name: fired.append((name, stage.time.machine_time)))
        stage.run(1.5)
        assert fired == [("early", 1.0)]
        assert stage.time.now().machine_time == 1.5
        stage.run(3.0)
        assert fired == [("early", 1.0), ("late", 2.0)]


def test_an_ask_that_slipped_in_stops_the_actor_on_the_stage_too() -> None:
    """The firewall is the same code (S5)."""
    with Stage(1) as stage:
        _, actors = on(stage)
        stage.run(0.0)

        def explode(_: Any) -> None:
            raise ValueError("x")

        future = actors["AAA"].actor_ref.ask(explode, block=False)
        stage.run(0.0)
        with pytest.raises(ActorCrashed):
            future.get()
        assert stage.place_of("AAA") is None


def test_a_fresh_actor_believes_that_nothing_may_be_sent() -> None:
    """Until it is told the mode: an empty table would be NORMAL, and every restart a loophole."""
    assert UNTOLD.mode("AAA") is Level.STARTING
    assert not UNTOLD.permits("AAA", reduces=True)
    assert not UNTOLD.permits("AAA", reduces=False)
