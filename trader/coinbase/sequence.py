"""The sequence guard: one counter per connection tells lost, repeated and late messages apart.

Only `trader/coinbase/` imports this. Pure. The venue numbers every message of every channel of a connection from 0
upwards by one; make a new guard for each connection. The first number seen is taken as it is.
"""

from __future__ import annotations

from collections import deque
from enum import StrEnum

import msgspec

REMEMBERED = 256


class Order(StrEnum):
    """How a number relates to the ones before it."""

    NEXT = "next"
    GAP = "gap"
    DUPLICATE = "duplicate"
    LATE = "late"


class Sighting(msgspec.Struct, frozen=True, gc=False):
    """The verdict on one number; `missing` counts what a gap left out."""

    order: Order
    last_seq: int
    missing: int = 0

    @property
    def gap_detected(self) -> bool:
        """True when messages were lost before this one."""
        return self.order is Order.GAP


class SequenceGuard:
    """Judges the numbers of one connection. The counter never moves backwards."""

    def __init__(self) -> None:
        self._last: int | None = None
        self._recent: deque[int] = deque(maxlen=REMEMBERED)
        self._recent_set: set[int] = set()
        self.gaps = 0
        self.duplicates = 0
        self.late = 0

    def see(self, number: int | None) -> Sighting:
        """Judge one number; a message without one counts as being in order."""
        last = self._last
        if number is None:
            return Sighting(Order.NEXT, -1 if last is None else last)
        if last is None or number == last + 1:
            self._remember(number)
            return Sighting(Order.NEXT, number)
        if number > last:
            self._remember(number)
            self.gaps += 1
            return Sighting(Order.GAP, number, number - last - 1)
        if number in self._recent_set:
            self.duplicates += 1
            return Sighting(Order.DUPLICATE, last)
        self.late += 1
        self._note(number)
        return Sighting(Order.LATE, last)

    def _remember(self, number: int) -> None:
        self._last = number
        self._note(number)

    def _note(self, number: int) -> None:
        if len(self._recent) == REMEMBERED:
            self._recent_set.discard(self._recent[0])
        self._recent.append(number)
        self._recent_set.add(number)
