"""The care of live orders: which to cancel, which to look up, and when an order nobody has seen may be given up.

A question is repeated with growing pauses and never answered by a guess: an unproven order keeps its exposure until
the venue's evidence about that very order ends it (I-09, S16). Owned by the desk; pure.
"""

from __future__ import annotations

import msgspec

from trader.market.clock import Now
from trader.orders.order import AT_VENUE, Order, OrderState, TimeInForce
from trader.risk.holds import Level
from trader.risk.state import DeskState

CANCEL_AGAIN_S = 2.0
QUERY_PAUSES_S = (1.0, 2.0, 4.0, 8.0, 10.0)
ABSENCE_MARGIN_S = 3.0
"""Beyond approval life and longest post: how long the venue's lists may lag behind an accepted order (S16)."""
CANCEL_STUCK_S = 10.0
AT_ONCE = frozenset({TimeInForce.IOC, TimeInForce.FOK})


class OrderCare:
    """Remembers what was asked when; everything else it reads from the desk's state."""

    def __init__(self, state: DeskState) -> None:
        self._state = state
        self._cancelled_at: dict[str, float] = {}
        self._unwanted: dict[str, str] = {}
        self._asked: dict[str, tuple[float, int]] = {}
        self._missing: set[str] = set()

    # Cancels

    def want_gone(self, client_order_id: str, why: str) -> None:
        """Ask for one order's cancellation on the next round."""
        self._unwanted.setdefault(client_order_id, why)

    def cancels_due(self, now: Now) -> tuple[Order, ...]:
        """Orders to cancel now; each order's `note` says why. Repeated every two seconds until the venue
        proves the end.
        """
        due = []
        for symbol, orders in self._state.ledger.live.items():
            if not orders:
                continue
            level = self._state.cancel_level(symbol, now)
            for order in orders.values():
                why = self._why_cancel(order, level, now)
                if why and self._may_ask_again(order, now):
                    self._cancelled_at[order.client_order_id] = now.machine_time
                    self._state.rates.note_cancel(now.machine_time)
                    due.append(msgspec.structs.replace(order, note=why))
        return tuple(due)

    def _why_cancel(self, order: Order, level: Level, now: Now) -> str:
        if order.state not in AT_VENUE or not order.order_id:
            return ""
        if level is Level.HALTED and (not order.foreign or self._state.holds.has("kill")):
            return "halted"
        if order.foreign:
            return ""
        shrinks = self._state.reduces(order)
        if level is Level.REDUCE_ONLY and not shrinks:
            return "would grow the position in reduce-only"
        if order.reduce_only and not shrinks:
            return "no longer reduces the position"
        if order.client_order_id in self._unwanted:
            return self._unwanted[order.client_order_id]
        limit = self._state.limits.order_max_age_s
        if not order.reduce_only and self.age_s(order, now) > limit:
            return f"unfilled for more than {limit:.0f} s"
        return ""

    def _may_ask_again(self, order: Order, now: Now) -> bool:
        last = self._cancelled_at.get(order.client_order_id)
        return last is None or now.machine_time - last >= CANCEL_AGAIN_S

    def age_s(self, order: Order, now: Now) -> float:
        """Machine seconds since the order was reserved."""
        return now.machine_time - self._state.reserved_at.get(order.client_order_id, order.touched_at)

    # Look-ups

    def flag_missing(self, client_order_id: str) -> None:
        """A complete reading did not list this order: look it up."""
        self._missing.add(client_order_id)

    def queries_due(self, now: Now) -> tuple[Order, ...]:
        """Orders to look up now. A silent SENT order becomes UNKNOWN here: its post must have ended one way or
        another.
        """
        due = []
        for order in list(self._state.ledger.live_orders()):
            if not self._is_doubtful(order, now):
                continue
            last, tries = self._asked.get(order.client_order_id, (None, 0))
            pause = QUERY_PAUSES_S[min(max(tries - 1, 0), len(QUERY_PAUSES_S) - 1)]
            if last is not None and now.machine_time - last < pause:
                continue
            if order.state is OrderState.SENT:
                note = "no answer to the post"
                order = self._state.ledger.advance(order.client_order_id, OrderState.UNKNOWN, now.machine_time, note)
            self._asked[order.client_order_id] = (now.machine_time, tries + 1)
            due.append(order)
        return tuple(due)

    def _is_doubtful(self, order: Order, now: Now) -> bool:
        execution = self._state.execution
        quiet_s = now.machine_time - order.touched_at
        if order.state is OrderState.UNKNOWN or order.client_order_id in self._missing:
            return True
        if order.state is OrderState.SENT:
            return quiet_s > execution.approval_ttl_s + execution.post_deadline_s
        if order.state is OrderState.CANCEL_QUEUED:
            return quiet_s > CANCEL_STUCK_S
        return order.state in AT_VENUE and order.time_in_force in AT_ONCE and quiet_s > execution.visibility_delay_s

    def absent(self, client_order_id: str, asked_at: float) -> bool:
        """True when a complete listing asked for at `asked_at` proves that the order never was: it is late enough
        (S16).

        Never true for an order the venue has shown: what existed cannot have been absent.
        """
        order = self._state.ledger.orders.get(client_order_id)
        if order is None or order.state not in (OrderState.SENT, OrderState.UNKNOWN):
            return False
        sent_at = self._state.sent_at.get(
            client_order_id, self._state.reserved_at.get(client_order_id, order.touched_at)
        )
        execution = self._state.execution
        return asked_at > sent_at + execution.approval_ttl_s + execution.post_deadline_s + ABSENCE_MARGIN_S

    def settle(self, order: Order) -> None:
        """Evidence about an order has come: its look-up is answered, and when finished it is forgotten."""
        self._missing.discard(order.client_order_id)
        if not order.is_live:
            for memory in (self._cancelled_at, self._unwanted, self._asked):
                memory.pop(order.client_order_id, None)
