"""The port to a venue: what any venue must offer, the outcomes of a request, and the errors of reading one.

    VenueError                      something the venue or the way to it did
    ├── RecoverableError            trying again later may help
    │   ├── ConnectFailed           nothing reached the venue
    │   ├── OutcomeUnknown          sent, but no trustworthy answer
    │   ├── RateLimitError          429; carries retry_after_s when the venue named one
    │   └── VenueUnavailable        5xx, maintenance, a proxy's page, a body that does not parse
    └── CriticalError               a person or a different request is needed
        ├── AuthenticationError     401, 403: the key is refused
        ├── PermissionDenied        the key lacks a scope
        ├── InsufficientFunds
        ├── InvalidSymbol
        ├── InvalidOrder
        ├── OrderNotFound
        └── InvalidRequestError     400: our own request is malformed

Placing never raises for what can be expected: it returns Placed, Refused, NotSent or Unknown, and only Unknown needs proof later.
The documents' names `BrokerageError` and `BrokerageAPIError` are kept as aliases of the two roots a caller would look for.

Anyone may import this; `trader/coinbase/` and the in-process venue of the stage implement it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

import msgspec

from trader.market.instrument import Instrument
from trader.market.quote import BookTop, Candle, Quote, Trade
from trader.orders.account import AccountSnapshot
from trader.orders.order import OrderReport, OrderType, Side, TimeInForce


class VenueError(Exception):
    """Something the venue, or the way to it, did."""


class RecoverableError(VenueError):
    """Trying again later may help."""


class CriticalError(VenueError):
    """Trying the same again will not help."""


class ConnectFailed(RecoverableError):
    """Nothing reached the venue."""


class HeldBack(ConnectFailed):
    """Our own pacing, circuit breaker or stop held the request back: it says nothing about the venue."""


class OutcomeUnknown(RecoverableError):
    """The request went out and no trustworthy answer came back."""


class RateLimitError(RecoverableError):
    """The venue asks for a pause; `retry_after_s` is None when it did not say how long."""

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class VenueUnavailable(RecoverableError):
    """5xx, maintenance, a proxy's page, or a body that does not parse."""


class AuthenticationError(CriticalError):
    """The credentials are refused."""


class PermissionDenied(CriticalError):
    """The key is good but lacks the scope."""


class InsufficientFunds(CriticalError):
    """Not enough balance or margin."""


class InvalidSymbol(CriticalError):
    """The venue does not know the product."""


class InvalidOrder(CriticalError):
    """The venue refuses the order's terms."""


class OrderNotFound(CriticalError):
    """The venue has no such order."""


class InvalidRequestError(CriticalError):
    """The venue cannot read our request."""


BrokerageError = VenueError
BrokerageAPIError = VenueUnavailable


class OrderRequest(msgspec.Struct, frozen=True, gc=False):
    """Exactly what goes on the wire for one order. `limit_price` is set for every order (a market order carries its collar).

    `end_time` is UNIX seconds for GTD. Sizes and prices are on the product's grid already. `reduces` marks an exit: it is paced
    before entries and never waits behind them.
    """

    client_order_id: str
    product_id: str
    symbol: str
    side: Side
    size: Decimal
    limit_price: Decimal
    order_type: OrderType
    time_in_force: TimeInForce
    post_only: bool = False
    end_time: float | None = None
    leverage: Decimal | None = None
    stop_price: Decimal | None = None
    reduces: bool = False


class Placed(msgspec.Struct, frozen=True, gc=False):
    """The venue accepted the order for processing."""

    order_id: str


AUTH_REFUSED = "AUTH"


class Refused(msgspec.Struct, frozen=True, gc=False):
    """The venue said no; `code` is its own word without the PREVIEW_ prefix, or AUTH_REFUSED when it refuses the key
    itself, `message` its text.
    """

    code: str
    message: str = ""


class NotSent(msgspec.Struct, frozen=True, gc=False):
    """Proven: not one byte of the order reached the venue."""

    reason: str


class Unknown(msgspec.Struct, frozen=True, gc=False):
    """The order may or may not exist; only evidence about this very order settles it."""

    reason: str


PlaceOutcome = Placed | Refused | NotSent | Unknown


def always() -> bool:
    """Whether an order may still leave, for callers that have nothing to take back."""
    return True


class CancelResult(msgspec.Struct, frozen=True, gc=False):
    """Answer for one order of a batch cancel. `accepted` means asked for, not yet cancelled."""

    order_id: str
    accepted: bool
    reason: str = ""


class Found(msgspec.Struct, frozen=True, gc=False):
    """The venue has the order: this is its state."""

    report: OrderReport


class Absent(msgspec.Struct, frozen=True, gc=False):
    """A complete listing since before the order was sent does not hold it. `asked_at` is machine time before the request."""

    asked_at: float


class KeyPermissions(msgspec.Struct, frozen=True, gc=False):
    """What the API key may do."""

    can_view: bool
    can_trade: bool
    can_transfer: bool
    portfolio_id: str = ""


class FeedKind(StrEnum):
    """The two connections of a venue."""

    MARKET = "market"
    USER = "user"


class FeedEvent(msgspec.Struct, frozen=True, gc=False):
    """A change of a connection: `up` after its subscriptions are confirmed; `gap` when messages were lost."""

    kind: FeedKind
    up: bool
    machine_time: float
    reason: str = ""
    gap: bool = False


class FeedHeartbeat(msgspec.Struct, frozen=True, gc=False):
    """The venue's own sign of life on a connection, once a second."""

    kind: FeedKind
    machine_time: float
    market_time: float


FeedItem = Quote | BookTop | Trade | OrderReport | FeedEvent | FeedHeartbeat


class Venue(Protocol):
    """Requests to a venue. Every call blocks (run it in a worker thread), is safe from several threads, and ends by its deadline.

    Reading calls raise VenueError; `place`, `cancel` and `find_order` return outcomes. Times are UNIX seconds of the market's clock.
    """

    def server_time(self) -> float:
        """Return the venue's clock."""
        ...

    def permissions(self) -> KeyPermissions:
        """Return what the key may do."""
        ...

    def instruments(self, symbols: Sequence[str]) -> list[Instrument]:
        """Return the products behind our symbol names; raise InvalidSymbol naming the ones it does not have."""
        ...

    def place(
        self, request: OrderRequest, deadline_s: float, still_allowed: Callable[[], bool] = always
    ) -> PlaceOutcome:
        """Send one order, once; NotSent when `still_allowed` says no after every wait, right before the first byte."""
        ...

    def cancel(self, order_ids: Sequence[str], deadline_s: float) -> list[CancelResult]:
        """Ask for cancellation; raises VenueError when nothing can be said."""
        ...

    def find_order(self, client_order_id: str, order_id: str, symbol: str, since: float) -> Found | Absent:
        """Look for one order by the venue's id if known, else in a complete listing since `since`; raises VenueError."""
        ...

    def account(self, symbols: Sequence[str], fills_since: float) -> AccountSnapshot:
        """Read the whole account; raises VenueError rather than returning a part as the whole."""
        ...

    def open_order_ids(self) -> list[str]:
        """Return the venue's id of every live order, whoever placed it; raises VenueError rather than leaving one out."""
        ...

    def candles(self, symbol: str, start: float, end: float, seconds: int) -> list[Candle]:
        """Return closed candles, oldest first."""
        ...

    def trades(self, symbol: str, limit: int) -> list[Trade]:
        """Return the newest public trades, oldest first."""
        ...


class Feed(Protocol):
    """One connection of a venue: reconnects and resubscribes by itself until told to stop."""

    kind: FeedKind

    def run(self, on_item: Callable[[FeedItem], None], stop: Callable[[], bool]) -> None:
        """Block, delivering items from this thread until `stop()` is true."""
        ...
