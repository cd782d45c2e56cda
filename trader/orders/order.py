"""Orders: ids, intents, the state table and its merge.

Theory of operation. Everything the venue tells us about an order is *cumulative state*, never a difference, and it may
come twice, late, out of order, or not at all. So an order is the join of all reports about it: the state of the
highest rank, the largest cumulative quantity. Joining is associative, commutative and idempotent, which is why no
transport has to be reliable or ordered. A fill is what the join added; its id is made of the order and the cumulative
quantity, so it is the same however it was learned.

    RESERVED -> SENT -> UNKNOWN -> RELEASED      (ours)
        -> PENDING -> OPEN -> CANCEL_QUEUED -> REJECTED | EXPIRED | CANCELLED | FILLED      (the venue's)

RELEASED (proven never to have reached the venue) ranks below every state of the venue's: should the venue show the
order after all, its word counts. Anyone above `market/` may import this; it reads no clock.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

import msgspec

ZERO = Decimal(0)


REST = "rest"
"""The `source` of a report read from the venue's records: of two words about the fees of the same fills, theirs counts."""


class Side(StrEnum):
    """Direction of an order."""

    BUY = "BUY"
    SELL = "SELL"

    @property
    def opposite(self) -> Side:
        """The other side."""
        return Side.SELL if self is Side.BUY else Side.BUY

    @property
    def sign(self) -> int:
        """+1 for a buy, -1 for a sell: what a fill does to a position."""
        return 1 if self is Side.BUY else -1


class OrderType(StrEnum):
    """How an order is priced."""

    MARKET = "market"
    LIMIT = "limit"
    STOP_LIMIT = "stop_limit"


class TimeInForce(StrEnum):
    """How long an order works."""

    IOC = "IOC"
    GTC = "GTC"
    GTD = "GTD"
    FOK = "FOK"


class OrderState(StrEnum):
    """Where an order is. The order of `RANK` is the order of the module docstring."""

    RESERVED = "RESERVED"
    SENT = "SENT"
    UNKNOWN = "UNKNOWN"
    RELEASED = "RELEASED"
    PENDING = "PENDING"
    OPEN = "OPEN"
    CANCEL_QUEUED = "CANCEL_QUEUED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    CANCELLED = "CANCELLED"
    FILLED = "FILLED"


RANK: dict[OrderState, int] = {state: rank for rank, state in enumerate(OrderState)}
TERMINAL = frozenset(
    {OrderState.RELEASED, OrderState.REJECTED, OrderState.EXPIRED, OrderState.CANCELLED, OrderState.FILLED}
)
AT_VENUE = frozenset({OrderState.PENDING, OrderState.OPEN, OrderState.CANCEL_QUEUED})


class OrderIntent(msgspec.Struct, frozen=True, gc=False):
    """What a symbol's strategy (or an operator) wants; risk decides whether and how much of it happens.

    `size` is in the instrument's unit and already on its grid; `may_downsize` lets risk grant less. `limit_price` is
    None for a market order: risk sets the collar price. `reduce_only` marks an exit. `mark` and both times say what it
    was decided on. `by_operator` marks what a person asked for by name: such an exit may use the last good price when
    the mark is old.
    """

    decision_id: str
    symbol: str
    side: Side
    size: Decimal
    order_type: OrderType
    time_in_force: TimeInForce
    reduce_only: bool
    reason: str
    mark: Decimal
    market_time: float
    machine_time: float
    limit_price: Decimal | None = None
    post_only: bool = False
    leverage: Decimal = Decimal(1)
    may_downsize: bool = True
    stop_price: Decimal | None = None
    by_operator: bool = False


class Order(msgspec.Struct, frozen=True, gc=False):
    """One order of ours with everything proven about it. Sizes in the instrument's unit, values and fees in quote
    currency.

    `limit_price` is the worst price the order may fill at (every order has one). `order_id` is the venue's, "" until
    known. `created_at` is market time, `touched_at` the machine time of the last change, `expires_at` the market time
    of a GTD order.
    """

    client_order_id: str
    symbol: str
    product_id: str
    side: Side
    size: Decimal
    limit_price: Decimal
    order_type: OrderType
    time_in_force: TimeInForce
    reduce_only: bool
    state: OrderState
    decision_id: str = ""
    reason: str = ""
    order_id: str = ""
    filled_size: Decimal = ZERO
    filled_value: Decimal = ZERO
    fees: Decimal = ZERO
    created_at: float = 0.0
    touched_at: float = 0.0
    expires_at: float | None = None
    post_only: bool = False
    leverage: Decimal = Decimal(1)
    mark: Decimal = ZERO
    note: str = ""
    stop_price: Decimal | None = None
    fees_at: float = 0.0
    """Market time of the REST record the fees are from, 0.0 while only feeds have told them."""
    foreign: bool = False
    """True for an order at the venue that this program did not send: counted in the exposure, never traded against."""

    @property
    def remaining(self) -> Decimal:
        """Size that may still fill: zero once the order is finished."""
        return ZERO if self.state in TERMINAL else max(self.size - self.filled_size, ZERO)

    @property
    def is_live(self) -> bool:
        """True while the order may still fill, an unproven one included."""
        return self.state not in TERMINAL

    @property
    def average_price(self) -> Decimal | None:
        """Volume-weighted fill price per base unit of size, None before the first fill."""
        return self.filled_value / self.filled_size if self.filled_size else None


class OrderReport(msgspec.Struct, frozen=True, gc=False):
    """What some source says about an order: cumulative, so it can be lost, doubled and reordered.

    `source` is where it came from (ack, user, rest). `filled_value` is price times size in quote currency without the
    contract size. An order we did not send has a `client_order_id` we do not know. `size` is None where the source
    does not say.
    """

    client_order_id: str
    order_id: str
    symbol: str
    state: OrderState
    market_time: float
    source: str
    side: Side | None = None
    size: Decimal | None = None
    limit_price: Decimal | None = None
    filled_size: Decimal = ZERO
    filled_value: Decimal = ZERO
    fees: Decimal = ZERO
    reason: str = ""
    created_at: float = 0.0
    fees_at: float = 0.0
    """Market time of the REST record the fees were once taken from; set by the journal only."""

    @property
    def fees_known_at(self) -> float:
        """Market time of the REST record behind the fees; 0.0 for what a feed or an acknowledgement says of them."""
        return self.fees_at or (self.market_time if self.source == REST else 0.0)


class Fill(msgspec.Struct, frozen=True, gc=False):
    """One execution as the books take it: `price` per unit, `fee` in quote currency (negative is a rebate).

    `fill_id` is `<client order id>:<cumulative size>:<value>:<fees>` when derived from reports (with `@<time>` when a
    record corrected the fees alone), the venue's own id when read from its fill list. `value` is price times size
    exactly as reported, None when only the price is known.
    """

    fill_id: str
    client_order_id: str
    order_id: str
    symbol: str
    side: Side
    size: Decimal
    price: Decimal
    fee: Decimal
    market_time: float
    liquidity: str = ""
    value: Decimal | None = None

    @property
    def exact_value(self) -> Decimal:
        """Price times size, without the rounding of a price that was divided out of a total."""
        return self.value if self.value is not None else self.size * self.price


def merge(order: Order, report: OrderReport, machine_time: float) -> tuple[Order, Fill | None]:
    """Join a report into an order; return the new order and the fill it added, if any.

    Any order of any reports, with repeats, ends in the same order: what is filled is the lexicographic maximum of size,
    value, time of the REST record, fees. So for the same fills the venue's records outrank its feeds and a later record
    an earlier one, even when the fee has gone down (a rebate). Raises AssertionError for a report about another
    order: that is a bug of ours, not the venue's. A late fill on a finished order is returned as a fill and leaves the
    order finished.
    """
    assert report.client_order_id == order.client_order_id, "a report must be joined to its own order"
    state = report.state if RANK[report.state] > RANK[order.state] else order.state
    held = (order.filled_size, order.filled_value, order.fees_at, order.fees)
    told = (report.filled_size, report.filled_value, report.fees_known_at, report.fees)
    filled_size, filled_value, fees_at, fees = max(held, told)
    joined = msgspec.structs.replace(
        order,
        state=state,
        order_id=order.order_id or report.order_id,
        filled_size=filled_size,
        filled_value=filled_value,
        fees=fees,
        fees_at=fees_at,
        note=report.reason if state is report.state and report.reason else order.note,
        touched_at=machine_time,
    )
    return joined, _fill_between(order, joined, report)


def _fill_between(before: Order, after: Order, report: OrderReport) -> Fill | None:
    """Return what `after` has filled beyond `before`, with the sums of size, value and fees exact.

    A value or fee corrected without a new quantity is a fill of size zero that carries the difference.
    """
    size = after.filled_size - before.filled_size
    value = after.filled_value - before.filled_value
    fee = after.fees - before.fees
    if size == 0 and value == 0 and fee == 0:
        return None
    corrected = f"@{after.fees_at}" if size == 0 and value == 0 and after.fees_at else ""  # a fee may come back
    return Fill(
        fill_id=f"{after.client_order_id}:{after.filled_size}:{after.filled_value}:{after.fees}{corrected}",
        client_order_id=after.client_order_id,
        order_id=after.order_id,
        symbol=after.symbol,
        side=after.side,
        size=size,
        price=value / size if size else ZERO,
        fee=fee,
        market_time=report.market_time,
        value=value,
    )
