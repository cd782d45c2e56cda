"""The trailing stop: a level that follows the best mark of a position at a fixed distance and never moves back.

Imported by the strategies. Long: stop at peak x (1 - distance), ratcheting up. Short: stop at trough x (1 +
distance), ratcheting down. Marks are integers of half ticks and the distance is a ratio of integers, so a stop is hit
exactly when the Decimal arithmetic would say so. Called on every mark: no allocation unless the position itself
changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from trader.market.instrument import Instrument
from trader.strategy.protocol import PositionView, StrategyState


class TrailingStop:
    """Peak and stop level of one symbol's position. Mutable, owned by one strategy."""

    __slots__ = ("_distance", "_level", "_peak", "_position", "_restored", "_scale", "_sign")

    def __init__(self, distance: Decimal) -> None:
        assert 0 < distance < 1, "a trailing stop is a fraction between 0 and 1"
        self._distance, self._scale = distance.as_integer_ratio()
        self._position: PositionView | None = None
        self._restored: StrategyState | None = None
        self._sign = 0
        self._peak = 0
        self._level = 0

    @property
    def peak_half_ticks(self) -> int | None:
        """Best mark since entry: the highest for a long, the lowest for a short; None when flat."""
        return self._peak if self._sign else None

    @property
    def level_half_ticks(self) -> int | None:
        """The mark at which the stop is hit; None when flat."""
        return self._level if self._sign else None

    def hit(self, half_ticks: int, position: PositionView, instrument: Instrument) -> bool:
        """Follow the mark; True when it stands at or beyond the stop."""
        if position is not self._position:
            self._follow(position, half_ticks, instrument)
        if self._sign > 0:
            if half_ticks > self._peak:
                self._move(half_ticks)
            return half_ticks <= self._level
        if self._sign < 0:
            if half_ticks < self._peak:
                self._move(half_ticks)
            return half_ticks >= self._level
        return False

    def first_hit(self, marks: Sequence[int], position: PositionView, instrument: Instrument) -> int:
        """How many of `marks` come before the first one at or beyond the stop, were they followed in turn. Changes nothing."""
        sign, peak = self._seen(position, marks[0], instrument)
        if not sign or self._spares(marks, sign, peak):
            return len(marks)
        level = self._level_at(peak, sign)
        for count, mark in enumerate(marks):
            if (mark - peak) * sign > 0:
                peak = mark
                level = self._level_at(peak, sign)
            if (mark - level) * sign <= 0:
                return count
        return len(marks)

    def _spares(self, marks: Sequence[int], sign: int, peak: int) -> bool:
        """True when even the worst mark stays clear of the stop that the best one leaves: then none hits it."""
        worst, best = (min(marks), max(marks)) if sign > 0 else (max(marks), min(marks))
        return (worst - self._level_at(max(peak * sign, best * sign) * sign, sign)) * sign > 0

    def follow(self, marks: Sequence[int], position: PositionView, instrument: Instrument) -> None:
        """Follow marks of which none hits the stop."""
        if position is not self._position:
            self._follow(position, marks[0], instrument)
        if self._sign:
            best = max(marks) if self._sign > 0 else min(marks)
            if (best - self._peak) * self._sign > 0:
                self._move(best)

    def snapshot(self) -> StrategyState:
        """The peak and the position it belongs to."""
        if self._sign == 0 or self._position is None:
            return self._restored or StrategyState()
        return StrategyState(self._peak, self._sign, self._position.entry_price)

    def restore(self, state: StrategyState) -> None:
        """Remember a persisted peak for the position it belongs to, should that be the next one seen."""
        self._restored = state if state.peak_half_ticks is not None else None

    def _follow(self, position: PositionView, half_ticks: int, instrument: Instrument) -> None:
        """Take over a changed position.

        A persisted peak counts for the first position seen after a start only: later it could but belong to a
        position that is gone, and would close the new one at once.
        """
        self._sign, peak = self._seen(position, half_ticks, instrument)
        self._position, self._restored = position, None
        self._move(peak)

    def _seen(self, position: PositionView, half_ticks: int, instrument: Instrument) -> tuple[int, int]:
        """Sign and peak with which a position is followed at this mark: the same one keeps its peak, another starts at its entry."""
        before = self._position
        if position is before:
            return self._sign, self._peak
        sign = position.sign
        same = (
            before is not None
            and sign == self._sign
            and (position.entry_price == before.entry_price or position.adds > before.adds)
        )
        if not sign or same:
            return sign, self._peak
        return sign, self._first_peak(position, half_ticks, instrument, first_seen=before is None)

    def _first_peak(self, position: PositionView, half_ticks: int, instrument: Instrument, *, first_seen: bool) -> int:
        """Best of entry price and this mark.

        After a start also of the view's peak and a restored one of this very position.
        """
        known = [half_ticks]
        if position.entry_price is not None:
            known.append(round(2 * position.entry_price / instrument.price_increment))
        if first_seen and position.peak_half_ticks is not None:
            known.append(position.peak_half_ticks)
        kept = self._restored
        if kept is not None and (kept.peak_sign, kept.peak_entry_price) == (position.sign, position.entry_price):
            assert kept.peak_half_ticks is not None, "restore keeps no state without a peak"
            known.append(kept.peak_half_ticks)
        return max(known) if position.sign > 0 else min(known)

    def _move(self, peak: int) -> None:
        self._peak, self._level = peak, self._level_at(peak, self._sign)

    def _level_at(self, peak: int, sign: int) -> int:
        """The stop's level for a best mark: rounded away from the position, so that it is hit exactly when Decimal would say so."""
        if sign > 0:
            return peak * (self._scale - self._distance) // self._scale
        return -(-peak * (self._scale + self._distance) // self._scale)
