"""What the operator's commands see and reach: the wiring, and the board as they watch it. Only the commands import this.

Everything here runs in a command's own thread, reads what is published, and waits only by looking again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from actors.address import SUPERVISOR, AddressBook
from actors.base import Board
from actors.clock import MarketClock
from actors.control_wire import Told
from actors.eventlog import EventLog
from actors.messages import Escalate
from actors.reports import ChildReport, RiskReport, SupervisorReport
from trader.config.symbols import canonical
from trader.risk.holds import ACCOUNT, EPHEMERAL, Hold, HoldTable, Level

EFFECT_S = 5.0
POLL_S = 0.05
T = TypeVar("T")


class Cancelled(msgspec.Struct, frozen=True):
    """What the cold path came to: how many orders it cancelled, how many it last saw, whether the venue proved none is left."""

    cancelled: int
    remaining: int
    confirmed: bool
    trouble: str


class Wiring(msgspec.Struct, frozen=True):
    """What the commands reach: addresses to tell, the board to watch, events to leave, and the main thread's services."""

    addresses: AddressBook
    board: Board
    events: EventLog
    clock: MarketClock
    cancel_everything: Callable[[], Cancelled]
    show_status: Callable[[], str]
    test_alert: Callable[[], Told]
    accept_config: Callable[[], Told]
    kill_file: Path
    show_effect: Callable[[], None]


class BoardWatch:
    """The published state of the system, as of the last tick. Any thread."""

    def __init__(self, wiring: Wiring) -> None:
        self.wiring = wiring
        self.addresses = wiring.addresses

    def symbols(self, names: tuple[str, ...]) -> tuple[str, ...] | Told:
        wanted = tuple(dict.fromkeys(canonical(name.upper()) for name in names))
        unknown = [name for name in wanted if name not in self.addresses.symbols]
        if unknown:
            return failed(
                f"{', '.join(unknown)[:80]} is not traded here; there are {', '.join(self.addresses.symbols)}"
            )
        return wanted

    def place(self, hold: Hold) -> None:
        since = self.wiring.clock.now().market_time
        self.addresses.supervisor.tell(Escalate(msgspec.structs.replace(hold, since=since)))

    def supervisor(self) -> SupervisorReport | None:
        found: tuple[Any, float] | None = self.wiring.board.read(SUPERVISOR)
        return found[0] if found and isinstance(found[0], SupervisorReport) else None

    def risk(self) -> RiskReport | None:
        found: tuple[Any, float] | None = self.wiring.board.read("risk")
        return found[0] if found and isinstance(found[0], RiskReport) else None

    def child(self, symbol: str) -> ChildReport | None:
        report = self.supervisor()
        return next((child for child in report.children if child.name == symbol), None) if report else None

    def holds(self) -> HoldTable:
        report = self.supervisor()
        return report.holds if report else HoldTable()

    def mode(self) -> Level:
        return self.holds().mode()

    def is_clean(self) -> bool:
        risk = self.risk()
        return risk is not None and risk.reconciled_clean

    def growing(self) -> int:
        """Count our open orders that are no exits."""
        risk = self.risk()
        return sum(not order.reduce_only and not order.foreign for order in risk.orders) if risk else 0

    def still_held(self) -> str:
        left = [named(hold) for hold in self.holds() if hold.cause not in EPHEMERAL]
        return f"; still in force: {', '.join(left)}" if left else ""

    def until(self, ask: Callable[[], T], seconds: float) -> T:
        """Return the first true answer, or the last false one when the time is over."""
        deadline = time.monotonic() + seconds
        while not (answer := ask()) and time.monotonic() < deadline:
            time.sleep(POLL_S)
        return answer


def same(holds: list[Hold], table: HoldTable) -> list[Hold]:
    """Return those of `holds` that `table` still has."""
    return [hold for hold in holds if table.has(hold.cause, hold.scope)]


def named(hold: Hold) -> str:
    return hold.cause if hold.scope == ACCOUNT else f"{hold.cause} ({hold.scope})"


def done(text: str) -> Told:
    return Told(text, done=True)


def failed(text: str) -> Told:
    return Told(text, done=True, ok=False)
