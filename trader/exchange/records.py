"""What the exchange remembers of its clients: orders, fills, and the arrival of every request.

Imported by the rest of the exchange.

All records are frozen: a change makes a new one, so that an event can carry the order as it was at that moment. Times
are market time in UNIX seconds unless a name says `machine`.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Any

import msgspec

from trader.exchange.ladder import ZERO
from trader.exchange.market import Side


class Status(StrEnum):
    """Life of an order, in the venue's words."""

    PENDING = "PENDING"
    OPEN = "OPEN"
    CANCEL_QUEUED = "CANCEL_QUEUED"
    EDIT_QUEUED = "EDIT_QUEUED"
    FILLED = "FILLED"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"
    FAILED = "FAILED"

    @property
    def is_final(self) -> bool:
        """Whether nothing more can happen to the order."""
        return self in _FINAL


_FINAL = frozenset({Status.FILLED, Status.CANCELLED, Status.EXPIRED, Status.FAILED})


class Kind(StrEnum):
    """`order_type` of the order record."""

    MARKET = "MARKET"
    LIMIT = "LIMIT"
    STOP_LIMIT = "STOP_LIMIT"
    BRACKET = "BRACKET"
    TWAP = "TWAP"
    SCALED = "SCALED"
    LIQUIDATION = "LIQUIDATION"


class TimeInForce(StrEnum):
    """How long an order may rest."""

    GTC = "GOOD_UNTIL_CANCELLED"
    GTD = "GOOD_UNTIL_DATE_TIME"
    IOC = "IMMEDIATE_OR_CANCEL"
    FOK = "FILL_OR_KILL"


class Trigger(StrEnum):
    """`trigger_status`: whether a stop has fired; INVALID for orders without one."""

    NONE = "INVALID_ORDER_TYPE"
    PENDING = "STOP_PENDING"
    TRIGGERED = "STOP_TRIGGERED"


class Edit(msgspec.Struct, frozen=True, gc=False):
    """One entry of an order's edit history."""

    price: Decimal
    size: Decimal
    accepted: float


class Order(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One client order. Sizes in base units (contracts for futures), money in the quote currency.

    Exactly one of `base_size` and `quote_size` is set. `hold` is what the order still blocks in its wallet.
    `queue_ahead` is the size of others that was resting at its price when it arrived and has not traded since.
    """

    order_id: str
    client_order_id: str
    product_id: str
    side: Side
    kind: Kind
    time_in_force: TimeInForce
    configuration: dict[str, Any]
    created: float
    updated: float
    status: Status = Status.PENDING
    base_size: Decimal | None = None
    quote_size: Decimal | None = None
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    stop_is_up: bool = False
    start_time: float | None = None
    end_time: float | None = None
    post_only: bool = False
    reduce_only: bool = False
    trigger: Trigger = Trigger.NONE
    filled_size: Decimal = ZERO
    filled_value: Decimal = ZERO
    fees: Decimal = ZERO
    fill_count: int = 0
    last_fill: float | None = None
    hold: Decimal = ZERO
    initial_hold: Decimal = ZERO
    queue_ahead: Decimal = ZERO
    leverage: str = ""
    margin_type: str = ""
    attached_configuration: dict[str, Any] | None = None
    attached_order_id: str = ""
    originating_order_id: str = ""
    cancel_message: str = ""
    reject_reason: str = ""
    reject_message: str = ""
    is_liquidation: bool = False
    edits: tuple[Edit, ...] = ()

    @property
    def is_buy(self) -> bool:
        """Whether the order buys."""
        return self.side is Side.BUY

    @property
    def leaves(self) -> Decimal:
        """Base size still wanted; zero for a quote-sized order, whose limit is money."""
        return ZERO if self.base_size is None else self.base_size - self.filled_size

    @property
    def average_price(self) -> Decimal:
        """Filled value over filled size per contract unit; zero before the first fill.

        For futures the caller divides by contract size.
        """
        return self.filled_value / self.filled_size if self.filled_size else ZERO


class Fill(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One execution of a client order. `value` is price times size times contract size."""

    entry_id: str
    trade_id: str
    order_id: str
    client_order_id: str
    product_id: str
    side: Side
    price: Decimal
    size: Decimal
    value: Decimal
    commission: Decimal
    is_maker: bool
    time: float


class Arrival(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One create request as it reached the exchange: the witness for tests that ask what was sent and when.

    `position_before` is the signed base position (spot: wallet total of the base currency) before the request acted.
    """

    machine_time: float
    market_time: float
    client_order_id: str
    product_id: str
    side: str
    configuration: dict[str, Any]
    position_before: Decimal
    outcome: str
    order_id: str


class FundingPayment(msgspec.Struct, frozen=True, gc=False):
    """One hourly settlement: what the client paid (negative: received) at `time` for the position it held, at a mark
    price.
    """

    product_id: str
    time: float
    rate: Decimal
    mark: Decimal
    net: Decimal
    paid: Decimal
