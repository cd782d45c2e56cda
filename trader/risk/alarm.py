"""The alarm: cheap bounds on equity and volatility, tested on every quote, so that a guard acts on the very mark that breaches.

Guards cost some thirty microseconds a round and run with every tick and fill; between two of them only a mark can give them something
to say. The alarm knows the equity at which the next money guard would speak, and a bound that no volatility below its warning can
pass. It may ring for nothing, never the reverse. Owned by the risk desk; pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from math import inf

from trader.risk.money_guards import WARN_PARTS
from trader.risk.state import DeskState

ZERO = Decimal(0)
ONE = Decimal(1)
MOVE_MAX = Decimal("0.005")
"""A fall of equity by this part since the guards last ran rings in any case: leverage and liquidation are judged again."""


class Alarm:
    """Bounds made by `rearm` after each round of the guards."""

    def __init__(self, state: DeskState) -> None:
        self._state = state
        self._low = ZERO
        self._peak = ZERO
        self._kept = ZERO
        self.volatility = inf
        """The warning's volatility: below it no guard of volatility speaks."""
        self._seen: dict[str, int] = {}

    def rearm(self) -> None:
        """Set the bounds from the books as they are: the guards have just spoken about them."""
        state, limits = self._state, self._state.limits
        self.volatility = float(limits.volatility.warn)
        equity, day = state.equity, state.day.baseline
        if equity is None or day is None:
            self._low = self._peak = ZERO
            return
        self._peak = day.peak_equity
        self._kept = ONE - limits.max_drawdown_pct
        bounds = [equity * (ONE - MOVE_MAX), day.peak_equity * self._kept]
        for part in (ONE, *WARN_PARTS):
            bounds.append(day.start_equity * (ONE - part * limits.max_daily_loss_pct))
            if limits.max_daily_loss_usd > 0:
                bounds.append(day.start_equity - part * limits.max_daily_loss_usd)
        self._low = max((bound for bound in bounds if bound < equity), default=ZERO)

    def rings(self, symbol: str) -> bool:
        """Whether the guards must look at the mark that has just come. Keeps the peak of equity on the way."""
        state = self._state
        if state.ledger.positions[symbol].size:
            equity = state.equity
            if equity is not None:
                if equity <= self._low:
                    return True
                if equity > self._peak:
                    state.day.raise_peak(equity)
                    self._peak = equity
                    self._low = max(self._low, equity * self._kept)
        samples = state.market.symbols[symbol].samples
        if self._seen.get(symbol) == samples.version:
            return False
        self._seen[symbol] = samples.version
        return samples.may_reach(self.volatility)

    def quiet_bars(self, marks: Mapping[str, Sequence[int]]) -> int:
        """How many bars with these marks keep equity within the bounds, one row a symbol, all of one length. Changes nothing."""
        return self._walk(marks)[0]

    def pass_bars(self, marks: Mapping[str, Sequence[int]]) -> None:
        """Keep the peak of equity over bars that `quiet_bars` has let pass; before the books take their marks."""
        _, peak, low = self._walk(marks)
        if peak > self._peak:
            self._state.day.raise_peak(peak)
            self._peak, self._low = peak, low

    def note_samples(self, symbols: Iterable[str]) -> None:
        """Take the newest samples of these symbols as judged."""
        for symbol in symbols:
            self._seen[symbol] = self._state.market.symbols[symbol].samples.version

    def _walk(self, marks: Mapping[str, Sequence[int]]) -> tuple[int, Decimal, Decimal]:
        """Follow equity mark by mark: bars until a bound is met, and the peak and the lower bound it leaves behind."""
        ledger, kept = self._state.ledger, self._kept
        equity, peak, low = self._state.equity, self._peak, self._low
        held = [(symbol, row) for symbol, row in marks.items() if ledger.positions[symbol].size]
        length = min(map(len, marks.values()))
        if equity is None or not held:
            return length, peak, low
        if len(held) == 1:
            symbol, row = held[0]
            at_low, at_high = (equity + ledger.moves_over(symbol, (mark,))[0] for mark in (min(row), max(row)))
            best = max(at_low, at_high, peak)
            low_at_best = max(low, best * kept) if best > peak else low
            if min(at_low, at_high) > low_at_best:
                return length, best, low_at_best
        moves = [ledger.moves_over(symbol, row) for symbol, row in held]
        for bar, moves_of_bar in enumerate(zip(*moves, strict=True)):
            for move in moves_of_bar:
                equity += move
                if equity <= low:
                    return bar, peak, low
                if equity > peak:
                    peak = equity
                    low = max(low, equity * kept)
        return length, peak, low
