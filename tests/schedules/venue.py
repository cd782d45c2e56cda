"""An in-process venue for schedules: its own books are the oracle, its misbehaviour is drawn from the run's generator.

It implements the same port as the Coinbase client. Calls return at once in virtual time; what the network does to them (answers lost
after acceptance, posts that arrive seconds after we gave up, outages, lagging lists) is drawn per call while `faults` is on.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import partial

import msgspec

from actors.stage import VirtualTime
from trader.market.instrument import Instrument
from trader.market.quote import BookTop, Candle, Quote, Trade
from trader.orders.account import AccountSnapshot, Balance, VenuePosition
from trader.orders.order import AT_VENUE, Fill, OrderReport, OrderState, Side, TimeInForce
from trader.orders.position import Position, apply_fill
from trader.venue import (
    Absent,
    CancelResult,
    FeedItem,
    Found,
    KeyPermissions,
    NotSent,
    OrderRequest,
    Placed,
    PlaceOutcome,
    Refused,
    Unknown,
    VenueUnavailable,
    always,
)

ZERO = Decimal(0)
FEE = Decimal("0.001")
LIST_LAG_S = 3.0
POST_LATEST_S = 9.5


class Arrived(msgspec.Struct, frozen=True):
    """One order as the venue received it: the oracle of what we sent."""

    request: OrderRequest
    posted_at: float
    position_before: Decimal
    was_growing: bool


class Working:
    """One order in the venue's book."""

    def __init__(self, request: OrderRequest, order_id: str, at: float) -> None:
        self.request = request
        self.order_id = order_id
        self.accepted_at = at
        self.state = OrderState.OPEN
        self.filled = ZERO
        self.value = ZERO
        self.fees = ZERO

    @property
    def remaining(self) -> Decimal:
        """What may still fill."""
        return self.request.size - self.filled if self.state in AT_VENUE else ZERO


class ScheduleVenue:
    """Books, prices and faults. `deliver` is where the feed of the current process hands its items."""

    def __init__(self, instruments: Sequence[Instrument], time: VirtualTime, chance: random.Random) -> None:
        self.by_symbol = {instrument.symbol: instrument for instrument in instruments}
        self.time = time
        self.chance = chance
        self.faults = True
        self.still = False
        self.down_until = 0.0
        self.orders: dict[str, Working] = {}
        self.by_client: dict[str, str] = {}
        self.positions: dict[str, Decimal] = dict.fromkeys(self.by_symbol, ZERO)
        self.fills: list[Fill] = []
        self.books = {symbol: Position(symbol, i.contract_size) for symbol, i in self.by_symbol.items()}
        self.cash = Decimal(100_000)
        self.mids = dict.fromkeys(self.by_symbol, 10000)
        self.arrivals: list[Arrived] = []
        self.in_flight: dict[str, OrderRequest] = {}
        self.deliver: Callable[[FeedItem], None] | None = None
        self.version = 0
        self.seen: Counter[str] = Counter()

    # --- the port ----------------------------------------------------------------------------------------------------------

    def server_time(self) -> float:
        """Return the market's clock."""
        return self.time.now().market_time

    def permissions(self) -> KeyPermissions:
        """Return a key that may trade."""
        return KeyPermissions(can_view=True, can_trade=True, can_transfer=False)

    def instruments(self, symbols: Sequence[str]) -> list[Instrument]:
        """Return the products."""
        return [self.by_symbol[symbol] for symbol in symbols]

    def place(
        self, request: OrderRequest, deadline_s: float, still_allowed: Callable[[], bool] = always
    ) -> PlaceOutcome:
        """Receive an order, or lose it, or its answer."""
        if self._down():
            return NotSent("connection refused")
        if not still_allowed():
            return NotSent("it was no longer allowed")
        draw = self.chance.random() if self.faults else 1.0
        if draw < 0.06:
            self.seen["post lost"] += 1
            return Unknown("timed out; never arrived")
        if draw < 0.12:
            self.seen["post arrives late"] += 1
            self.in_flight[request.client_order_id] = request
            self.version += 1
            self.time.after(
                self.chance.random() * POST_LATEST_S, partial(self._accept_late, request, self.time.machine_time)
            )
            return Unknown("timed out; on its way")
        if draw < 0.18:
            self.seen["answer lost after acceptance"] += 1
            self._accept(request)
            return Unknown("timed out after acceptance")
        if draw < 0.21:
            return Refused("INSUFFICIENT_FUND", "drawn")
        return Placed(self._accept(request))

    def cancel(self, order_ids: Sequence[str], deadline_s: float) -> list[CancelResult]:
        """Ask for cancellation; it completes a little later and may lose the race against a fill."""
        self._answer_or_raise()
        results = []
        for order_id in order_ids:
            order = self.orders.get(order_id)
            if order is None or order.state not in AT_VENUE:
                results.append(CancelResult(order_id, accepted=False, reason="UNKNOWN_CANCEL_ORDER"))
                continue
            order.state = OrderState.CANCEL_QUEUED
            self.version += 1
            self.time.after(self.chance.random() * 0.5, lambda order=order: self._finish(order, OrderState.CANCELLED))
            results.append(CancelResult(order_id, accepted=True))
        return results

    def find_order(self, client_order_id: str, order_id: str, symbol: str, since: float) -> Found | Absent:
        """Look an order up; the lists lag behind by a drawn time."""
        self._answer_or_raise()
        asked_at = self.time.machine_time
        known = self.by_client.get(client_order_id)
        if known is None or (asked_at - self.orders[known].accepted_at < LIST_LAG_S and self._hits(0.3)):
            return Absent(asked_at)
        return Found(self._report(self.orders[known], "rest"))

    def account(self, symbols: Sequence[str], fills_since: float) -> AccountSnapshot:
        """Read the account; young orders may be missing from the lists."""
        self._answer_or_raise()
        now = self.time.now()
        listed = self._listed()
        return AccountSnapshot(
            asked_at=now.machine_time,
            market_time=now.market_time,
            balances=(Balance("USD", self.cash, ZERO),),
            open_orders=tuple(self._report(order, "rest") for order in listed),
            fills=tuple(fill for fill in self.fills if fill.market_time >= fills_since),
            positions=tuple(
                VenuePosition(symbol, size, self.price(symbol)) for symbol, size in self.positions.items() if size
            ),
        )

    def open_order_ids(self) -> list[str]:
        """List what is live, with the lag of every list."""
        self._answer_or_raise()
        return [order.order_id for order in self._listed()]

    def candles(self, symbol: str, start: float, end: float, seconds: int) -> list[Candle]:
        """Return no history: windows fill by themselves."""
        self._answer_or_raise()
        return []

    def trades(self, symbol: str, limit: int) -> list[Trade]:
        """Return no tape."""
        self._answer_or_raise()
        return []

    # --- the market --------------------------------------------------------------------------------------------------------

    def price(self, symbol: str) -> Decimal:
        """Return the middle price."""
        return self.by_symbol[symbol].from_half_ticks(2 * self.mids[symbol])

    def move(self, symbol: str) -> tuple[Quote, BookTop]:
        """Let the price walk one step, match resting orders, and return what the feed would say."""
        self.mids[symbol] = max(100, self.mids[symbol] + self.chance.randint(-3, 3))
        for order in list(self.orders.values()):
            if order.request.symbol == symbol and order.state in AT_VENUE and not self.still:
                end_time = order.request.end_time
                if end_time is not None and end_time <= self.time.now().market_time:
                    self._finish(order, OrderState.EXPIRED)
                self._match(order)
        instrument, now = self.by_symbol[symbol], self.time.now()
        tick, size = instrument.price_increment, Decimal(1_000_000)
        bid, ask = self.price(symbol) - tick, self.price(symbol) + tick
        half_ticks = instrument.half_ticks(bid, ask)
        quote = Quote(symbol, bid, ask, size, size, half_ticks, bid, Decimal(10**9), now.market_time, now.machine_time)
        levels = range(10)
        book = BookTop(
            symbol,
            tuple((bid - tick * level, size) for level in levels),
            tuple((ask + tick * level, size) for level in levels),
            now.market_time,
            now.machine_time,
        )
        return quote, book

    # --- inside ------------------------------------------------------------------------------------------------------------

    def _listed(self) -> list[Working]:
        now = self.time.machine_time
        return [
            order
            for order in self.orders.values()
            if order.state in AT_VENUE and not (now - order.accepted_at < LIST_LAG_S and self._hits(0.3))
        ]

    def _down(self) -> bool:
        return self.time.machine_time < self.down_until

    def _hits(self, chance: float) -> bool:
        return self.faults and self.chance.random() < chance

    def _answer_or_raise(self) -> None:
        if self._down() or self._hits(0.03):
            self.seen["call failed"] += 1
            raise VenueUnavailable("drawn")

    def _accept_late(self, request: OrderRequest, posted_at: float) -> None:
        self.in_flight.pop(request.client_order_id, None)
        self._accept(request, posted_at)

    def _accept(self, request: OrderRequest, posted_at: float | None = None) -> str:
        """Take an order in; the same client id again returns the first order and creates nothing."""
        known = self.by_client.get(request.client_order_id)
        if known is not None:
            self.seen["duplicate id received"] += 1
            return known
        symbol, before = request.symbol, self.positions[request.symbol]
        reducing = before != 0 and (before > 0) != (request.side is Side.BUY)
        others = sum(
            (
                o.remaining
                for o in self.orders.values()
                if o.request.symbol == symbol and o.request.side is request.side
            ),
            ZERO,
        )
        growing = not reducing or others + request.size > abs(before)
        self.arrivals.append(
            Arrived(request, self.time.machine_time if posted_at is None else posted_at, before, growing)
        )
        order = Working(request, f"v{len(self.orders) + 1}", self.time.machine_time)
        self.orders[order.order_id] = order
        self.by_client[request.client_order_id] = order.order_id
        self.version += 1
        self._tell(order)
        if request.time_in_force is TimeInForce.IOC:
            self._match(order)
            self._finish(order, OrderState.CANCELLED)
        return order.order_id

    def _match(self, order: Working) -> None:
        """Fill what crosses, sometimes in parts."""
        request, price = order.request, self.price(order.request.symbol)
        buying = request.side is Side.BUY
        crosses = request.limit_price >= price if buying else request.limit_price <= price
        if not crosses or order.remaining <= 0:
            return
        lots = int(order.remaining / self.by_symbol[request.symbol].base_increment)
        part = lots if lots == 1 or self.chance.random() < 0.6 else self.chance.randint(1, lots)
        self._fill(order, part * self.by_symbol[request.symbol].base_increment, price)
        if order.filled == request.size:
            self._finish(order, OrderState.FILLED)

    def _fill(self, order: Working, size: Decimal, price: Decimal) -> None:
        request = order.request
        value, fee = size * price, size * price * FEE
        order.filled += size
        order.value += value
        order.fees += fee
        self.positions[request.symbol] += request.side.sign * size
        fill = Fill(
            f"t{len(self.fills) + 1}",
            request.client_order_id,
            order.order_id,
            request.symbol,
            request.side,
            size,
            price,
            fee,
            self.time.now().market_time,
        )
        self.fills.append(fill)
        effect = apply_fill(self.books[request.symbol], fill)
        self.books[request.symbol] = effect.position
        self.cash += effect.realized_delta - fee
        self.version += 1
        self._tell(order)

    def _finish(self, order: Working, state: OrderState) -> None:
        if order.state in AT_VENUE:
            order.state = OrderState.FILLED if order.filled == order.request.size else state
            self.version += 1
            self._tell(order)

    def _report(self, order: Working, source: str) -> OrderReport:
        request = order.request
        return OrderReport(
            client_order_id=request.client_order_id,
            order_id=order.order_id,
            symbol=request.symbol,
            state=order.state,
            market_time=self.time.now().market_time,
            source=source,
            side=request.side,
            size=request.size,
            limit_price=request.limit_price,
            filled_size=order.filled,
            filled_value=order.value,
            fees=order.fees,
            created_at=self.time.market_offset + order.accepted_at,
        )

    def _tell(self, order: Working) -> None:
        """Send the order's state over the user feed: late, twice, out of order, or never."""
        report = self._report(order, "user")
        copies = 1
        if self._hits(0.1):
            copies = 0
            self.seen["user report lost"] += 1
        elif self._hits(0.15):
            copies = 2
            self.seen["user report doubled"] += 1
        for _ in range(copies):
            self.time.after(self.chance.random() * 0.4, lambda: self.deliver(report) if self.deliver else None)
