"""How fast requests may go out: a sliding minute, a ceiling per second, an hourly budget, and who may use the last of
each.

Only `trader/coinbase/` imports this. `PaceRules` decides and reads no clock; `Pacer` makes worker threads wait on
it. Cancels and exits are never held by the minute window, a 429 pause or the hourly budget: they only keep the
per-second ceiling, where part of it is theirs alone. So they never wait behind entries or polling. Times are
machine seconds.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from enum import IntEnum

WINDOW_S = 60.0
HOUR_S = 3600.0
WARN_FRACTION = 0.8
PAUSE_CAP_S = 60.0
PAUSE_DEFAULT_S = 1.0
RECOVERY_S = 60.0
RATE_FLOOR_PER_MINUTE = 10
WAIT_SLICE_S = 0.25


class Priority(IntEnum):
    """Who asks; smaller goes first."""

    CANCEL = 0
    EXIT = 1
    ENTRY = 2
    READ = 3


# Share of the minute window and of the hourly budget that a priority may fill; None is exempt.
_MINUTE_SHARE: dict[Priority, float | None] = {
    Priority.CANCEL: None,
    Priority.EXIT: None,
    Priority.ENTRY: 1.0,
    Priority.READ: 0.85,
}
_HOUR_SHARE: dict[Priority, float | None] = {
    Priority.CANCEL: None,
    Priority.EXIT: None,
    Priority.ENTRY: 0.95,
    Priority.READ: 0.8,
}
# The venue's private ceiling is 30 a second; requests of each priority within the last second.
_PER_SECOND: dict[Priority, int] = {Priority.CANCEL: 28, Priority.EXIT: 26, Priority.ENTRY: 22, Priority.READ: 18}


class PaceRules:
    """The decision: may this request go now, or in how many seconds should it ask again. Not thread-safe by itself."""

    def __init__(self, per_minute: int, hourly_budget: int, *, throttle: bool = True) -> None:
        assert per_minute > 0, "a rate of zero requests would never send"
        assert hourly_budget > 0, "a budget of zero requests would never send"
        self._limit = per_minute
        self._hourly_budget = hourly_budget
        self._throttle = throttle
        self._minute: deque[float] = deque()
        self._hour: deque[tuple[int, int]] = deque()
        self._paused_until = 0.0
        self._last_429 = float("-inf")
        self._divisor = 1
        self._warned = False

    def ask(self, priority: Priority, now: float) -> float:
        """Return 0.0 and count the request when it may go, else the seconds until it is worth asking again."""
        self._forget(now)
        wait = self._wait(priority, now) if self._throttle else 0.0
        if wait <= 0:
            self._count(now)
            return 0.0
        return wait

    def too_many(self, now: float, retry_after_s: float | None) -> None:
        """Take note of a 429: all but cancels and exits pause, and a second one within a minute halves our own rate."""
        pause = PAUSE_DEFAULT_S if retry_after_s is None else retry_after_s
        self._divisor = self._divisor_at(now)  # what quiet minutes have given back stays given back
        if now - self._last_429 < RECOVERY_S:
            self._divisor *= 2
            if retry_after_s is None:
                pause *= self._divisor
        self._last_429 = now
        self._paused_until = max(self._paused_until, now + min(max(pause, 0.0), PAUSE_CAP_S))

    def allowed_per_minute(self, now: float) -> int:
        """Our rate today: the configured one, halved for each repeated 429, doubled back for each quiet minute."""
        divisor = self._divisor_at(now)
        return max(RATE_FLOOR_PER_MINUTE, self._limit // divisor) if divisor > 1 else self._limit

    def _divisor_at(self, now: float) -> int:
        quiet_minutes = int((now - self._last_429) // RECOVERY_S) if self._divisor > 1 else 0
        return max(1, self._divisor >> min(quiet_minutes, 30))

    def used(self, now: float) -> float:
        """Fraction of the minute window in use; above 1 when cancels and exits went beyond it."""
        self._forget(now)
        return len(self._minute) / self.allowed_per_minute(now)

    def crossed_warning(self, now: float) -> bool:
        """True once each time use rises to the warning fraction."""
        high = self.used(now) >= WARN_FRACTION
        crossed = high and not self._warned
        self._warned = high
        return crossed

    def _wait(self, priority: Priority, now: float) -> float:
        waits = [self._second_wait(priority, now)]
        share = _MINUTE_SHARE[priority]
        if share is not None:
            waits.append(self._paused_until - now)
            room = max(1, int(self.allowed_per_minute(now) * share))
            if len(self._minute) >= room:
                waits.append(self._minute[len(self._minute) - room] + WINDOW_S - now)
        hour_share = _HOUR_SHARE[priority]
        if hour_share is not None and sum(count for _, count in self._hour) >= self._hourly_budget * hour_share:
            waits.append((self._hour[0][0] + 1) * WINDOW_S + HOUR_S - now)
        return max(waits)

    def _second_wait(self, priority: Priority, now: float) -> float:
        ceiling = _PER_SECOND[priority]
        if len(self._minute) < ceiling:
            return 0.0
        return self._minute[-ceiling] + 1.0 - now

    def _count(self, now: float) -> None:
        self._minute.append(now)
        minute = int(now // WINDOW_S)
        if self._hour and self._hour[-1][0] == minute:
            self._hour[-1] = (minute, self._hour[-1][1] + 1)
        else:
            self._hour.append((minute, 1))

    def _forget(self, now: float) -> None:
        while self._minute and self._minute[0] <= now - WINDOW_S:
            self._minute.popleft()
        while self._hour and (self._hour[0][0] + 1) * WINDOW_S + HOUR_S <= now:
            self._hour.popleft()


class Pacer:
    """Makes worker threads wait for their turn. Safe from any thread; never call it from an actor's handler."""

    def __init__(
        self,
        rules: PaceRules,
        clock: Callable[[], float],
        pause: Callable[[float], object],
        on_warning: Callable[[float], None] | None = None,
    ) -> None:
        self._rules = rules
        self._clock = clock
        self._pause = pause
        self._on_warning = on_warning
        self._lock = threading.Lock()

    def acquire(self, priority: Priority, deadline: float) -> bool:
        """Wait until the request may go; False when that would be, or has become, later than `deadline` (machine seconds)."""
        while True:
            with self._lock:
                now = self._clock()
                if now > deadline:  # The machine slept through the wait.
                    return False
                wait = self._rules.ask(priority, now)
                warn = wait <= 0 and self._on_warning is not None and self._rules.crossed_warning(now)
            if warn and self._on_warning is not None:
                self._on_warning(self._rules.used(now))
            if wait <= 0:
                return True
            if now + wait > deadline:
                return False
            self._pause(min(wait, WAIT_SLICE_S))

    def too_many(self, retry_after_s: float | None) -> None:
        """Take note of a 429."""
        with self._lock:
            self._rules.too_many(self._clock(), retry_after_s)

    def used(self) -> float:
        """Fraction of the minute window in use."""
        with self._lock:
            return self._rules.used(self._clock())


def retry_delay_s(attempt: int, base_s: float, jitter: float) -> float:
    """Seconds before retry number `attempt` (from 1): base·2^(attempt-1)·(1 + jitter·(attempt mod 10)/10), the
    documents' examples (D12).
    """
    assert attempt >= 1, "attempts count from 1"
    return float(base_s * 2 ** (attempt - 1) * (1 + jitter * (attempt % 10) / 10))
