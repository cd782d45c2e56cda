"""Books against venue: what an account reading explains, and what it does not.

Pure comparison; it changes nothing. The desk in `risk/` books what is explained, looks twice at what is not, and then
lets the venue win by an explicit adjustment. An incomplete reading is evidence for what it shows and for nothing it
leaves out. A symbol with an order whose outcome is unproven is not judged: its position may be either. Importable from
`risk/` upward.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from enum import StrEnum

import msgspec

from trader.orders.account import AccountSnapshot
from trader.orders.ledger import Ledger
from trader.orders.order import AT_VENUE, Fill, Order, OrderReport, OrderState

ZERO = Decimal(0)
CENT = Decimal("0.01")
"""Wallets are compared to the cent: the venue rounds fees, and a smaller difference keeps being compared, not
dropped.
"""
RACE_S = 0.5
UNPROVEN = frozenset({OrderState.SENT, OrderState.UNKNOWN})


class DifferenceKind(StrEnum):
    """What does not agree."""

    POSITION = "position"
    COINS = "coins"
    WALLET = "wallet"
    FOREIGN_ORDER = "foreign_order"
    LOST_ORDER = "lost_order"
    ENDED_ORDER = "ended_order"


class Difference(msgspec.Struct, frozen=True, gc=False):
    """One row of the three-column report: ours, the venue's, and what is done about it. `amount` is venue
    minus ours.
    """

    kind: DifferenceKind
    subject: str
    ours: str
    venue: str
    decision: str
    amount: Decimal = ZERO
    price: Decimal = ZERO

    @property
    def symbol(self) -> str:
        """The symbol or currency concerned."""
        return self.subject

    @property
    def text(self) -> str:
        """The row as one line."""
        return f"{self.subject} {self.kind}: ours {self.ours}, venue {self.venue}; {self.decision}"


def fill_reports(ledger: Ledger, snapshot: AccountSnapshot) -> list[OrderReport]:
    """Turn the venue's fill list into cumulative reports for own orders whose fills it shows more of than we
    have booked.
    """
    by_order: dict[str, list[Fill]] = {}
    seen: set[str] = set()
    for fill in snapshot.fills:
        order = ledger.find(fill.client_order_id, fill.order_id)
        if order is not None and not order.foreign and fill.fill_id not in seen:
            seen.add(fill.fill_id)
            by_order.setdefault(order.client_order_id, []).append(fill)
    reports = []
    for client_order_id, fills in by_order.items():
        order = ledger.orders[client_order_id]
        size = sum((fill.size for fill in fills), ZERO)
        if size > order.filled_size:
            reports.append(_cumulative(order, fills, size))
    return reports


def _cumulative(order: Order, fills: list[Fill], size: Decimal) -> OrderReport:
    return OrderReport(
        client_order_id=order.client_order_id,
        order_id=order.order_id or fills[-1].order_id,
        symbol=order.symbol,
        state=OrderState.FILLED if size >= order.size else OrderState.OPEN,
        market_time=max(fill.market_time for fill in fills),
        source="rest",
        side=order.side,
        size=order.size,
        filled_size=size,
        filled_value=sum((fill.exact_value for fill in fills), ZERO),
        fees=sum((fill.fee for fill in fills), ZERO),
    )


def unlisted_orders(ledger: Ledger, snapshot: AccountSnapshot) -> list[Order]:
    """Orders we hold for open at the venue that a complete reading does not list: ended, or too new for its lists."""
    if not snapshot.complete:
        return []
    listed = {report.client_order_id for report in snapshot.open_orders}
    listed |= {report.order_id for report in snapshot.open_orders}
    return [
        order
        for order in ledger.live_orders()
        if order.state in AT_VENUE and order.client_order_id not in listed and order.order_id not in listed
    ]


def ended_orders(ledger: Ledger, snapshot: AccountSnapshot) -> Iterator[tuple[OrderReport, Difference]]:
    """Orders the venue lists as open that are finished in the books with something left to fill.

    The join of reports lets no report reopen a finished order, so these would be live and counted nowhere.
    """
    for row in snapshot.open_orders:
        order = ledger.find(row.client_order_id, row.order_id)
        if order is None or order.is_live or row.state not in AT_VENUE or order.filled_size >= order.size:
            continue
        ours = f"{order.client_order_id} {order.state}"
        decision = "taken back into the exposure and cancelled"
        yield row, Difference(DifferenceKind.ENDED_ORDER, order.symbol, ours, f"{row.order_id} {row.state}", decision)


def open_questions(ledger: Ledger, snapshot: AccountSnapshot) -> set[str]:
    """Symbols with an unproven or unlisted order: it may have filled. While there are any, the wallets are not judged."""
    unproven = {order.symbol for order in ledger.live_orders() if order.state in UNPROVEN}
    return unproven | {order.symbol for order in unlisted_orders(ledger, snapshot)}


def raced_symbols(ledger: Ledger, snapshot: AccountSnapshot) -> set[str]:
    """Symbols with an order touched just before the reading or while it was made: its pages may show the change or not."""
    return {symbol for symbol, at in ledger.touched_at.items() if at > snapshot.asked_at - RACE_S}


def differences(ledger: Ledger, snapshot: AccountSnapshot) -> Iterator[Difference]:
    """Compare positions, coins and wallets where this reading can judge them.

    The wallets are judged in a busy market too: a raced fill differs from reading to reading, a payment does not.
    """
    if not snapshot.complete:
        return
    questions = open_questions(ledger, snapshot)
    blind = questions | raced_symbols(ledger, snapshot)
    for symbol, instrument in ledger.instruments.items():
        if symbol in blind:
            continue
        yield from (
            _derivative(ledger, snapshot, symbol) if instrument.is_derivative else _coins(ledger, snapshot, symbol)
        )
    if not questions:
        yield from _wallets(ledger, snapshot)


def _derivative(ledger: Ledger, snapshot: AccountSnapshot, symbol: str) -> Iterator[Difference]:
    ours = ledger.positions[symbol].size
    told = [position for position in snapshot.positions if position.symbol == symbol]
    venue = sum((position.size for position in told), ZERO)
    if venue == ours:
        return
    price = ledger.marks.get(symbol) or next((position.entry_price for position in told), ZERO)
    decision = "booked as an adjustment: the venue's netted position counts"
    yield Difference(DifferenceKind.POSITION, symbol, str(ours), str(venue), decision, venue - ours, price)


def _coins(ledger: Ledger, snapshot: AccountSnapshot, symbol: str) -> Iterator[Difference]:
    """Coins beyond our position were there before and are not ours; fewer than our position is a mismatch."""
    ours = ledger.positions[symbol].size
    held = snapshot.balance(ledger.instruments[symbol].base).total
    if held >= ours:
        return
    decision = "booked as an adjustment: coins of ours have left the account"
    price = ledger.marks.get(symbol, ZERO)
    yield Difference(DifferenceKind.COINS, symbol, str(ours), str(held), decision, held - ours, price)


def _wallets(ledger: Ledger, snapshot: AccountSnapshot) -> Iterator[Difference]:
    for currency, ours in ledger.wallets.items():
        venue = snapshot.balance(currency).total
        if abs(venue - ours) > CENT:
            decision = "booked as money paid in or out: it shifts the baselines and is no result"
            yield Difference(DifferenceKind.WALLET, currency, str(ours), str(venue), decision, venue - ours)
