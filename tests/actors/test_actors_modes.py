"""The moment and the author of the mode follow each of its changes, not the oldest hold."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from actors.modes import Modes
from trader.market.clock import Now
from trader.orders.reason import Reason
from trader.risk.holds import ACCOUNT, Hold, HoldTable, Level

STARTING = Hold("starting", Level.STARTING, ACCOUNT, Reason.NOT_RECONCILED)
KILL = Hold("kill", Level.HALTED, ACCOUNT, Reason.KILL_SWITCH, "run.py kill", "ann")
CARE = Hold("operator", Level.REDUCE_ONLY, ACCOUNT, Reason.MODE_REDUCE_ONLY, "", "bob")


class Nobody(list[Any]):
    """No addresses: nobody is told."""

    supervisor = None


class Shelf:
    """Keeps the table in memory."""

    def __init__(self, *kept: Hold) -> None:
        self.table = HoldTable(kept)

    def load(self) -> HoldTable:
        return self.table

    def save(self, table: HoldTable) -> None:
        self.table = table


def modes(*kept: Hold) -> Modes:
    """Modes at the end of a start: reconciled at the second 10."""
    nobody: Any = SimpleNamespace(
        addresses=Nobody(),
        events=SimpleNamespace(write=lambda *_, **__: None),
    )
    found = Modes(Shelf(*kept), nobody)
    found.load(at(1), STARTING)
    assert found.table.mode() >= Level.STARTING
    found.adopt(found.table.lift("starting", ACCOUNT), "reconciliation", at(10))
    return found


def at(second: float) -> Now:
    return Now(machine_time=second, market_time=second)


def test_a_start_without_holds_is_normal_since_it_was_reconciled() -> None:
    """By the start itself."""
    found = modes()
    assert (found.mode_since, found.mode_by) == (10, "start-up (reconciled clean)")


def test_kill_and_resume_each_have_their_moment_and_author() -> None:
    """A hold that changes no mode changes neither."""
    found = modes()
    found.place(KILL, at(20))
    assert (found.mode_since, found.mode_by) == (20, "ann (kill)")
    found.place(CARE, at(25))
    assert (found.mode_since, found.mode_by) == (20, "ann (kill)")
    found.adopt(found.table.resume("kill"), "eve", at(30))
    assert (found.mode_since, found.mode_by) == (30, "eve (lifted kill)")
    found.adopt(found.table.resume(""), "eve", at(40))
    assert (found.mode_since, found.mode_by) == (40, "eve (lifted operator)")


def test_a_hold_kept_over_a_restart_keeps_its_moment_and_author() -> None:
    """The new process did not make it."""
    kept = Hold("operator", Level.REDUCE_ONLY, ACCOUNT, Reason.MODE_REDUCE_ONLY, "", "bob", since=3)
    found = modes(kept)
    assert (found.mode_since, found.mode_by) == (3, "bob (operator)")
