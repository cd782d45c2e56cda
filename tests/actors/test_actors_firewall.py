"""The firewall and the addresses with real threads: every way to die is one death, told once (S1 to S6, S8, S9)."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pykka
import pytest

from actors.address import Address, AddressBook
from actors.base import ActorCrashed, Board, SupervisedActor, Vitals, launch_thread
from actors.eventlog import EventLog
from actors.messages import Died
from trader.report.redaction import redactor
from trader.store.memory import MemoryJournal


class Around:
    """Surroundings for actors of these tests: real threads, a supervisor that only listens."""

    def __init__(self) -> None:
        self.addresses = AddressBook(("BTC-USD",))
        self.board = Board()
        self.vitals: dict[str, Vitals] = {}
        self.events = EventLog(MemoryJournal(), "test", "", time.time)
        self.run_id = "test"
        self.woken = 0

    machine_time = staticmethod(time.monotonic)
    recorder = None

    def new_id(self) -> str:
        return "unused"

    def launch(self, name: str, loop: Callable[[], None]) -> Any:
        return launch_thread(name, loop)

    def wake_clock(self) -> None:
        self.woken += 1


class Listener(pykka.ThreadingActor):
    """Stands where the supervisor stands and keeps what it is told."""

    use_daemon_thread = True

    def __init__(self) -> None:
        super().__init__()
        self.told: list[Any] = []

    def on_receive(self, message: Any) -> None:
        self.told.append(message)


class Doer(SupervisedActor):
    """Does what the message says."""

    at_start: Callable[[], None] = staticmethod(lambda: None)

    def prepare(self) -> None:
        type(self).at_start()

    def handle(self, message: Any) -> None:
        message(self)


def until(condition: Callable[[], bool], within_s: float = 5.0) -> bool:
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        threading.Event().wait(0.002)
    return True


@pytest.fixture
def around() -> Iterator[Around]:
    """Surroundings with a listening supervisor; whatever is left is stopped."""
    given = Around()
    listener = Listener.start()
    given.addresses.supervisor.bind(listener)
    given.listener = listener._actor_weakref()  # type: ignore[attr-defined]
    yield given
    Doer.at_start = staticmethod(lambda: None)
    for ref in pykka.ActorRegistry.get_all():
        ref.stop(block=False)


def deaths(around: Any) -> list[Died]:
    return [message for message in around.listener.told if isinstance(message, Died)]


def raises(error: BaseException) -> Callable[[Any], None]:
    def handler(_: Any) -> None:
        raise error

    return handler


KINDS = [ValueError("x"), SystemExit(), KeyboardInterrupt(), asyncio.CancelledError(), GeneratorExit(), MemoryError()]


@pytest.mark.parametrize("error", KINDS, ids=lambda error: type(error).__name__)
def test_s5_whatever_a_handler_raises_is_one_death_and_nobody_else_stops(around: Any, error: BaseException) -> None:
    """BaseException included: pykka alone would stop the world."""
    bystander = Doer.start("broker", 1, around)
    ref = Doer.start("BTC-USD", 1, around)
    ref.tell(raises(error))
    assert until(lambda: len(deaths(around)) == 1)
    assert until(lambda: not around.vitals["BTC-USD"].running.is_alive())
    notice = deaths(around)[0]
    assert (notice.name, notice.incarnation) == ("BTC-USD", 1)
    assert type(error).__name__ in notice.cause
    assert "Traceback" in notice.detail
    assert bystander.is_alive()
    assert not ref.is_alive()
    assert around.woken == 1


@pytest.mark.parametrize("error", KINDS[:3], ids=lambda error: type(error).__name__)
def test_s5_a_failing_start_is_a_death_like_any_other(around: Any, error: BaseException) -> None:
    """No zombie that accepts messages for ever."""
    Doer.at_start = staticmethod(lambda: raises(error)(None))
    ref = Doer.start("BTC-USD", 1, around)
    assert until(lambda: len(deaths(around)) == 1)
    assert deaths(around)[0].message == "prepare"
    assert until(lambda: not ref.is_alive())


def test_s5_an_ask_that_slipped_in_does_not_save_the_actor(around: Any) -> None:
    """After an ask that failed nothing half-changed lives on."""
    ref = Doer.start("BTC-USD", 1, around)
    with pytest.raises(ActorCrashed):
        ref.ask(raises(ValueError("x")), timeout=5)
    assert until(lambda: not ref.is_alive())
    assert until(lambda: len(deaths(around)) == 1)


def test_s9_the_crash_report_names_the_message_and_is_bounded(around: Any) -> None:
    """No frame locals, no megabytes."""
    ref = Doer.start("BTC-USD", 1, around)
    ref.tell(raises(ValueError("y" * 100_000)))
    assert until(lambda: bool(deaths(around)))
    notice = deaths(around)[0]
    assert len(notice.cause) <= 300
    assert len(notice.detail) <= 8_000
    assert len(notice.message) <= 300


def test_a_cause_of_death_has_no_secret_in_any_part(around: Any) -> None:
    """It goes on to the log, the screen, the alerts and the event store; the message it died of may hold one too."""
    secret = "a-secret-of-the-" + "firewall" * 3
    redactor.know(secret)
    Doer.start("BTC-USD", 1, around).tell(raises(ValueError(f"the venue said {secret}")))
    assert until(lambda: len(deaths(around)) == 1)
    notice = deaths(around)[0]
    assert "the venue said [secret]" in notice.cause
    assert "[secret]" in notice.detail
    assert secret not in repr(notice) + around.vitals["BTC-USD"].last_failure


def test_s8_a_crash_drops_the_mailbox_and_redelivers_nothing(around: Any) -> None:
    """What waited behind the poison is gone; peers resynchronize instead."""
    seen: list[str] = []
    gate = threading.Event()
    ref = Doer.start("BTC-USD", 1, around)
    ref.tell(lambda _: gate.wait(5))
    ref.tell(raises(ValueError("x")))
    ref.tell(lambda _: seen.append("after"))
    gate.set()
    assert until(lambda: not ref.is_alive())
    successor = Doer.start("BTC-USD", 2, around)
    done = threading.Event()
    successor.tell(lambda _: done.set())
    assert done.wait(5)
    assert seen == []


def test_s1_an_address_outlives_its_actors_and_never_raises(around: Any) -> None:
    """Nobody there: a counted dead letter. Somebody dead: the same. A successor: delivered."""
    address: Address = around.addresses["BTC-USD"]
    assert not address.tell(lambda _: None)
    ref = Doer.start("BTC-USD", 1, around)
    address.bind(ref)
    assert address.tell(lambda _: None)
    ref.stop(timeout=5)
    assert not address.tell(lambda _: None)
    assert address.dead_letters.total() == 2
    address.bind(Doer.start("BTC-USD", 2, around))
    done = threading.Event()
    assert address.tell(lambda _: done.set())
    assert done.wait(5)


def test_s12_vitals_tell_from_outside_what_a_hung_actor_is_in(around: Any) -> None:
    """No ping: the supervisor reads."""
    ref = Doer.start("BTC-USD", 1, around)
    gate = threading.Event()
    ref.tell(lambda _: gate.wait(5))
    vitals = around.vitals["BTC-USD"]
    assert until(lambda: vitals.busy_since is not None)
    assert vitals.message == "function"
    gate.set()
    assert until(lambda: vitals.busy_since is None and vitals.handled == 1)
    assert vitals.slowest_s > 0


def test_s20_actors_run_on_daemon_threads_named_by_incarnation(around: Any) -> None:
    """A stuck one must not keep a dead process alive; a dump must say who it is."""
    names: list[tuple[str, bool]] = []
    ref = Doer.start("BTC-USD", 3, around)
    ref.tell(lambda _: names.append((threading.current_thread().name, threading.current_thread().daemon)))
    assert until(lambda: names == [("BTC-USD#3", True)])
