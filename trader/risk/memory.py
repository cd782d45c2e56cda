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
from trader.orders.ledger import Ledger
from trader.orders.order import Order, OrderReport, OrderState
from trader.orders.position import Position
from trader.risk.aside import set_aside
from trader.risk.booking import book_report
from trader.risk.day import DayBaseline
from trader.risk.state import DeskState

RECENT_S = 900.0
"""Orders that finished within so many machine seconds are kept in the record: a fill reported late still finds its order. Fills
are read from two minutes before the record on, so none older is asked about."""
RECENT_MIN, RECENT_MAX = 10, 200
"""At least and at most so many finished orders, whatever their age: the record is written once a minute and must stay small."""


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
    worths: Mapping[str, Decimal] = {}
    """What each open position counted in the equity, in USD."""
    reports: tuple[OrderReport, ...] = ()
    """Reports about orders of symbols that were not configured, not booked yet."""
    unread_since: Mapping[str, float] = {}
    """Market time from which a symbol's fills have not been read; a symbol that is missing is read up to `market_time`."""
    peaks: Mapping[str, int] = {}
    """The best price of each open position in half ticks, for its trailing stop."""

    def to_bytes(self) -> bytes:
        """The record as JSON; Decimals are strings."""
        return _encoder.encode(self)

    @classmethod
    def from_bytes(cls, content: bytes) -> RiskMemory:
        """Read a record back; ValueError for anything else."""
        try:
            return _decoder.decode(content)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ValueError(f"the stored risk record cannot be read: {error}") from None


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(
    RiskMemory
)  # made at import: msgspec's first look at a type must not happen in two threads at once


def remember(state: DeskState, funding_until: Mapping[str, float], now: Now) -> RiskMemory:
    """Take the record of this moment."""
    aside = state.aside
    return RiskMemory(
        market_time=now.market_time,
        positions=(*state.ledger.positions.values(), *aside.positions),
        orders=(*_worth_keeping(state.ledger, now), *aside.orders),
        wallets=dict(state.ledger.wallets),
        baseline=state.day.baseline,
        losses_in_a_row=dict(state.losses_in_a_row),
        entries_sent=state.entries_sent,
        funding_until=dict(funding_until),
        worths={s: state.ledger.worth(s) for s, p in state.ledger.positions.items() if p.size} | dict(aside.worths),
        reports=aside.reports,
        unread_since=dict(state.unread_since),
        peaks=state.stop_peaks | dict(aside.peaks),
    )


def _worth_keeping(ledger: Ledger, now: Now) -> tuple[Order, ...]:
    """The orders that finished last and every live one, in the ledger's order; read from the end, for most are old."""
    finished: list[Order] = []
    live: list[Order] = []
    awaited = sum(map(len, ledger.live.values()))
    for order in reversed(ledger.orders.values()):
        if order.is_live:
            live.append(order)
        elif len(finished) < RECENT_MIN or (
            len(finished) < RECENT_MAX and now.machine_time - order.touched_at <= RECENT_S
        ):
            finished.append(order)
        elif len(live) == awaited:
            break
    return (*reversed(finished), *reversed(live))


def recall(
    state: DeskState, memory: RiskMemory | None, orders: Iterable[Order], reports: Iterable[OrderReport], now: Now
) -> None:
    """Fill a fresh state from the record, then from the journal's later intents and reports, in any order and any
    number.

    What was reserved or sent when the process ended may be at the venue: it becomes UNKNOWN and is looked up, and its
    proof of absence counts from now. What belongs to a symbol that is not configured now is set aside unchanged.
    """
    state.restored_at = now.machine_time
    orders, reports = list(orders), list(reports)
    counted: set[str] = set()
    if memory is not None:
        counted = {order.client_order_id for order in memory.orders}
        orders, reports = [*memory.orders, *orders], [*memory.reports, *reports]
        _recall_figures(state, memory)
    _set_aside(state, memory, orders, reports)
    for order in orders:
        if order.client_order_id in state.ledger.orders:
            continue
        state.entries_sent += order.client_order_id not in counted and not order.reduce_only
        if order.symbol in state.ledger.instruments:
            state.ledger.reserve(msgspec.structs.replace(order, touched_at=now.machine_time))
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


def _recall_figures(state: DeskState, memory: RiskMemory) -> None:
    """Take positions, wallets, baseline and counters; fills since the record are still to be read."""
    known = state.ledger.instruments
    for position in memory.positions:
        state.unread_since[position.symbol] = memory.unread_since.get(position.symbol, memory.market_time)
        if position.symbol in known:
            state.ledger.restore_position(position)
    for currency, amount in memory.wallets.items():
        state.ledger.set_wallet(currency, amount)
    state.day.baseline = memory.baseline
    state.losses_in_a_row = dict(memory.losses_in_a_row)
    state.entries_sent = memory.entries_sent
    state.stop_peaks.update((symbol, peak) for symbol, peak in memory.peaks.items() if symbol in known)


def _set_aside(
    state: DeskState, memory: RiskMemory | None, orders: Iterable[Order], reports: Iterable[OrderReport]
) -> None:
    """Keep what belongs to symbols that are not configured: it is written back with every record (C-19)."""
    known = state.ledger.instruments
    left = [order for order in orders if order.symbol not in known]
    for order in left:
        since = state.unread_since.get(order.symbol, order.created_at)
        state.unread_since[order.symbol] = since
    state.aside = set_aside(
        [position for position in (memory.positions if memory is not None else ()) if position.symbol not in known],
        left,
        [report for report in reports if report.symbol not in known],
        memory.worths if memory is not None else {},
        {s: peak for s, peak in memory.peaks.items() if s not in known} if memory is not None else {},
    )
    state.ledger.aside_worth = state.aside.worth
