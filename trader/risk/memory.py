"""The desk's durable memory: one record from which a restarted desk goes on as if nothing had happened.

It holds the whole of the books (positions, live and recent orders with what is booked of them), the day's baseline and
the counters, so that replaying later reports over it is idempotent. The actor writes it to the journal and reads it
back; money inside is Decimal.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

import msgspec

from trader.market.clock import Now
from trader.orders.order import Order, OrderReport, OrderState
from trader.orders.position import Position
from trader.risk.booking import book_report
from trader.risk.day import DayBaseline
from trader.risk.state import DeskState

RECENT_FINISHED = 200
"""Finished orders kept in the record, so that a fill reported late still finds its order."""


class RiskMemory(msgspec.Struct, frozen=True):
    """Everything that must survive. Times are UNIX seconds of the market's clock."""

    market_time: float
    positions: tuple[Position, ...]
    orders: tuple[Order, ...]
    wallets: Mapping[str, Decimal]
    baseline: DayBaseline | None
    losses_in_a_row: Mapping[str, int]
    entries_sent: int
    funding_until: Mapping[str, float] = {}

    def to_bytes(self) -> bytes:
        """The record as JSON; Decimals are strings."""
        return msgspec.json.encode(self)

    @classmethod
    def from_bytes(cls, content: bytes) -> RiskMemory:
        """Read a record back; ValueError for anything else."""
        try:
            return _decoder.decode(content)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ValueError(f"the stored risk record cannot be read: {error}") from None


_decoder = msgspec.json.Decoder(
    RiskMemory
)  # made at import: msgspec's first look at a type must not happen in two threads at once


def remember(state: DeskState, funding_until: Mapping[str, float], now: Now) -> RiskMemory:
    """Take the record of this moment."""
    orders = state.ledger.orders.values()
    finished = [order for order in orders if not order.is_live]
    return RiskMemory(
        market_time=now.market_time,
        positions=tuple(state.ledger.positions.values()),
        orders=(*finished[-RECENT_FINISHED:], *(order for order in orders if order.is_live)),
        wallets=dict(state.ledger.wallets),
        baseline=state.day.baseline,
        losses_in_a_row=dict(state.losses_in_a_row),
        entries_sent=state.entries_sent,
        funding_until=dict(funding_until),
    )


def recall(
    state: DeskState, memory: RiskMemory | None, orders: Iterable[Order], reports: Iterable[OrderReport], now: Now
) -> None:
    """Fill a fresh state from the record, then from the journal's later intents and reports, in any order and any
    number.

    What was reserved or sent when the process ended may be at the venue: it becomes UNKNOWN and is looked up, and its
    proof of absence counts from now. A symbol that is no longer configured keeps its record in the journal only.
    """
    if memory is not None:
        for position in memory.positions:
            if position.symbol in state.ledger.positions:
                state.ledger.restore_position(position)
        for currency, amount in memory.wallets.items():
            state.ledger.set_wallet(currency, amount)
        state.day.baseline = memory.baseline
        state.losses_in_a_row = dict(memory.losses_in_a_row)
        state.entries_sent = memory.entries_sent
    counted = {order.client_order_id for order in memory.orders} if memory is not None else set()
    for order in (*(memory.orders if memory is not None else ()), *orders):
        if order.symbol in state.ledger.instruments and order.client_order_id not in state.ledger.orders:
            state.ledger.reserve(msgspec.structs.replace(order, touched_at=now.machine_time))
            state.entries_sent += order.client_order_id not in counted and not order.reduce_only
            age_s = max(now.market_time - order.created_at, 0.0)
            if order.is_live:
                state.reserved_at[order.client_order_id] = now.machine_time - age_s
                state.sent_at[order.client_order_id] = now.machine_time
    for report in reports:
        if state.ledger.find(report.client_order_id, report.order_id) is not None:
            book_report(state, report, now)
    for order in list(state.ledger.live_orders()):
        if order.state in (OrderState.RESERVED, OrderState.SENT):
            note = "in flight when the process ended"
            state.ledger.advance(order.client_order_id, OrderState.UNKNOWN, now.machine_time, note)
