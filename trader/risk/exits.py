"""Exits that risk itself asks for: down to the leverage cap, out on an account-wide reduce-only if so configured,
flatten.

They are ordinary intents and pass the ordinary checks; they can only shrink a position. Used by the desk.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from trader.market.clock import Now
from trader.orders.order import OrderIntent, OrderType, TimeInForce
from trader.risk.case import closing_side
from trader.risk.holds import ACCOUNT, Level
from trader.risk.state import DeskState

RETRY_S = 5.0


def exit_intent(
    state: DeskState, symbol: str, now: Now, reason: str, size: Decimal | None = None, *, by_operator: bool = False
) -> OrderIntent | None:
    """An exit of `size` (all of it when None), at most what other exits leave; None when there is nothing to close."""
    instrument, mark = state.ledger.instruments[symbol], state.market.symbols[symbol].mark
    side = closing_side(state, symbol)
    room = instrument.round_size(state.closing_room(symbol))
    wanted = room if size is None else min(instrument.round_size(size), room)
    if side is None or wanted <= 0 or mark is None:
        return None
    return OrderIntent(
        decision_id=f"risk:{reason}:{symbol}:{now.machine_time:.3f}",
        symbol=symbol,
        side=side,
        size=wanted,
        order_type=OrderType.MARKET,
        time_in_force=TimeInForce.IOC,
        reduce_only=True,
        reason=reason,
        mark=mark,
        market_time=now.market_time,
        machine_time=now.machine_time,
        by_operator=by_operator,
    )


class ForcedExits:
    """Asks for each exit at most once every few seconds; the checks decide as always."""

    def __init__(self, state: DeskState) -> None:
        self._state = state
        self._asked_at: dict[str, float] = {}

    def due(self, now: Now) -> tuple[OrderIntent, ...]:
        """Exits that must be tried now. Never because of one symbol's staleness or hold (D23)."""
        return tuple(self._due(now))

    def _due(self, now: Now) -> Iterator[OrderIntent]:
        forced = self._state.limits.force_exit_on_reduce_only and self._account_is_reduce_only()
        for symbol, position in self._state.ledger.positions.items():
            if not position.size or now.machine_time - self._asked_at.get(symbol, -RETRY_S) < RETRY_S:
                continue
            excess = None if forced else self._excess(symbol)
            if not forced and excess is None:
                continue
            intent = exit_intent(self._state, symbol, now, "forced_exit" if forced else "leverage", excess)
            if intent is not None:
                self._asked_at[symbol] = now.machine_time
                yield intent

    def _account_is_reduce_only(self) -> bool:
        """True for an account-wide reduce-only by a hold; a halt or a start sends nothing."""
        holds = self._state.holds
        return holds.mode(ACCOUNT) is Level.REDUCE_ONLY

    def _excess(self, symbol: str) -> Decimal | None:
        """Size above the leverage cap, rounded up to a lot; None when there is none (D24)."""
        state = self._state
        position, mark, equity = state.ledger.positions[symbol], state.ledger.marks.get(symbol), state.equity
        instrument = state.ledger.instruments[symbol]
        if equity is None or not mark or not instrument.is_derivative:
            return None
        allowed = state.leverage_cap(symbol) * max(equity, Decimal(0)) / (mark * instrument.contract_size)
        over = abs(position.size) - allowed
        if over <= 0:
            return None
        return abs(position.size) - instrument.round_size(allowed)
