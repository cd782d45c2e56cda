"""Wilder's relative strength index, O(1) per bar, over a fixed context of bars.

Imported by market/window.py; anyone may. Wilder's smoothing never forgets, so two processes started at different
times would disagree for ever. Here the average is Wilder's own recursion, started with a plain mean over `period`
changes, but over the newest `CONTEXT_PERIODS` x period changes only: whatever came before has no say, and a warmed-up
restart agrees with the process it replaces. Until that many changes exist the context is everything seen, which is
the textbook definition (J. W. Wilder, New Concepts in Technical Trading Systems, 1978). Against the never-forgetting
form the difference is bounded by the weight of what is left out, (1 - 1/period) ** (9 x period), about 1.2e-4 of the
average: less than 0.05 index points.
"""

from __future__ import annotations

from collections.abc import Sequence

CONTEXT_PERIODS = 10
NEUTRAL = 50.0
NO_MOVEMENT = 1e-6
"""Weighted half ticks below which only rounding is left.

The faintest real change inside the context weighs 3.8e-6 at least.
"""


class WilderRsi:
    """The index over closes in half ticks; float because it is a ratio, never money.

    Owned by one window. Rounding does not build up: every old error shrinks by (1 - 1/period) per bar.
    """

    __slots__ = (
        "_changes",
        "_decay",
        "_fall_seed",
        "_fall_tail",
        "_leaving",
        "_rise_seed",
        "_rise_tail",
        "_tail",
        "period",
    )

    def __init__(self, period: int) -> None:
        assert period >= 2, "an RSI needs a period of at least two bars"
        self.period = period
        self._decay = 1.0 - 1.0 / period
        self._tail = (CONTEXT_PERIODS - 1) * period
        self._leaving = self._decay**self._tail
        self.reset()

    @property
    def closes_kept(self) -> int:
        """How many closes `update` looks back on, the newest included."""
        return CONTEXT_PERIODS * self.period + 2

    def reset(self) -> None:
        """Forget everything."""
        self._changes = 0
        self._rise_seed = self._fall_seed = 0
        self._rise_tail = self._fall_tail = 0.0

    def update(self, closes: Sequence[int]) -> None:
        """Take the newest of `closes`, once per closed bar, in order; the first close alone changes nothing."""
        if len(closes) < 2:
            return
        change = closes[-1] - closes[-2]
        rise, fall = (change, 0) if change > 0 else (0, -change)
        self._changes += 1
        if self._changes <= self.period:
            self._rise_seed += rise
            self._fall_seed += fall
            return
        self._rise_tail = self._rise_tail * self._decay + rise
        self._fall_tail = self._fall_tail * self._decay + fall
        if self._changes > CONTEXT_PERIODS * self.period:
            self._slide(closes)

    def _slide(self, closes: Sequence[int]) -> None:
        """Move the context on by one.

        A change passes from the smoothed part into the seed, the oldest drops out of it.
        """
        tail, oldest_at = self._tail, CONTEXT_PERIODS * self.period
        passed = closes[-1 - tail] - closes[-2 - tail]
        oldest = closes[-1 - oldest_at] - closes[-2 - oldest_at]
        if passed > 0:
            self._rise_tail -= self._leaving * passed
            self._rise_seed += passed
        else:
            self._fall_tail += self._leaving * passed
            self._fall_seed -= passed
        if oldest > 0:
            self._rise_seed -= oldest
        else:
            self._fall_seed += oldest

    @property
    def value(self) -> float | None:
        """The index from 0 to 100; None before `period` changes, 50 where nothing moved at all."""
        if self._changes < self.period:
            return None
        smoothed = min(self._changes - self.period, self._tail)
        weight = self._leaving if smoothed == self._tail else self._decay**smoothed
        rise = self._rise_tail + weight * self._rise_seed
        fall = self._fall_tail + weight * self._fall_seed
        if rise + fall < NO_MOVEMENT:
            return NEUTRAL
        return min(100.0, max(0.0, 100.0 * rise / (rise + fall)))
