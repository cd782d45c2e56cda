"""The risk actor: the one place where every order is checked and reserved, and where the books are kept.

A thin shell around `RiskDesk`: it turns messages into calls and what comes back into messages, events and holds. A check and its
reservation are one turn; the reservation is durable before the broker hears of it; nothing it does waits for anybody. While it
recovers, nothing can be approved.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import assert_never

import msgspec
from loguru import logger

from actors.base import SupervisedActor, Surroundings
from actors.bookkeeping import Bookkeeper
from actors.flatten import CAUSE, Flattening
from actors.messages import (
    AccountRead,
    CancelAnswered,
    CancelIntent,
    CancelOrder,
    ClearDailyLoss,
    CommitFailed,
    Committed,
    Escalate,
    Evaluations,
    FeedState,
    FetchAccount,
    Flatten,
    Hello,
    IntentRefused,
    NewLimits,
    OrderAbsent,
    OrderNotSent,
    OrderRefused,
    OrderUnknown,
    PeerRestarted,
    PlaceOrder,
    PositionUpdate,
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
from actors.reports import DecisionReport
from actors.riskreport import risk_report
from trader.market.clock import Now
from trader.market.instrument import Instrument
from trader.market.quote import BookTop, Quote
from trader.orders.order import Order, OrderIntent, OrderReport, OrderState
from trader.orders.reason import Reason
from trader.risk.desk import RiskDesk
from trader.risk.finding import Finding
from trader.risk.granted import Booked, Reconciliation
from trader.risk.holds import ACCOUNT, UNTOLD, Hold, Level
from trader.risk.limits import ExecutionSettings, RiskLimits
from trader.risk.refusal import Refusal
from trader.risk.window import TradingWindow
from trader.store import events as stored
from trader.venue import FeedEvent

ACCOUNT_RETRY_S = 1.0
AGAIN_SOON_S = 2.0
COMMIT_SLOW_S = 2.0
FILLS_OVERLAP_S = 120.0
ANSWERS_KEPT = 20


class RiskSettings(msgspec.Struct, frozen=True):
    """What risk needs of the configuration."""

    limits: RiskLimits
    execution: ExecutionSettings
    window: TradingWindow | None
    reconcile_every_s: float
    live: bool


class Risk(SupervisedActor):
    """See the module docstring."""

    records_inputs = True

    def __init__(
        self,
        name: str,
        incarnation: int,
        surroundings: Surroundings,
        instruments: Mapping[str, Instrument],
        settings: RiskSettings,
    ) -> None:
        super().__init__(name, incarnation, surroundings)
        self._instruments = instruments
        self._settings = settings
        self.holds = UNTOLD
        self.recovered = False
        self.clean = False
        self.reconciled_at = float("-inf")
        self.trouble = ""
        self.placed = self.refused = self.venue_refused = self.fills = 0
        self.reasons: Counter[tuple[str, Reason]] = Counter()
        self.evaluated: dict[tuple[str, int], tuple[tuple[Reason, int], ...]] = {}
        self.outcomes: dict[str, DecisionReport] = {}
        self._waiting: dict[str, float] = {}
        self._request = 0
        self._asked_account = float("-inf")
        self._next_reconcile = float("-inf")
        self._fills_read_until = 0.0
        self._told_views: dict[str, PositionUpdate] = {}
        self.peaks: dict[str, int | None] = {}
        self.answers: dict[str, str] = {}

    def prepare(self) -> None:
        """Rebuild the books from the journal; the venue's word follows with the first account reading."""
        settings = self._settings
        self.desk = RiskDesk(self._instruments, settings.limits, settings.execution, settings.window)
        self.desk.set_holds(self.holds)
        self.keeper = Bookkeeper(self.surroundings.events, self.desk)
        self.keeper.restore(self.now)
        self.flattening = Flattening(self.desk)
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
                self.peaks[message.symbol] = message.half_ticks
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

    def _order(self, client_order_id: str) -> Order:
        return self.desk.ledger.orders[client_order_id]

    def _see(self, market_time: float, machine_time: float) -> None:
        """Let time advance with a message that carries it; neither clock runs back."""
        now = self.now
        if machine_time > now.machine_time or market_time > now.market_time:
            self.now = Now(max(market_time, now.market_time), max(machine_time, now.machine_time))

    # --- an intent's way to the broker -------------------------------------------------------------------------------------

    def _on_intent(self, intent: OrderIntent) -> None:
        self._see(intent.market_time, intent.machine_time)
        if not self.recovered:
            self._refuse(intent, Refusal(Reason.NOT_RECONCILED, "risk is still reading the account"))
            return
        decided = self.desk.decide(intent, self.now)
        if isinstance(decided, Refusal):
            self._refuse(intent, decided)
            return
        order = self.desk.reserve(intent, decided, self.surroundings.new_id(), self.now)
        self._waiting[order.client_order_id] = self.now.machine_time
        address, coid, asked_at = self.addresses.risk, order.client_order_id, self.now.machine_time

        def done(result: stored.Committed | stored.CommitFailed) -> None:
            if isinstance(result, stored.Committed):
                address.tell(Committed(coid, asked_at))
            else:
                address.tell(CommitFailed(coid, result.reason))

        self.keeper.intent(order, decided, intent, self.now, done)

    def _on_committed(self, client_order_id: str) -> None:
        """The intent is on the disk: look once more, then and only then let the broker have it."""
        if self._waiting.pop(client_order_id, None) is None:
            return
        order = self._order(client_order_id)
        refusal = self.desk.recheck(client_order_id, self.now)
        if refusal is not None:
            self._release(client_order_id, refusal.text, refusal.reason)
            return
        approval = self.desk.approve(client_order_id, self.now)
        if not self.addresses.broker.tell(PlaceOrder(approval)):
            self._release(client_order_id, "the broker is restarting", Reason.ACTOR_RESTARTING)
            return
        self.placed += 1
        self._count(
            order, Reason.EXIT_SENT if order.reduce_only else Reason.ENTRY_SENT, f"{order.side} {order.size} sent"
        )

    def _refuse(self, intent: OrderIntent, refusal: Refusal) -> None:
        self.refused += 1
        self.reasons[intent.symbol, refusal.reason] += 1
        before = self.outcomes.get(intent.symbol)
        self.outcomes[intent.symbol] = DecisionReport(
            intent.symbol, "hold", refusal.reason, refusal.text, self.now.market_time
        )
        if before is None or before.reason is not refusal.reason:
            logger.info("{} {} refused: {} {}", intent.symbol, intent.side.lower(), refusal.reason, refusal.text)
        self.keeper.rejected(intent, refusal, self.now)
        if intent.by_operator and intent.reason == CAUSE and self.flattening.refused(intent.symbol, refusal, self.now):
            logger.warning("flatten {} refused, tried again: {} {}", intent.symbol, refusal.reason, refusal.text)
        self.addresses.symbols[intent.symbol].tell(
            IntentRefused(intent.decision_id, intent.symbol, refusal.reason, refusal.text, intent.reduce_only)
        )

    def _release(self, client_order_id: str, why: str, reason: Reason) -> None:
        """Void a reservation that is proven never to have left."""
        self._waiting.pop(client_order_id, None)
        order = self._order(client_order_id)
        before = order.state
        self.desk.release(client_order_id, why, self.now)
        if before is OrderState.RESERVED:
            self.reasons[order.symbol, reason] += 1
            self.outcomes[order.symbol] = DecisionReport(order.symbol, "hold", reason, why, self.now.market_time)
        self.keeper.outcome(self._order(client_order_id), "released", why, self.now)
        logger.info("{} {} not sent: {}", order.symbol, order.side.lower(), why)
        self._tell_position(order.symbol, order.decision_id)

    def _count(self, order: Order, reason: Reason, text: str) -> None:
        self.reasons[order.symbol, reason] += 1
        self.outcomes[order.symbol] = DecisionReport(
            order.symbol, order.side.lower(), reason, text, self.now.market_time
        )
        self.keeper.outcome(order, "sent", text, self.now)
        logger.info("{} {} {} sent ({})", order.symbol, order.side.lower(), order.size, order.client_order_id[:8])

    # --- what becomes of an order ------------------------------------------------------------------------------------------

    def _book(self, booked: Booked) -> None:
        """Let a report's effects out: events first, then positions, holds and the symbol."""
        if booked.problem:
            logger.warning("a report was left out: {}", booked.problem)
        self._raise(booked.findings)
        order = booked.order
        if order is None or not booked.changed:
            return
        self.keeper.booked(booked, self.now)
        if booked.fill is not None and booked.fill.size:
            self.fills += 1
            fill = booked.fill
            logger.info(
                "{} filled {} {} at {}, fee {}", fill.symbol, fill.side.lower(), fill.size, fill.price, fill.fee
            )
            self._raise(self.desk.on_tick(self.now))
        if booked.position is not None and not booked.position.size:
            self.peaks.pop(order.symbol, None)
        if booked.adopted:
            self._next_reconcile = self.now.machine_time
        self._tell_position(order.symbol, order.decision_id if not order.is_live else "")

    def _on_unknown(self, message: OrderUnknown) -> None:
        order = self._order(message.client_order_id)
        logger.warning(
            "{} {}: outcome unknown ({}), counted as open", order.symbol, order.client_order_id[:8], message.why
        )
        self.desk.unknown(message.client_order_id, self.now, message.why)
        self.keeper.outcome(self._order(message.client_order_id), "unknown", message.why, self.now)

    def _on_venue_refused(self, message: OrderRefused) -> None:
        self.venue_refused += 1
        order = self._order(message.client_order_id)
        logger.warning(
            "{} {} refused by the venue: {} {}", order.symbol, order.side.lower(), message.code, message.text
        )
        self.outcomes[order.symbol] = DecisionReport(
            order.symbol, "hold", Reason.VENUE_REFUSED, f"{message.code} {message.text}".strip(), self.now.market_time
        )
        report = OrderReport(
            client_order_id=order.client_order_id,
            order_id="",
            symbol=order.symbol,
            state=OrderState.REJECTED,
            market_time=self.now.market_time,
            source="ack",
            reason=f"{message.code} {message.text}".strip(),
        )
        self._book(self.desk.on_report(report, self.now))

    def _on_absent(self, message: OrderAbsent) -> None:
        if not self.desk.absent(message.client_order_id, message.asked_at, self.now):
            return
        order = self._order(message.client_order_id)
        logger.warning("{} {} never reached the venue: released", order.symbol, order.client_order_id[:8])
        self.keeper.outcome(order, "absent", "proven absent", self.now)
        self._tell_position(order.symbol, order.decision_id)

    def _on_cancel_answered(self, message: CancelAnswered) -> None:
        if not message.result.accepted:
            logger.debug("cancel of {} not accepted: {}", message.client_order_id[:8], message.result.reason)
            self.desk.care.flag_missing(message.client_order_id)

    def _on_trouble(self, message: VenueTrouble) -> None:
        self.trouble = f"{message.what}: {message.error}"
        self.desk.on_request(self.now, failed=True)
        if message.fatal:
            self._hold("auth_lost", Level.HALTED, Reason.AUTH_LOST, f"the venue refuses the key: {message.error}")

    def _on_commit_failed(self, message: CommitFailed) -> None:
        self._release(message.client_order_id, f"not durable: {message.reason}", Reason.STORE_SLOW)
        self._hold("store_failed", Level.HALTED, Reason.STORE_SLOW, f"the event store failed: {message.reason}")

    def _on_peer(self, message: PeerRestarted) -> None:
        """A new broker knows nothing: what was sent and not answered is unknown until the venue says otherwise (S11)."""
        if message.name == "broker":
            for order in tuple(self.desk.ledger.live_orders()):
                if order.state is OrderState.SENT:
                    self.desk.unknown(order.client_order_id, self.now)
            self._next_reconcile = self.now.machine_time
        elif message.name in self._instruments:
            self._told_views.pop(message.name, None)

    # --- the account -------------------------------------------------------------------------------------------------------

    def _ask_account(self) -> None:
        self._request += 1
        self._asked_account = self.now.machine_time
        self.addresses.broker.tell(FetchAccount(self._request, self._fills_since()))

    def _fills_since(self) -> float:
        """Return the market time from which fills are asked for: a while before the last reading that was taken in."""
        return self._fills_read_until - FILLS_OVERLAP_S if self._fills_read_until else 0.0

    def _on_account(self, message: AccountRead) -> None:
        if message.request_id != self._request:
            return
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
        overdue = self.now.machine_time - self._asked_account > ACCOUNT_RETRY_S
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

    # --- telling others ----------------------------------------------------------------------------------------------------

    def _raise(self, findings: tuple[Finding, ...]) -> None:
        for finding in findings:
            hold = finding.hold(self.now.market_time)
            if hold is None:
                logger.debug("{}: {}", finding.guard, finding.text)
                continue
            before = next((h for h in self.holds if (h.cause, h.scope) == (hold.cause, hold.scope)), None)
            if before is None:
                self.keeper.finding(finding, self.now)
            self.addresses.supervisor.tell(Escalate(hold))

    def _hold(self, cause: str, level: Level, reason: Reason, text: str) -> None:
        if not self.holds.has(cause):
            self.addresses.supervisor.tell(
                Escalate(Hold(cause, level, ACCOUNT, reason, text, "risk", self.now.market_time))
            )

    def _tell_position(self, symbol: str, settled: str = "") -> None:
        """Tell a symbol its position when it changed, or when an order of its own has ended."""
        if not self.recovered:
            return
        update = PositionUpdate(symbol, self.desk.position_view(symbol), settled, self.peaks.get(symbol))
        if not settled and self._told_views.get(symbol) == update:
            return
        if self.addresses.symbols[symbol].tell(update):
            self._told_views[symbol] = msgspec.structs.replace(update, settled="")
