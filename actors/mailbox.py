"""The mailbox of an actor: control overtakes data, market data is conflated, and every queue has a limit that can be seen.

Only `actors/base.py` makes one. Any thread may `put`; exactly one thread reads. A `put` never blocks and never fails: what is over
the limit is the supervisor's business, which sees `overflowed` and treats the reader as hung (rule S13).
"""

from __future__ import annotations

import time
from collections import deque
from queue import SimpleQueue
from threading import Lock
from typing import Any

from pykka._envelope import Envelope

from actors.messages import CONFLATED, CONTROL

HARD_LIMIT = 10_000
AGES_KEPT = 256


class _Slot:
    """A place in line for the newest message of one key."""

    __slots__ = ("key",)

    def __init__(self, key: Any) -> None:
        self.key = key


class Mailbox:
    """Two lanes of envelopes. Pykka uses `put`, `get` and `empty`; the figures are read by the supervisor without a lock.

    The reader that finds nothing announces itself idle and looks once more before it sleeps, so a sender wakes it only then:
    a busy reader costs a sender no system call.
    """

    def __init__(self, limit: int = HARD_LIMIT) -> None:
        self._control: deque[Envelope[Any]] = deque()
        self._data: deque[Any] = deque()
        self._newest: dict[Any, Envelope[Any]] = {}
        self._slot_lock = Lock()
        self._wake: SimpleQueue[None] = SimpleQueue()
        self._idle = False
        self._limit = limit
        self._probe: tuple[object, float] | None = None
        self._ages: deque[float] = deque(maxlen=AGES_KEPT)
        self.high_water = 0
        self.conflated = 0

    def put(self, envelope: Envelope[Any]) -> None:
        """Queue an envelope in its message's lane. Any thread."""
        kind = type(envelope.message)
        lane: deque[Any] = self._data
        item: Envelope[Any] | _Slot = envelope
        if kind in CONTROL:
            lane = self._control
        elif kind in CONFLATED:
            key = CONFLATED[kind](envelope.message)
            with self._slot_lock:
                waiting = key in self._newest
                self._newest[key] = envelope
            if waiting:
                self.conflated += 1
                return
            item = _Slot(key)
        if self._probe is None:  # before the reader can see the item: set after that, the probe would wait for ever
            self._probe = item, time.monotonic()
        lane.append(item)
        depth = len(self._control) + len(self._data)
        if depth > self.high_water:
            self.high_water = depth
        if self._idle:
            self._wake.put(None)

    def get(self) -> Envelope[Any]:
        """Take the next envelope, waiting for one if there is none. The reader's thread only."""
        while True:
            envelope = self.take()
            if envelope is not None:
                return envelope
            self._idle = True
            envelope = self.take()
            if envelope is None:
                self._wake.get()
            self._idle = False
            if envelope is not None:
                return envelope

    def take(self) -> Envelope[Any] | None:
        """Take the next envelope, or None at once. The reader's thread only."""
        if self._control:
            first = self._control.popleft()
            self._measure(first)
            return first
        if not self._data:
            return None
        item = self._data.popleft()
        self._measure(item)
        if type(item) is _Slot:
            with self._slot_lock:
                envelope: Envelope[Any] = self._newest.pop(item.key)
            return envelope
        taken: Envelope[Any] = item
        return taken

    def _measure(self, item: object) -> None:
        """Note how long the probe waited, when this is it: one message at a time is timed, so that timing costs next to nothing."""
        probe = self._probe
        if probe is not None and probe[0] is item:
            self._ages.append(time.monotonic() - probe[1])
            self._probe = None

    @property
    def age_p99_s(self) -> float | None:
        """How long messages waited, 99th percentile of the recent samples and of the one that waits now; None before any."""
        ages, probe = sorted(self._ages.copy()), self._probe
        waiting = time.monotonic() - probe[1] if probe is not None else 0.0
        if not ages:
            return waiting or None
        return max(ages[min(int(len(ages) * 0.99), len(ages) - 1)], waiting)

    def empty(self) -> bool:
        """Whether nothing is waiting. Exact only for the reader."""
        return not self._control and not self._data

    def drop_all(self) -> int:
        """Throw everything away and return how much it was: a lost mailbox, as after a crash. Tests and the stage."""
        lost = 0
        while self.take() is not None:
            lost += 1
        return lost

    @property
    def depth(self) -> int:
        """Envelopes waiting, conflated ones counted once."""
        return len(self._control) + len(self._data)

    @property
    def overflowed(self) -> bool:
        """True when more waits than the hard limit allows."""
        return self.depth > self._limit
