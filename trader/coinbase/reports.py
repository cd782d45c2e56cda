"""From the venue's order and fill records to ours: cumulative reports, exact fills, one table of states.

Only `trader/coinbase/` imports this. The venue may tell a derivative's filled value with or without the contract
size; ours is always price times size without it, and `plain_value` tells the two apart by the average price.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from trader.coinbase.bodies import FillRecord, OrderRecord
from trader.coinbase.wire import BadPayload, decimal_of, moment
from trader.market.instrument import Instrument
from trader.orders.order import TERMINAL, Fill, OrderReport, OrderState, Side

InstrumentOf = Callable[[str], Instrument | None]

STATES: dict[str, OrderState] = {
    "PENDING": OrderState.PENDING,
    "QUEUED": OrderState.PENDING,
    "OPEN": OrderState.OPEN,
    "EDIT_QUEUED": OrderState.OPEN,
    "CANCEL_QUEUED": OrderState.CANCEL_QUEUED,
    "CANCELLED": OrderState.CANCELLED,
    "EXPIRED": OrderState.EXPIRED,
    "FILLED": OrderState.FILLED,
    "FAILED": OrderState.REJECTED,
}
_NO_REASON = frozenset({"", "REJECT_REASON_UNSPECIFIED"})
_SIZE_KEYS = ("base_size",)
_PRICE_KEYS = ("limit_price",)


def state_of(status: str) -> OrderState:
    """Return our state for a status of the venue; a word nobody knows is UNKNOWN, which outranks nothing the venue
    says later.
    """
    return STATES.get(status.upper(), OrderState.UNKNOWN)


def side_of(text: str) -> Side | None:
    """Return the side, None for a word that is neither."""
    return Side(text) if text in Side.__members__ else None


def symbol_of(product_id: str, instrument_of: InstrumentOf) -> str:
    """Return our name of a product; the venue's id for one we do not trade."""
    instrument = instrument_of(product_id)
    return instrument.symbol if instrument else product_id


def plain_value(value: Decimal, average: Decimal, size: Decimal, contract_size: Decimal) -> Decimal:
    """Return a filled value as price times size, whichever of the two ways the venue counted it."""
    if contract_size == 1 or size == 0:
        return value
    plain = average * size
    if abs(value - plain * contract_size) < abs(value - plain):
        return value / contract_size
    return value


def report_of(record: OrderRecord, source: str, instrument_of: InstrumentOf) -> OrderReport:
    """Return what a REST order record says; raises BadPayload for a record without id or with senseless numbers."""
    if not record.order_id:
        raise BadPayload("an order record without its id")
    instrument = instrument_of(record.product_id)
    contract_size = instrument.contract_size if instrument else Decimal(1)
    filled = record.filled_size.or_zero
    state = state_of(record.status)
    terms = _terms(record)
    return OrderReport(
        client_order_id=record.client_order_id,
        order_id=record.order_id,
        symbol=instrument.symbol if instrument else record.product_id,
        state=state,
        market_time=_latest(record),
        source=source,
        side=side_of(record.side),
        size=_first(terms, _SIZE_KEYS),
        limit_price=_first(terms, _PRICE_KEYS),
        filled_size=filled,
        filled_value=plain_value(
            record.filled_value.or_zero, record.average_filled_price.or_zero, filled, contract_size
        ),
        fees=record.total_fees.or_zero,
        reason=_reason(record, state),
        created_at=moment(record.created_time) or 0.0,
    )


def fill_of(record: FillRecord, client_order_id: str, instrument_of: InstrumentOf) -> Fill:
    """Return one execution; raises BadPayload when side, price or size is missing."""
    side = side_of(record.side)
    price, size = record.price.needed, record.size.needed
    if side is None or price <= 0:
        raise BadPayload("a fill without side or price")
    if record.size_in_quote:
        size = size / price
    return Fill(
        fill_id=record.entry_id or record.trade_id,
        client_order_id=client_order_id,
        order_id=record.order_id,
        symbol=symbol_of(record.product_id, instrument_of),
        side=side,
        size=size,
        price=price,
        fee=record.commission.or_zero,
        market_time=moment(record.trade_time) or 0.0,
        liquidity=record.liquidity_indicator,
    )


def _terms(record: OrderRecord) -> dict[str, Any]:
    for terms in record.order_configuration.values():
        if terms:
            return terms
    return {}


def _first(terms: dict[str, Any], keys: tuple[str, ...]) -> Decimal | None:
    for key in keys:
        found = decimal_of(terms.get(key))
        if found is not None:
            return found
    return None


def _latest(record: OrderRecord) -> float:
    times = (moment(record.last_update_time), moment(record.last_fill_time), moment(record.created_time))
    return max((when for when in times if when is not None), default=0.0)


def _reason(record: OrderRecord, state: OrderState) -> str:
    if state is OrderState.UNKNOWN:
        return f"the venue's status {record.status[:40]!r} is not known"
    if state not in TERMINAL:
        return ""
    refusal = "" if record.reject_reason in _NO_REASON else record.reject_reason
    return refusal or record.reject_message or record.cancel_message
