"""The steps of an orderly stop, with their deadlines: cancel and confirm, stop symbols, then the broker, then risk.

Only the supervisor imports this. Pure: it is told the time and what still runs, and says which roles to stop next.
"""

from __future__ import annotations

from typing import Protocol

from actors.messages import Quiesced
from actors.policy import Role

CANCEL_DEADLINE_S = 6.0
STEP_DEADLINE_S = 1.0
ORDER = (Role.SYMBOL, Role.BROKER, Role.RISK)


class Ending(Protocol):
    """How the supervisor hands the end of the process to the main thread. Both return at once."""

    def stopped(self, confirmed: bool, text: str) -> None:
        """The orderly stop is over; `confirmed` means no order of ours is open or unproven."""
        ...

    def cold(self, why: str) -> None:
        """Take the cold path: cancel without the running system, verify, end."""
        ...


class ShutdownSteps:
    """Progress of one stop. Times are machine seconds."""

    def __init__(self, machine_time: float) -> None:
        self._cancel_until = machine_time + CANCEL_DEADLINE_S
        self._quiet = False
        self._last: Quiesced | None = None
        self._stopped: list[Role] = []
        self._step_until = float("inf")

    def on_quiesced(self, message: Quiesced) -> None:
        """Hear from risk how many orders of ours are left."""
        self._last = message
        self._quiet = message.live == 0 and message.unknown == 0

    @property
    def confirmed(self) -> bool:
        """Whether risk has said that nothing of ours is open."""
        return self._quiet

    @property
    def text(self) -> str:
        """What is left, in words."""
        if self._quiet:
            return "no order of ours is open"
        if self._last is None:
            return "open orders unconfirmed: risk did not answer"
        return f"{self._last.live} orders still open, {self._last.unknown} unproven"

    def to_stop(self, machine_time: float, running: frozenset[Role]) -> tuple[Role, ...]:
        """Return the roles to stop now: the next one once orders are gone and the one before has ended, or its time is up."""
        if not self._quiet and machine_time < self._cancel_until:
            return ()
        if self._stopped and self._stopped[-1] in running and machine_time < self._step_until:
            return ()
        if len(self._stopped) == len(ORDER):
            return ()
        role = ORDER[len(self._stopped)]
        self._stopped.append(role)
        self._step_until = machine_time + STEP_DEADLINE_S
        return (role,)

    def finished(self, machine_time: float, running: frozenset[Role]) -> bool:
        """Whether every step is done or out of time."""
        return len(self._stopped) == len(ORDER) and (not running or machine_time >= self._step_until)
