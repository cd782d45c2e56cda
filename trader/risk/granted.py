"""What the desk answers: Granted, Booked, and what one round of reconciliation found.

The risk actor turns them into messages and events. Values only.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from trader.market.funding import FundingAccrual
from trader.orders.order import Fill, Order, TimeInForce
from trader.orders.position import Position
from trader.orders.reconcile import Difference
from trader.risk.finding import Finding


class Granted(msgspec.Struct, frozen=True, gc=False):
    """A yes: how much, at which worst price, and until when. `binding_cap` names the limit that cut the size, None if
    none did.

    `reducing` is proven by quantity. `end_time` is UNIX seconds of the market's clock for a GTD order.
    """

    size: Decimal
    limit_price: Decimal
    time_in_force: TimeInForce
    end_time: float | None
    binding_cap: str | None
    reducing: bool
    mark: Decimal
    text: str


class Booked(msgspec.Struct, frozen=True, gc=False):
    """What one report did. `order` is None and `problem` says why when the report could not be used at all.

    `trade_result` is the net result of a trade this fill closed. `adopted` marks the first sight of an order we did
    not send: read the account at once.
    """

    order: Order | None
    fill: Fill | None = None
    position: Position | None = None
    realized_delta: Decimal = Decimal(0)
    trade_result: Decimal | None = None
    late: bool = False
    foreign: bool = False
    adopted: bool = False
    changed: bool = False
    findings: tuple[Finding, ...] = ()
    problem: str = ""


class Transfer(msgspec.Struct, frozen=True, gc=False):
    """Money that moved without a trade of ours; `as_result` when it was counted as profit or loss after an
    adjustment.
    """

    currency: str
    amount: Decimal
    as_result: bool


class Reconciliation(msgspec.Struct, frozen=True, gc=False):
    """One comparison of books and venue. `clean` is False while anything is unexplained; `again_soon` asks for a
    second look.

    `differences` are all of this round, `mismatches` those that were seen twice and settled in the venue's favour by
    `adjustments`; `funding` corrects our own reckoning to what the venue paid. `resolved` are client ids of orders whose
    unproven state this reading ended.
    """

    booked: tuple[Booked, ...]
    adoptions: tuple[Order, ...]
    differences: tuple[Difference, ...]
    mismatches: tuple[Difference, ...]
    adjustments: tuple[Fill, ...]
    transfers: tuple[Transfer, ...]
    funding: tuple[FundingAccrual, ...]
    resolved: tuple[str, ...]
    findings: tuple[Finding, ...]
    clean: bool
    again_soon: bool
