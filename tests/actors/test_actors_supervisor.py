"""The supervisor on the stage: noticing deaths, waiting for threads, budgets, quarantine, holds, the stop (S2 to S4, S6, S7, S11, S12)."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import msgspec
import pykka
import pytest

from actors import messages
from actors.address import AddressBook
from actors.base import SupervisedActor
from actors.child import ChildSpec, ChildState
from actors.eventlog import EventLog
from actors.messages import Died, Escalate, PeerRestarted, Quiesced, Ready, Resume, SetMode, Shutdown, StopChild, Tick
from actors.policy import Role
from actors.stage import Stage, StageSurroundings
from actors.supervisor import Supervisor
from trader.orders.reason import Reason
from trader.risk.holds import ACCOUNT, Hold, HoldTable, Level
from trader.store.memory import MemoryJournal

SYMBOLS = ("AAA", "BBB")


class Child(SupervisedActor):
    """Says Ready, notes what it is told, dies on request."""

    def prepare(self) -> None:
        self.seen: list[Any] = []
        self.addresses.supervisor.tell(Ready(self.name, self.incarnation))

    def handle(self, message: Any) -> None:
        if callable(message):
            message(self)
        elif isinstance(message, StopChild):
            self.stop()
        else:
            self.seen.append(message)


class Report(msgspec.Struct, frozen=True):
    """What risk publishes, as far as `resume` reads it."""

    reconciled_clean: bool
    incarnation: int = 1


class System:
    """A supervisor with risk, broker and two symbols on a stage; `ended` is what the main thread would hear."""

    def __init__(
        self, stage: Stage, saved: HoldTable | None = None, kinds: dict[str, type[Child]] | None = None
    ) -> None:
        self.stage = stage
        self.ended = ""
        self.saved = saved or HoldTable()
        self.book = AddressBook(SYMBOLS)
        self.around = StageSurroundings(
            self.book, EventLog(MemoryJournal(), "t", "", lambda: 0.0), stage.time, stage.launch, lambda: "id", "t"
        )
        roles = {"risk": Role.RISK, "broker": Role.BROKER, **dict.fromkeys(SYMBOLS, Role.SYMBOL)}
        specs = [
            ChildSpec(
                name,
                role,
                lambda number, name=name: (kinds or {}).get(name, Child).start(name, number, self.around),
                2,
                100.0,
                ("risk", "broker") if role is Role.SYMBOL else (),
            )
            for name, role in roles.items()
        ]
        ref = Supervisor.start("supervisor", 1, self.around, specs, self, self, 5.0)
        self.book.supervisor.bind(ref)
        self.supervisor: Supervisor = ref._actor_weakref()  # type: ignore[assignment]
        self.pass_time(3)

    def load(self) -> HoldTable:
        return self.saved

    def save(self, table: HoldTable) -> None:
        self.saved = table.durable()

    def stopped(self, confirmed: bool, text: str) -> None:
        self.ended = f"stopped {confirmed}"

    def cold(self, why: str) -> None:
        self.ended = f"cold: {why}"

    def pass_time(self, ticks: int) -> None:
        for _ in range(ticks):
            self.book.supervisor.tell(Tick(self.stage.time.now()))
            self.stage.run(self.stage.time.machine_time + 0.25)

    def child(self, name: str) -> Child:
        place = self.stage.place_of(name)
        assert place is not None
        assert isinstance(place.actor, Child)
        return place.actor

    def crash(self, name: str, error: BaseException | None = None) -> None:
        def explode(_: Any) -> None:
            raise error or ValueError(name)

        self.book[name].tell(explode)
        self.stage.run(self.stage.time.machine_time)


@pytest.fixture
def system() -> Iterator[System]:
    """A running system; the stage is cleared afterwards."""
    with Stage(5) as stage:
        yield System(stage)


def test_everything_starts_risk_and_broker_first(system: System) -> None:
    """Symbols come when those they depend on are ready (S19)."""
    assert {name: child.state for name, child in system.supervisor.children.items()} == dict.fromkeys(
        ("risk", "broker", *SYMBOLS), ChildState.OK
    )
    assert system.supervisor.holds.mode() is Level.NORMAL


def test_s3_a_notice_of_another_incarnation_is_ignored(system: System) -> None:
    """Duplicate detectors are harmless."""
    for incarnation in (0, 2, 7):
        system.book.supervisor.tell(Died("AAA", incarnation, "late", "", ""))
    system.pass_time(1)
    assert system.child("AAA").incarnation == 1
    system.crash("AAA")
    for _ in range(200):
        system.book.supervisor.tell(Died("AAA", 1, "again", "", ""))
    system.pass_time(2)
    assert system.child("AAA").incarnation == 2
    assert system.supervisor.children["AAA"].restarts == 1


def test_s4_every_message_is_frozen() -> None:
    """What is shared by reference must not change."""
    kinds = [kind for kind in vars(messages).values() if isinstance(kind, type) and issubclass(kind, msgspec.Struct)]
    assert len(kinds) > 30
    assert [kind.__name__ for kind in kinds if not kind.__struct_config__.frozen] == []
    assert not any(dataclasses.is_dataclass(kind) for kind in kinds)


def test_s6_a_thread_that_ended_without_a_word_is_found_on_the_tick(system: System) -> None:
    """The second detector catches whatever the first can miss."""
    place = system.stage.place_of("BBB")
    assert place is not None
    place._alive = False
    pykka.ActorRegistry.unregister(place.actor.actor_ref)
    system.pass_time(2)
    assert system.child("BBB").incarnation == 2
    assert "without a word" in system.supervisor.children["BBB"].trouble


def test_s7_no_successor_before_the_predecessors_thread_has_ended(system: System) -> None:
    """`is_alive` is a flag; the loop itself must be over."""
    place = system.stage.place_of("AAA")
    assert place is not None
    system.book.supervisor.tell(Died("AAA", 1, "told before its end", "", ""))
    system.stage.run(system.stage.time.machine_time)
    assert system.supervisor.children["AAA"].state is ChildState.WAITING
    system.pass_time(3)
    assert system.supervisor.children["AAA"].incarnation == 2
    assert not place.is_alive()


def test_s11_the_others_live_on_and_are_told_to_resynchronize(system: System) -> None:
    """One for one: killing risk because the broker died would throw away the memory that makes recovery safe."""
    risk = system.child("risk")
    system.crash("broker")
    system.pass_time(2)
    assert system.child("risk") is risk
    assert PeerRestarted("broker", 2) in risk.seen
    assert PeerRestarted("broker", 2) in system.child("AAA").seen


def test_a_restarted_child_is_told_the_mode_before_anything_else(system: System) -> None:
    """Its own belief until then is that nothing may be sent."""
    system.book.supervisor.tell(Escalate(Hold("operator", Level.REDUCE_ONLY, ACCOUNT, Reason.MODE_REDUCE_ONLY)))
    system.crash("broker")
    system.pass_time(1)
    first = system.child("broker").seen[0]
    assert isinstance(first, SetMode)
    assert first.holds.mode() is Level.REDUCE_ONLY


def test_s12_a_hung_symbol_is_abandoned_and_replaced(system: System) -> None:
    """Vitals are read from outside; the zombie finds itself stopped when it wakes."""
    place = system.stage.place_of("AAA")
    assert place is not None
    place.frozen = True
    place.actor.vitals.busy_since = system.stage.time.machine_time
    place.actor.vitals.message = "Quote"
    system.pass_time(22)
    assert system.child("BBB").incarnation == 1
    successor = next(p.actor for p in system.stage.places if p.actor.name == "AAA" and p.actor.incarnation == 2)
    assert successor.incarnation == 2
    assert place.actor.actor_stopped.is_set()
    assert "hung" in system.supervisor.children["AAA"].trouble


@pytest.mark.parametrize("name", ["risk", "broker"])
def test_s12_a_hung_risk_or_broker_ends_in_the_cold_path(system: System, name: str) -> None:
    """Nothing with authority to trade gets a sibling; the next start comes up HALTED."""
    place = system.stage.place_of(name)
    assert place is not None
    place.frozen = True
    place.actor.vitals.busy_since = system.stage.time.machine_time
    system.pass_time(22)
    assert system.ended.startswith(f"cold: {name} hangs")
    assert system.saved.mode() is Level.HALTED
    assert len([p for p in system.stage.places if p.actor.name == name]) == 1


def test_s13_a_mailbox_over_its_limit_counts_as_hung(system: System) -> None:
    """Orders and control are never dropped; who cannot keep up with them is as good as stuck."""
    place = system.stage.place_of("broker")
    assert place is not None
    place.frozen = True
    for number in range(10_001):
        system.book.broker.tell(Ready(str(number), 1))
    system.pass_time(1)
    assert "messages waiting" in system.ended


def test_a_symbol_that_spends_its_budget_is_quarantined_and_the_account_is_reduce_only(system: System) -> None:
    """The other symbol keeps its exits."""
    for _ in range(3):
        system.crash("AAA")
        system.pass_time(8)
    holds = system.supervisor.holds
    assert system.supervisor.children["AAA"].state is ChildState.QUARANTINED
    assert holds.mode("AAA") is Level.HALTED
    assert holds.mode("BBB") is Level.REDUCE_ONLY
    assert holds.permits("BBB", reduces=True)
    assert system.ended == ""


def test_a_risk_actor_that_cannot_start_aborts_instead_of_looping() -> None:
    """A failing first start is no crash to be retried."""

    class Broken(Child):
        def prepare(self) -> None:
            raise ValueError("no journal")

    with Stage(5) as stage:
        system = System(stage, kinds={"risk": Broken})
        assert "risk could not start: ValueError: no journal" in system.ended


def test_holds_survive_a_restart_and_only_a_clean_resume_ends_them() -> None:
    """A service manager's restart must not undo a kill switch."""
    latch = Hold("operator", Level.REDUCE_ONLY, ACCOUNT, Reason.MODE_REDUCE_ONLY, "SIGUSR1", "SIGUSR1", 1.0)
    with Stage(5) as stage:
        system = System(stage, HoldTable((latch,)))
        assert system.supervisor.holds.mode() is Level.REDUCE_ONLY
        system.around.board.publish("risk", Report(reconciled_clean=False), 0.0)
        system.book.supervisor.tell(Resume("", "operator"))
        system.pass_time(1)
        assert system.supervisor.holds.mode() is Level.REDUCE_ONLY
        system.around.board.publish("risk", Report(reconciled_clean=True, incarnation=7), 0.0)
        system.book.supervisor.tell(Resume("", "operator"))
        system.pass_time(1)
        assert system.supervisor.holds.mode() is Level.REDUCE_ONLY, (
            "the word of an incarnation that is gone does not count"
        )
        system.around.board.publish("risk", Report(reconciled_clean=True), 0.0)
        system.book.supervisor.tell(Resume("", "operator"))
        system.pass_time(1)
        assert system.supervisor.holds.mode() is Level.NORMAL
        assert system.saved == HoldTable()


def test_the_same_hold_ten_thousand_times_is_one_transition(system: System) -> None:
    """F-P03: exactly one event, no storm of writes."""
    saves: list[HoldTable] = []
    keep = system.save
    system.save = lambda table: (saves.append(table), keep(table))[1]  # type: ignore[method-assign]
    for _ in range(10_000):
        system.book.supervisor.tell(Escalate(Hold("operator", Level.REDUCE_ONLY, ACCOUNT, Reason.MODE_REDUCE_ONLY)))
    system.stage.run(system.stage.time.machine_time)
    assert len(saves) == 1


def test_a_hold_that_cannot_be_saved_binds_everyone_and_ends_in_the_cold_path(system: System) -> None:
    """Disk full in the moment of a kill: announced first, and nothing trades on as if nothing had been said."""

    def full(_: HoldTable) -> None:
        raise OSError(28, "No space left on device")

    system.save = full  # type: ignore[method-assign]
    system.book.supervisor.tell(Escalate(Hold("operator", Level.REDUCE_ONLY, ACCOUNT, Reason.MODE_REDUCE_ONLY)))
    system.stage.run(system.stage.time.machine_time)
    assert "cannot be saved" in system.ended
    told = [message.holds.mode() for message in system.child("broker").seen if isinstance(message, SetMode)]
    assert told[-1] is Level.HALTED


def test_a_stop_waits_for_risks_word_and_reports_truthfully(system: System) -> None:
    """Confirmed only when nothing of ours is open or unproven."""
    system.book.supervisor.tell(Shutdown("SIGTERM"))
    system.pass_time(2)
    assert system.supervisor.holds.mode() is Level.HALTED
    assert system.ended == ""
    system.book.supervisor.tell(Quiesced(live=0, unknown=0))
    system.pass_time(10)
    assert system.ended == "stopped True"
    assert system.saved.mode() is Level.NORMAL


def test_a_stop_without_an_answer_ends_all_the_same_and_says_so(system: System) -> None:
    """Every phase has a deadline."""
    place = system.stage.place_of("risk")
    assert place is not None
    place.frozen = True
    system.book.supervisor.tell(Shutdown("SIGTERM"))
    system.pass_time(60)
    assert system.ended == "stopped False"


def test_nothing_is_restarted_once_the_system_has_ended(system: System) -> None:
    """A restart after HALTED once traded: a schedule found it."""
    for _ in range(3):
        system.crash("risk")
        system.pass_time(8)
    assert system.ended.startswith("cold")
    incarnation = system.supervisor.children["broker"].incarnation
    system.crash("broker")
    system.pass_time(8)
    assert system.supervisor.children["broker"].incarnation == incarnation
    assert system.stage.place_of("broker") is None
