"""A circuit breaker per endpoint class: a part of the venue that keeps failing is left alone for a while.

Only `trader/coinbase/` imports this. Pure: times are machine seconds handed in. Not thread-safe by itself;
`Breakers` is. Cancels and exits never meet a breaker: asking in vain costs less than not asking.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from enum import StrEnum

FAILURES_TO_OPEN = 5
OPEN_S = 30.0
SUCCESSES_TO_CLOSE = 2


class EndpointClass(StrEnum):
    """Which failures are counted together."""

    ORDERS = "orders"
    ACCOUNT = "account"
    MARKET = "market"


class BreakerState(StrEnum):
    """Closed lets everything through, open nothing, half-open one request at a time."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Breaker:
    """One circuit: five failures in a row open it, after 30 s one probe at a time, two successes close it."""

    def __init__(self) -> None:
        self.state = BreakerState.CLOSED
        self._failures = 0
        self._successes = 0
        self._opened_at = 0.0
        self._probing = False

    def allows(self, now: float) -> bool:
        """Return whether a request may go; in half-open it takes the only probe's place."""
        if self.state is BreakerState.OPEN and now - self._opened_at >= OPEN_S:
            self.state, self._successes, self._probing = BreakerState.HALF_OPEN, 0, False
        if self.state is BreakerState.CLOSED:
            return True
        if self.state is BreakerState.HALF_OPEN and not self._probing:
            self._probing = True
            return True
        return False

    def succeeded(self) -> None:
        """Take note of an answer that shows the endpoint works, a refusal included."""
        self._failures, self._probing = 0, False
        if self.state is BreakerState.HALF_OPEN:
            self._successes += 1
            if self._successes >= SUCCESSES_TO_CLOSE:
                self.state = BreakerState.CLOSED

    def unused(self) -> None:
        """Take back a leave to go that was not used: it says nothing about the endpoint."""
        self._probing = False

    def failed(self, now: float) -> None:
        """Take note of a failure: no connection, no answer, a 5xx, or a page that is not the venue's."""
        self._failures += 1
        self._probing = False
        if self.state is BreakerState.HALF_OPEN or self._failures >= FAILURES_TO_OPEN:
            self.state, self._opened_at = BreakerState.OPEN, now


class Breakers:
    """The circuits of one client, safe from any thread."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._circuits = {kind: Breaker() for kind in EndpointClass}

    def allows(self, kind: EndpointClass) -> bool:
        """Return whether a request to this class may go now."""
        with self._lock:
            return self._circuits[kind].allows(self._clock())

    def note(self, kind: EndpointClass, *, worked: bool) -> None:
        """Take note of how a request ended."""
        with self._lock:
            if worked:
                self._circuits[kind].succeeded()
            else:
                self._circuits[kind].failed(self._clock())

    def unused(self, kind: EndpointClass) -> None:
        """Take note that an allowed request never left."""
        with self._lock:
            self._circuits[kind].unused()

    def states(self) -> dict[EndpointClass, BreakerState]:
        """Return every circuit's state, for the status."""
        with self._lock:
            return {kind: circuit.state for kind, circuit in self._circuits.items()}
