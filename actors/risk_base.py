"""What every part of the risk actor shares: the desk, the counts, and how others are told. `risk_orders.py` and `risk.py` build on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import msgspec
from loguru import logger

from actors.base import SupervisedActor, Surroundings
from actors.bookkeeping import Bookkeeper
from actors.figures import FillQuality, NearestMiss
from actors.flatten import CAUSE, Flattening
from actors.messages import Escalate, IntentRefused, PositionUpdate
from actors.reports import DecisionReport
from trader.market.clock import Now
from trader.market.instrument import Instrument
from trader.orders.order import Order, OrderIntent, OrderState
from trader.orders.reason import Reason
from trader.risk.desk import RiskDesk
from trader.risk.finding import Finding
from trader.risk.holds import ACCOUNT, UNTOLD, Hold, Level
from trader.risk.limits import ExecutionSettings, RiskLimits
from trader.risk.refusal import Refusal
from trader.risk.window import TradingWindow

WARN_AGAIN_S = 900.0


class RiskSettings(msgspec.Struct, frozen=True):
    """What risk needs of the configuration."""

    limits: RiskLimits
    execution: ExecutionSettings
    window: TradingWindow | None
    reconcile_every_s: float
    live: bool
    reconciled_within_s: float = float("inf")
    """Entries are refused while the last reading that was taken in is older."""


class RiskBase(SupervisedActor):
    """State and voice of the risk actor; it handles no message itself."""

    desk: RiskDesk
    keeper: Bookkeeper
    flattening: Flattening

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
        self._asked_account = self._taken_asked_at = float("-inf")
        self._reading = False
        self._next_reconcile = float("-inf")
        self._fills_read_until = 0.0
        self._told_views: dict[str, PositionUpdate] = {}
        self.answers: dict[str, str] = {}
        self.quality = FillQuality()
        self.misses = NearestMiss()
        self.drift = 0
        self._decided_at: dict[str, float] = {}
        self._warned: dict[tuple[str, str], float] = {}

    @property
    def is_reading_overdue(self) -> bool:
        """Whether the last account reading is too old to rest anything on."""
        return self.now.machine_time - self.reconciled_at > self._settings.reconciled_within_s

    def _order(self, client_order_id: str) -> Order:
        return self.desk.ledger.orders[client_order_id]

    def _see(self, market_time: float, machine_time: float) -> None:
        """Let time advance with a message that carries it; neither clock runs back."""
        now = self.now
        if machine_time >= now.machine_time and market_time >= now.market_time:
            self.now = Now(market_time, machine_time)
        elif machine_time > now.machine_time or market_time > now.market_time:
            self.now = Now(max(market_time, now.market_time), max(machine_time, now.machine_time))

    def _raise(self, findings: tuple[Finding, ...]) -> None:
        for finding in findings:
            hold = finding.hold(self.now.market_time)
            if hold is None:
                self._warn(finding)
                continue
            before = next((h for h in self.holds if (h.cause, h.scope) == (hold.cause, hold.scope)), None)
            if before is None:
                self.keeper.finding(finding, self.now)
            self.addresses.supervisor.tell(Escalate(hold))

    def _warn(self, finding: Finding) -> None:
        """Say a finding that holds nothing, in the log and the record, at most once in `WARN_AGAIN_S` for each guard and scope."""
        key = (finding.guard, finding.scope)
        if self.now.machine_time - self._warned.get(key, float("-inf")) >= WARN_AGAIN_S:
            self._warned[key] = self.now.machine_time
            logger.warning("{}: {}", finding.guard, finding.text)
            self.keeper.finding(finding, self.now)

    def _hold(self, cause: str, level: Level, reason: Reason, text: str) -> None:
        if not self.holds.has(cause):
            self.addresses.supervisor.tell(
                Escalate(Hold(cause, level, ACCOUNT, reason, text, "risk", self.now.market_time))
            )

    def _tell_position(self, symbol: str, settled: str = "") -> None:
        """Tell a symbol its position when it changed, or when an order of its own has ended."""
        if not self.recovered:
            return
        update = PositionUpdate(
            symbol, self.desk.position_view(symbol), settled, self.desk.state.stop_peaks.get(symbol)
        )
        if not settled and self._told_views.get(symbol) == update:
            return
        if self.addresses.symbols[symbol].tell(update):
            self._told_views[symbol] = msgspec.structs.replace(update, settled="")

    def _refuse(self, intent: OrderIntent, refusal: Refusal) -> None:
        self.refused += 1
        self.reasons[intent.symbol, refusal.reason] += 1
        before = self.outcomes.get(intent.symbol)
        self.outcomes[intent.symbol] = DecisionReport(
            intent.symbol, "hold", refusal.reason, refusal.text, self.now.market_time
        )
        if before is None or before.reason is not refusal.reason:
            logger.info("{} {} refused: {} {}", intent.symbol, intent.side.lower(), refusal.reason, refusal.text)
        self.misses.note(intent.symbol, refusal.reason, refusal.text, refusal.used, refusal.limit, self.now.market_time)
        self.keeper.rejected(intent, refusal, self.now)
        if intent.by_operator and intent.reason == CAUSE and self.flattening.refused(intent.symbol, refusal, self.now):
            logger.warning("flatten {} refused, tried again: {} {}", intent.symbol, refusal.reason, refusal.text)
        self.addresses.symbols[intent.symbol].tell(
            IntentRefused(intent.decision_id, intent.symbol, refusal.reason, refusal.text, intent.reduce_only)
        )

    def _release(self, client_order_id: str, why: str, reason: Reason) -> None:
        """Void a reservation that is proven never to have left."""
        self._waiting.pop(client_order_id, None)
        self._decided_at.pop(client_order_id, None)
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
