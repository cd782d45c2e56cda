"""Positions a person wants closed: what to try now, how it goes, and when it is over. Pure; only `actors/risk.py` makes one.

Each exit is an ordinary intent through the ordinary checks: cut to slices no larger than one order may be, priced at the collar,
repeated until nothing is left. An exit that was refused or filled nothing is told and tried again after a growing pause; it is
never assumed done (C-02). What is too small for the venue is left alone and said so.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from actors.reports import FlattenReport
from trader.market.clock import Now
from trader.orders.order import Order, OrderIntent
from trader.orders.reason import Reason
from trader.risk.case import closing_side
from trader.risk.desk import RiskDesk
from trader.risk.holds import ACCOUNT, HoldTable
from trader.risk.refusal import Refusal, plain

CAUSE = "flatten"
DECISION = f"risk:{CAUSE}:"
PAUSES_S = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0)
DUST = frozenset({Reason.BELOW_MIN_SIZE, Reason.ROUNDS_TO_ZERO})
FINISHED_KEPT = 50


class Progress(StrEnum):
    """How far one symbol's exit is."""

    WORKING = "working"
    FLAT = "flat"
    DUST = "dust"
    GIVEN_UP = "given up"


class _Want(msgspec.Struct):
    """One symbol's exit. `failures` counts attempts in a row that closed nothing."""

    request: str
    size_before: str = ""
    attempts: int = 0
    failures: int = 0
    next_at: float = float("-inf")
    held: bool = False
    text: str = "asked"
    progress: Progress = Progress.WORKING


class Flattening:
    """All exits a person has asked for since this incarnation of risk began. Times are machine seconds."""

    def __init__(self, desk: RiskDesk) -> None:
        self._desk = desk
        self._wants: dict[str, _Want] = {}

    def begin(self, symbols: tuple[str, ...], request: str) -> None:
        """Begin, or begin anew, to close these positions."""
        for symbol in symbols:
            self._wants.pop(symbol, None)
            self._wants[symbol] = _Want(request)
        while len(self._wants) > FINISHED_KEPT:
            del self._wants[next(iter(self._wants))]

    def due(self, holds: HoldTable, now: Now) -> list[OrderIntent]:
        """Return the exits to try now, at most one a symbol, and clear orders that stand in their way."""
        working = [(symbol, want) for symbol, want in self._wants.items() if want.progress is Progress.WORKING]
        return [intent for symbol, want in working if (intent := self._due(symbol, want, holds, now)) is not None]

    def _due(self, symbol: str, want: _Want, holds: HoldTable, now: Now) -> OrderIntent | None:
        if not self._still_wanted(symbol, want, holds):
            return None
        position = self._desk.ledger.positions[symbol]
        if not position.size:
            want.progress = Progress.FLAT
            want.text = "nothing is open" if want.attempts else "nothing was open"
            return None
        own = [order for order in self._desk.ledger.live[symbol].values() if not order.foreign]
        if any(not _is_ours(order) for order in own):
            self._desk.cancel_symbol(symbol, "in the way of a flatten")
        if any(_is_ours(order) for order in own) or now.machine_time < want.next_at:
            return None
        self._judge_last(want, str(position.size), now)
        if now.machine_time < want.next_at:
            return None
        intent = next(iter(self._desk.flatten(now, [symbol])), None)
        if intent is None:
            self.failed(symbol, self._obstacle(symbol), now)
            return None
        want.attempts += 1
        want.size_before = str(position.size)
        want.next_at = now.machine_time + PAUSES_S[0]
        return self._slice(intent)

    def _obstacle(self, symbol: str) -> str:
        """Say why there is no exit to send: orders of others that hold the position, by id, or no price."""
        state = self._desk.state
        side = closing_side(state, symbol)
        if side is not None and self._desk.ledger.instruments[symbol].is_derivative:
            foreign = state.foreign_orders(symbol, side)
            if foreign:
                rows = ", ".join(f"{o.order_id} {o.side} {plain(o.remaining)}" for o in foreign)
                return f"orders this system did not send hold the position: {rows}; cancel them at the venue"
        return "no price yet, or other exits hold all of it"

    def _still_wanted(self, symbol: str, want: _Want, holds: HoldTable) -> bool:
        """End with the hold that came with the command: who resumes does not want the exit any more."""
        in_force = holds.has(CAUSE, symbol) or holds.has(CAUSE, ACCOUNT)
        if want.held and not in_force:
            want.progress, want.text = Progress.GIVEN_UP, "resumed before it was flat"
        want.held = want.held or in_force
        return want.held and want.progress is Progress.WORKING

    def _judge_last(self, want: _Want, size: str, now: Now) -> None:
        """An attempt after which the position is what it was has failed: wait longer before the next."""
        if want.size_before != size:
            want.failures = 0
            return
        want.size_before = ""
        self._back_off(want, want.text if want.failures else "the exit filled nothing", now)

    def _slice(self, intent: OrderIntent) -> OrderIntent:
        """Cut an exit to what one order may be worth, unless dust would be left."""
        state, instrument = self._desk.state, self._desk.ledger.instruments[intent.symbol]
        most = instrument.round_size(state.limits.max_order_notional_usd / (intent.mark * instrument.contract_size))
        minimum = instrument.minimum_size(intent.mark)
        if most < minimum or intent.size - most < minimum:
            return intent
        return msgspec.structs.replace(intent, size=most)

    def refused(self, symbol: str, refusal: Refusal, now: Now) -> bool:
        """Take a refusal of an exit; False when that is its end (dust), True when it is tried again."""
        want = self._wants[symbol]
        if refusal.reason in DUST:
            want.progress, want.text = Progress.DUST, refusal.text
            return False
        self.failed(symbol, f"{refusal.reason} {refusal.text}", now)
        return True

    def failed(self, symbol: str, why: str, now: Now) -> None:
        """Note why an exit did not work and when it is tried again."""
        want = self._wants.get(symbol)
        if want is not None:
            want.size_before = ""
            self._back_off(want, why, now)

    def _back_off(self, want: _Want, why: str, now: Now) -> None:
        want.failures += 1
        want.text = why
        want.next_at = now.machine_time + PAUSES_S[min(want.failures, len(PAUSES_S) - 1)]

    @property
    def trouble(self) -> str:
        """What does not work right now, for the status and the alerts; "" when nothing does not."""
        return "; ".join(
            f"flatten {symbol}: {want.failures} tries failed, {want.text}"
            for symbol, want in self._wants.items()
            if want.progress is Progress.WORKING and want.failures
        )

    def report(self) -> tuple[FlattenReport, ...]:
        """Every exit asked for, as others may read it."""
        return tuple(
            FlattenReport(symbol, want.progress.value, want.text, want.attempts, want.request)
            for symbol, want in self._wants.items()
        )


def _is_ours(order: Order) -> bool:
    return order.decision_id.startswith(DECISION)
