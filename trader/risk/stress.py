"""What-if figures for reports: what a shock would cost, and what a bad day has cost so far. They decide nothing.

Stress reprices every position at a uniform move of all marks and says which limits that would trip. Value at risk is historical:
the loss of today's positions at the sampled returns of the past, at a quantile. Both take the books as they are. Imported by reports.
"""

from __future__ import annotations

from decimal import Decimal
from math import ceil

import msgspec

from trader.risk.state import DeskState

ZERO = Decimal(0)
SHOCKS = (Decimal("-0.30"), Decimal("-0.10"), Decimal("-0.05"), Decimal("0.05"), Decimal("0.10"), Decimal("0.30"))
"""Moves of all marks at once, as fractions."""
VAR_SAMPLES_MIN = 20


class StressRow(msgspec.Struct, frozen=True, gc=False):
    """All marks moved by `shock`: the change of equity, what is left, and the names of the limits it would trip."""

    shock: Decimal
    change: Decimal
    equity: Decimal
    trips: tuple[str, ...]


def stress(state: DeskState, shocks: tuple[Decimal, ...] = SHOCKS) -> tuple[StressRow, ...]:
    """Reprice the open positions at each shock; empty while the equity is unknown."""
    equity = state.equity
    if equity is None:
        return ()
    exposed = sum((_signed_worth(state, symbol) for symbol in state.ledger.positions), ZERO)
    return tuple(_row(state, shock, exposed * shock, equity) for shock in shocks)


def value_at_risk(state: DeskState, confidence: Decimal = Decimal("0.99")) -> Decimal | None:
    """Loss per sampling interval that the sampled past exceeded in no more than 1 - `confidence` of its slots; in USD.

    Slots in which a held symbol has no return are left out; None while fewer than twenty are left or nothing is held.
    """
    held = {s: _signed_worth(state, s) for s, position in state.ledger.positions.items() if position.size}
    returns = {symbol: state.market.symbols[symbol].samples.returns() for symbol in held}
    if not held:
        return None
    common = set.intersection(*(set(series) for series in returns.values()))
    if len(common) < VAR_SAMPLES_MIN:
        return None
    results = sorted(sum((w * Decimal(returns[s][slot]) for s, w in held.items()), ZERO) for slot in common)
    allowed = ceil((1 - confidence) * len(results)) - 1
    return max(-results[max(allowed, 0)], ZERO)


def _signed_worth(state: DeskState, symbol: str) -> Decimal:
    position = state.ledger.positions[symbol]
    if not position.size:
        return ZERO
    return position.size * state.ledger.marks[symbol] * position.contract_size


def _row(state: DeskState, shock: Decimal, change: Decimal, equity: Decimal) -> StressRow:
    result = state.day.result(equity + change, state.fees_paid(), state.funding_received())
    limits, trips = state.limits, []
    if result is not None:
        if result.loss_pct >= limits.max_daily_loss_pct or 0 < limits.max_daily_loss_usd <= result.loss:
            trips.append("daily_loss")
        if result.drawdown_pct >= limits.max_drawdown_pct:
            trips.append("drawdown")
    if equity + change <= 0:
        trips.append("equity")
    return StressRow(shock, change, equity + change, tuple(trips))
