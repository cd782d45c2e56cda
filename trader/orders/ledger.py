"""The ledger: own orders, positions and money of one account, with the worst case they may turn into.

One desk owns a ledger and mutates it; nothing else may. It never reads a clock. Running figures are kept by
differences, so a quote costs a handful of Decimal operations however many symbols there are: remaining size per side
and symbol, the worth of the open positions, their fees and funding, and the wallets. `audit()` recomputes all of them
from scratch; tests call it after every step.

Equity is the wallets plus the worth of the positions: size times mark for spot (the coins have been paid for),
unrealized profit for derivatives (only margin has been put up). It is None until the account has been read once:
unknown is not zero. Importable from `risk/` upward; reports read it through its owner.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import pairwise
from types import MappingProxyType

import msgspec

from trader.market.instrument import Instrument
from trader.orders.order import (
    Fill,
    Order,
    OrderReport,
    OrderState,
    OrderType,
    Side,
    TimeInForce,
    merge,
)
from trader.orders.position import Effect, Position, apply_fill

ZERO = Decimal(0)
MARK_GRID = Decimal("1E-12")
"""A price made by division is put on this grid before it values anything, or the running sums would drift in the last digit."""
FINISHED_KEPT = 5_000
"""Finished orders remembered, so that a late report still finds its order; older ones come back as foreign."""


class Booking(msgspec.Struct, frozen=True, gc=False):
    """What a report changed. `late` is a fill on an order that had already finished; `overfill` more than was asked
    for.
    """

    order: Order
    fill: Fill | None
    effect: Effect | None
    late: bool
    overfill: bool


class Ledger:
    """Own orders by client id, positions by own fills (spot) or netted (derivatives), wallets by quote currency."""

    def __init__(self, instruments: Mapping[str, Instrument]) -> None:
        self.instruments = dict(instruments)
        self.orders: dict[str, Order] = {}
        """Live ones stand where they were made, finished ones in the order of their last change."""
        self.positions: dict[str, Position] = {s: Position(s, i.contract_size) for s, i in self.instruments.items()}
        self.marks: dict[str, Decimal] = {}
        self._wallets: dict[str, Decimal] = {}
        self.wallets: Mapping[str, Decimal] = MappingProxyType(self._wallets)
        """By quote currency, as the venue last told it and fills have moved it since; `set_wallet` alone changes it."""
        self.live: dict[str, dict[str, Order]] = {symbol: {} for symbol in self.instruments}
        self.touched_at: dict[str, float] = {}
        """Machine time of the last change of any order of a symbol: what a reading of that moment may have raced."""
        self._by_order_id: dict[str, str] = {}
        self._remaining: dict[str, dict[Side, Decimal]] = {
            s: {Side.BUY: ZERO, Side.SELL: ZERO} for s in self.instruments
        }
        self._cash: Decimal | None = None
        """All wallets together; None until one has been read."""
        self._worth = ZERO
        self.aside_worth = ZERO
        """USD: positions of symbols this ledger has no rules for, at their last marks; they are the account's all the same."""
        self.fees = ZERO
        """Fees of all own fills."""
        self.funding = ZERO
        """Funding of all positions, negative when paid."""

    # Orders

    def reserve(self, order: Order) -> None:
        """Take an order into the worst case before anyone else hears of it. A client id is never used twice (I-07)."""
        assert order.client_order_id not in self.orders, "a client order id names one order for the life of the account"
        assert order.symbol in self.instruments, "an order is reserved for an instrument the ledger knows"
        self._put(order)

    def find(self, client_order_id: str, order_id: str = "") -> Order | None:
        """The order behind our id or the venue's; None when the ledger has never seen it."""
        return self.orders.get(client_order_id) or self.orders.get(self._by_order_id.get(order_id, ""))

    def advance(self, client_order_id: str, state: OrderState, machine_time: float, note: str = "") -> Order:
        """Move an order to one of our own states (SENT, UNKNOWN, RELEASED); a state the venue has proven stays."""
        order = self.orders[client_order_id]
        report = OrderReport(client_order_id, "", order.symbol, state, order.created_at, "own", reason=note)
        told, _ = merge(order, report, machine_time)
        self._put(told)
        return told

    def book(self, report: OrderReport, machine_time: float) -> Booking:
        """Join a report into its order and book the fill it added. The order must be known: see `adopt`."""
        before = self.find(report.client_order_id, report.order_id)
        assert before is not None, "a report is booked to an order the ledger knows; adopt it first"
        if report.client_order_id != before.client_order_id or report.symbol != before.symbol:
            report = msgspec.structs.replace(report, client_order_id=before.client_order_id, symbol=before.symbol)
        order, fill = merge(before, report, machine_time)
        self._put(order)
        effect = self.apply(fill) if fill is not None and self._is_booked(order) else None
        late = fill is not None and fill.size > 0 and not before.is_live
        return Booking(order, fill, effect, late, order.filled_size > order.size)

    def adopt(self, report: OrderReport, machine_time: float) -> Order:
        """Take in an order found at the venue that we did not send: exposure from now on, nothing filled yet on our
        side.
        """
        client_order_id = report.client_order_id or f"venue:{report.order_id}"
        instrument = self.instruments[report.symbol]
        order = Order(
            client_order_id=client_order_id,
            symbol=report.symbol,
            product_id=instrument.product_id,
            side=report.side or Side.BUY,
            size=report.size if report.size is not None else report.filled_size,
            limit_price=report.limit_price or self.marks.get(report.symbol, ZERO),
            order_type=OrderType.LIMIT,
            time_in_force=TimeInForce.GTC,
            reduce_only=False,
            state=OrderState.PENDING,
            order_id=report.order_id,
            filled_size=report.filled_size,
            filled_value=report.filled_value,
            fees=report.fees,
            created_at=report.created_at or report.market_time,
            touched_at=machine_time,
            foreign=True,
        )
        self._put(order)
        return order

    def reopen(self, client_order_id: str, state: OrderState, machine_time: float) -> Order:
        """Take a finished order that the venue keeps listing back among the live ones; its next terminal report ends it."""
        order = self.orders[client_order_id]
        assert not order.is_live, "only a finished order is reopened"
        note = f"listed as open after {order.state}"
        told = msgspec.structs.replace(order, state=state, touched_at=machine_time, note=note)
        self._put(told)
        return told

    def live_orders(self) -> Iterable[Order]:
        """Every order that may still fill, foreign ones included."""
        for orders in self.live.values():
            yield from orders.values()

    def _put(self, order: Order) -> None:
        """Replace an order and keep the sums of remaining size true; without a mark it is worth what it was decided at."""
        price = order.mark or order.limit_price
        if order.symbol not in self.marks and order.is_live and price:
            self.marks[order.symbol] = price.quantize(MARK_GRID)
        before = self.orders.get(order.client_order_id)
        sums = self._remaining[order.symbol]
        if before is not None:
            sums[before.side] -= before.remaining
        sums[order.side] += order.remaining
        if not order.is_live:
            self.orders.pop(order.client_order_id, None)
        self.orders[order.client_order_id] = order
        self.touched_at[order.symbol] = order.touched_at
        if order.order_id:
            self._by_order_id[order.order_id] = order.client_order_id
        if order.is_live:
            self.live[order.symbol][order.client_order_id] = order
        elif (
            self.live[order.symbol].pop(order.client_order_id, None) is not None
            and len(self.orders) > 2 * FINISHED_KEPT
        ):
            self._forget()

    def _forget(self) -> None:
        """Drop the oldest finished orders."""
        finished = [order for order in self.orders.values() if not order.is_live]
        for order in finished[:-FINISHED_KEPT]:
            del self.orders[order.client_order_id]
            self._by_order_id.pop(order.order_id, None)

    def _is_booked(self, order: Order) -> bool:
        """Foreign fills move a derivative position (the venue nets them) but never the bot's own coins."""
        return not order.foreign or self.instruments[order.symbol].is_derivative

    # Positions and money

    def apply(self, fill: Fill) -> Effect:
        """Book one fill into position and wallet."""
        instrument = self.instruments[fill.symbol]
        before = self.positions[fill.symbol]
        effect = apply_fill(before, fill)
        if fill.symbol not in self.marks:
            self.marks[fill.symbol] = fill.price.quantize(MARK_GRID)
        self._replace_position(effect.position)
        flow = effect.realized_delta if instrument.is_derivative else effect.position.cash - before.cash
        self._pay(instrument.quote, flow - fill.fee)
        return effect

    def pay_funding(self, symbol: str, amount: Decimal) -> None:
        """Credit (or, negative, charge) one funding payment."""
        position = self.positions[symbol]
        self._replace_position(msgspec.structs.replace(position, funding=position.funding + amount))
        self._pay(self.instruments[symbol].quote, amount)

    def adjust(self, symbol: str, size: Decimal, price: Decimal, market_time: float, cause: str) -> Fill | None:
        """Bring a position to the size the venue proves, by an explicit fill without fee; None when it already is
        there.
        """
        difference = size - self.positions[symbol].size
        if not difference:
            return None
        side = Side.BUY if difference > 0 else Side.SELL
        fill = Fill(f"adjust:{cause}", f"adjust:{cause}", "", symbol, side, abs(difference), price, ZERO, market_time)
        self.apply(fill)
        return fill

    def on_mark(self, symbol: str, mark: Decimal) -> None:
        """Revalue one symbol; equity moves by the difference alone."""
        position = self.positions[symbol]
        if position.size:
            self._worth += position.size * (mark - self.marks.get(symbol, mark)) * position.contract_size
        self.marks[symbol] = mark

    def moves_over(self, symbol: str, half_ticks: Sequence[int]) -> list[Decimal]:
        """By how much equity would move from mark to mark of one symbol, in the digits that `on_mark` would use. Changes nothing.

        The marks share one parity with each other and with the present one: mids of one spread.
        """
        position, increment = self.positions[symbol], self.instruments[symbol].price_increment
        before = int(self.marks[symbol] * 2 / increment)
        step = position.size * (increment / 2 if before & 1 else increment) * position.contract_size
        shift = 0 if before & 1 else 1
        return [step * ((now - last) >> shift) for last, now in pairwise((before, *half_ticks))]

    def set_wallet(self, currency: str, amount: Decimal) -> None:
        """State what the venue says a quote wallet holds, available and held together."""
        self._wallets[currency] = amount
        self._cash = sum(self.wallets.values(), ZERO)

    @property
    def equity(self) -> Decimal | None:
        """Wallets plus worth of positions; None until a wallet has been read."""
        return self._cash + self._worth + self.aside_worth if self._cash is not None else None

    def worth(self, symbol: str) -> Decimal:
        """What one position counts in the equity, at its mark."""
        return self._worth_of(self.positions[symbol])

    def _pay(self, currency: str, amount: Decimal) -> None:
        if currency in self.wallets:
            self.set_wallet(currency, self.wallets[currency] + amount)

    def _replace_position(self, position: Position) -> None:
        before = self.positions[position.symbol]
        self._worth += self._worth_of(position) - self._worth_of(before)
        self.fees += position.fees - before.fees
        self.funding += position.funding - before.funding
        self.positions[position.symbol] = position

    def _worth_of(self, position: Position) -> Decimal:
        if not position.size and not position.cost:
            return ZERO
        value = position.size * self.marks[position.symbol] * position.contract_size
        return value - position.cost if self.instruments[position.symbol].is_derivative else value

    def restore_position(self, position: Position) -> None:
        """Put back a position from the journal, valued at its entry until a mark comes."""
        if position.size and position.symbol not in self.marks:
            self.marks[position.symbol] = position.entry_price.quantize(MARK_GRID)
        self._replace_position(position)

    # Worst case

    def remaining(self, symbol: str, side: Side) -> Decimal:
        """Size that live orders of this side may still fill: reserved, sent, unknown and open ones."""
        return self._remaining[symbol][side]

    def worst_long(self, symbol: str) -> Decimal:
        """The position if every live buy fills and no sell does."""
        return self.positions[symbol].size + self._remaining[symbol][Side.BUY]

    def worst_short(self, symbol: str) -> Decimal:
        """The position if every live sell fills and no buy does."""
        return self.positions[symbol].size - self._remaining[symbol][Side.SELL]

    def exposure(self, symbol: str) -> Decimal:
        """Worst-case notional of one symbol at its mark, in quote currency."""
        units = max(abs(self.worst_long(symbol)), abs(self.worst_short(symbol)))
        return units * self.marks.get(symbol, ZERO) * self.instruments[symbol].contract_size if units else ZERO

    def total_exposure(self) -> Decimal:
        """Worst-case notional of the account: the sum over its symbols."""
        return sum((self.exposure(symbol) for symbol in self.instruments), ZERO)

    def audit(self) -> None:
        """Recompute every running figure from scratch and assert that it is exactly what is kept (I-01, I-03)."""
        for symbol, position in self.positions.items():
            live = {key: order for key, order in self.orders.items() if order.symbol == symbol and order.is_live}
            assert live == self.live[symbol], "the live orders are exactly the unfinished ones"
            for side in Side:
                remaining = sum((order.remaining for order in live.values() if order.side is side), ZERO)
                assert remaining == self._remaining[symbol][side], "remaining size is kept by differences without loss"
            gross = position.cash + position.cost + (position.unrealized(self.marks[symbol]) if position.size else ZERO)
            flow = position.cash + (
                position.size * self.marks[symbol] * position.contract_size if position.size else ZERO
            )
            assert gross == flow, "realized and unrealized add up to the money that flowed"
            assert position.size or not position.cost, "a flat position costs nothing"
        worth = sum((self._worth_of(position) for position in self.positions.values()), ZERO)
        assert worth == self._worth, "the worth kept by differences equals a full revaluation"
        assert self._cash == (sum(self.wallets.values(), ZERO) if self.wallets else None), (
            "so does the money in the wallets"
        )
        assert self.fees == sum((p.fees for p in self.positions.values()), ZERO), "so do the fees"
        assert self.funding == sum((p.funding for p in self.positions.values()), ZERO), "so does the funding"
