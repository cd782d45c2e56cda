"""The risk actor: the one place where every order is checked and reserved, and where the books are kept.

A thin shell around `RiskDesk`: it turns messages into calls and what comes back into messages, events and holds. A check and its
reservation are one turn; the reservation is durable before the broker hears of it; nothing it does waits for anybody. While it
recovers, nothing can be approved.
"""

from __future__ import annotations

from typing import assert_never

from loguru import logger

from actors.bookkeeping import Bookkeeper
from actors.flatten import Flattening
from actors.messages import (
    AccountRead,
    CancelAnswered,
    CancelIntent,
    CancelOrder,
    ClearDailyLoss,
    CommitFailed,
    Committed,
    Evaluations,
    FeedState,
    FetchAccount,
    Flatten,
    Hello,
    MarkRuns,
    NewLimits,
    OrderAbsent,
    OrderNotSent,
    OrderRefused,
    OrderUnknown,
    PeerRestarted,
    QueryOrder,
    Quiesced,
    Ready,
    RiskMessage,
    SetMode,
    StopChild,
    StopPeak,
    Tick,
    VenueAnswered,
    VenueTrouble,
)
from actors.risk_orders import RiskOrders
from actors.riskreport import risk_report
from trader.market.clock import Now
from trader.market.quote import BookTop, Quote
from trader.orders.order import OrderIntent, OrderReport, OrderState
from trader.orders.reason import Reason
from trader.risk.desk import RiskDesk
from trader.risk.granted import Reconciliation
from trader.risk.holds import Level
from trader.venue import FeedEvent

ACCOUNT_RETRY_S = 1.0
ACCOUNT_PATIENCE_S = 8.0
"""A reading takes this long at most before a second one is asked for; whichever comes later than the last taken counts."""
AGAIN_SOON_S = 2.0
COMMIT_SLOW_S = 2.0
FILLS_OVERLAP_S = 120.0
ANSWERS_KEPT = 20


class Risk(RiskOrders):
    """See the module docstring."""

    records_inputs = True

    def prepare(self) -> None:
        """Rebuild the books from the journal; the venue's word follows with the first account reading."""
        settings = self._settings
        self.desk = RiskDesk(self._instruments, settings.limits, settings.execution, settings.window)
        self.desk.set_holds(self.holds)
        self.keeper = Bookkeeper(self.surroundings.events, self.desk, self._on_store_failure)
        self._fills_read_until = self.keeper.restore(self.now)
        self.flattening = Flattening(self.desk)
        if self._fills_read_until:
            self._ask_account()

    def handle(self, message: RiskMessage) -> None:
        """Handle one message."""
        match message:
            case Quote():
                self._see(message.market_time, message.machine_time)
                self.desk.on_quote(message)
                if self.desk.alarmed(message.symbol):
                    self._raise(self.desk.on_tick(self.now))
            case FeedState():
                self.desk.on_heartbeats(message.market_heartbeat_at, message.user_heartbeat_at)
            case BookTop():
                self.desk.on_book(message)
            case OrderIntent():
                self._on_intent(message)
            case Committed():
                self._on_committed(message.client_order_id)
            case OrderReport():
                self._book(self.desk.on_report(message, self.now))
            case Tick():
                self._on_tick(message.now)
            case Evaluations():
                self.evaluated[message.symbol, message.incarnation] = message.counts
            case SetMode():
                changed = message.holds != self.holds
                self.holds = message.holds
                self.desk.set_holds(message.holds)
                if changed:
                    self._cancel_due()
            case _:
                self._handle_rare(message)

    def _handle_rare(
        self,
        message: (
            FeedEvent
            | MarkRuns
            | PeerRestarted
            | CancelIntent
            | CommitFailed
            | OrderNotSent
            | OrderUnknown
            | OrderRefused
            | OrderAbsent
            | CancelAnswered
            | AccountRead
            | Hello
            | StopPeak
            | VenueTrouble
            | VenueAnswered
            | Flatten
            | ClearDailyLoss
            | NewLimits
            | StopChild
        ),
    ) -> None:
        match message:
            case VenueAnswered():
                self.desk.on_request(self.now, failed=False)
            case MarkRuns():
                self._on_runs(message)
            case VenueTrouble():
                self._on_trouble(message)
            case OrderNotSent() | OrderUnknown() | OrderRefused() | OrderAbsent() | CancelAnswered() | CommitFailed():
                self._on_order_news(message)
            case AccountRead():
                self._on_account(message)
            case Hello():
                self._told_views.pop(message.symbol, None)
                self._tell_position(message.symbol)
            case StopPeak():
                self.desk.state.note_peak(message.symbol, message.half_ticks)
            case FeedEvent():
                self.desk.on_feed(message)
                if message.gap or message.up:
                    self._next_reconcile = self.now.machine_time
            case PeerRestarted():
                self._on_peer(message)
            case CancelIntent():
                self.desk.cancel_symbol(message.symbol, message.reason)
            case Flatten() | ClearDailyLoss() | NewLimits():
                self._on_operator(message)
            case StopChild():
                self.keeper.checkpoint(self.now)
                self.stop()
            case _:
                assert_never(message)

    def _on_runs(self, message: MarkRuns) -> None:
        """Take bars that `RiskDesk.quiet_bars` has found to ring no alarm: what many quotes would have left, in one step."""
        last = message.runs[-1].quote
        self._see(last.market_time, last.machine_time)
        self.desk.on_heartbeats(last.machine_time, last.machine_time)
        self.desk.on_runs(message.runs)

    def _on_order_news(
        self, message: OrderNotSent | OrderUnknown | OrderRefused | OrderAbsent | CancelAnswered | CommitFailed
    ) -> None:
        match message:
            case OrderNotSent():
                self._release(message.client_order_id, message.why, Reason.EXPIRED)
            case OrderUnknown():
                self._on_unknown(message)
            case OrderRefused():
                self._on_venue_refused(message)
            case OrderAbsent():
                self._on_absent(message)
            case CancelAnswered():
                self._on_cancel_answered(message)
            case CommitFailed():
                self._on_commit_failed(message)
            case _:
                assert_never(message)

    def _on_peer(self, message: PeerRestarted) -> None:
        """A new broker knows nothing: what was sent and not answered is unknown until the venue says otherwise (S11)."""
        if message.name == "broker":
            for order in tuple(self.desk.ledger.live_orders()):
                if order.state is OrderState.SENT:
                    self.desk.unknown(order.client_order_id, self.now)
            self._next_reconcile, self._reading = self.now.machine_time, False
        elif message.name in self._instruments:
            self._told_views.pop(message.name, None)

    # --- the account -------------------------------------------------------------------------------------------------------

    def _on_store_failure(self, reason: str) -> None:
        """Hear from the store's writer thread that something could not be kept."""
        self.addresses.risk.tell(CommitFailed("", reason))

    def _ask_account(self) -> None:
        """Ask for one reading; another is asked for only when this one has failed or is long overdue."""
        self._request += 1
        self._asked_account = self.now.machine_time
        self._reading = self.addresses.broker.tell(FetchAccount(self._request, self._fills_since()))

    def _fills_since(self) -> float:
        """Return the market time from which fills are asked for: a while before what the books already hold.

        On a first start there is nothing of ours before now.
        """
        return max((self._fills_read_until or self.now.market_time) - FILLS_OVERLAP_S, 0.0)

    def _on_account(self, message: AccountRead) -> None:
        self._reading = False
        if message.snapshot.asked_at <= self._taken_asked_at:
            return
        self._taken_asked_at = message.snapshot.asked_at
        result = self.desk.reconcile(message.snapshot, self.now)
        self.clean, self.reconciled_at = result.clean, self.now.machine_time
        self._fills_read_until = message.snapshot.market_time
        self._next_reconcile = self.now.machine_time + (
            AGAIN_SOON_S if result.again_soon else self._settings.reconcile_every_s
        )
        self._after_reconciliation(result)
        if not self.recovered and not result.again_soon:
            self.recovered = True
            logger.info("reconciled with the venue: {}", "clean" if result.clean else "with differences")
        for symbol in self._instruments:
            self._tell_position(symbol)

    def _after_reconciliation(self, result: Reconciliation) -> None:
        for booked in result.booked:
            self._book(booked)
        self.drift += len(result.mismatches)
        self._raise(result.findings)
        for order in result.adoptions:
            logger.warning("found an order that is not ours: {} {} {}", order.side, order.size, order.symbol)
        self.keeper.reconciled(result, self.now)
        for payment in result.funding:
            self.keeper.funding(payment, self.now)
        for client_order_id in result.resolved:
            order = self._order(client_order_id)
            self._tell_position(order.symbol, order.decision_id if not order.is_live else "")

    # --- time --------------------------------------------------------------------------------------------------------------

    def _on_tick(self, now: Now) -> None:
        self._see(now.market_time, now.machine_time)
        self._raise(self.desk.on_tick(self.now))
        self._send_exits()
        for payment in self.desk.accrue_funding(self.now):
            self.keeper.funding(payment, self.now)
        self._cancel_due()
        for order in self.desk.queries_due(self.now):
            self.addresses.broker.tell(
                QueryOrder(order.client_order_id, order.order_id, order.symbol, order.created_at)
            )
        self._judge_store()
        patience = ACCOUNT_PATIENCE_S if self._reading else ACCOUNT_RETRY_S
        overdue = self.now.machine_time - self._asked_account > patience
        if overdue and (not self.recovered or self.now.machine_time >= self._next_reconcile):
            self._ask_account()
        if self.recovered:
            self.addresses.supervisor.tell(Ready(self.name, self.incarnation))
        if self.holds.has("stopping") or self.holds.mode() is Level.HALTED:
            self.addresses.supervisor.tell(self._quiesced())
        self.keeper.on_tick(self.now)
        self.publish(risk_report(self))

    def _send_exits(self) -> None:
        """Pass the exits that nobody's strategy decides on: a person's flatten, and those risk itself forces."""
        if self.recovered:
            for intent in (*self.desk.forced_exits(self.now), *self.flattening.due(self.holds, self.now)):
                self._on_intent(intent)

    def _on_operator(self, message: Flatten | ClearDailyLoss | NewLimits) -> None:
        match message:
            case Flatten():
                logger.warning("flatten {}, asked by {}", ", ".join(message.symbols), message.by)
                self.flattening.begin(message.symbols, message.request)
            case ClearDailyLoss():
                self._on_clear_daily_loss(message)
            case NewLimits():
                self.desk.update_limits(message.limits)
                self.desk.state.execution, self.desk.state.window = message.execution, message.window

    def _on_clear_daily_loss(self, message: ClearDailyLoss) -> None:
        """Measure the day's loss anew; kept in the record at once, so that a restart does not undo it."""
        before = self.desk.state.day_result()
        self.desk.clear_daily_loss()
        self.keeper.checkpoint(self.now)
        told = f"was {-before.total:.2f} USD" if before is not None else "nothing was counted yet"
        self.answers[message.request] = f"the day's loss counts from now on ({told})"
        if len(self.answers) > ANSWERS_KEPT:
            del self.answers[next(iter(self.answers))]
        logger.warning("the day's loss is measured anew, asked by {}", message.by)

    def _cancel_due(self) -> None:
        """Ask for the cancels that are due; a change of mode does not wait for the next tick."""
        for order in self.desk.cancels_due(self.now):
            self.addresses.broker.tell(CancelOrder(order.client_order_id, order.order_id, order.symbol, order.note))

    def _quiesced(self) -> Quiesced:
        live = [order for order in self.desk.ledger.live_orders() if not order.foreign]
        return Quiesced(len(live), sum(order.state is OrderState.UNKNOWN for order in live))

    def _judge_store(self) -> None:
        """A commit that takes longer than two seconds means the disk cannot keep up: reduce-only (F-S07).

        The intents themselves expire: nothing has been sent, and a `Committed` that comes later finds nothing waiting.
        """
        slow = [coid for coid, asked_at in self._waiting.items() if self.now.machine_time - asked_at > COMMIT_SLOW_S]
        if slow:
            text = f"{len(slow)} intents wait for the disk longer than {COMMIT_SLOW_S:g} s"
            self._hold("store_slow", Level.REDUCE_ONLY, Reason.STORE_SLOW, text)
        for client_order_id in slow:
            self._release(client_order_id, "the disk did not answer in time", Reason.STORE_SLOW)
