"""When to connect again: doubling pauses with a cap and jitter, forgotten after a stable minute.

Only `trader/coinbase/` imports this. Pure: the random source and the times (machine seconds) are handed in. A
polite close counts like any other; only how long the connection had been good decides.
"""

from __future__ import annotations

from random import Random

STABLE_S = 60.0
FLAP_WINDOW_S = 60.0
FLAP_LIMIT = 20


class Reconnect:
    """The pauses of one feed."""

    def __init__(self, base_s: float, cap_s: float, random: Random) -> None:
        self._base_s = base_s
        self._cap_s = cap_s
        self._random = random
        self._attempt = 0
        self._starts: list[float] = []

    def started(self, now: float) -> None:
        """Take note of a try to connect."""
        self._starts = [start for start in self._starts if now - start < FLAP_WINDOW_S]
        self._starts.append(now)

    def ended(self, good_for_s: float) -> None:
        """Take note that a connection ended after having been good for so long (0 when it never was)."""
        self._attempt = 1 if good_for_s >= STABLE_S else self._attempt + 1

    def pause_s(self) -> float:
        """Return the pause before the next try: half fixed, half random, so that clients do not come back together."""
        ceiling = min(self._cap_s, self._base_s * float(2 ** min(max(self._attempt - 1, 0), 16)))
        return ceiling * (0.5 + 0.5 * self._random.random())

    @property
    def is_flapping(self) -> bool:
        """True when there were twenty tries within a minute."""
        return len(self._starts) >= FLAP_LIMIT
