"""The broker actor: owns the venue's REST workers and feeds, keeps the set of orders on the wire, and is the last gate.

Its handlers only look and hand over; whatever waits for the network runs on workers, whose outcomes go straight to risk. It sends
nothing without an Approval that is alive, unused, matching and allowed by the mode of this moment (rules S2, S16; I-04, C-18).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, assert_never

from loguru import logger

from actors.base import SupervisedActor, Surroundings
from actors.calls import Caller
from actors.feedsink import FeedSink, MarkRing
from actors.feedvoice import FeedVoice
from actors.messages import (
    BrokerMessage,
    CancelAll,
    CancelOrder,
    Escalate,
    FeedState,
    FetchAccount,
    FetchHistory,
    History,
    OrderNotSent,
    PeerRestarted,
    PlaceOrder,
    QueryOrder,
    Ready,
    SetMode,
    StopChild,
    Tick,
)
from actors.reports import BrokerReport
from actors.workers import Urgency
from trader.market.clock import Now
from trader.market.instrument import Instrument
from trader.orders.reason import Reason
from trader.risk.approval import Approval
from trader.risk.holds import ACCOUNT, UNTOLD, Hold, Level
from trader.risk.limits import ExecutionSettings
from trader.venue import FeedEvent, FeedHeartbeat, FeedItem, FeedKind, Venue

RING_BARS = 600
USED_APPROVALS_KEPT = 10_000
FLAPPING, FLAPPING_S = 20, 60.0


class Workers(Protocol):
    """Where blocking jobs run."""

    def submit(self, urgency: Urgency, job: Callable[[], None]) -> None:
        """Queue a job; returns at once."""
        ...


class VenuePorts(Protocol):
    """The outside of one broker incarnation: made anew for each, closed by `stopped` turning true."""

    venue: Venue
    dry_run: bool
    shut: bool
    """Set by the main thread before the cold path: from then on nothing leaves, whatever the actors believe."""

    def open_workers(self, name: str, stopped: Callable[[], bool]) -> Workers:
        """Start the workers of this incarnation."""
        ...

    def open_feeds(self, name: str, deliver: Callable[[FeedItem], None], stopped: Callable[[], bool]) -> None:
        """Start the feeds of this incarnation; they deliver from their own threads until `stopped()`."""
        ...

    def on_heartbeat(self, beat: FeedHeartbeat) -> None:
        """Hear the venue's clock. Feed threads."""
        ...


class Broker(SupervisedActor):
    """See the module docstring."""

    def __init__(
        self,
        name: str,
        incarnation: int,
        surroundings: Surroundings,
        ports: VenuePorts,
        instruments: Mapping[str, Instrument],
        execution: ExecutionSettings,
        bar_seconds: int,
    ) -> None:
        super().__init__(name, incarnation, surroundings)
        self._ports = ports
        self._instruments = instruments
        self._execution = execution
        self._bar_seconds = bar_seconds
        self._holds = UNTOLD
        self._used: dict[str, None] = {}
        self._rings = {symbol: MarkRing(bar_seconds, RING_BARS) for symbol in instruments}
        self._up = {FeedKind.MARKET: False, FeedKind.USER: False}
        self._heartbeat_at = {FeedKind.MARKET: float("-inf"), FeedKind.USER: float("-inf")}
        self._voices = {kind: FeedVoice(kind) for kind in self._up}
        self._reconnects = 0
        self._drops: deque[float] = deque(maxlen=FLAPPING)
        self._gaps = 0
        self._would_send = 0
        self._ready_told = False

    def prepare(self) -> None:
        """Start workers and feeds: feeds are up before risk reads the account."""
        name = f"{self.name}#{self.incarnation}"
        self._caller = Caller(
            self._ports.venue,
            self.addresses,
            self.incarnation,
            self._execution,
            self.surroundings.machine_time,
            self._allows,
        )
        self._workers = self._ports.open_workers(name, self.actor_stopped.is_set)
        self._sink = FeedSink(self.addresses, self._rings, self._ports.on_heartbeat, self.actor_stopped.is_set)
        self._ports.open_feeds(name, self._sink.deliver, self.actor_stopped.is_set)

    def handle(self, message: BrokerMessage) -> None:
        """Handle one message."""
        match message:
            case PlaceOrder():
                self._place(message.approval)
            case CancelOrder():
                self._workers.submit(Urgency.CANCEL, lambda: self._caller.cancel(message))
            case QueryOrder():
                self._workers.submit(Urgency.QUERY, lambda: self._caller.query(message))
            case FetchAccount():
                wire = self._caller.wire_set()
                symbols = tuple(self._instruments)
                self._workers.submit(Urgency.ACCOUNT, lambda: self._caller.account(message, symbols, wire))
            case FetchHistory():
                self._fetch_history(message)
            case CancelAll():
                if self._caller.begins_cancel_all(message.request_id):
                    self._workers.submit(Urgency.CANCEL_ALL, lambda: self._caller.cancel_all(message))
            case FeedHeartbeat():
                self._heartbeat_at[message.kind] = message.machine_time
                self._up[message.kind] = True
            case FeedEvent():
                self._on_feed(message)
            case SetMode():
                self._holds = message.holds
            case Tick():
                self._on_tick(message.now)
            case PeerRestarted():
                pass
            case StopChild():
                self.stop()
            case _:
                assert_never(message)

    def _on_tick(self, now: Now) -> None:
        self.now = now
        for voice in self._voices.values():
            if line := voice.on_tick(now.machine_time):
                logger.info("{}", line)
        state = FeedState(
            market_up=self._up[FeedKind.MARKET],
            user_up=self._up[FeedKind.USER],
            market_heartbeat_at=self._heartbeat_at[FeedKind.MARKET],
            user_heartbeat_at=self._heartbeat_at[FeedKind.USER],
        )
        self.addresses.risk.tell(state)
        for address in self.addresses.symbols.values():
            address.tell(state)
        if not self._ready_told and all(self._up.values()):
            self._ready_told = True
        if self._ready_told:
            self.addresses.supervisor.tell(Ready(self.name, self.incarnation))
        figures = self._caller.figures()
        self.publish(
            BrokerReport(
                market_up=state.market_up,
                user_up=state.user_up,
                market_heartbeat_at=state.market_heartbeat_at,
                user_heartbeat_at=state.user_heartbeat_at,
                reconnects=self._reconnects,
                gaps=self._gaps,
                calls=figures.calls,
                call_errors=figures.errors,
                call_p95_s=figures.p95_s,
                on_wire=len(self._caller.wire_set()),
                would_send=self._would_send,
                items=self._sink.delivered,
            )
        )

    def _on_feed(self, event: FeedEvent) -> None:
        was_up = self._up[event.kind]
        self._up[event.kind] = event.up
        if event.up:
            self._heartbeat_at[event.kind] = event.machine_time
        if was_up and not event.up:
            self._reconnects += 1
            self._judge_flapping(event)
            if line := self._voices[event.kind].down(event.reason, event.machine_time):
                logger.warning("{}", line)
        elif event.up and not was_up and (line := self._voices[event.kind].up(event.machine_time)):
            logger.info("{}", line)
        if event.gap:
            self._gaps += 1

    def _judge_flapping(self, event: FeedEvent) -> None:
        """A connection that drops again and again feeds nobody: the account goes reduce-only (F-W13)."""
        self._drops.append(event.machine_time)
        if len(self._drops) == FLAPPING and event.machine_time - self._drops[0] < FLAPPING_S:
            text = f"{FLAPPING} connections lost within {FLAPPING_S:g} s, the last: {event.reason}"
            hold = Hold("feed_flapping", Level.REDUCE_ONLY, ACCOUNT, Reason.FEED_DOWN, text, "broker")
            self.addresses.supervisor.tell(Escalate(hold))

    # --- the last gate -----------------------------------------------------------------------------------------------------

    def _place(self, approval: Approval) -> None:
        client_order_id = approval.request.client_order_id
        refused = self._gate(approval)
        if refused:
            self.addresses.risk.tell(OrderNotSent(client_order_id, refused, self.incarnation))
            return
        self._used[client_order_id] = None
        if len(self._used) > USED_APPROVALS_KEPT:
            del self._used[next(iter(self._used))]
        if self._ports.dry_run:
            self._would_send += 1
            request = approval.request
            logger.info("would send {} {} {} at {}", request.side, request.size, request.symbol, request.limit_price)
            self.addresses.risk.tell(OrderNotSent(client_order_id, "dry run: would send", self.incarnation))
            return
        self._caller.on_wire(client_order_id)
        urgency = Urgency.EXIT if approval.reduce_only else Urgency.ENTRY
        self._workers.submit(urgency, lambda: self._caller.post(approval))

    def _gate(self, approval: Approval) -> str:
        """Why this approval must not be sent, "" when it may. The worker asks again for expiry and mode at the socket."""
        if not approval.is_genuine:
            return "the approval does not match its payload"
        if not approval.is_live(self.surroundings.machine_time()):
            return "the approval has expired"
        if approval.request.client_order_id in self._used:
            return "the approval has been used"
        if not self._allows(approval):
            return f"the mode is {self._holds.mode(approval.request.symbol).name}"
        return ""

    def _allows(self, approval: Approval) -> bool:
        """Whether the mode of this moment lets the approval leave. Also called by workers: reads one reference."""
        if self._ports.shut:
            return False
        symbol = approval.request.symbol
        return self._holds.permits(symbol, reduces=approval.reduce_only, by_operator=approval.by_operator)

    # --- history -----------------------------------------------------------------------------------------------------------

    def _fetch_history(self, message: FetchHistory) -> None:
        closes = self._rings[message.symbol].closed()
        if len(closes) >= message.bars:
            self._send_history(message, closes[-message.bars :], "the broker's ring")
            return
        instrument = self._instruments[message.symbol]
        self._workers.submit(
            Urgency.HISTORY, lambda: self._caller.history(message, instrument, self.now, closes, self._send_history)
        )

    def _send_history(self, message: FetchHistory, closes: Sequence[tuple[float, int]], source: str) -> None:
        self.addresses.symbols[message.symbol].tell(History(message.symbol, tuple(closes), source, message.incarnation))
