"""Every message between actors, and the lane each travels in.

All are frozen, hold immutable values and are told, never asked. Reports carry state, not differences, so a lost, doubled or
reordered one does no harm; what its loss means stands in each docstring. Only `actors/` imports this.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec

from trader.market.clock import Now
from trader.market.instrument import Instrument
from trader.market.quote import BookTop, MarkRun, Quote
from trader.orders.account import AccountSnapshot
from trader.orders.order import OrderIntent, OrderReport
from trader.orders.position import PositionState
from trader.orders.reason import Reason
from trader.risk.approval import Approval
from trader.risk.holds import Hold, HoldTable
from trader.risk.limits import ExecutionSettings, RiskLimits
from trader.risk.window import TradingWindow
from trader.strategy.protocol import Strategy
from trader.venue import CancelResult, FeedEvent, FeedHeartbeat


class Tick(msgspec.Struct, frozen=True, gc=False):
    """Time passes: main → supervisor → all. Lost: the next one."""

    now: Now


# --- supervision -----------------------------------------------------------------------------------------------------------


class Died(msgspec.Struct, frozen=True, gc=False):
    """An actor's firewall caught `cause`; `detail` is the traceback as text. Lost: thread liveness on the next tick."""

    name: str
    incarnation: int
    cause: str
    detail: str
    message: str


class Began(msgspec.Struct, frozen=True, gc=False):
    """Never sent: the first record of an actor's recorded inputs, with the machine time it was made at."""

    made_at: float


class Session(msgspec.Struct, frozen=True, gc=False):
    """Never sent: the head of recorded inputs, which says what the actors of a session were made of.

    `stored` is the sequence of the newest event the store held when they began: risk restores its books from those.
    """

    run_id: str
    profile: str
    config_hash: str
    instruments: tuple[Instrument, ...]
    stored: int = 0


class Ready(msgspec.Struct, frozen=True, gc=False):
    """A child has recovered and may be relied on. Lost: repeated on its ticks until the mode shows it was heard."""

    name: str
    incarnation: int
    detail: str = ""


class PeerRestarted(msgspec.Struct, frozen=True, gc=False):
    """A peer is a new incarnation with an empty memory: resynchronize. Repeated until `Ready`."""

    name: str
    incarnation: int


class SetMode(msgspec.Struct, frozen=True, gc=False):
    """The table of holds, whole. Lost: repeated each tick."""

    holds: HoldTable
    now: Now


class Escalate(msgspec.Struct, frozen=True, gc=False):
    """Place a hold: severity only rises by itself. Lost: the condition raises it again."""

    hold: Hold


class Resume(msgspec.Struct, frozen=True, gc=False):
    """An operator lifts holds by cause ("" = all that a person may lift), after a clean reconciliation."""

    cause: str
    by: str


class Kill(msgspec.Struct, frozen=True, gc=False):
    """An operator's kill: HALTED, and every open order of the portfolio is cancelled."""

    by: str
    text: str


class RestartSymbol(msgspec.Struct, frozen=True, gc=False):
    """An operator wants a fresh incarnation of one symbol, with an empty window (MKT-20), or a quarantined one back."""

    symbol: str
    by: str


class Shutdown(msgspec.Struct, frozen=True, gc=False):
    """Stop in order: cancel our own orders, reconcile, end. `by` is the signal or the command."""

    by: str


class StopChild(msgspec.Struct, frozen=True, gc=False):
    """The last message an actor handles."""


class Quiesced(msgspec.Struct, frozen=True, gc=False):
    """Risk's word while stopping or halted: how many of our orders are live or unproven. Repeated each tick."""

    live: int
    unknown: int


# --- market ----------------------------------------------------------------------------------------------------------------


class FeedState(msgspec.Struct, frozen=True, gc=False):
    """Connections as the broker sees them. Lost: repeated each tick."""

    market_up: bool
    user_up: bool
    market_heartbeat_at: float
    user_heartbeat_at: float
    gap: str = ""


class MarkRuns(msgspec.Struct, frozen=True, gc=False):
    """Bars in a row that need nobody, one run a symbol over the same bars. Only a backtest tells it, after asking both sides."""

    runs: tuple[MarkRun, ...]


class FetchHistory(msgspec.Struct, frozen=True, gc=False):
    """A symbol wants closed bars to warm its window. Lost: repeated."""

    symbol: str
    bars: int
    bar_seconds: int
    incarnation: int


class History(msgspec.Struct, frozen=True, gc=False):
    """Closed bars as (start, half ticks of the close), oldest first; `source` says where they came from."""

    symbol: str
    closes: tuple[tuple[float, int], ...]
    source: str
    incarnation: int


# --- orders ----------------------------------------------------------------------------------------------------------------


class CancelIntent(msgspec.Struct, frozen=True, gc=False):
    """A symbol wants its working orders gone."""

    symbol: str
    reason: str


class IntentRefused(msgspec.Struct, frozen=True, gc=False):
    """Risk said no. Lost: the symbol's pending slot expires."""

    decision_id: str
    symbol: str
    reason: Reason
    text: str
    reduce_only: bool = False


class Committed(msgspec.Struct, frozen=True, gc=False):
    """The store's writer made these intents durable. Lost: the reservation expires, nothing was sent."""

    client_order_id: str
    asked_at: float


class CommitFailed(msgspec.Struct, frozen=True, gc=False):
    """The store could not make an intent durable: nothing is sent and the system halts."""

    client_order_id: str
    reason: str


class PlaceOrder(msgspec.Struct, frozen=True, gc=False):
    """The only way an order reaches the broker. Lost: the reservation stays until its absence is proven."""

    approval: Approval


class CancelOrder(msgspec.Struct, frozen=True, gc=False):
    """Cancel one order at the venue. Lost: risk asks again on a later tick."""

    client_order_id: str
    order_id: str
    symbol: str
    why: str


class CancelAnswered(msgspec.Struct, frozen=True, gc=False):
    """The venue's answer to a cancel; accepted means asked for, not yet gone."""

    client_order_id: str
    result: CancelResult


class OrderNotSent(msgspec.Struct, frozen=True, gc=False):
    """Proven not to have left: the reservation is free. Lost: a query proves absence later."""

    client_order_id: str
    why: str
    broker_incarnation: int


class OrderUnknown(msgspec.Struct, frozen=True, gc=False):
    """A post ended without proof either way."""

    client_order_id: str
    why: str


class OrderRefused(msgspec.Struct, frozen=True, gc=False):
    """The venue refused the order; `code` is its own word."""

    client_order_id: str
    code: str
    text: str


class QueryOrder(msgspec.Struct, frozen=True, gc=False):
    """Look for one order at the venue. Lost: repeated with backoff."""

    client_order_id: str
    order_id: str
    symbol: str
    since: float


class OrderAbsent(msgspec.Struct, frozen=True, gc=False):
    """A complete listing does not hold the order; evidence only for what was sent long enough before `asked_at`."""

    client_order_id: str
    asked_at: float


class VenueTrouble(msgspec.Struct, frozen=True, gc=False):
    """A call failed: counted for the error rate; `fatal` names a refused key."""

    what: str
    error: str
    fatal: bool = False


class VenueAnswered(msgspec.Struct, frozen=True, gc=False):
    """A call succeeded within `seconds`: the other half of the error rate and the latency figures."""

    what: str
    seconds: float


class FetchAccount(msgspec.Struct, frozen=True, gc=False):
    """Read the account. Lost: repeated."""

    request_id: int
    fills_since: float


class AccountRead(msgspec.Struct, frozen=True, gc=False):
    """The account as read; the broker adds what it has on the wire."""

    request_id: int
    snapshot: AccountSnapshot


class CancelAll(msgspec.Struct, frozen=True, gc=False):
    """Cancel every open order of the key's portfolio. Lost: repeated until answered."""

    request_id: int


class AllCancelled(msgspec.Struct, frozen=True, gc=False):
    """Venue truth after CancelAll: `remaining` orders are still open, -1 when it could not be read."""

    request_id: int
    remaining: int
    why: str = ""


# --- between risk and symbols ----------------------------------------------------------------------------------------------


class Hello(msgspec.Struct, frozen=True, gc=False):
    """A symbol asks for its position after its (re)start. Lost: repeated until answered."""

    symbol: str
    incarnation: int


class PositionUpdate(msgspec.Struct, frozen=True, gc=False):
    """The position of one symbol, whole, and the decision it settles. Lost: resent on Hello and on ticks."""

    symbol: str
    state: PositionState
    settled: str = ""
    peak_half_ticks: int | None = None


class Evaluations(msgspec.Struct, frozen=True, gc=False):
    """How often each reason ended an evaluation, cumulative for this incarnation. Lost: the next one holds it all."""

    symbol: str
    incarnation: int
    counts: tuple[tuple[Reason, int], ...]


class StopPeak(msgspec.Struct, frozen=True, gc=False):
    """The trailing stop's peak, so that it survives the symbol's restart. Lost: the next new peak."""

    symbol: str
    half_ticks: int | None


# --- what a person asks for --------------------------------------------------------------------------------------------------


class Flatten(msgspec.Struct, frozen=True, gc=False):
    """An operator wants these positions closed. Risk goes on until they are. Lost: the command says so and is repeated."""

    symbols: tuple[str, ...]
    by: str
    request: str


class ClearDailyLoss(msgspec.Struct, frozen=True, gc=False):
    """An operator measures the day's loss from now on; the hold itself is lifted by Resume."""

    request: str
    by: str


class NewLimits(msgspec.Struct, frozen=True, gc=False):
    """The limits in force from now on, after a configuration change. Lost: the next change, or a restart, brings them."""

    limits: RiskLimits
    execution: ExecutionSettings
    window: TradingWindow | None


class NewStrategy(msgspec.Struct, frozen=True, gc=False):
    """A symbol's settings from now on: `make` builds the strategy, whose state moves over. Lost: as NewLimits."""

    make: Callable[[], Strategy]
    execution: ExecutionSettings
    risk: RiskLimits
    leverage_cap: Decimal


SupervisorMessage = Tick | Died | Ready | Escalate | Resume | Kill | RestartSymbol | Shutdown | Quiesced | AllCancelled
RiskMessage = (
    Quote
    | BookTop
    | MarkRuns
    | Tick
    | SetMode
    | PeerRestarted
    | FeedState
    | FeedEvent
    | OrderIntent
    | CancelIntent
    | Committed
    | CommitFailed
    | OrderReport
    | OrderNotSent
    | OrderUnknown
    | OrderRefused
    | OrderAbsent
    | CancelAnswered
    | AccountRead
    | Hello
    | Evaluations
    | StopPeak
    | VenueTrouble
    | VenueAnswered
    | Flatten
    | ClearDailyLoss
    | NewLimits
    | StopChild
)
BrokerMessage = (
    Tick
    | SetMode
    | PeerRestarted
    | PlaceOrder
    | CancelOrder
    | QueryOrder
    | FetchAccount
    | FetchHistory
    | CancelAll
    | FeedEvent
    | FeedHeartbeat
    | StopChild
)
SymbolMessage = (
    Quote
    | BookTop
    | MarkRun
    | Tick
    | SetMode
    | PeerRestarted
    | FeedState
    | History
    | IntentRefused
    | PositionUpdate
    | NewStrategy
    | StopChild
)

CONTROL: frozenset[type] = frozenset(
    {
        FeedState,
        SetMode,
        Escalate,
        Resume,
        Kill,
        RestartSymbol,
        Flatten,
        ClearDailyLoss,
        NewLimits,
        NewStrategy,
        Died,
        Ready,
        PeerRestarted,
        CancelAll,
        AllCancelled,
        Shutdown,
        Quiesced,
    }
)
"""Messages that overtake data."""

CONFLATED: dict[type, Callable[[Any], Any]] = {
    Quote: lambda quote: (Quote, quote.symbol),
    BookTop: lambda book: (BookTop, book.symbol),
    Tick: lambda _: Tick,
    FeedHeartbeat: lambda beat: (FeedHeartbeat, beat.kind),
}
"""Messages of which only the newest per key matters; the newest keeps the oldest's place in line."""
