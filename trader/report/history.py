"""Folds the events of a stretch of time into a Daybook. The report command and tests import this.

Books every fill and funding payment with the ledger's own arithmetic, from the first event on, so that a report of one day
begins with the positions the day began with. Equity is the account's at the start plus what positions have made since;
where the system recorded the account's own equity, the two are compared. Reads no clock and no file.
"""

from collections.abc import Iterable
from decimal import Decimal

import msgspec

from trader.orders.position import Position, apply_fill
from trader.orders.reason import Reason
from trader.report import findings
from trader.report.daybook import Daybook, DecisionMark, PnlSplit, Point, SymbolDay, daily_results, spread_of
from trader.report.mode_history import ModeHistory
from trader.report.performance import EquityCurve, measure
from trader.report.round_trips import ClosedTrade, RoundTrips
from trader.store.events import Event, EventName
from trader.store.payloads import amount, fill_of, money, text


def daybook(
    events: Iterable[Event], *, since: float, until: float, assumptions: tuple[str, ...] = (), money: str = ""
) -> Daybook:
    """The report of `since` (included) to `until` (not), market time. of PAPER or LIVE `money`. Raises BadPayload."""
    fold = _Fold(since, until)
    for event in events:
        if event.market_time >= until:
            continue
        fold.apply(event)
    return fold.finish(assumptions, money)


class _Symbol:
    """One symbol's running books and marks."""

    def __init__(self, symbol: str) -> None:
        self.position = Position(symbol)
        self.mark: Decimal | None = None
        self.before = PnlSplit()
        self.prices: list[Point] = []
        self.filled: list[DecisionMark] = []
        self.refused: list[DecisionMark] = []
        self.skipped: list[DecisionMark] = []

    def split(self) -> PnlSplit:
        """Profit so far by origin, the open size at the last mark."""
        held = self.position
        open_worth = held.size * self.mark * held.contract_size if self.mark is not None else held.cost
        return PnlSplit(held.cash + open_worth, held.fees, held.funding)


class _Fold:
    def __init__(self, since: float, until: float) -> None:
        self.since, self.until = since, until
        self.symbols: dict[str, _Symbol] = {}
        self.trips = RoundTrips()
        self.trades: list[ClosedTrade] = []
        self.curve = EquityCurve()
        self.points: list[Point] = []
        self.start_equity: Decimal | None = None
        self.account: list[Point] = []
        self.intents: dict[str, float] = {}
        self.marks_of_decisions: dict[str, Decimal] = {}
        self.latencies: list[float] = []
        self.slippages: list[float] = []
        self.counts: dict[tuple[str, str, str], int] = {}
        self.counts_before: dict[tuple[str, str, str], int] = {}
        self.changes: dict[tuple[str, str], int] = {}
        self.modes = ModeHistory()
        self.fees = ""
        self.gaps: list[tuple[float, float]] = []
        self.hashes: dict[str, None] = {}
        self.profile, self.events = "", 0
        self.last_time: float | None = None
        self._last_utc_time = 0.0
        self._exposed_before_s = 0.0
        self._inside = False

    def apply(self, event: Event) -> None:
        """Book one event, in order."""
        if not self._inside and event.market_time >= self.since:
            self._begin()
        self.profile = event.profile
        if self._inside:
            self.events += 1
            self.hashes[event.config_hash] = None
            self._note_gap(event.market_time, event.utc_time)
        applier = _APPLIERS.get(event.event)
        if applier is not None:
            applier(self, event)

    def finish(self, assumptions: tuple[str, ...], money: str) -> Daybook:
        """The record of everything booked."""
        if not self._inside:
            self._begin()
        days = tuple(self._symbol_day(name, state) for name, state in sorted(self.symbols.items()))
        pnl = PnlSplit()
        for day in days:
            pnl = pnl.plus(day.pnl)
        told_until = self.points[-1][0] if self.points else self.until
        exposed_s = self.trips.exposed_s(min(self.until, told_until)) - self._exposed_before_s
        performance = measure(self.curve, self.trades, exposed_s) if self.points else None
        reasons, complete = findings.reasons_of(self.counts, self.counts_before, self.changes)
        return Daybook(
            profile=self.profile,
            since=self.since,
            until=self.until,
            config_hashes=tuple(name for name in self.hashes if name),
            verdict=findings.verdict_of(pnl, days, self.events)
            + findings.counted_up_to(self.last_time, self.until - self.since),
            equity=tuple(self.points),
            days=daily_results(self.points),
            pnl=pnl,
            symbols=days,
            reasons=reasons,
            reasons_complete=complete,
            trades=tuple(self.trades),
            performance=performance,
            latency_ms=spread_of(self.latencies),
            slippage_bps=spread_of(self.slippages),
            modes=tuple(self.modes.rows),
            checks=findings.checks_of(pnl, self.points, self.account, self.gaps),
            gaps=tuple(self.gaps),
            assumptions=(*assumptions, *findings.paper_assumptions(self.fees))
            if money == findings.PAPER
            else assumptions,
            events=self.events,
            counted_until=self.last_time,
            money=money,
        )

    # --- the stretch begins ------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        self._inside = True
        self.counts_before = dict(self.counts)
        self._exposed_before_s = self.trips.exposed_s(self.since)
        self.account = self.account[-1:]
        for state in self.symbols.values():
            state.before = state.split()

    def _note_gap(self, now: float, utc_time: float) -> None:
        """A pause is the machine's: a market that runs sixty times as fast leaves a minute's record each hour."""
        if self.last_time is not None and utc_time - self._last_utc_time > findings.GAP_S:
            self.gaps.append((self.last_time, now))
        self.last_time, self._last_utc_time = now, utc_time

    def symbol(self, name: str) -> _Symbol:
        """The books of a symbol, made at its first event."""
        if name not in self.symbols:
            self.symbols[name] = _Symbol(name)
        return self.symbols[name]

    def mark(self, name: str, price: Decimal, now: float) -> None:
        """Take a new mark; inside the stretch it is a point of the price and of the equity."""
        state = self.symbol(name)
        state.mark = price
        if self._inside:
            state.prices.append((now, price))
            self._point(now)

    def _point(self, now: float) -> None:
        if self.start_equity is None:
            return
        made = sum((state.split().total - state.before.total for state in self.symbols.values()), Decimal(0))
        self.points.append((now, self.start_equity + made))
        self.curve.add(now, self.start_equity + made)

    # --- events ------------------------------------------------------------------------------------------------------

    def trade(self, event: Event) -> None:
        """A fill: books, round trips, latency and slippage."""
        fill, state = fill_of(event), self.symbol(text(event, "symbol"))
        contract_size = money(event, "contract_size", Decimal(1))
        if not state.position.size and not state.position.cash:
            state.position = Position(fill.symbol, contract_size)
        state.position = apply_fill(state.position, fill).position
        signed = fill.size if fill.side.value == "BUY" else -fill.size
        closed = self.trips.add(fill.symbol, signed, fill.price, fill.fee, event.market_time, contract_size)
        if not self._inside:
            return
        if closed is not None:
            self.trades.append(closed)
        state.filled.append(
            DecisionMark(event.market_time, fill.price, fill.side.value, Reason.ENTRY_SENT, f"{fill.size}")
        )
        if fill.client_order_id in self.intents:
            self.latencies.append((event.utc_time - self.intents[fill.client_order_id]) * 1000)
        decided = self.marks_of_decisions.get(event.decision_id)
        if decided:
            worse = fill.price - decided if signed > 0 else decided - fill.price
            self.slippages.append(float(worse / decided) * 10_000)
        self.mark(fill.symbol, state.mark if state.mark is not None else fill.price, event.market_time)

    def funding(self, event: Event) -> None:
        """A funding payment."""
        state = self.symbol(text(event, "symbol"))
        paid = state.position.funding + money(event, "amount")
        state.position = msgspec.structs.replace(state.position, funding=paid)
        self._point(event.market_time)

    def intent(self, event: Event) -> None:
        """The durable intent: the latency clock starts."""
        self.intents[text(event, "client_order_id")] = event.utc_time
        decided = _optional(event, "mark")
        if decided is not None and event.decision_id:
            self.marks_of_decisions[event.decision_id] = decided

    def signal(self, event: Event) -> None:
        """A decision: one that acts is remembered for its mark, one that does not is a skipped marker."""
        name, reason = text(event, "symbol"), findings.REASON_OF.get(event.code)
        price = _optional(event, "mark")
        if price is None:
            return
        if event.decision_id:
            self.marks_of_decisions[event.decision_id] = price
        elif self._inside and reason is not None:
            self.changes[name, reason.value] = self.changes.get((name, reason.value), 0) + 1
            mark = DecisionMark(event.market_time, price, "", reason, str(event.payload.get("text") or ""))
            self.symbol(name).skipped.append(mark)
        self.mark(name, price, event.market_time)

    def rejected(self, event: Event) -> None:
        """An intent that risk refused."""
        name, reason = text(event, "symbol"), findings.REASON_OF.get(text(event, "reason"))
        price = _optional(event, "mark") or self.symbol(name).mark
        if not self._inside or reason is None or price is None:
            return
        self.changes[name, reason.value] = self.changes.get((name, reason.value), 0) + 1
        mark = DecisionMark(event.market_time, price, text(event, "side"), reason, str(event.payload.get("text") or ""))
        self.symbol(name).refused.append(mark)

    def position(self, event: Event) -> None:
        """A position report carries a mark."""
        price = _optional(event, "mark")
        if price is not None:
            self.mark(text(event, "symbol"), price, event.market_time)

    def cycle(self, event: Event) -> None:
        """The minute's record: the account's own equity, marks, and evaluations by reason."""
        run, reasons, marks = str(event.payload.get("run")), event.payload.get("reasons"), event.payload.get("marks")
        equity = _optional(event, "equity")
        if equity is not None:
            self._account_equity(event.market_time, equity)
        if isinstance(marks, dict):
            for name in marks:
                self.mark(name, amount(event, marks, name), event.market_time)
        if isinstance(reasons, dict):
            for name, counts in reasons.items():
                self.counts.update({(run, name, code): int(count) for code, count in counts.items()})

    def baseline(self, event: Event) -> None:
        """The day's opening equity."""
        self._account_equity(event.market_time, money(event, "start_equity"))

    def _account_equity(self, now: float, equity: Decimal) -> None:
        self.account.append((now, equity))
        if self._inside and self.start_equity is None:
            made = sum((state.split().total - state.before.total for state in self.symbols.values()), Decimal(0))
            self.start_equity = equity - made
            self._point(now)

    def mode(self, event: Event) -> None:
        """A change of a hold or of the mode."""
        if self._inside:
            self.modes.take(event)

    def started(self, event: Event) -> None:
        """A start says which fees the paper account pays."""
        self.fees = str(event.payload.get("paper_fees") or "")

    # --- the end -----------------------------------------------------------------------------------------------------

    def _symbol_day(self, name: str, state: _Symbol) -> SymbolDay:
        return SymbolDay(
            symbol=name,
            prices=tuple(state.prices),
            filled=tuple(state.filled),
            refused=tuple(state.refused),
            skipped=tuple(state.skipped),
            pnl=state.split().minus(state.before),
        )


def _optional(event: Event, field: str) -> Decimal | None:
    return money(event, field) if event.payload.get(field) is not None else None


_APPLIERS = {
    EventName.TRADE_EXECUTED.value: _Fold.trade,
    EventName.FUNDING_ACCRUED.value: _Fold.funding,
    EventName.ORDER_INTENT.value: _Fold.intent,
    EventName.STRATEGY_SIGNAL.value: _Fold.signal,
    EventName.RISK_REJECTED.value: _Fold.rejected,
    EventName.POSITION_UPDATED.value: _Fold.position,
    EventName.CYCLE_METRICS.value: _Fold.cycle,
    EventName.DAILY_BASELINE.value: _Fold.baseline,
    EventName.HOLD_PLACED.value: _Fold.mode,
    EventName.HOLD_ENDED.value: _Fold.mode,
    EventName.MODE_CHANGED.value: _Fold.mode,
    EventName.SYSTEM_STARTED.value: _Fold.started,
}
