"""The alarm: cheap bounds on equity and volatility, tested on every quote, so that a guard acts on the very mark that breaches.

Guards cost some thirty microseconds a round and run with every tick and fill; between two of them only a mark can give them something
to say. The alarm knows the equity at which the next money guard would speak, and a bound that no volatility below its warning can
pass. It may ring for nothing, never the reverse. Owned by the risk desk; pure.
"""

from __future__ import annotations

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
        self._warn = inf
        self._seen: dict[str, int] = {}

    def rearm(self) -> None:
        """Set the bounds from the books as they are: the guards have just spoken about them."""
        state, limits = self._state, self._state.limits
        self._warn = float(limits.volatility.warn)
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
        return samples.may_reach(self._warn)
