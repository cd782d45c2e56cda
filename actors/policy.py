"""Restart budgets and the escalation ladder as pure decisions: what a death, a hang or an overflow leads to.

Only the supervisor imports this. No clock, no actors: the time comes in, a decision comes out (rules S10 to S13).
"""

from __future__ import annotations

from collections import deque
from enum import StrEnum

import msgspec

BACKOFF_CAP_S = 30.0


class Role(StrEnum):
    """What a child is, which decides what its failures mean."""

    RISK = "risk"
    BROKER = "broker"
    SYMBOL = "symbol"


class Verdict(StrEnum):
    """What the supervisor does about a failed child."""

    RESTART = "restart"
    QUARANTINE = "quarantine"
    HALT = "halt"


class RestartBudget:
    """A sliding window of restarts: so many in so long, the first at once, then 1, 2, 4 … seconds apart, no jitter.

    A quiet window resets it by itself. Times are machine seconds.
    """

    def __init__(self, restarts: int, window_s: float) -> None:
        self.restarts = restarts
        self.window_s = window_s
        self._spent: deque[float] = deque()

    def spend(self, machine_time: float) -> float | None:
        """Take one restart; return the delay before it in seconds, or None when the budget is spent."""
        self._forget(machine_time)
        if len(self._spent) >= self.restarts:
            return None
        used = len(self._spent)
        self._spent.append(machine_time)
        return 0.0 if used == 0 else min(2.0 ** (used - 1), BACKOFF_CAP_S)

    def used(self, machine_time: float) -> int:
        """Restarts within the window."""
        self._forget(machine_time)
        return len(self._spent)

    def _forget(self, machine_time: float) -> None:
        while self._spent and machine_time - self._spent[0] > self.window_s:
            self._spent.popleft()


class SystemBudget:
    """The budget of the whole system: max(8, 2 × symbols) in ten minutes, one shared cause counted once a second."""

    WINDOW_S = 600.0
    SHARED_CAUSE_S = 1.0

    def __init__(self, symbols: int) -> None:
        self._budget = RestartBudget(max(8, 2 * symbols), self.WINDOW_S)
        self._last_cause = ""
        self._last_at = float("-inf")

    def spend(self, cause: str, machine_time: float) -> bool:
        """Count one death; False when the system has spent its budget."""
        if cause == self._last_cause and machine_time - self._last_at <= self.SHARED_CAUSE_S:
            return True
        self._last_cause, self._last_at = cause, machine_time
        return self._budget.spend(machine_time) is not None


class Decision(msgspec.Struct, frozen=True):
    """What to do about one failure, and after how many seconds."""

    verdict: Verdict
    delay_s: float = 0.0
    why: str = ""


def after_death(role: Role, child: RestartBudget, system: SystemBudget, cause: str, machine_time: float) -> Decision:
    """Decide what follows a child's death: a restart within both budgets, else quarantine for a symbol and a halt for the rest."""
    if not system.spend(cause, machine_time):
        return Decision(Verdict.HALT, why="the system's restart budget is spent")
    delay = child.spend(machine_time)
    if delay is not None:
        return Decision(Verdict.RESTART, delay)
    why = f"{child.restarts} restarts in {child.window_s:g} s are spent"
    return Decision(Verdict.QUARANTINE if role is Role.SYMBOL else Verdict.HALT, why=why)


def after_hang(role: Role) -> Verdict:
    """Decide what follows a hang: a symbol gets a successor, but nothing with authority to trade gets a sibling (S12)."""
    return Verdict.RESTART if role is Role.SYMBOL else Verdict.HALT
