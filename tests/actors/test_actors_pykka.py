"""What pykka 4.5 really does: one test per behaviour the actor layer rests on. A new pykka that fails here needs a new design."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pykka
import pytest


class Probe(pykka.ThreadingActor):
    """An actor that does what the message says and notes which hooks ran."""

    use_daemon_thread = True

    def __init__(self, on_start: Callable[[], None] | None = None) -> None:
        super().__init__()
        self.hooks: list[str] = []
        self._at_start = on_start
        self.thread: threading.Thread | None = None

    def on_start(self) -> None:
        self.thread = threading.current_thread()
        if self._at_start:
            self._at_start()

    def on_stop(self) -> None:
        self.hooks.append("on_stop")

    def on_failure(self, *_: Any) -> None:
        self.hooks.append("on_failure")

    def on_receive(self, message: Any) -> Any:
        return message(self) if callable(message) else message


@pytest.fixture(autouse=True)
def no_actor_is_left() -> Iterator[None]:
    """Every test ends with an empty registry."""
    yield
    for ref in pykka.ActorRegistry.get_all():
        pykka.ActorRegistry.unregister(ref)
        ref.actor_stopped.set()


def fail(error: BaseException) -> Callable[[Any], None]:
    def raise_it(_: Any) -> None:
        raise error

    return raise_it


def until(condition: Callable[[], bool], within_s: float = 5.0) -> bool:
    """Wait for a condition of another thread, polling."""
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        threading.Event().wait(0.002)
    return True


def started(**kwargs: Any) -> tuple[Any, Probe]:
    ref = Probe.start(**kwargs)
    return ref, ref._actor_weakref()


def test_an_exception_in_a_tell_runs_on_failure_and_ends_the_actor() -> None:
    """The one case in which pykka's own hook fires."""
    ref, actor = started()
    ref.tell(fail(ValueError("x")))
    assert until(lambda: not ref.is_alive())
    assert until(lambda: actor.hooks == ["on_failure"])


def test_an_exception_in_an_ask_leaves_the_actor_alive() -> None:
    """The reason for the firewall: after an ask that failed the actor lives on with half-changed state."""
    ref, _ = started()
    with pytest.raises(ValueError, match="x"):
        ref.ask(fail(ValueError("x")), timeout=5)
    assert ref.is_alive()
    assert ref.ask("still here", timeout=5) == "still here"
    ref.stop()


def test_an_exception_in_on_start_ends_the_actor_without_on_failure() -> None:
    """Nobody is told of a failed start."""

    def explode() -> None:
        raise ValueError("x")

    ref, actor = started(on_start=explode)
    assert until(lambda: not ref.is_alive())
    assert actor.hooks == []


def test_a_base_exception_stops_every_other_actor() -> None:
    """Pykka stops the world for a SystemExit in one actor; the firewall must turn it into an ordinary death."""
    bystander, _ = started()
    ref, _ = started()
    ref.tell(fail(SystemExit()))
    assert until(lambda: not ref.is_alive())
    assert until(lambda: not bystander.is_alive())


def test_tells_waiting_behind_a_crash_vanish_silently() -> None:
    """A mailbox is no place for durable work."""
    ref, _ = started()
    gate = threading.Event()
    seen: list[str] = []
    ref.tell(lambda _: gate.wait(5))
    ref.tell(fail(ValueError("x")))
    ref.tell(lambda _: seen.append("handled"))
    gate.set()
    assert until(lambda: not ref.is_alive())
    assert until(lambda: ref.actor_inbox.empty())
    assert seen == []


def test_a_tell_to_a_dead_actor_raises_in_the_sender() -> None:
    """Raw references cascade crashes; addresses exist because of this."""
    ref, _ = started()
    ref.stop()
    with pytest.raises(pykka.ActorDeadError):
        ref.tell("anything")


def test_a_stop_waits_behind_what_was_queued_before_it() -> None:
    """A normal stop drains."""
    ref, _ = started()
    seen: list[int] = []
    for number in range(5):
        ref.tell(lambda _, number=number: seen.append(number))
    assert ref.stop(timeout=5)
    assert seen == [0, 1, 2, 3, 4]


def test_an_ask_that_timed_out_is_still_handled_later() -> None:
    """Phantom effects after a time-out: nobody asks here."""
    ref, _ = started()
    gate, seen = threading.Event(), []
    ref.tell(lambda _: gate.wait(5))
    with pytest.raises(pykka.Timeout):
        ref.ask(lambda _: seen.append("phantom"), timeout=0.02)
    gate.set()
    assert until(lambda: seen == ["phantom"])
    ref.stop()


def test_messages_of_one_sender_arrive_in_order() -> None:
    """Per pair first in, first out."""
    ref, _ = started()
    seen: list[int] = []
    for number in range(2_000):
        ref.tell(lambda _, number=number: seen.append(number))
    ref.stop(timeout=10)
    assert seen == list(range(2_000))


def test_a_hung_actor_cannot_be_stopped_in_time_and_stays_alive() -> None:
    """Stopping needs the mailbox, and the mailbox needs the handler: hangs are judged from outside."""
    ref, _ = started()
    gate = threading.Event()
    ref.tell(lambda _: gate.wait(5))
    with pytest.raises(pykka.Timeout):
        ref.stop(timeout=0.02)
    assert ref.is_alive()
    gate.set()
    assert until(lambda: not ref.is_alive())


def test_a_failing_constructor_reaches_whoever_starts_the_actor() -> None:
    """`__init__` runs in the starter's thread and registers nothing."""

    class Broken(pykka.ThreadingActor):
        def __init__(self) -> None:
            super().__init__()
            raise ValueError("x")

    with pytest.raises(ValueError, match="x"):
        Broken.start()
    assert pykka.ActorRegistry.get_all() == []


def test_the_thread_may_outlive_the_death_notice() -> None:
    """`is_alive` is a flag, not a thread: a successor must wait for the thread itself (S7)."""
    lingering = threading.Event()

    class Lingering(Probe):
        def on_failure(self, *_: Any) -> None:
            lingering.wait(5)

    ref = Lingering.start()
    actor = ref._actor_weakref()
    assert actor is not None
    ref.tell(fail(ValueError("x")))
    assert until(lambda: not ref.is_alive())
    assert actor.thread is not None
    assert actor.thread.is_alive()
    lingering.set()
    actor.thread.join(5)
    assert not actor.thread.is_alive()


def test_payloads_are_shared_by_reference() -> None:
    """Which is why every message is frozen (S4)."""
    ref, _ = started()
    payload = ["one"]
    assert ref.ask(lambda _: payload, timeout=5) is payload
    ref.stop()
