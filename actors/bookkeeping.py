"""The risk actor's books on paper: which events each decision and outcome leaves, and how a restart reads them back.

Durable are intents, every report that changed an order, fills, adjustments and the desk's own record (`ledger.checkpoint`), written
when a day begins, after what no report can tell again, and once a minute while something changes. Only `actors/risk.py` makes one.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import TypeVar

import msgspec
from loguru import logger

from actors.eventlog import EventLog
from trader.market.clock import Now
from trader.market.funding import FundingAccrual
from trader.orders.order import Fill, Order, OrderIntent, OrderReport, OrderState
from trader.risk.day import DayBaseline
from trader.risk.desk import RiskDesk
from trader.risk.finding import Finding
from trader.risk.granted import Booked, Granted, Reconciliation
from trader.risk.memory import RiskMemory
from trader.risk.refusal import Refusal
from trader.store.events import CommitFailed, Committed, Done, Event, EventName, EventType, Payload
from trader.store.payloads import fill_payload

CHECKPOINT_EVERY_S = 60.0
ZERO = Decimal(0)
T = TypeVar("T")
# Made at import: msgspec's first look at a type must not happen in two threads at once.
_ENCODER = msgspec.json.Encoder()
_ORDER, _REPORT = msgspec.json.Decoder(Order), msgspec.json.Decoder(OrderReport)
_GUARD_EVENTS = {
    "daily_loss": EventName.DAILY_LOSS_BREACH,
    "liquidation_buffer": EventName.LIQUIDATION_BUFFER_BREACH,
    "stale_mark": EventName.STALE_MARK_PRICE,
}


class Bookkeeper:
    """Writes the events of one incarnation of risk and restores its desk. Runs in risk's thread."""

    def __init__(
        self,
        events: EventLog,
        desk: RiskDesk,
        on_failure: Callable[[str], None],
        checkpoint_every_s: float = CHECKPOINT_EVERY_S,
    ) -> None:
        self._events = events
        self._on_failure = on_failure
        self._desk = desk
        self._every_s = checkpoint_every_s
        self._day = desk.state.day.day
        self._changed = False
        self._kept_baseline: DayBaseline | None = None
        self._kept_peaks: dict[str, int] = {}
        self._next_checkpoint = 0.0

    def _noted(self, result: Committed | CommitFailed) -> None:
        """Hear what came of a commit nobody waits for. Runs in the store's writer thread: it only tells."""
        if isinstance(result, CommitFailed):
            self._on_failure(result.reason)

    # --- writing -----------------------------------------------------------------------------------------------------------

    def intent(self, order: Order, granted: Granted, intent: OrderIntent, now: Now, done: Done) -> None:
        """Make a reservation durable; nothing is sent before `done` hears that it is."""
        payload: Payload = {
            "client_order_id": order.client_order_id,
            "symbol": order.symbol,
            "side": str(order.side),
            "size": str(order.size),
            "price": str(order.limit_price),
            "order_type": str(order.order_type),
            "time_in_force": str(order.time_in_force),
            "requested_size": str(intent.size),
            "reduce_only": order.reduce_only,
            "mark": str(order.mark),
            "reason": order.reason,
            "binding_cap": granted.binding_cap,
            "text": granted.text,
            "record": _text(order),
        }
        self._events.commit(EventName.ORDER_INTENT, payload, now, done, decision_id=order.decision_id)

    def outcome(self, order: Order, outcome: str, text: str, now: Now) -> None:
        """Note what happened to an order on our side: sent, released, unknown, absent."""
        self._changed = True
        self._events.write(
            EventName.ORDER_OUTCOME,
            {
                "client_order_id": order.client_order_id,
                "symbol": order.symbol,
                "outcome": outcome,
                "state": str(order.state),
                "text": text,
            },
            now,
            code=outcome,
            decision_id=order.decision_id,
        )

    def rejected(self, intent: OrderIntent, refusal: Refusal, now: Now) -> None:
        """Note an intent that risk refused, with the numbers it was judged by."""
        self._events.write(
            EventName.RISK_REJECTED,
            {
                "symbol": intent.symbol,
                "side": intent.side.value,
                "size": str(intent.size),
                "reason": refusal.reason.value,
                "text": refusal.text,
                "used": str(refusal.used) if refusal.used is not None else None,
                "limit": str(refusal.limit) if refusal.limit is not None else None,
                "config_key": refusal.config_key,
                "mark": str(intent.mark),
                "reduce_only": intent.reduce_only,
            },
            now,
            code=refusal.reason.value,
            decision_id=intent.decision_id,
        )

    def booked(self, booked: Booked, now: Now) -> None:
        """Make a changed order and the fill it brought durable."""
        order = booked.order
        assert order is not None, "only what was booked is kept"
        self._changed = True
        report = OrderReport(
            client_order_id=order.client_order_id,
            order_id=order.order_id,
            symbol=order.symbol,
            state=order.state,
            market_time=now.market_time,
            source="journal",
            side=order.side,
            size=order.size,
            limit_price=order.limit_price,
            filled_size=order.filled_size,
            filled_value=order.filled_value,
            fees=order.fees,
            reason=order.note,
            fees_at=order.fees_at,
        )
        payload: Payload = {
            "client_order_id": order.client_order_id,
            "order_id": order.order_id,
            "symbol": order.symbol,
            "state": str(order.state),
            "filled_size": str(order.filled_size),
            "filled_value": str(order.filled_value),
            "fees": str(order.fees),
            "note": order.note,
            "record": _text(report),
        }
        self._events.commit(EventName.ORDER_REPORT, payload, now, self._noted, decision_id=order.decision_id)
        if booked.fill is not None and not order.foreign:
            self._fill(booked.fill, booked, now, order.decision_id)

    def _fill(self, fill: Fill, booked: Booked, now: Now, decision_id: str) -> None:
        contract_size = self._desk.ledger.instruments[fill.symbol].contract_size
        payload = fill_payload(fill, contract_size=contract_size, realized_pnl=booked.realized_delta)
        self._events.commit(EventName.TRADE_EXECUTED, payload, now, self._noted, decision_id=decision_id)
        position = booked.position
        if position is not None:
            mark = self._desk.ledger.marks.get(fill.symbol)
            payload = {
                "symbol": fill.symbol,
                "side": position.side,
                "size": str(position.size),
                "entry_price": str(position.entry_price),
                "mark": str(mark) if mark is not None else None,
                "realized": str(position.realized),
                "fees": str(position.fees),
            }
            self._events.write(EventName.POSITION_UPDATED, payload, now, decision_id=decision_id)

    def reconciled(self, result: Reconciliation, now: Now) -> None:
        """Note what the venue corrected: adjustments are explicit events, never a silent fix (C-19)."""
        for difference in result.mismatches:
            payload: Payload = {
                "symbol": difference.subject,
                "what": f"{difference.kind}: ours {difference.ours}, the venue's {difference.venue}; {difference.decision}",
            }
            self._events.commit(EventName.RECONCILE_ADJUSTED, payload, now, self._noted, code=difference.kind.value)
        for fill in result.adjustments:
            contract_size = self._desk.ledger.instruments[fill.symbol].contract_size
            payload = fill_payload(fill, contract_size=contract_size, realized_pnl=ZERO)
            self._events.commit(EventName.TRADE_EXECUTED, payload, now, self._noted, code="adjustment")
        if result.adjustments or result.transfers:
            self.checkpoint(now)

    def funding(self, payment: FundingAccrual, now: Now) -> None:
        """Make one funding payment durable."""
        payload: Payload = {
            "symbol": payment.symbol,
            "amount": str(payment.amount),
            "rate": str(payment.rate),
            "mark": str(payment.mark),
            "size": str(payment.size),
        }
        self._events.commit(EventName.FUNDING_ACCRUED, payload, now, self._noted)
        self._changed = True

    def finding(self, finding: Finding, now: Now) -> None:
        """Note what a guard has seen where the documents have a name for it; every hold is the supervisor's event."""
        name = _GUARD_EVENTS.get(finding.guard)
        if name is None:
            return
        payload: Payload = {
            "cause": finding.guard,
            "level": finding.level.name,
            "scope": finding.scope,
            "reason": finding.reason.value,
            "text": finding.text,
            "used": str(finding.used) if finding.used is not None else None,
            "limit": str(finding.limit) if finding.limit is not None else None,
        }
        self._events.write(name, payload, now, code=finding.reason.value)

    def on_tick(self, now: Now) -> None:
        """Write the desk's record when a day began, and once a minute while something changed."""
        baseline = self._desk.state.day.baseline
        if baseline is not None and baseline.day != self._day:
            self._day = baseline.day
            payload: Payload = {"day": str(baseline.day), "start_equity": str(baseline.start_equity)}
            self._events.commit(EventName.DAILY_BASELINE, payload, now, self._noted)
            self.checkpoint(now)
        elif self._has_news(baseline) and now.machine_time >= self._next_checkpoint:
            self.checkpoint(now)

    def _has_news(self, baseline: DayBaseline | None) -> bool:
        """Whether the newest record lacks a report, a peak of the equity or a stop's peak: nothing else tells these again."""
        peaks = self._desk.state.stop_peaks
        return self._changed or baseline is not self._kept_baseline or peaks != self._kept_peaks

    def checkpoint(self, now: Now) -> None:
        """Write the desk's whole record."""
        self._changed = False
        self._next_checkpoint = now.machine_time + self._every_s
        memory = self._desk.snapshot(now)
        self._kept_baseline, self._kept_peaks = memory.baseline, dict(self._desk.state.stop_peaks)
        positions = [{"symbol": p.symbol, "size": str(p.size)} for p in memory.positions if p.size]
        record: Payload = {"positions": positions, "record": memory.to_bytes().decode()}
        self._events.commit(EventName.LEDGER_CHECKPOINT, record, now, self._noted)

    # --- reading back ------------------------------------------------------------------------------------------------------

    def restore(self, now: Now) -> float:
        """Rebuild a fresh desk from the newest record and what followed (S8); return the market time the record is of, 0 without one."""
        memory: RiskMemory | None = None
        orders: list[Order] = []
        reports: list[OrderReport] = []
        payments: list[tuple[str, Decimal, float]] = []
        market_time = now.market_time
        kinds = {EventType.ORDER.value, EventType.ACCOUNT.value, EventType.METRIC.value}
        for event in self._events.journal.replay(kinds, since=EventName.LEDGER_CHECKPOINT):
            market_time = max(market_time, event.market_time)
            if event.event == EventName.LEDGER_CHECKPOINT:
                memory = RiskMemory.from_bytes(str(event.payload["record"]).encode())
                orders, reports, payments = [], [], []
            elif event.event == EventName.ORDER_INTENT:
                orders.append(_record(event, _ORDER))
            elif event.event == EventName.ORDER_REPORT:
                reports.append(_record(event, _REPORT))
            elif event.event == EventName.ORDER_OUTCOME and event.payload["state"] == OrderState.RELEASED.value:
                orders = [_released(order, str(event.payload["client_order_id"])) for order in orders]
            elif event.event == EventName.FUNDING_ACCRUED:
                payments.append(
                    (str(event.payload["symbol"]), Decimal(str(event.payload["amount"])), event.market_time)
                )
        self._desk.restore(memory, orders, reports, Now(market_time, now.machine_time))
        for payment in payments:
            self._desk.replay_funding(*payment)
        self._day = self._desk.state.day.day
        self._kept_baseline, self._kept_peaks = self._desk.state.day.baseline, dict(self._desk.state.stop_peaks)
        live = sum(1 for _ in self._desk.ledger.live_orders())
        if memory is not None or orders:
            logger.info("books restored: {} orders after the last record, {} not finished", len(orders), live)
        if memory is not None:
            unread, known = self._desk.state.unread_since, self._desk.ledger.instruments
            return min((memory.market_time, *(unread[symbol] for symbol in known if symbol in unread)))
        return min((order.created_at for order in orders), default=0.0)


def _text(record: Order | OrderReport) -> str:
    return _ENCODER.encode(record).decode()


def _record(event: Event, decoder: msgspec.json.Decoder[T]) -> T:
    return decoder.decode(str(event.payload["record"]))


def _released(order: Order, client_order_id: str) -> Order:
    if order.client_order_id != client_order_id:
        return order
    return msgspec.structs.replace(order, state=OrderState.RELEASED)
