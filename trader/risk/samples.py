"""Samples of marks on a fixed clock, and what is measured from them: volatility and correlation of returns.

Marks are sampled once per `sample_seconds` of the market's clock, so the figures mean the same at any message rate.
Ratios here are floats on purpose: they compare, they never become money. Used by risk's guards and checks only.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import chain, pairwise
from math import nan, sqrt
from operator import mul

SECONDS_PER_YEAR = 31_536_000
SAMPLES_MIN = 20
"""Fewer returns than this (or than the window, when that is shorter) say nothing."""


class Samples:
    """The last `window` + 1 sampled marks of one symbol, in half ticks, keyed by the slot of the sampling clock.

    `count` returns lie in the window, and the sum of their squares is `squares`: no variance of theirs can pass it.
    """

    __slots__ = (
        "_marks", "_measured", "_moves", "_returns", "_volatility", "count", "next_time", "seconds", "squares", "version",
        "window",
    )  # fmt: skip

    def __init__(self, seconds: float, window: int) -> None:
        self.seconds = seconds
        self.window = window
        self.next_time = 0.0
        self._marks: deque[tuple[int, int]] = deque(maxlen=window + 1)
        self._returns: dict[int, float] | None = None
        self._moves: deque[float] = deque(maxlen=window)
        self._volatility: float | None = None
        self._measured = 0
        self.count = 0
        self.squares = 0.0
        self.version = 0
        """Grows with every sample, so that what was computed from them can be kept until the next one."""

    def add(self, half_ticks: int, market_time: float) -> None:
        """Take the first mark of each slot; the caller asks `next_time` first, so most marks cost one comparison."""
        slot = int(market_time // self.seconds)
        self.next_time = (slot + 1) * self.seconds
        marks = self._marks
        if marks:
            last_slot, last = marks[-1]
            if slot <= last_slot:
                return
            self._note_move(half_ticks / last - 1 if slot == last_slot + 1 and last > 0 else nan)
        marks.append((slot, half_ticks))
        self._returns = None
        self.version += 1

    def _note_move(self, move: float) -> None:
        """Keep number and sum of squares of the window's returns by differences; a gap leaves a NaN in their place."""
        moves = self._moves
        if len(moves) == self.window:
            dropped = moves.popleft()
            if dropped == dropped:
                self.count -= 1
                self.squares -= dropped * dropped
        moves.append(move)
        if move == move:
            self.count += 1
            self.squares += move * move

    def quiet(self, half_ticks: Sequence[int], first_time: float, volatility: float) -> int:
        """How many samples, one a slot from `first_time` on, leave `may_reach` of this volatility false. Changes nothing."""
        if not self._marks or first_time // self.seconds != self._marks[-1][0] + 1:
            return 0
        moves = self._moves_to(half_ticks)
        added = sum(map(mul, moves, moves))
        if self.count == self.window and (self.squares + added) * (1 + 1e-9) < self._least(volatility, self.window):
            return len(moves)
        ahead = Samples(self.seconds, self.window)
        ahead._moves, ahead.count, ahead.squares = self._moves.copy(), self.count, self.squares
        for passed, move in enumerate(moves):
            ahead._note_move(move)
            if ahead.may_reach(volatility):
                return passed
        return len(moves)

    def extend(self, half_ticks: Sequence[int]) -> None:
        """Take one mark for each of the following slots, as `add` would."""
        slot = self._marks[-1][0] + 1
        moves = self._moves_to(half_ticks)
        if self.count == self.window:  # full and without a gap: as `_note_move`, many at once
            squares = self.squares
            for dropped, move in zip(chain(self._moves, moves), moves, strict=False):
                squares = squares - dropped * dropped + move * move
            self.squares = squares
            self._moves.extend(moves)
        else:
            for move in moves:
                self._note_move(move)
        self._marks.extend(zip(range(slot, slot + len(half_ticks)), half_ticks, strict=True))
        self.next_time = (slot + len(half_ticks)) * self.seconds
        self._returns = None
        self.version += len(half_ticks)

    def _moves_to(self, half_ticks: Sequence[int]) -> list[float]:
        """Simple returns from the last mark kept through these."""
        return [now / before - 1 for before, now in pairwise((self._marks[-1][1], *half_ticks))]

    def returns(self) -> dict[int, float]:
        """Simple returns by slot; a return exists only between neighbouring slots, so a gap never looks like a jump."""
        if self._returns is None:
            pairs = pairwise(self._marks)
            self._returns = {b[0]: b[1] / a[1] - 1 for a, b in pairs if b[0] == a[0] + 1 and a[1] > 0}
        return self._returns

    def volatility(self) -> float | None:
        """Annualized standard deviation of the returns: stdev x sqrt(seconds per year / sample seconds); None while
        too few.

        Sample standard deviation (n - 1). A market that trades every second of the year is assumed. Computed at most once a
        sample.
        """
        if self._measured != self.version:
            self._measured = self.version
            self._volatility = self._measure()
        return self._volatility

    def may_reach(self, volatility: float) -> bool:
        """False when the sum of squares proves that the volatility lies below a figure: O(1), and never wrong about False."""
        return self.squares >= self._least(volatility, self.count)

    def _least(self, volatility: float, count: int) -> float:
        """The sum of squares without which `count` returns cannot have this volatility."""
        return volatility * volatility * self.seconds / SECONDS_PER_YEAR * max(count - 1, 1) * (1 - 1e-9)

    def _measure(self) -> float | None:
        values = list(self.returns().values())
        if len(values) < min(SAMPLES_MIN, self.window):
            return None
        mean = sum(values) / len(values)
        variance = sum((value - mean) ** 2 for value in values) / max(len(values) - 1, 1)
        return sqrt(variance) * sqrt(SECONDS_PER_YEAR / self.seconds)


def correlation(one: Samples, other: Samples) -> float | None:
    """Pearson correlation of the returns both symbols have; None while too few, or when one of them did not move."""
    mine, theirs = one.returns(), other.returns()
    common = mine.keys() & theirs.keys()
    count = len(common)
    if count < min(SAMPLES_MIN, one.window):
        return None
    mean_x = sum(mine[slot] for slot in common) / count
    mean_y = sum(theirs[slot] for slot in common) / count
    cross = sum((mine[slot] - mean_x) * (theirs[slot] - mean_y) for slot in common)
    spread = sum((mine[slot] - mean_x) ** 2 for slot in common) * sum((theirs[slot] - mean_y) ** 2 for slot in common)
    return cross / sqrt(spread) if spread > 0 else None


class Correlations:
    """Correlations of pairs of symbols, each computed once per new sample."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], tuple[int, int, float | None]] = {}

    def between(self, name: str, one: Samples, other_name: str, other: Samples) -> float | None:
        """As `correlation`; the order of the two does not matter."""
        if other_name < name:
            return self.between(other_name, other, name, one)
        known = self._known.get((name, other_name))
        if known is not None and known[0] == one.version and known[1] == other.version:
            return known[2]
        measured = correlation(one, other)
        self._known[name, other_name] = (one.version, other.version, measured)
        return measured
