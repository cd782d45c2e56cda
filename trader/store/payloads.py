"""What the payload of each event holds, and how a fill is written and read back. Anyone above risk/ may import this.

A payload may hold more than its fields here, never less: projections, exports and recovery rely on these. Money and
sizes are strings of Decimals, times are UNIX seconds as strings, sizes are unsigned beside a `side`.
"""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from trader.orders.order import Fill, Side
from trader.store.events import Event, EventName, Payload

FIELDS: Final[dict[EventName, tuple[str, ...]]] = {
    EventName.ORDER_INTENT: ("client_order_id", "symbol", "side", "size", "price", "order_type", "time_in_force"),
    EventName.ORDER_OUTCOME: ("client_order_id", "symbol", "outcome"),
    EventName.ORDER_REPORT: ("client_order_id", "order_id", "symbol", "state", "filled_size", "filled_value", "fees"),
    EventName.ORDER_CANCEL: ("client_order_id", "symbol"),
    EventName.TRADE_EXECUTED: (
        "trade_id",
        "client_order_id",
        "order_id",
        "symbol",
        "side",
        "size",
        "price",
        "value",
        "fee",
        "liquidity",
        "contract_size",
        "realized_pnl",
    ),
    EventName.POSITION_UPDATED: ("symbol", "side", "size", "entry_price", "mark"),
    EventName.RISK_REJECTED: ("symbol", "side", "size", "reason"),
    EventName.DAILY_LOSS_BREACH: (),
    EventName.LIQUIDATION_BUFFER_BREACH: (),
    EventName.STALE_MARK_PRICE: (),
    EventName.SYSTEM_ERROR: (),
    EventName.STRATEGY_SIGNAL: ("symbol", "action", "reason"),
    EventName.MODE_CHANGED: ("mode", "was", "cause"),
    EventName.HOLD_PLACED: ("cause", "level", "scope"),
    EventName.HOLD_ENDED: ("cause", "scope"),
    EventName.FUNDING_ACCRUED: ("symbol", "amount"),  # positive was received, negative was paid
    EventName.ACCOUNT_SNAPSHOT: ("equity",),
    EventName.CYCLE_METRICS: (),
    EventName.SYSTEM_STARTED: ("version", "commit", "lock_hash"),
    EventName.SYSTEM_STOPPED: ("exit_code",),
    EventName.CONFIG_CHANGED: ("changes",),
    EventName.OPERATOR_COMMAND: ("command", "by", "step"),
    EventName.RECONCILE_ADJUSTED: ("symbol", "what"),
    EventName.DAILY_BASELINE: ("day", "start_equity"),
    EventName.LEDGER_CHECKPOINT: ("positions",),  # everything a recovery needs without any earlier event
}


class BadPayload(ValueError):
    """An event lacks a field, or the field is no number: the export would not tie, so it stops there."""


def fill_payload(fill: Fill, *, contract_size: Decimal, realized_pnl: Decimal) -> Payload:
    """The payload of `trade.executed`. `realized_pnl` is this fill's, before fees, in quote currency."""
    return {
        "trade_id": fill.fill_id,
        "client_order_id": fill.client_order_id,
        "order_id": fill.order_id,
        "symbol": fill.symbol,
        "side": str(fill.side),
        "size": str(fill.size),
        "price": str(fill.price),
        "value": str(fill.exact_value),
        "fee": str(fill.fee),
        "liquidity": fill.liquidity,
        "contract_size": str(contract_size),
        "realized_pnl": str(realized_pnl),
    }


def fill_of(event: Event) -> Fill:
    """The fill a `trade.executed` event tells of. Raises BadPayload."""
    payload = event.payload
    return Fill(
        fill_id=text(event, "trade_id"),
        client_order_id=text(event, "client_order_id"),
        order_id=str(payload.get("order_id") or ""),
        symbol=text(event, "symbol"),
        side=Side(text(event, "side")),
        size=money(event, "size"),
        price=money(event, "price"),
        fee=money(event, "fee"),
        market_time=event.market_time,
        liquidity=str(payload.get("liquidity") or ""),
        value=money(event, "value") if payload.get("value") else None,
    )


def text(event: Event, field: str) -> str:
    """A required text field. Raises BadPayload."""
    found = event.payload.get(field)
    if not isinstance(found, str) or not found:
        raise BadPayload(f"event {event.sequence} ({event.event}) has no {field}")
    return found


def money(event: Event, field: str, default: Decimal | None = None) -> Decimal:
    """A required amount, or `default` when the field is absent. Raises BadPayload for what is no finite number."""
    return amount(event, event.payload, field, default)


def amount(event: Event, mapping: Mapping[str, Any], field: str, default: Decimal | None = None) -> Decimal:
    """The same for a mapping inside the payload."""
    found = mapping.get(field)
    if found is None and default is not None:
        return default
    try:
        value = Decimal(found if isinstance(found, str | int) else "")
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite():
        raise BadPayload(f"event {event.sequence} ({event.event}): {field} is {found!r}, not a number")
    return value
