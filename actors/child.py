"""One child of the supervisor: how it is made, where it is in its life, what is told of it. For the supervisor and the wiring."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any

import msgspec
import pykka

from actors.base import SupervisedActor, Vitals
from actors.policy import RestartBudget, Role
from actors.reports import ChildReport


class ChildState(StrEnum):
    """Where a child is in its life."""

    STARTING = "starting"
    OK = "ok"
    WAITING = "restarting"
    QUARANTINED = "quarantined"
    STOPPED = "stopped"


class ChildSpec(msgspec.Struct, frozen=True):
    """How to make one child. `make(incarnation)` starts the actor and returns its reference."""

    name: str
    role: Role
    make: Callable[[int], pykka.ActorRef[Any]]
    restarts: int
    window_s: float
    depends_on: tuple[str, ...] = ()


class Child:
    """One child as the supervisor sees it."""

    def __init__(self, spec: ChildSpec) -> None:
        self.spec = spec
        self.budget = RestartBudget(spec.restarts, spec.window_s)
        self.state = ChildState.WAITING
        self.incarnation = 0
        self.restart_at = float("-inf")
        self.started_at = 0.0
        self.ref: pykka.ActorRef[Any] | None = None
        self.vitals: Vitals | None = None
        self.abandoned = False
        self.restarts = 0
        self.trouble = ""

    @property
    def is_running(self) -> bool:
        """Whether an incarnation is supposed to be alive."""
        return self.state in {ChildState.STARTING, ChildState.OK}

    @property
    def loop_ended(self) -> bool:
        """Whether the last incarnation's thread can run no more code; an abandoned one does not count."""
        running = self.vitals.running if self.vitals else None
        return self.abandoned or running is None or not running.is_alive()


def report_of(child: Child, machine_time: float) -> ChildReport:
    """Return what is published of a child."""
    return ChildReport(
        name=child.spec.name,
        role=child.spec.role,
        state=child.state.value,
        incarnation=child.incarnation,
        restarts=child.restarts,
        restarts_in_window=child.budget.used(machine_time),
        trouble=child.trouble,
    )


def vitals_of(ref: pykka.ActorRef[Any]) -> Vitals:
    """Return the vitals behind a fresh reference. The supervisor keeps them; nobody else sees the actor object."""
    actor = ref._actor_weakref()  # noqa: SLF001 - pykka offers no other way to the object it has just made
    assert isinstance(actor, SupervisedActor)
    return actor.vitals
