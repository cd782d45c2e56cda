"""The exchange's own ledger: orders, fills, arrivals, wallets and positions, and how an execution is booked in them.

Pure; imported by matcher.py, engine.py and the shell. It is the oracle that tests judge a client by, so nothing in it
is ever corrected later.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable
from decimal import Decimal

import msgspec

from trader.exchange.accounts import Accounts, Fees
from trader.exchange.ladder import ZERO
from trader.exchange.listing import Listing
from trader.exchange.market import Market, Step
from trader.exchange.records import Arrival, Fill, FundingPayment, Order, Status
from trader.exchange.settlement import closed, settle

_MONEY_STEP = Decimal(
    "0.0000000000000001"
)  # commissions carry at most sixteen decimals, so that sums of money stay exact
_DOLLARS = frozenset({"USD", "USDC"})


class Changes(msgspec.Struct, gc=False):
    """What happened since the last drain, each list in order of time."""

    steps: list[Step]
    orders: list[Order]
    fills: list[Fill]


class Ledger:
    """Everything the exchange remembers.

    One thread; ids are a function of the salt and of how many were made before.
    """

    def __init__(self, listings: dict[str, Listing], markets: dict[str, Market], *, fees: Fees, salt: str) -> None:
        self.listings = listings
        self.markets = markets
        self.fees = fees
        self.accounts = Accounts()
        self.orders: dict[str, Order] = {}
        self.fills: list[Fill] = []
        self.arrivals: list[Arrival] = []
        self.fundings: list[FundingPayment] = []
        self.by_client_id: dict[str, str] = {}
        self.working: dict[str, list[str]] = {}  # book id -> ids of live orders in order of arrival
        self.ids_made = 0
        self.distort: Callable[[Fill], Fill] | None = None  # a fault that makes the venue report a wrong fill
        self._namespace = uuid.uuid5(uuid.NAMESPACE_OID, salt)
        self._changes = Changes([], [], [])

    def market(self, product_id: str) -> Market:
        """The market whose book a product trades on."""
        return self.markets[self.listings[product_id].book_id]

    def live(self) -> list[Order]:
        """Every live order, oldest first."""
        ids = {order_id for book in self.working.values() for order_id in book}
        return [order for order_id, order in self.orders.items() if order_id in ids]

    def drain(self) -> Changes:
        """Everything that changed since the last call."""
        changes, self._changes = self._changes, Changes([], [], [])
        return changes

    def stepped(self, step: Step) -> None:
        """Note a step of a market for the streams."""
        self._changes.steps.append(step)

    def new_id(self, purpose: str) -> str:
        """The next id; never given twice."""
        self.ids_made += 1
        return str(uuid.uuid5(self._namespace, f"{purpose}-{self.ids_made}"))

    def holding(self, product_id: str) -> Decimal:
        """Signed size held: the position of a derivative, the whole base wallet of a spot product."""
        listing = self.listings[product_id]
        if listing.is_derivative:
            position = self.accounts.positions.get(product_id)
            return position.net if position else ZERO
        return self.accounts.wallet(listing.base).total

    def unrealized(self, quote: str) -> Decimal:
        """Profit of all derivative positions of one quote currency at mid prices."""
        total = ZERO
        for product_id, position in self.accounts.positions.items():
            listing = self.listings[product_id]
            if position.net and listing.quote == quote:
                total += position.unrealized(self.market(product_id).mid(), listing.contract_size)
        return total

    def total_usd(self) -> Decimal:
        """All wallets and open profits at mid prices, dollar coins counted as dollars."""
        total = ZERO
        for currency, wallet in self.accounts.wallets.items():
            market = self.markets.get(f"{currency}-USD")
            if currency in _DOLLARS:
                total += wallet.total + self.unrealized(currency)
            elif market is not None:
                total += wallet.total * market.mid()
        return total

    # --- writing --------------------------------------------------------------------------------

    def record(self, order: Order) -> None:
        """Keep the order as it is now and tell its owner."""
        self.orders[order.order_id] = order
        self._changes.orders.append(order)

    def keep_quietly(self, order: Order) -> None:
        """Keep a change that is nobody's business but the matcher's (queue position)."""
        self.orders[order.order_id] = order

    def accept(self, order: Order) -> None:
        """Take a new order in, PENDING; its hold is already blocked."""
        if order.client_order_id:
            self.by_client_id.setdefault(order.client_order_id, order.order_id)
        self.working.setdefault(self.listings[order.product_id].book_id, []).append(order.order_id)
        self.record(order)

    def requeue(self, order: Order, *, to_back: bool) -> None:
        """Keep an edited order, behind its peers when the edit cost it its place."""
        if to_back:
            book = self.working[self.listings[order.product_id].book_id]
            book.remove(order.order_id)
            book.append(order.order_id)
        self.record(order)

    def end(self, order_id: str, status: Status, now: float, message: str = "") -> None:
        """Close a live order: release its hold, mark it, stop working it."""
        order = self.orders[order_id]
        listing = self.listings[order.product_id]
        self.working[listing.book_id].remove(order_id)
        self.record(closed(order, listing, self.accounts, status, now, message))

    def execute(self, order: Order, price: Decimal, size: Decimal, *, is_maker: bool, now: float) -> None:
        """Book one execution of a live order and close the order when nothing is left to do."""
        listing = self.listings[order.product_id]
        value = price * size * listing.contract_size
        trade_id = self.new_id("trade")
        fill = Fill(
            entry_id=hashlib.sha256(trade_id.encode()).hexdigest(),
            trade_id=trade_id,
            order_id=order.order_id,
            client_order_id=order.client_order_id,
            product_id=order.product_id,
            side=order.side,
            price=price,
            size=size,
            value=value,
            commission=(value * self.fees.rate(is_maker=is_maker)).quantize(_MONEY_STEP),
            is_maker=is_maker,
            time=now,
        )
        if self.distort is not None:
            fill = self.distort(fill)
        self.fills.append(fill)
        self._changes.fills.append(fill)
        after = settle(order, fill, listing, self.accounts)
        self.record(after)
        if after.base_size is not None and after.leaves <= 0:
            self.end(order.order_id, Status.FILLED, now)
