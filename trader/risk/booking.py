"""Booking a report: the order joins it, the position takes the fill, and everything that counts outcomes is told.

Used by the desk and by reconciliation, so a fill means the same however it was learned. A report that makes no sense is
answered with a problem and changes nothing (F-N09).
"""

from __future__ import annotations

from decimal import Decimal
from math import isfinite

from trader.market.clock import Now
from trader.orders.ledger import Booking
from trader.orders.order import AT_VENUE, Order, OrderReport, OrderState
from trader.orders.reason import Reason
from trader.risk.case import ABSURD
from trader.risk.finding import Finding, Severity
from trader.risk.granted import Booked
from trader.risk.rates import REJECT_WINDOW_S, FillDrift, Window
from trader.risk.refusal import plain
from trader.risk.state import DeskState

ZERO = Decimal(0)
FROM_VENUE = AT_VENUE | {OrderState.REJECTED, OrderState.EXPIRED, OrderState.CANCELLED, OrderState.FILLED}


def book_report(state: DeskState, report: OrderReport, now: Now) -> Booked:
    """Join a report into the books. Idempotent: the same report again changes nothing."""
    problem = _nonsense(report)
    if problem:
        return Booked(None, problem=problem)
    ledger = state.ledger
    known = ledger.find(report.client_order_id, report.order_id)
    if known is None:
        return _first_sight(state, report, now)
    booking = ledger.book(report, now.machine_time)
    _count(state, known, booking, now)
    effect = booking.effect
    return Booked(
        order=booking.order,
        fill=booking.fill,
        position=effect.position if effect is not None else None,
        realized_delta=effect.realized_delta if effect is not None else ZERO,
        trade_result=effect.trade_result if effect is not None else None,
        late=booking.late,
        foreign=booking.order.foreign,
        changed=booking.fill is not None or booking.order.state is not known.state,
        findings=_overfill(booking.order) if booking.overfill and booking.fill is not None else (),
    )


def _first_sight(state: DeskState, report: OrderReport, now: Now) -> Booked:
    """An order we did not send: into the exposure while it lives, and the account goes reduce-only (C-20)."""
    if report.symbol not in state.ledger.instruments:
        return Booked(None, foreign=True, problem=f"an order in {report.symbol}, which this system does not trade")
    if report.state not in AT_VENUE:
        return Booked(None, foreign=True, problem=f"a finished order {report.order_id} that is not ours")
    if report.side is None or report.size is None:
        return Booked(None, foreign=True, problem=f"an open order {report.order_id} without side or size")
    state.ledger.adopt(report, now.machine_time)
    booking = state.ledger.book(report, now.machine_time)
    order = booking.order
    text = f"order {order.order_id[:8]} {order.side} {plain(order.size)} {order.symbol} is not ours; counted, never traded against"
    finding = Finding("mismatch", Reason.NOT_RECONCILED, Severity.REDUCE_ONLY, text)
    return Booked(order, foreign=True, adopted=True, changed=True, findings=(finding,))


def _count(state: DeskState, before: Order, booking: Booking, now: Now) -> None:
    """Tell the counters: drift of fills, refused orders, closed trades."""
    order, fill, effect = booking.order, booking.fill, booking.effect
    if order.state is OrderState.REJECTED and before.state is not OrderState.REJECTED and not order.foreign:
        state.rejects.setdefault(order.symbol, Window(REJECT_WINDOW_S)).add(now.machine_time)
    if fill is not None and fill.size > 0 and not order.foreign:
        state.drift.setdefault(order.symbol, FillDrift()).note(order, fill.price, now.machine_time)
    if effect is not None and fill is not None and fill.size > 0:
        after = effect.position.size
        if (
            after * (after - fill.size * fill.side.sign) <= 0
        ):  # flat, or another position now: its peak is not the old one's
            state.stop_peaks.pop(order.symbol, None)
    if effect is not None and effect.trade_result is not None:
        state.day.count_trade(effect.trade_result)
        lost = effect.trade_result < 0
        state.losses_in_a_row[order.symbol] = state.losses_in_a_row.get(order.symbol, 0) + 1 if lost else 0
    if not order.is_live:
        state.forget_order(order.client_order_id)


def _overfill(order: Order) -> tuple[Finding, ...]:
    text = f"{order.symbol} order {order.client_order_id[:8]} filled {plain(order.filled_size)} of {plain(order.size)} asked"
    return (Finding("overfill", Reason.BAD_INPUT, Severity.REDUCE_ONLY, text, order.symbol),)


def _nonsense(report: OrderReport) -> str:
    """Name what makes a report unusable, "" when nothing does. Fees may be negative (a rebate)."""
    for name, value in (("filled_size", report.filled_size), ("filled_value", report.filled_value)):
        if not value.is_finite() or not 0 <= value < ABSURD:
            return f"{name} {str(value)[:40]} is not a quantity"
    if not report.fees.is_finite() or abs(report.fees) >= ABSURD:
        return f"fees {str(report.fees)[:40]} are not an amount"
    if (report.filled_size > 0) != (report.filled_value > 0):
        return f"{report.filled_size} filled for {report.filled_value} cannot be"
    for optional in (report.size, report.limit_price):
        if optional is not None and not (optional.is_finite() and 0 <= optional < ABSURD):
            return f"{str(optional)[:40]} is not a size or price"
    if not isfinite(report.market_time):
        return "the report's time is not finite"
    if report.state not in FROM_VENUE:
        return f"{report.state} is no state a venue reports"
    return ""
