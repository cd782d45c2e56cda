"""Calls to the venue as worker jobs: each runs one blocking call and tells its outcome to whoever needs it.

One Caller belongs to one incarnation of the broker; its methods run on workers (several at once), except `on_wire`, `wire_set`,
`begins_cancel_all` and `figures`, which the broker calls. An outcome of a dead incarnation still reaches risk. Only
`actors/broker.py` makes one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar, assert_never

import msgspec
from loguru import logger

from actors.address import AddressBook
from actors.messages import (
    AccountRead,
    AllCancelled,
    CancelAll,
    CancelAnswered,
    CancelOrder,
    FetchAccount,
    FetchHistory,
    OrderAbsent,
    OrderNotSent,
    OrderRefused,
    OrderUnknown,
    QueryOrder,
    VenueAnswered,
    VenueTrouble,
)
from trader.market.clock import Now
from trader.market.instrument import Instrument
from trader.market.warmup import closes_from
from trader.orders.order import OrderReport, OrderState
from trader.risk.approval import Approval
from trader.risk.limits import ExecutionSettings
from trader.venue import (
    AUTH_REFUSED,
    Absent,
    AuthenticationError,
    Found,
    HeldBack,
    NotSent,
    PermissionDenied,
    Placed,
    Refused,
    Unknown,
    Venue,
    VenueError,
)

CANCEL_CHUNK = 100
LATENCIES_KEPT = 256

T = TypeVar("T")
SendHistory = Callable[[FetchHistory, Sequence[tuple[float, int]], str], None]


class CallFigures(msgspec.Struct, frozen=True):
    """Calls so far, how many failed, and the 95th percentile of the recent ones in seconds (None before the first)."""

    calls: int
    errors: int
    p95_s: float | None


class Caller:
    """See the module docstring."""

    def __init__(
        self,
        venue: Venue,
        addresses: AddressBook,
        incarnation: int,
        execution: ExecutionSettings,
        machine_time: Callable[[], float],
        allows: Callable[[Approval], bool],
    ) -> None:
        self._venue = venue
        self._risk = addresses.risk
        self._supervisor = addresses.supervisor
        self._incarnation = incarnation
        self._execution = execution
        self._machine_time = machine_time
        self._allows = allows
        self._wire: dict[str, float] = {}
        self._cancelling: set[int] = set()
        self._latencies: deque[float] = deque(maxlen=LATENCIES_KEPT)
        self._calls = 0
        self._errors = 0

    def on_wire(self, client_order_id: str) -> None:
        """Note that an order is about to be posted. The broker, before it queues the job."""
        self._wire[client_order_id] = self._machine_time()

    def wire_set(self) -> tuple[str, ...]:
        """Orders posted or about to be, whose outcome is not known yet."""
        return tuple(self._wire.copy())

    def figures(self) -> CallFigures:
        """Return the call figures."""
        recent = sorted(self._latencies.copy())
        p95 = recent[int(len(recent) * 0.95)] if recent else None
        return CallFigures(self._calls, self._errors, p95)

    # --- orders ------------------------------------------------------------------------------------------------------------

    def post(self, approval: Approval) -> None:
        """Post one approved order, once, and tell risk what is proven about it."""
        request = approval.request
        coid = request.client_order_id
        try:
            started = self._machine_time()
            if not approval.is_live(started):
                self._risk.tell(OrderNotSent(coid, "the approval expired in the queue", self._incarnation))
                return
            if not self._allows(approval):
                self._risk.tell(OrderNotSent(coid, "the mode changed before the post", self._incarnation))
                return
            assert approval.is_genuine, "an approval must not change between the gate and the socket"
            outcome = self._venue.place(request, self._execution.post_deadline_s, lambda: self._may_leave(approval))
            match outcome:
                case Placed():
                    self._answered("place", started)
                    self._risk.tell(
                        OrderReport(
                            client_order_id=coid,
                            order_id=outcome.order_id,
                            symbol=request.symbol,
                            state=OrderState.PENDING,
                            market_time=0.0,
                            source="ack",
                        )
                    )
                case Refused():
                    if outcome.code == AUTH_REFUSED:
                        self._failed("place", outcome.message, fatal=True)
                    else:
                        self._answered("place", started)
                    self._risk.tell(OrderRefused(coid, outcome.code, outcome.message))
                case NotSent():
                    self._failed("place", outcome.reason)
                    self._risk.tell(OrderNotSent(coid, outcome.reason, self._incarnation))
                case Unknown():
                    self._failed("place", outcome.reason)
                    self._risk.tell(OrderUnknown(coid, outcome.reason))
                case _:
                    assert_never(outcome)
        finally:
            self._wire.pop(coid, None)

    def _may_leave(self, approval: Approval) -> bool:
        """Whether the approval still holds; the venue asks after every wait of its own, right before the first byte."""
        return approval.is_live(self._machine_time()) and self._allows(approval)

    def cancel(self, message: CancelOrder) -> None:
        """Ask the venue to cancel one order."""
        results = self._try("cancel", lambda: self._venue.cancel([message.order_id], self._execution.post_deadline_s))
        for result in results or ():
            self._risk.tell(CancelAnswered(message.client_order_id, result))

    def query(self, message: QueryOrder) -> None:
        """Look for one order; a failed look says nothing."""
        found = self._try(
            "query",
            lambda: self._venue.find_order(message.client_order_id, message.order_id, message.symbol, message.since),
        )
        match found:
            case Found():
                self._risk.tell(found.report)
            case Absent():
                self._risk.tell(OrderAbsent(message.client_order_id, found.asked_at))
            case None:
                pass

    def begins_cancel_all(self, request_id: int) -> bool:
        """Whether this request is new; one that is queued or under way answers for its repetitions. The broker, before it
        queues the job.
        """
        if request_id in self._cancelling:
            return False
        self._cancelling.add(request_id)
        return True

    def cancel_all(self, message: CancelAll) -> None:
        """Cancel every open order of the portfolio, look again, and say how many are left."""
        remaining, why = -1, "the venue could not be read"
        try:
            ids = self._try("open orders", self._venue.open_order_ids)
            for first in range(0, len(ids or ()), CANCEL_CHUNK):
                chunk = (ids or [])[first : first + CANCEL_CHUNK]
                self._try("cancel", partial(self._venue.cancel, chunk, self._execution.post_deadline_s))
            after = self._try("open orders", self._venue.open_order_ids) if ids else ids
            if after is not None:
                remaining, why = len(after), ""
        finally:
            self._cancelling.discard(message.request_id)
        self._supervisor.tell(AllCancelled(message.request_id, remaining, why))

    # --- reading -----------------------------------------------------------------------------------------------------------

    def account(self, message: FetchAccount, symbols: Sequence[str], wire: tuple[str, ...]) -> None:
        """Read the account; a failed read is silence, never an empty account."""
        snapshot = self._try("account", lambda: self._venue.account(symbols, message.fills_since))
        if snapshot is not None:
            self._risk.tell(AccountRead(message.request_id, msgspec.structs.replace(snapshot, wire_set=wire)))

    def history(
        self,
        message: FetchHistory,
        instrument: Instrument,
        now: Now,
        ring: Sequence[tuple[float, int]],
        send: SendHistory,
    ) -> None:
        """Build closed bars from the venue's candles and trades, the broker's ring on top, and send them."""
        span = message.bars * message.bar_seconds
        candles = self._try(
            "candles", lambda: self._venue.candles(message.symbol, now.market_time - span - 120, now.market_time, 60)
        )
        trades = self._try("trades", lambda: self._venue.trades(message.symbol, 100))
        if candles is None and trades is None:
            return
        closes = closes_from(
            candles or (), trades or (), ring, instrument, message.bar_seconds, message.bars, now.market_time
        )
        send(message, closes, "the venue's candles and trades")

    # --- counting ----------------------------------------------------------------------------------------------------------

    def _try(self, what: str, call: Callable[[], T]) -> T | None:
        """Run one call; on a VenueError count it, tell risk, and return None.

        What our own pacing or breaker held back is no failure of the venue: counted as one, a starved reading would halt
        trading, and the failures of the halted system would keep it halted. A reading that stays away shows by its age.
        """
        started = self._machine_time()
        try:
            result = call()
        except HeldBack as error:
            logger.debug("{} held back: {}", what, error)
            return None
        except VenueError as error:
            self._failed(
                what,
                f"{type(error).__name__}: {error}",
                fatal=isinstance(error, AuthenticationError | PermissionDenied),
            )
            return None
        self._answered(what, started)
        return result

    def _answered(self, what: str, started: float) -> None:
        seconds = self._machine_time() - started
        self._calls += 1
        self._latencies.append(seconds)
        self._risk.tell(VenueAnswered(what, seconds))

    def _failed(self, what: str, error: str, *, fatal: bool = False) -> None:
        self._calls += 1
        self._errors += 1
        logger.debug("{} failed: {}", what, error)
        self._risk.tell(VenueTrouble(what, error, fatal))
