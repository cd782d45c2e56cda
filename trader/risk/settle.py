"""Reconciliation in use: book what the venue explains, look twice at what it does not, then let the venue win.

A difference counts only when a second reading, at least two seconds later, shows exactly the same one (C-19); until
then `again_soon` asks for that reading. A confirmed one becomes an explicit adjustment and a REDUCE_ONLY finding,
never a silent fix. Wallet differences are money paid in or out, unless a position had to be adjusted: then they count
as result. Owned by the desk.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from trader.market.clock import Now
from trader.market.funding import FundingAccrual
from trader.market.instrument import Instrument
from trader.orders.account import AccountSnapshot
from trader.orders.order import Fill, OrderReport, OrderState
from trader.orders.reason import Reason
from trader.orders.reconcile import (
    Difference,
    DifferenceKind,
    differences,
    ended_orders,
    fill_reports,
    open_questions,
    raced_symbols,
    unlisted_orders,
)
from trader.risk.booking import book_report
from trader.risk.care import OrderCare
from trader.risk.case import ABSURD
from trader.risk.finding import Finding, Severity
from trader.risk.granted import Booked, Reconciliation, Transfer
from trader.risk.refusal import plain
from trader.risk.state import WALLETS, DeskState

CONFIRM_S = 2.0
Key = tuple[DifferenceKind, str]
UNTOLD = frozenset({OrderState.RESERVED, OrderState.SENT, OrderState.UNKNOWN})
"""States of an order about which the venue has not yet said anything."""


class Reconciler:
    """Remembers what was seen once; everything else it reads from the desk's state."""

    def __init__(self, state: DeskState, care: OrderCare) -> None:
        self._state = state
        self._care = care
        self._sighted: dict[Key, tuple[Decimal, float]] = {}
        self._adjusted = False

    def reconcile(self, snapshot: AccountSnapshot, now: Now) -> Reconciliation:
        """Take one reading of the account into the books. A reading with a number that is none counts as incomplete."""
        if not _is_sound(snapshot):
            snapshot = msgspec.structs.replace(snapshot, complete=False, fills=(), fees=None)
        unproven = {o.client_order_id for o in self._state.ledger.live_orders() if o.state in UNTOLD}
        booked = self._book(snapshot, now)
        lost = self._look_for(snapshot)
        self._read_account(snapshot)
        ended = list(ended_orders(self._state.ledger, snapshot))
        found = [*lost, *(row for _, row in ended), *differences(self._state.ledger, snapshot)]
        confirmed = self._confirm(found, snapshot)
        booked += self._reopen([report for report, row in ended if row in confirmed], now)
        adjustments, transfers, funding = self._settle(confirmed, now)
        self._prove_funding(found, snapshot)
        adopted = tuple(b.order for b in booked if b.adopted and b.order is not None)
        open_rows = [row for row in found if row not in confirmed]
        mismatched = tuple(row for row in confirmed if row.kind is not DifferenceKind.WALLET)
        clean = snapshot.complete and not open_rows and not mismatched and not adopted
        if snapshot.complete:
            self._state.market.covered(snapshot.asked_at)
            for symbol in self._state.ledger.instruments:
                self._state.unread_since.pop(symbol, None)
            self._state.reconciled = self._state.reconciled or not any(
                r.kind is not DifferenceKind.WALLET for r in open_rows
            )
        return Reconciliation(
            booked=tuple(b for b in booked if b.changed),
            adoptions=adopted,
            differences=tuple(found),
            mismatches=mismatched,
            adjustments=adjustments,
            transfers=transfers,
            funding=funding,
            resolved=tuple(sorted(filter(self._is_proven, unproven))),
            findings=(*(f for b in booked for f in b.findings), *_findings(mismatched)),
            clean=clean,
            again_soon=bool(open_rows or self._sighted) or not snapshot.complete,
        )

    def _is_proven(self, client_order_id: str) -> bool:
        """True for an order whose state is the venue's word, or that is finished."""
        order = self._state.ledger.orders.get(client_order_id)
        return order is not None and order.state not in UNTOLD

    def _book(self, snapshot: AccountSnapshot, now: Now) -> list[Booked]:
        """Join every open order and every fill the reading shows."""
        reports = (*snapshot.open_orders, *fill_reports(self._state.ledger, snapshot))
        booked = [book_report(self._state, report, now) for report in reports]
        for outcome in booked:
            if outcome.order is not None:
                self._care.settle(outcome.order)
        return booked

    def _reopen(self, rows: list[OrderReport], now: Now) -> list[Booked]:
        """Count orders that were thought finished again, and have them cancelled by the venue's id.

        A refusal that was none, or an end the venue took back: it fills whether we believe in it or not.
        """
        taken = []
        for row in rows:
            order = self._state.ledger.find(row.client_order_id, row.order_id)
            if order is None or order.is_live:
                continue
            order = self._state.ledger.reopen(order.client_order_id, row.state, now.machine_time)
            self._care.want_gone(order.client_order_id, "the venue lists it although it had ended")
            taken.append(Booked(order, foreign=order.foreign, changed=True))
        return taken

    def _look_for(self, snapshot: AccountSnapshot) -> list[Difference]:
        """Flag orders that should be listed and are not. The venue's lists lag, so a young order is left alone (F-N14)."""
        rows = []
        settle_s = self._state.execution.visibility_delay_s
        for order in unlisted_orders(self._state.ledger, snapshot):
            if order.touched_at + settle_s >= snapshot.asked_at:
                continue
            self._care.flag_missing(order.client_order_id)
            told = f"{order.client_order_id[:8]} {order.state}"
            decision = "looked up by its id; nothing is assumed"
            rows.append(Difference(DifferenceKind.LOST_ORDER, order.symbol, told, "not listed", decision))
        return rows

    def _read_account(self, snapshot: AccountSnapshot) -> None:
        """Take fees, margin and liquidation prices; a wallet's first reading is its opening balance."""
        state = self._state
        state.fees = snapshot.fees or state.fees
        if not snapshot.complete:
            return
        state.margins = {margin.currency: margin for margin in snapshot.margins}
        state.venue_positions = {position.symbol: position for position in snapshot.positions}
        for currency in {instrument.quote for instrument in state.ledger.instruments.values()} & WALLETS:
            if currency not in state.ledger.wallets:
                state.ledger.set_wallet(currency, snapshot.balance(currency).total)

    def _confirm(self, found: list[Difference], snapshot: AccountSnapshot) -> list[Difference]:
        """Return what has now been seen twice, unchanged and far enough apart; remember the rest.

        What this reading could not judge stays remembered as it was: a busy market must not hide a difference for ever.
        """
        questions = open_questions(self._state.ledger, snapshot)
        blind = questions | raced_symbols(self._state.ledger, snapshot)
        kept = {key for key in self._sighted if (questions if key[0] is DifferenceKind.WALLET else key[1] in blind)}
        seen = {key: self._sighted[key] for key in kept}
        settle_s = self._state.execution.visibility_delay_s  # the lists lag: what has just ended may stand there
        confirmed = []
        for row in found:
            if row.kind is DifferenceKind.LOST_ORDER:
                continue
            is_ended = row.kind is DifferenceKind.ENDED_ORDER
            key = (row.kind, row.ours if is_ended else row.subject)
            amount, first = self._sighted.get(key, (row.amount, snapshot.asked_at))
            if amount != row.amount:
                first = snapshot.asked_at
            if snapshot.asked_at - first >= (max(CONFIRM_S, settle_s) if is_ended else CONFIRM_S):
                confirmed.append(row)
            else:
                seen[key] = (row.amount, first)
        if snapshot.complete:
            self._sighted = seen
        return confirmed

    def _settle(
        self, confirmed: list[Difference], now: Now
    ) -> tuple[tuple[Fill, ...], tuple[Transfer, ...], tuple[FundingAccrual, ...]]:
        """Book confirmed differences in the venue's favour."""
        ledger = self._state.ledger
        adjustments: list[Fill] = []
        transfers: list[Transfer] = []
        funding: list[FundingAccrual] = []
        for row in confirmed:
            if row.kind not in (DifferenceKind.POSITION, DifferenceKind.COINS):
                continue
            size = ledger.positions[row.subject].size + row.amount
            fill = ledger.adjust(row.subject, size, row.price, now.market_time, f"{row.subject}:{now.market_time:.3f}")
            adjustments += [fill] if fill is not None else []
            self._adjusted = True
            if size * (size - row.amount) <= 0:
                self._state.stop_peaks.pop(row.subject, None)
        for row in confirmed:
            if row.kind is not DifferenceKind.WALLET:
                continue
            symbol = self._funding_symbol(row)
            if symbol is not None:
                funding.append(self._correct_funding(symbol, row.amount, now))
                continue
            ledger.set_wallet(row.subject, ledger.wallets[row.subject] + row.amount)
            transfers.append(Transfer(row.subject, row.amount, as_result=self._adjusted))
            if not self._adjusted:
                self._state.day.transfer(row.amount)
            self._adjusted = False
        return tuple(adjustments), tuple(transfers), tuple(funding)

    def _funding_symbol(self, row: Difference) -> str | None:
        """Name the symbol whose funding explains a wallet difference: no larger than what was booked for it unproven."""
        state = self._state
        unproven = {
            symbol: amount
            for symbol, (amount, _) in state.funding_unproven.items()
            if state.ledger.instruments[symbol].quote == row.subject
        }
        if self._adjusted or not unproven or abs(row.amount) > sum(unproven.values()):
            return None
        return max(unproven, key=lambda symbol: unproven[symbol])

    def _correct_funding(self, symbol: str, amount: Decimal, now: Now) -> FundingAccrual:
        """Book the difference between the venue's funding and ours as funding: it is a result, and no money paid in."""
        ledger = self._state.ledger
        ledger.pay_funding(symbol, amount)
        self._state.funding_unproven.pop(symbol)
        size, mark = ledger.positions[symbol].size, ledger.marks.get(symbol, Decimal(0))
        return FundingAccrual(symbol, now.market_time, Decimal(0), size, mark, amount)

    def _prove_funding(self, found: list[Difference], snapshot: AccountSnapshot) -> None:
        """Forget what has been booked as funding once a later reading shows the same money as the books."""
        state = self._state
        differ = {row.subject for row in found if row.kind is DifferenceKind.WALLET}
        if not snapshot.complete or open_questions(state.ledger, snapshot):
            return
        for symbol, (_, booked_at) in tuple(state.funding_unproven.items()):
            if booked_at < snapshot.asked_at and state.ledger.instruments[symbol].quote not in differ:
                del state.funding_unproven[symbol]


def product_change(known: Instrument, told: Instrument) -> Finding | None:
    """Return the finding of a symbol that has become another product or another size of contract, None for the same one."""
    if (known.product_id, known.contract_size) == (told.product_id, told.contract_size):
        return None
    text = (
        f"{known.symbol} was {known.product_id} of {plain(known.contract_size)} {known.base}, the venue now says "
        f"{told.product_id} of {plain(told.contract_size)}; start anew to trade it"
    )
    return Finding("product_changed", Reason.PRODUCT_HALTED, Severity.REDUCE_ONLY, text, known.symbol)


def _is_sound(snapshot: AccountSnapshot) -> bool:
    """True when every figure of the reading is a number that an account can have."""
    debts = {margin.currency for margin in snapshot.margins}  # losses of derivatives may leave less than nothing
    held = [amount for balance in snapshot.balances for amount in (balance.available, balance.hold)]
    owned = [
        amount for each in snapshot.balances if each.currency not in debts for amount in (each.available, each.hold)
    ]
    signed = [position.size for position in snapshot.positions] + [fill.fee for fill in snapshot.fills]
    filled = [amount for fill in snapshot.fills for amount in (fill.size, fill.price)]
    rates = [snapshot.fees.maker, snapshot.fees.taker] if snapshot.fees is not None else []
    margin = [margin.available_margin for margin in snapshot.margins]
    if not all(amount.is_finite() and abs(amount) < ABSURD for amount in (*held, *signed, *filled, *rates, *margin)):
        return False
    return (
        all(amount >= 0 for amount in owned)
        and all(amount > 0 for amount in filled)
        and all(rate < 1 for rate in rates)
    )


def _findings(mismatches: tuple[Difference, ...]) -> tuple[Finding, ...]:
    """One REDUCE_ONLY finding that names every row; `resume` after a look accepts them."""
    if not mismatches:
        return ()
    rows = "; ".join(f"{row.subject} {row.kind}: ours {row.ours}, venue {row.venue}" for row in mismatches)
    return (Finding("mismatch", Reason.NOT_RECONCILED, Severity.REDUCE_ONLY, rows[:400]),)
