"""The machine of the stateful test: one desk, a venue that loses, doubles and delays, and what must hold after every step."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

try:
    from desk_builders import alive, at, intent, make_desk, perp, spot, wide
    from truth import ENDED, Truth, VenueOrder
except ModuleNotFoundError:  # started by `python -m`, where this folder is not on the path
    from tests.risk.desk_builders import alive, at, intent, make_desk, perp, spot, wide
    from tests.risk.truth import ENDED, Truth, VenueOrder
from trader.market.clock import Now
from trader.orders.account import AccountSnapshot
from trader.orders.order import Order, OrderReport, OrderState, Side
from trader.orders.reason import Reason
from trader.risk.desk import Granted, RiskDesk
from trader.risk.holds import ACCOUNT, Hold, HoldTable, Level
from trader.risk.memory import RiskMemory

D = Decimal
SYMBOLS = {"BTC-USD": D("0.05"), "ETH-USD": D("0.08"), "SOL-PERP": D("0.06")}
"""Each symbol's limit in base coins: independent of the mark, so it must hold at every moment."""
COUNTS: Counter[str] = Counter()
symbols = st.sampled_from(sorted(SYMBOLS))
commits = st.sampled_from([True] * 7 + [False])
"""Whether an intent becomes durable in time."""


def note(*happened: str) -> None:
    """Count what was reached."""
    COUNTS.update(happened)


outcomes = st.sampled_from(["accepted"] * 5 + ["fills first"] * 4 + ["no answer", "vanished", "not sent", "rejected"])


class DeskMachine(RuleBasedStateMachine):
    """See the module docstring."""

    @initialize()
    def open_desk(self) -> None:
        """Three symbols, a wallet, tight limits."""
        self.instruments = [
            spot("BTC-USD"),
            spot("ETH-USD"),
            perp("SOL-PERP", base_increment=D("0.1"), base_min_size=D("0.1")),
        ]
        self.limits = wide(
            max_position_base=SYMBOLS, max_exposure_pct=D("0.06"), max_open_orders_per_symbol=3, order_max_age_s=60.0
        )
        self.desk: RiskDesk = make_desk(*self.instruments, limits=self.limits)
        self.second = 0.0
        self.price = D(50_000)
        self.level = Level.NORMAL
        self.truth = Truth()
        self.venue = self.truth.orders
        self.on_wire: list[str] = []
        self.said: list[OrderReport] = []
        self.intents: list[Order] = []
        self.journal: list[OrderReport] = []
        self.memory: bytes | None = None
        self.made = 0

    # Helpers

    @property
    def now(self) -> Now:
        """The moment on both clocks."""
        return at(self.second)

    def tell(self, report: OrderReport) -> None:
        """Let the desk hear a report and make what changed durable."""
        booked = self.desk.on_report(report, self.now)
        if booked.changed:
            self.journal.append(report)

    def fresh(self) -> None:
        """Renew marks and heartbeats at the present price."""
        alive(self.desk, self.now, self.price)

    # Time and market

    @rule(seconds=st.sampled_from([0.2, 1.0, 3.0, 20.0]), ticks=st.integers(-60, 60))
    def time_passes(self, seconds: float, ticks: int) -> None:
        """Both clocks advance, the price moves, ticks run, due cancels and look-ups reach the venue."""
        self.second += seconds
        self.price = max(self.price + ticks, D(40_000))
        self.fresh()
        self.desk.on_tick(self.now)
        for order in self.desk.cancels_due(self.now):
            true = self.venue.get(order.client_order_id)
            if true is not None and true.state not in ENDED:
                true.state = OrderState.CANCELLED
                self.said.append(true.report(self.second))
                note("cancelled by us")

    @rule(level=st.sampled_from([Level.NORMAL] * 4 + [Level.REDUCE_ONLY] * 3 + [Level.HALTED]))
    def mode_changes(self, level: Level) -> None:
        """An operator places or lifts a hold."""
        self.level = level
        holds = () if level is Level.NORMAL else (Hold("operator", level, ACCOUNT, Reason.MODE_REDUCE_ONLY),)
        self.desk.set_holds(HoldTable(holds))

    # Orders

    @rule(symbol=symbols, size=st.integers(1, 90), commit=commits)
    def entry_goes_out(self, symbol: str, size: int, commit: bool) -> None:
        """A buy."""
        self.order_goes_out(symbol, Side.BUY, size, exits=False, sends=commit)

    @rule(symbol=symbols, size=st.integers(1, 90), commit=commits)
    def exit_goes_out(self, symbol: str, size: int, commit: bool) -> None:
        """An order against whatever is held."""
        side = Side.BUY if self.desk.ledger.positions[symbol].size < 0 else Side.SELL
        self.order_goes_out(symbol, side, size, exits=True, sends=commit)

    @rule(symbol=symbols, side=st.sampled_from(list(Side)), size=st.integers(1, 90), commit=commits)
    def any_order_goes_out(self, symbol: str, side: Side, size: int, commit: bool) -> None:
        """Whatever a broken strategy might wish."""
        self.order_goes_out(symbol, side, size, exits=False, sends=commit)

    def order_goes_out(self, symbol: str, side: Side, size: int, *, exits: bool, sends: bool) -> None:
        """An intent is decided, reserved and, unless the commit comes too late, approved and put on the wire."""
        self.fresh()
        units = D(size) / (10 if symbol == "SOL-PERP" else 1000)
        wish = intent(symbol, side, units, self.now, mark=self.price, reduce_only=exits)
        answer = self.desk.decide(wish, self.now)
        if not isinstance(answer, Granted):
            return
        self.made += 1
        note("granted", *(["cut to a cap"] if answer.binding_cap else []))
        order = self.desk.reserve(wish, answer, f"c{self.made}", self.now)
        self.intents.append(order)
        self.check_limits_after(symbol)
        if not sends:
            self.second += 3.0
            self.fresh()
        if self.desk.recheck(order.client_order_id, self.now) is not None:
            self.desk.release(order.client_order_id, "refused", self.now)
            note("refused at the recheck")
            return
        approval = self.desk.approve(order.client_order_id, self.now)
        assert approval.is_genuine
        assert self.level is not Level.HALTED, "I-13: nothing is approved while halted"
        if self.level is Level.REDUCE_ONLY:
            self.check_shrinks(self.desk.ledger.orders[order.client_order_id])
            note("approved in reduce-only")
        note("sent")
        self.on_wire.append(order.client_order_id)

    def check_limits_after(self, symbol: str) -> None:
        """I-06 at the moment of reservation, in USD."""
        ledger, equity = self.desk.ledger, self.desk.equity
        assert equity is not None
        within = ledger.total_exposure() <= self.limits.max_exposure_pct * equity
        assert within or ledger.orders[f"c{self.made}"].reduce_only

    def check_shrinks(self, order: Order) -> None:
        """I-11: the opposite side, and all reducing orders together no more than the position."""
        size = self.desk.ledger.positions[order.symbol].size
        assert size != 0
        assert (size > 0) != (order.side is Side.BUY)
        assert self.desk.ledger.remaining(order.symbol, order.side) <= abs(size)

    @precondition(lambda self: self.on_wire)
    @rule(
        data=st.data(),
        outcome=outcomes,
    )
    def post_ends(self, data: st.DataObject, outcome: str) -> None:
        """A post ends one of the ways a post can end."""
        name = self.on_wire.pop(data.draw(st.integers(0, len(self.on_wire) - 1)))
        order = self.desk.ledger.orders[name]
        note(outcome)
        if outcome == "not sent":
            self.desk.release(name, "refused connection", self.now)
            return
        if outcome == "vanished":
            self.desk.unknown(name, self.now)
            return
        true = self.venue[name] = VenueOrder(order)
        if outcome == "rejected":
            true.state = OrderState.REJECTED
        if outcome == "no answer":
            self.desk.unknown(name, self.now)
        elif outcome == "fills first":
            true.filled, true.value, true.state = order.size, order.size * self.price, OrderState.FILLED
            note("fill before the answer")
            self.said.append(true.report(self.second))
        else:
            self.tell(true.report(self.second))

    @precondition(lambda self: any(v.state not in ENDED for v in self.venue.values()))
    @rule(data=st.data(), part=st.sampled_from([D("0.3"), D(1)]))
    def venue_fills(self, data: st.DataObject, part: Decimal) -> None:
        """The venue fills a part of a live order, or all of it, and says so some day."""
        true = data.draw(st.sampled_from([v for v in self.venue.values() if v.state not in ENDED]))
        step = D("0.1") if true.order.symbol == "SOL-PERP" else D("0.00000001")
        rest = true.order.size - true.filled
        quantity = max((rest * part // step) * step, step) if part < 1 else rest
        true.filled += quantity
        true.value += quantity * self.price
        true.state = OrderState.FILLED if true.filled == true.order.size else OrderState.OPEN
        self.said.append(true.report(self.second))

    @precondition(lambda self: any(v.state not in ENDED for v in self.venue.values()))
    @rule(data=st.data())
    def venue_ends(self, data: st.DataObject) -> None:
        """The venue cancels a live order by itself."""
        true = data.draw(st.sampled_from([v for v in self.venue.values() if v.state not in ENDED]))
        true.state = OrderState.CANCELLED
        self.said.append(true.report(self.second))

    @precondition(lambda self: self.said)
    @rule(data=st.data(), forget=st.booleans())
    def report_arrives(self, data: st.DataObject, forget: bool) -> None:
        """Any report ever said arrives, perhaps not for the last time; or is lost."""
        index = data.draw(st.integers(0, len(self.said) - 1))
        self.tell(self.said[index])
        if forget:
            del self.said[index]

    # Proof

    @rule()
    def orders_are_looked_up(self) -> None:
        """Every due look-up is answered truly: found as it is, or absent as of a listing asked for now."""
        for order in self.desk.queries_due(self.now):
            name = order.client_order_id
            if name in self.on_wire:
                assert not self.desk.absent(name, self.desk.state.sent_at[name] + 14.9, self.now)
                continue
            if name in self.venue:
                note(*(["unknown found"] if order.state is OrderState.UNKNOWN else []))
                self.tell(self.venue[name].report(self.second))
            else:
                proven = self.desk.absent(name, self.now.machine_time, self.now)
                note("absence proven" if proven else "absence not yet proven")

    @rule(pause=st.sampled_from([0.0, 2.5, 7.0]))
    def account_is_read(self, pause: float) -> None:
        """Complete readings of the true account, far enough apart for a false difference to be believed."""
        for wait in (0.0, pause):
            self.second += wait
            self.fresh()
            true = self.true_snapshot()
            found = self.desk.reconcile(true, self.now)
            self.journal += true.open_orders if found.booked else ()
            note("reading", *(["reading books fills"] if found.booked else []))
            assert not found.mismatches, f"our own orders explain the venue's truth, yet: {found.mismatches[0].text}"
            assert not found.transfers, f"no money moved but by our fills, yet: {found.transfers}"

    def true_snapshot(self) -> AccountSnapshot:
        """The account as the venue would tell it."""
        usd = self.desk.ledger.wallets["USD"] if self.truth.has_traded("SOL-PERP") else None
        return self.truth.snapshot(self.now, self.price, usd)

    # Restarts

    @rule()
    def record_is_written(self) -> None:
        """A checkpoint: what came before it need not be replayed."""
        self.memory = self.desk.snapshot(self.now).to_bytes()
        self.intents, self.journal = [], []

    @rule(chance=st.integers(0, 5))
    def process_restarts(self, chance: int) -> None:
        """Everything in memory is gone; record and journal bring it back. What was on the wire arrives after all."""
        if chance:
            return
        before = {s: p.size for s, p in self.desk.ledger.positions.items()}
        desk = RiskDesk({i.symbol: i for i in self.instruments}, self.limits, self.desk.state.execution, None)
        memory = RiskMemory.from_bytes(self.memory) if self.memory is not None else None
        desk.restore(memory, self.intents, self.journal * 2, self.now)
        if self.memory is None:
            desk.ledger.set_wallet("USD", self.desk.ledger.wallets["USD"])
            desk.state.day.baseline = self.desk.state.day.baseline
        desk.state.reconciled = True
        desk.set_holds(self.desk.state.holds)
        self.desk = desk
        self.fresh()
        assert {s: p.size for s, p in desk.ledger.positions.items()} == before, "replay is idempotent and complete"
        note("restart", *(["restart with an order on the wire"] if self.on_wire else []))
        for name in self.on_wire:
            self.venue[name] = VenueOrder(desk.ledger.orders[name])
        self.on_wire = []

    # Always

    @invariant()
    def the_books_hold(self) -> None:
        """I-01, I-03, I-06, I-10, after every step."""
        if not hasattr(self, "desk"):
            return
        COUNTS["steps"] += 1
        ledger = self.desk.ledger
        ledger.audit()
        for order in ledger.orders.values():
            true = self.venue.get(order.client_order_id)
            told = true.filled if true is not None else D(0)
            assert order.filled_size <= min(order.size, told), "I-03: never beyond the order, never beyond the truth"
        for symbol, limit in SYMBOLS.items():
            worst = (
                self.truth.worst(symbol, [ledger.orders[name] for name in self.on_wire])
                * ledger.instruments[symbol].contract_size
            )
            assert worst <= limit, f"I-06: the venue could hold {worst} of {symbol}, limit {limit}"
            if not ledger.instruments[symbol].is_derivative:
                assert self.truth.position(symbol) >= 0, "coins held before are never sold"

    def teardown(self) -> None:
        """Deliver everything; the books equal the venue and no reservation is left (I-02, I-10)."""
        if not hasattr(self, "desk"):
            return
        for name in self.on_wire:
            self.desk.unknown(name, self.now)
        for true in self.venue.values():
            if true.state not in ENDED:
                true.state = OrderState.CANCELLED
            self.tell(true.report(self.second))
        self.second += 60.0
        for order in list(self.desk.ledger.live_orders()):
            if order.state is OrderState.RESERVED:
                self.desk.release(order.client_order_id, "end", self.now)
            elif order.client_order_id not in self.venue:
                assert self.desk.absent(order.client_order_id, self.now.machine_time, self.now)
        for symbol, position in self.desk.ledger.positions.items():
            assert position.size == self.truth.position(symbol), "I-02: each fill exactly once"
            assert self.desk.ledger.remaining(symbol, Side.BUY) == 0
            assert self.desk.ledger.remaining(symbol, Side.SELL) == 0
        assert not self.desk.state.reserved_at, "I-10: every reservation has ended"
