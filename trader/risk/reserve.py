"""From a passed case to a reservation, and the last look before it is sent. Used by the risk desk only."""

from __future__ import annotations

from trader.market.clock import Now
from trader.market.instrument import Instrument
from trader.orders.order import Order, OrderIntent, OrderState, OrderType, TimeInForce
from trader.orders.reason import Reason
from trader.risk.case import Case
from trader.risk.granted import Granted
from trader.risk.holds import Level
from trader.risk.refusal import Refusal, plain
from trader.risk.state import DeskState


def grant(state: DeskState, case: Case) -> Granted:
    """The answer for a case that every check has passed.

    A market order goes out as IOC at its collar price; an entry that rests ends by itself at the order-age limit, as GTD.
    """
    intent, cap = case.intent, case.binding
    time_in_force, end_time = intent.time_in_force, None
    if intent.order_type is OrderType.MARKET:
        time_in_force = TimeInForce.FOK if intent.time_in_force is TimeInForce.FOK else TimeInForce.IOC
    elif time_in_force in (TimeInForce.GTC, TimeInForce.GTD):
        time_in_force = TimeInForce.GTC if case.reducing else TimeInForce.GTD
        end_time = None if case.reducing else case.now.market_time + state.limits.order_max_age_s
    binding = (cap.config_key or cap.label) if cap is not None else None
    cut = f", cut from {plain(intent.size)} by {binding}" if cap is not None else ""
    raised = f", raised from {plain(intent.size)} to the venue's minimum" if case.raised and cap is None else ""
    text = f"{intent.side} {plain(case.size)} {intent.symbol} at {plain(case.limit_price)} or better{cut}{raised}"
    return Granted(case.size, case.limit_price, time_in_force, end_time, binding, case.reducing, case.mark, text)


def make_order(instrument: Instrument, intent: OrderIntent, granted: Granted, client_order_id: str, now: Now) -> Order:
    """The order that is reserved, made durable, approved and sent."""
    return Order(
        client_order_id=client_order_id,
        symbol=intent.symbol,
        product_id=instrument.product_id,
        side=intent.side,
        size=granted.size,
        limit_price=granted.limit_price,
        order_type=intent.order_type,
        time_in_force=granted.time_in_force,
        reduce_only=granted.reducing,
        state=OrderState.RESERVED,
        decision_id=intent.decision_id,
        reason=intent.reason,
        created_at=now.market_time,
        touched_at=now.machine_time,
        expires_at=granted.end_time,
        post_only=intent.post_only,
        leverage=intent.leverage,
        mark=granted.mark,
        stop_price=intent.stop_price,
    )


def reservation_holds(state: DeskState, order: Order, now: Now, *, by_operator: bool) -> Refusal | None:
    """The last look before sending: mode, age of the reservation, freshness and drift of the mark, and what
    still reduces.
    """
    hold = next(iter(state.holds.of(order.symbol)), None)
    shrinks = state.reduces(order)
    flattens = by_operator and shrinks and state.only_killed(order.symbol)
    if hold is not None and hold.level >= Level.STARTING and not flattens:
        return Refusal(hold.reason, f"{hold.level.name} since the decision: {hold.text or hold.cause}")
    if state.mode(order.symbol, now) is Level.REDUCE_ONLY and not shrinks:
        return Refusal(
            hold.reason if hold is not None else Reason.FEED_DOWN, "Reduce-only mode active since the decision"
        )
    if order.reduce_only and not shrinks:
        return Refusal(Reason.MODE_REDUCE_ONLY, f"the {order.symbol} position this exit was made for has shrunk")
    age, life = now.machine_time - state.reserved_at[order.client_order_id], state.execution.approval_ttl_s
    if age > life:
        return Refusal(
            Reason.EXPIRED, f"made durable after {age:.1f} s, limit {life:.1f} s", config_key="execution.approval_ttl_s"
        )
    watch = state.market.symbols[order.symbol]
    if by_operator and shrinks:
        return None
    mark_age, limit = watch.age_s(now), state.limits.stale_mark_s
    if watch.mark is None or mark_age is None or mark_age > limit or watch.quote is not watch.good:
        return Refusal(Reason.DATA_STALE, f"{order.symbol} mark has gone stale or untrustworthy since the decision")
    collar = state.limits.price_collar_pct
    if abs(watch.mark - order.mark) > order.mark * collar:
        text = f"mark moved from {plain(order.mark)} to {plain(watch.mark)}, limit {plain(collar * 100)} %"
        return Refusal(Reason.PRICE_COLLAR, text, watch.mark, order.mark, "risk.price_collar_pct")
    return None
