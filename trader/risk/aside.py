"""What the books hold of symbols that are not configured now: kept as it was, told to the operator, given back later.

A symbol left out of the configuration still has its coins and perhaps an order at the venue. Nothing of it can be
judged without its rules and prices, so its positions, orders and unread reports stay in the durable record unchanged,
its worth stays in the equity at the last mark, and the account goes REDUCE_ONLY until the symbol is configured or a
person accepts it by `resume`. Pure; made by `memory.py`, read by the guards.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal

import msgspec

from trader.orders.order import Order, OrderReport, merge
from trader.orders.position import Position
from trader.orders.reason import Reason
from trader.risk.finding import Finding, Severity
from trader.risk.refusal import plain

CAUSE = "unconfigured:"
ZERO = Decimal(0)


class Aside(msgspec.Struct, frozen=True):
    """Records of unconfigured symbols. `reports` came after the last record and are booked when the symbol is back.

    `worths` is what each open position counted in the equity, in USD; `open` says per symbol what is not finished.
    """

    positions: tuple[Position, ...] = ()
    orders: tuple[Order, ...] = ()
    reports: tuple[OrderReport, ...] = ()
    peaks: Mapping[str, int] = {}
    worths: Mapping[str, Decimal] = {}
    open: Mapping[str, str] = {}
    fees: Decimal = ZERO
    funding: Decimal = ZERO

    @property
    def worth(self) -> Decimal:
        """What the positions count in the equity, at the last mark known of each."""
        return sum(self.worths.values(), ZERO)


def set_aside(
    positions: Iterable[Position],
    orders: Iterable[Order],
    reports: Iterable[OrderReport],
    worths: Mapping[str, Decimal],
    peaks: Mapping[str, int],
) -> Aside:
    """Keep these records. A position without a recorded worth counts at its entry when it is coins, else at nothing."""
    kept, told = tuple(positions), tuple(reports)
    by_id = {order.client_order_id: order for order in reversed(tuple(orders))}  # the first of an id counts
    known = tuple(reversed(by_id.values()))
    valued = {p.symbol: worths.get(p.symbol, p.cost if p.contract_size == 1 else ZERO) for p in kept if p.size}
    unfinished: dict[str, list[str]] = {}
    for position in kept:
        if position.size:
            unfinished.setdefault(position.symbol, []).append(f"a position of {plain(position.size)}")
    for order in known:
        text = _unfinished(order, told)
        if text:
            unfinished.setdefault(order.symbol, []).append(text)
    fees, funding = sum((p.fees for p in kept), ZERO), sum((p.funding for p in kept), ZERO)
    texts = {symbol: " and ".join(rows) for symbol, rows in unfinished.items()}
    return Aside(kept, known, told, peaks, valued, texts, fees, funding)


def _unfinished(order: Order, reports: tuple[OrderReport, ...]) -> str:
    """Say what is open of an order, "" when nothing is."""
    joined = order
    for report in reports:
        if report.client_order_id == order.client_order_id:
            joined, _ = merge(joined, report, order.touched_at)
    name = f"order {order.client_order_id[:8]} {order.side} {plain(order.size)}"
    if joined.is_live:
        return f"{name}, not known to be finished"
    filled = joined.filled_size - order.filled_size
    return f"{name}, {plain(filled)} filled and not booked" if filled else ""


def findings(aside: Aside, accepted: Iterable[str]) -> Iterator[Finding]:
    """Name every symbol with something open that nobody has accepted yet."""
    for symbol, text in aside.open.items():
        if symbol not in accepted:
            told = f"{symbol} is not configured and has {text}; configure it, or close it by hand and resume"
            yield Finding(f"{CAUSE}{symbol}", Reason.NOT_RECONCILED, Severity.REDUCE_ONLY, told)
