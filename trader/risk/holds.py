"""Holds: the named reasons why the system may do less than everything, and the mode, which is the worst of them.

One table holds them all: latches, per-symbol reduce-only, quarantine and timed pauses. It is a value: placing or lifting a hold makes
a new table, the supervisor owns the current one and writes it to disk, everyone else is told it whole. Severity only rises by
itself: a new hold never shortens or weakens an old one of the same cause and scope, and only timed holds end without a person.
Times are UNIX seconds of the market's clock. Pure; risk, the broker, the supervisor and the status screen read it.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum

import msgspec

from trader.market.clock import SECONDS_PER_DAY, Now
from trader.orders.reason import Reason

ACCOUNT = "account"
EPHEMERAL = frozenset({"starting", "stopping"})
"""Causes that belong to one process: never written to disk, never lifted by a person."""


class Level(IntEnum):
    """How much a hold forbids; also the mode's name. STARTING and HALTED forbid every order, cancels are always allowed."""

    NORMAL = 0
    REDUCE_ONLY = 1
    STARTING = 2
    HALTED = 3


class Hold(msgspec.Struct, frozen=True):
    """One reason to do less. `scope` is ACCOUNT or a symbol; `ends_at` is None when only a person can end it."""

    cause: str
    level: Level
    scope: str
    reason: Reason
    text: str = ""
    by: str = ""
    since: float = 0.0
    ends_at: float | None = None

    def joined(self, newer: Hold) -> Hold:
        """Return this hold after the same cause was raised again: never weaker, never shorter, since the first time."""
        endless = self.ends_at is None or newer.ends_at is None
        ends_at = None if endless else max(self.ends_at or 0.0, newer.ends_at or 0.0)
        if newer.level <= self.level and ends_at == self.ends_at:
            return self
        return msgspec.structs.replace(newer, level=max(self.level, newer.level), since=self.since, ends_at=ends_at)


def next_utc_day(market_time: float) -> float:
    """Return the first second of the next UTC day: when a daily-loss hold ends by itself."""
    return (market_time // SECONDS_PER_DAY + 1) * SECONDS_PER_DAY


class HoldTable(msgspec.Struct, frozen=True):
    """All holds in force, at most one per cause and scope, in the order they were placed."""

    holds: tuple[Hold, ...] = ()

    def __iter__(self) -> Iterator[Hold]:
        return iter(self.holds)

    def place(self, hold: Hold) -> HoldTable:
        """Return the table with one more hold, or with an old one made stronger; itself when nothing changes."""
        for at, old in enumerate(self.holds):
            if (old.cause, old.scope) == (hold.cause, hold.scope):
                joined = old.joined(hold)
                return self if joined == old else HoldTable((*self.holds[:at], joined, *self.holds[at + 1 :]))
        return HoldTable((*self.holds, hold))

    def lift(self, cause: str, scope: str) -> HoldTable:
        """Return the table without one hold. For the system's own start and stop; a person's way is `resume`."""
        return HoldTable(tuple(hold for hold in self.holds if (hold.cause, hold.scope) != (cause, scope)))

    def resume(self, cause: str = "") -> HoldTable:
        """Return the table after a person lifted every hold of `cause`, or all of them for ""."""
        return HoldTable(tuple(h for h in self.holds if h.cause in EPHEMERAL or (cause and h.cause != cause)))

    def expire(self, now: Now) -> HoldTable:
        """Return the table without the holds whose time is over; itself when there are none."""
        left = tuple(hold for hold in self.holds if hold.ends_at is None or hold.ends_at > now.market_time)
        return self if len(left) == len(self.holds) else HoldTable(left)

    def has(self, cause: str, scope: str = ACCOUNT) -> bool:
        """Whether a hold of this cause is in force."""
        return any((hold.cause, hold.scope) == (cause, scope) for hold in self.holds)

    def of(self, scope: str) -> tuple[Hold, ...]:
        """Return the holds that bind `scope`: its own and the account's, worst first."""
        if not self.holds:
            return ()
        mine = (hold for hold in self.holds if hold.scope in {ACCOUNT, scope})
        return tuple(sorted(mine, key=lambda hold: -hold.level))

    def mode(self, scope: str = ACCOUNT) -> Level:
        """Return the worst level that binds `scope`."""
        worst = Level.NORMAL
        for hold in self.holds:
            if hold.level > worst and (hold.scope == ACCOUNT or hold.scope == scope):
                worst = hold.level
        return worst

    def permits(self, symbol: str, *, reduces: bool, by_operator: bool = False) -> bool:
        """Whether an order in `symbol` may leave; `reduces` means it can only shrink the position, by quantity.

        A person's exit may also leave while nothing but a person's own kill forbids it (C-02, D25).
        """
        mode = self.mode(symbol)
        if mode is Level.NORMAL or (mode is Level.REDUCE_ONLY and reduces):
            return True
        return reduces and by_operator and all(h.cause == "kill" for h in self.of(symbol) if h.level >= Level.STARTING)

    def wants_exit(self) -> bool:
        """Whether the whole account is reduce-only: what `force_exit_on_reduce_only` acts on. One symbol's holds never force it."""
        return any(hold.scope == ACCOUNT and hold.level is Level.REDUCE_ONLY for hold in self.holds)

    def beyond(self, other: HoldTable) -> tuple[Hold, ...]:
        """Return the holds of this table that `other` does not have, or has weaker."""
        known = {(hold.cause, hold.scope): hold for hold in other.holds}
        return tuple(hold for hold in self.holds if known.get((hold.cause, hold.scope)) != hold)

    def durable(self) -> HoldTable:
        """Return the part that survives the process."""
        return HoldTable(tuple(hold for hold in self.holds if hold.cause not in EPHEMERAL))


UNTOLD = HoldTable(
    (Hold("starting", Level.STARTING, ACCOUNT, Reason.NOT_RECONCILED, "the supervisor has not said what is in force"),)
)
"""What a fresh actor believes until it is told: nothing may be sent. An empty table would be NORMAL, and a restart a loophole."""
