"""The risk desk: the one owner of books and limits, through which every order passes and every outcome comes back.

    decide -> reserve -> (the actor makes the intent durable) -> recheck -> approve -> on_report ...
                                                                       `-> release | unknown -> absent

A decision and its reservation happen in one turn of one actor, so no two orders can take the same room. The desk is
pure: time comes in as `Now`, nothing is sent or stored here. The risk actor is a thin shell around it; the backtest
and the stage use the same desk. Not safe to share between threads. Every public call answers with a value; an
assertion is a bug of the caller.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from trader.market.clock import Now
from trader.market.funding import FundingAccrual
from trader.market.instrument import Instrument
from trader.market.quote import MarkRun
from trader.orders.account import AccountSnapshot
from trader.orders.ledger import Ledger
from trader.orders.order import Order, OrderIntent, OrderReport, OrderState
from trader.orders.pnl import position_state
from trader.orders.position import PositionState
from trader.orders.reason import Reason
from trader.risk.alarm import Alarm
from trader.risk.approval import Approval, approve
from trader.risk.booking import book_report
from trader.risk.care import OrderCare
from trader.risk.case import Case, open_case
from trader.risk.checks import run_checks
from trader.risk.day import DaySummary
from trader.risk.exits import ForcedExits, exit_intent
from trader.risk.finding import Finding, Severity
from trader.risk.funding import FundingBook
from trader.risk.granted import Booked, Granted, Reconciliation
from trader.risk.guards import GuardRunner
from trader.risk.holds import HoldTable
from trader.risk.limits import ExecutionSettings, RiskLimits
from trader.risk.memory import RiskMemory, recall, remember
from trader.risk.order_gates import crossing_own
from trader.risk.refusal import Refusal
from trader.risk.reserve import grant, make_order, reservation_holds
from trader.risk.settle import Reconciler, product_change
from trader.risk.state import DeskState
from trader.risk.window import TradingWindow
from trader.venue import FeedEvent, FeedKind

__all__ = ["Booked", "Finding", "Granted", "PositionState", "Reconciliation", "Refusal", "RiskDesk"]


class RiskDesk:
    """Books, checks, guards and reconciliation of one account. See the module for the order of calls."""

    def __init__(
        self,
        instruments: Mapping[str, Instrument],
        limits: RiskLimits,
        execution: ExecutionSettings,
        window: TradingWindow | None,
    ) -> None:
        self.state = DeskState(instruments, limits, execution, window)
        self.guards = GuardRunner()
        self.care = OrderCare(self.state)
        self._reconciler = Reconciler(self.state, self.care)
        self._forced = ForcedExits(self.state)
        self._operators: set[str] = set()
        self._noted: list[Finding] = []
        self._funding = FundingBook(self.state)
        self.replay_funding = self._funding.replay
        self.on_quote = self.state.market.on_quote
        self.on_book = self.state.market.on_book
        self.on_heartbeats = self.state.market.on_heartbeats
        self._alarm = Alarm(self.state)
        self.alarmed = self._alarm.rings

    @property
    def ledger(self) -> Ledger:
        """The books, for reading."""
        return self.state.ledger

    @property
    def equity(self) -> Decimal | None:
        """Equity in USD, None until the account has been read."""
        return self.state.equity

    def order(self, client_order_id: str) -> Order:
        """The order of this id; KeyError for one the books have never seen or have forgotten."""
        return self.ledger.orders[client_order_id]

    def live_orders(self) -> Iterable[Order]:
        """Every order that may still fill, foreign ones included."""
        return self.ledger.live_orders()

    # The market and the rules

    def on_heartbeat(self, kind: FeedKind, now: Now) -> None:
        """Note a feed's sign of life at `now.machine_time`."""
        self.state.market.on_heartbeat(kind, now.machine_time)

    def on_feed(self, event: FeedEvent) -> None:
        """Note a connection coming or going."""
        self.state.market.on_feed(event)

    def quiet_bars(self, marks: Mapping[str, Sequence[int]], bar_s: float) -> int:
        """How many bars that close at these marks, one row a symbol in the order told, need no look of risk's. Changes nothing."""
        count = min(map(len, marks.values()))
        for symbol, row in marks.items():
            count = self.state.market.quiet_bars(symbol, row[:count], bar_s, self._alarm.volatility) if count else 0
        return self._alarm.quiet_bars({symbol: row[:count] for symbol, row in marks.items()}) if count else 0

    def on_runs(self, runs: Sequence[MarkRun]) -> None:
        """Take bars that `quiet_bars` has let pass, all symbols' at once."""
        self._alarm.pass_bars({run.symbol: run.half_ticks for run in runs})
        for run in runs:
            self.state.market.on_run(run)
        self._alarm.note_samples(run.symbol for run in runs)

    def on_request(self, now: Now, *, failed: bool) -> None:
        """Count one venue call for the error rate."""
        self.state.errors.note(now.machine_time, failed=failed)

    def set_holds(self, table: HoldTable) -> None:
        """Take the table of holds in force. What an operator lifted starts counting anew."""
        before, self.state.holds = self.state.holds, table
        for hold in before.beyond(table):
            if not table.has(hold.cause, hold.scope):
                self.state.count_anew(hold.cause, hold.scope)

    def update_limits(self, limits: RiskLimits) -> None:
        """Judge by new limits from now on; baselines and counters stay (C-12)."""
        self.state.limits = limits

    def update_instruments(self, instruments: Iterable[Instrument]) -> None:
        """Take fresh rules, statuses and funding of known symbols (C-15), not of one that is another product now."""
        for instrument in instruments:
            known = self.ledger.instruments.get(instrument.symbol)
            if known is None:
                continue
            changed = product_change(known, instrument)
            if changed is not None:
                self._noted.append(changed)
                continue
            self.ledger.instruments[instrument.symbol] = instrument
            self._funding.hear((instrument,))

    # One order's way out

    def decide(self, intent: OrderIntent, now: Now) -> Granted | Refusal:
        """Judge an intent. Reserves nothing: call `reserve` in the same turn, or the answer is worth nothing."""
        case = open_case(self.state, intent, now)
        if isinstance(case, Refusal):
            return case
        refused = run_checks(self.state, case)
        if refused is not None:
            self._note_refusal(case, refused)
            return refused
        return grant(self.state, case)

    def would_refuse(self, intent: OrderIntent, now: Now) -> Refusal | None:
        """What `decide` would answer, without consequences: for what-ifs."""
        case = open_case(self.state, intent, now)
        return case if isinstance(case, Refusal) else run_checks(self.state, case)

    def _note_refusal(self, case: Case, refused: Refusal) -> None:
        """Some refusals have consequences: a repeating signal stops its symbol, an exit in the way of a
        resting entry clears it.
        """
        told = any(finding.scope == case.intent.symbol for finding in self._noted)
        if refused.reason is Reason.REPEATED_ORDER and not told:
            scope, level = case.intent.symbol, Severity.REDUCE_ONLY
            self._noted.append(
                Finding("repeated_order", refused.reason, level, refused.text, scope, refused.used, refused.limit)
            )
        if refused.reason is Reason.SELF_TRADE and case.reducing:
            blocking = crossing_own(self.state, case)
            if blocking is not None and not blocking.foreign:
                self.care.want_gone(blocking.client_order_id, "stands in the way of an exit")

    def reserve(self, intent: OrderIntent, granted: Granted, client_order_id: str, now: Now) -> Order:
        """Count the order in the worst case from now on. The id must never have been used (I-07)."""
        order = make_order(self.ledger.instruments[intent.symbol], intent, granted, client_order_id, now)
        self.ledger.reserve(order)
        self.state.reserved_at[client_order_id] = now.machine_time
        self.state.rates.note_order(intent.symbol, intent.side, now.machine_time, entry=not granted.reducing)
        if intent.by_operator:
            self._operators.add(client_order_id)
        return order

    def recheck(self, client_order_id: str, now: Now) -> Refusal | None:
        """After the intent has become durable: mode, age and mark once more. After a refusal call `release`."""
        order = self.ledger.orders[client_order_id]
        assert order.state is OrderState.RESERVED, "only a reservation can be checked again"
        return reservation_holds(self.state, order, now, by_operator=client_order_id in self._operators)

    def approve(self, client_order_id: str, now: Now) -> Approval:
        """Make the one approval of a reservation that `recheck` has just passed; it may be at the venue from here on."""
        order = self.ledger.orders[client_order_id]
        assert order.state is OrderState.RESERVED, "an order is approved once"
        self.ledger.advance(client_order_id, OrderState.SENT, now.machine_time)
        self.state.sent_at[client_order_id] = now.machine_time
        self.state.entries_sent += not order.reduce_only
        by_operator = client_order_id in self._operators
        self._operators.discard(client_order_id)
        life_s = self.state.execution.approval_ttl_s
        return approve(order, now.machine_time, life_s, reduces=order.reduce_only, by_operator=by_operator)

    # Its way back

    def release(self, client_order_id: str, why: str, now: Now) -> None:
        """Void a reservation that is proven never to have reached the venue; what the venue has shown stays."""
        order = self.ledger.advance(client_order_id, OrderState.RELEASED, now.machine_time, why)
        self._operators.discard(client_order_id)
        if not order.is_live:
            self.state.forget_order(client_order_id)
            self.care.settle(order)

    def unknown(self, client_order_id: str, now: Now, why: str = "no trustworthy answer to the post") -> None:
        """The outcome of a post is not proven: it keeps its exposure and is looked up."""
        self.ledger.advance(client_order_id, OrderState.UNKNOWN, now.machine_time, why)

    def on_report(self, report: OrderReport, now: Now) -> Booked:
        """Join what any source says about an order; what it changed comes back, with findings to act on."""
        booked = book_report(self.state, report, now)
        if booked.order is not None:
            self.care.settle(booked.order)
        return booked

    def absent(self, client_order_id: str, asked_at: float, now: Now) -> bool:
        """Release an order that a complete listing asked for at `asked_at` proves never to have been; False:
        keep asking.
        """
        if not self.care.absent(client_order_id, asked_at):
            return False
        self.release(client_order_id, "proven absent", now)
        return True

    def cancels_due(self, now: Now) -> tuple[Order, ...]:
        """Orders to cancel now, each with the reason in its `note`; repeated until the venue proves the end."""
        return self.care.cancels_due(now)

    def cancel_symbol(self, symbol: str, why: str) -> None:
        """Ask for the cancellation of every own live order of a symbol on the next round."""
        for order in self.ledger.live[symbol].values():
            if not order.foreign:
                self.care.want_gone(order.client_order_id, why)

    def queries_due(self, now: Now) -> tuple[Order, ...]:
        """Orders to look up at the venue now, with growing pauses."""
        return self.care.queries_due(now)

    # The round

    def on_tick(self, now: Now) -> tuple[Finding, ...]:
        """Move the day on and run the guards. Call it every tick and after every fill (GUARD-20)."""
        equity = self.state.equity
        if equity is not None and self._marks_are_real():
            self.state.day.observe(equity, self.state.fees_paid(), self.state.funding_received(), now)
        noted, self._noted = self._noted, []
        found = (*noted, *self.guards.run(self.state, now))
        self._alarm.rearm()
        return found

    def _marks_are_real(self) -> bool:
        """False while a restored position is still valued at its entry price: no baseline is made of that."""
        symbols = self.state.market.symbols
        return all(not p.size or symbols[s].mark is not None for s, p in self.ledger.positions.items())

    def accrue_funding(self, now: Now) -> tuple[FundingAccrual, ...]:
        """Book every funding time passed since the last call, once each (D32); returns what to journal."""
        return self._funding.accrue(now)

    def finished_days(self) -> tuple[DaySummary, ...]:
        """Days that have ended since the last call, for the daily snapshot."""
        return self.state.day.take_finished()

    def reconcile(self, snapshot: AccountSnapshot, now: Now) -> Reconciliation:
        """Compare books and venue, book what is explained, and settle what has been seen twice."""
        self.update_instruments(snapshot.instruments)
        result = self._reconciler.reconcile(snapshot, now)
        equity = self.state.equity
        if self.state.day.baseline is None and equity is not None and self._marks_are_real():
            self.state.day.observe(equity, self.state.fees_paid(), self.state.funding_received(), now)
        return result

    def forced_exits(self, now: Now) -> tuple[OrderIntent, ...]:
        """Exits risk itself wants now (leverage above the cap, forced exit); pass each to `decide` like any other."""
        return self._forced.due(now)

    def flatten(self, now: Now, symbols: Iterable[str] | None = None) -> tuple[OrderIntent, ...]:
        """The operator's exits of all positions (or those of `symbols`), at the last good price if need be."""
        chosen = list(self.ledger.positions if symbols is None else symbols)
        made = (exit_intent(self.state, symbol, now, "flatten", by_operator=True) for symbol in chosen)
        return tuple(intent for intent in made if intent is not None)

    def clear_daily_loss(self) -> None:
        """Measure the day's loss from this moment on: the operator's command; `resume` lifts the hold itself."""
        equity = self.state.equity
        if equity is not None:
            self.state.day.restart_day(equity, self.state.fees_paid(), self.state.funding_received())

    # What others are told

    def position_view(self, symbol: str) -> PositionState:
        """The symbol's position as its actor is told it."""
        return position_state(self.ledger, symbol)

    def snapshot(self, now: Now) -> RiskMemory:
        """The record a restart needs; write it at least when a day begins and after every fill."""
        return remember(self.state, self._funding.until, now)

    def restore(
        self, memory: RiskMemory | None, orders: Iterable[Order], reports: Iterable[OrderReport], now: Now
    ) -> None:
        """Go on from a record and the journal after it. Call once, on a fresh desk, before anything else."""
        assert not self.ledger.orders, "a desk is restored before it is used"
        recall(self.state, memory, orders, reports, now)
        if memory is not None:
            self._funding.until = dict(memory.funding_until)
