"""An order's way through the risk actor: from the intent to the broker, and from the venue's answers back into the books.

A check and its reservation are one turn; the reservation is durable before the broker hears of it. Only `risk.py` builds on this.
"""

from __future__ import annotations

from loguru import logger

from actors.messages import (
    CancelAnswered,
    CommitFailed,
    Committed,
    OrderAbsent,
    OrderRefused,
    OrderUnknown,
    PlaceOrder,
    VenueTrouble,
)
from actors.reports import DecisionReport
from actors.risk_base import RiskBase
from trader.orders.order import OrderIntent, OrderReport, OrderState
from trader.orders.reason import Reason
from trader.risk.granted import Booked
from trader.risk.holds import Level
from trader.risk.refusal import Refusal, figure
from trader.store import events as stored


class RiskOrders(RiskBase):
    """Intents in, approvals out, outcomes back."""

    # --- an intent's way to the broker -------------------------------------------------------------------------------------

    def _on_intent(self, intent: OrderIntent) -> None:
        self._see(intent.market_time, intent.machine_time)
        if not self.recovered:
            self._refuse(intent, Refusal(Reason.NOT_RECONCILED, "risk is still reading the account"))
            return
        if self.is_reading_overdue and not intent.reduce_only:
            stale_s = self.now.machine_time - self.reconciled_at
            self._refuse(intent, Refusal(Reason.NOT_RECONCILED, f"the account was last read {stale_s:.0f} s ago"))
            return
        decided = self.desk.decide(intent, self.now)
        if isinstance(decided, Refusal):
            self._refuse(intent, decided)
            return
        order = self.desk.reserve(intent, decided, self.surroundings.new_id(), self.now)
        self._waiting[order.client_order_id] = self._decided_at[order.client_order_id] = self.now.machine_time
        address, coid, asked_at = self.addresses.risk, order.client_order_id, self.now.machine_time

        def done(result: stored.Committed | stored.CommitFailed) -> None:
            if isinstance(result, stored.Committed):
                address.tell(Committed(coid, asked_at))
            else:
                address.tell(CommitFailed(coid, result.reason))

        self.keeper.intent(order, decided, intent, self.now, done)

    def _on_committed(self, client_order_id: str) -> None:
        """The intent is on the disk: look once more, then and only then let the broker have it."""
        if self._waiting.pop(client_order_id, None) is None:
            return
        order = self._order(client_order_id)
        refusal = self.desk.recheck(client_order_id, self.now)
        if refusal is not None:
            self._release(client_order_id, refusal.text, refusal.reason)
            return
        approval = self.desk.approve(client_order_id, self.now)
        if not self.addresses.broker.tell(PlaceOrder(approval)):
            self._release(client_order_id, "the broker is restarting", Reason.ACTOR_RESTARTING)
            return
        self.placed += 1
        self._count(
            order, Reason.EXIT_SENT if order.reduce_only else Reason.ENTRY_SENT, f"{order.side} {order.size} sent"
        )

    # --- what becomes of an order ------------------------------------------------------------------------------------------

    def _book(self, booked: Booked) -> None:
        """Let a report's effects out: events first, then positions, holds and the symbol."""
        if booked.problem:
            logger.warning("a report was left out: {}", booked.problem)
        self._raise(booked.findings)
        order = booked.order
        if order is None or not booked.changed:
            return
        self.keeper.booked(booked, self.now)
        if booked.fill is not None and booked.fill.size:
            self.fills += 1
            fill, instrument = booked.fill, self._instruments[order.symbol]
            self.quality.note(fill, order, self._decided_at.get(order.client_order_id), self.now.machine_time)
            logger.info(
                "{} filled {} {} at {}, fee {} {}",
                fill.symbol,
                fill.side.lower(),
                fill.size,
                fill.price.quantize(instrument.price_increment),
                figure(fill.fee, "0.0001"),
                instrument.quote,
            )
            self._raise(self.desk.on_tick(self.now))
        if not order.is_live:
            self._decided_at.pop(order.client_order_id, None)
        if booked.adopted:
            self._next_reconcile = self.now.machine_time
        self._tell_position(order.symbol, order.decision_id if not order.is_live else "")

    def _on_unknown(self, message: OrderUnknown) -> None:
        order = self._order(message.client_order_id)
        logger.warning(
            "{} {}: outcome unknown ({}), counted as open", order.symbol, order.client_order_id[:8], message.why
        )
        self.desk.unknown(message.client_order_id, self.now, message.why)
        self.keeper.outcome(self._order(message.client_order_id), "unknown", message.why, self.now)

    def _on_venue_refused(self, message: OrderRefused) -> None:
        self.venue_refused += 1
        order = self._order(message.client_order_id)
        logger.warning(
            "{} {} refused by the venue: {} {}", order.symbol, order.side.lower(), message.code, message.text
        )
        self.outcomes[order.symbol] = DecisionReport(
            order.symbol, "hold", Reason.VENUE_REFUSED, f"{message.code} {message.text}".strip(), self.now.market_time
        )
        report = OrderReport(
            client_order_id=order.client_order_id,
            order_id="",
            symbol=order.symbol,
            state=OrderState.REJECTED,
            market_time=self.now.market_time,
            source="ack",
            reason=f"{message.code} {message.text}".strip(),
        )
        self._book(self.desk.on_report(report, self.now))

    def _on_absent(self, message: OrderAbsent) -> None:
        if not self.desk.absent(message.client_order_id, message.asked_at, self.now):
            return
        order = self._order(message.client_order_id)
        logger.warning("{} {} never reached the venue: released", order.symbol, order.client_order_id[:8])
        self.keeper.outcome(order, "absent", "proven absent", self.now)
        self._tell_position(order.symbol, order.decision_id)

    def _on_cancel_answered(self, message: CancelAnswered) -> None:
        if not message.result.accepted:
            logger.debug("cancel of {} not accepted: {}", message.client_order_id[:8], message.result.reason)
            self.desk.care.flag_missing(message.client_order_id)

    def _on_trouble(self, message: VenueTrouble) -> None:
        self.trouble = f"{message.what}: {message.error}"
        self.desk.on_request(self.now, failed=True)
        if message.what == "account":
            self._reading = False
        if message.fatal:
            self._hold("auth_lost", Level.HALTED, Reason.AUTH_LOST, f"the venue refuses the key: {message.error}")

    def _on_commit_failed(self, message: CommitFailed) -> None:
        if message.client_order_id in self._waiting:
            self._release(message.client_order_id, f"not durable: {message.reason}", Reason.STORE_SLOW)
        self._hold("store_failed", Level.HALTED, Reason.STORE_SLOW, f"the event store failed: {message.reason}")
