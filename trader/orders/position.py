"""One symbol's position: what its own fills have made of it, in Decimal and without rounding drift.

Theory of operation. Two sums are kept that no rule can bend: `cash`, the money that has flowed because of the fills
(minus for buying), and `size`. Gross profit at a mark is `cash + size x mark x contract_size`, whatever the accounting
in between. The average entry price enters only through `cost`, the part of `cash` that the open size stands for;
realized profit is defined as `cash + cost`, so realized and unrealized always add up to the gross exactly. `cost` is
kept on a fixed grid of 10^-12, which bounds its digits.

Anyone above `market/` may import this. Sizes are in the instrument's unit, money in its quote currency. Pure: no
clock, no I/O.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from trader.orders.order import Fill

ZERO = Decimal(0)
_COST_GRID = Decimal("1E-12")


class TradeStatistics(msgspec.Struct, frozen=True, gc=False):
    """Closed trades so far, net of fees and funding: what Kelly sizing rests on.

    A trade that made nothing counts as lost. Both totals in quote currency, the loss as a positive number.
    """

    wins: int = 0
    losses: int = 0
    won_usd: Decimal = ZERO
    lost_usd: Decimal = ZERO

    @property
    def trades(self) -> int:
        """Closed trades, winners and losers together."""
        return self.wins + self.losses

    def counting(self, result: Decimal) -> TradeStatistics:
        """Return these with one more trade."""
        if result > 0:
            return msgspec.structs.replace(self, wins=self.wins + 1, won_usd=self.won_usd + result)
        return msgspec.structs.replace(self, losses=self.losses + 1, lost_usd=self.lost_usd - result)


class Position(msgspec.Struct, frozen=True, gc=False):
    """Signed size of one symbol with its money. `adds` counts the entry orders since it was last flat, the first
    included.

    `fees` and `funding` are totals (a positive fee was paid, a positive funding was received). `net_when_opened` is
    the net result at the moment the open position began, so a closed trade can be counted as a whole.
    """

    symbol: str
    contract_size: Decimal = Decimal(1)
    size: Decimal = ZERO
    cost: Decimal = ZERO
    cash: Decimal = ZERO
    fees: Decimal = ZERO
    funding: Decimal = ZERO
    adds: int = 0
    grown_by: str = ""
    net_when_opened: Decimal = ZERO
    opened_at: float = 0.0
    trades: TradeStatistics = TradeStatistics()
    """The closed trades of this symbol since the books began."""

    @property
    def entry_price(self) -> Decimal:
        """Weighted average price of the open size; zero when flat."""
        return self.cost / (self.size * self.contract_size) if self.size else ZERO

    @property
    def side(self) -> str:
        """The documents' word: long, short or flat."""
        return "long" if self.size > 0 else "short" if self.size < 0 else "flat"

    @property
    def realized(self) -> Decimal:
        """Profit of what has been closed, before fees and funding."""
        return self.cash + self.cost

    @property
    def settled(self) -> Decimal:
        """Realized profit after fees and funding: what no mark can change any more."""
        return self.cash + self.cost + self.funding - self.fees

    def unrealized(self, mark: Decimal) -> Decimal:
        """Profit of the open size at `mark`, before funding (D33)."""
        return self.size * mark * self.contract_size - self.cost

    def net(self, mark: Decimal) -> Decimal:
        """Realized plus unrealized plus funding minus fees."""
        return self.cash + self.size * mark * self.contract_size + self.funding - self.fees


class PositionState(msgspec.Struct, frozen=True, gc=False):
    """What a symbol's actor is told about its position: a state, never a difference.

    `pending` is True while an order of the symbol may still fill. `equity` is None until the account has been read
    once.
    """

    symbol: str
    size: Decimal
    entry_price: Decimal
    adds: int
    pending: bool
    equity: Decimal | None
    mark: Decimal | None
    realized: Decimal
    unrealized: Decimal
    fees: Decimal
    funding: Decimal
    net: Decimal
    trades: TradeStatistics = TradeStatistics()


class Effect(msgspec.Struct, frozen=True, gc=False):
    """What one fill did. `trade_result` is the net result of the trade it completed, None while the trade goes on."""

    position: Position
    realized_delta: Decimal
    trade_result: Decimal | None


def apply_fill(position: Position, fill: Fill) -> Effect:
    """Book one fill: weighted average on the way in, realized on the way out, a flip as a close and an opening.

    A fill of size zero only carries a fee. Fees never touch the entry price; they are subtracted in `net` and in trade
    results.
    """
    signed = fill.size * fill.side.sign
    if position.size and (position.size > 0) != (signed > 0) and abs(signed) > abs(position.size):
        closing = abs(position.size)
        first = msgspec.structs.replace(
            fill,
            size=closing,
            fee=(fill.fee * closing / fill.size).quantize(_COST_GRID),
            value=(fill.exact_value * closing / fill.size).quantize(_COST_GRID),
        )
        closed = _book(position, first)
        opened = _book(closed.position, _rest(fill, first))
        return Effect(opened.position, closed.realized_delta, closed.trade_result)
    return _book(position, fill)


def _rest(fill: Fill, first: Fill) -> Fill:
    """The part of `fill` that `first` leaves, so that the two add up exactly."""
    value = fill.exact_value - (first.value or ZERO)
    return msgspec.structs.replace(fill, size=fill.size - first.size, fee=fill.fee - first.fee, value=value)


def _book(position: Position, fill: Fill) -> Effect:
    """Book a quantity that does not cross zero."""
    signed = fill.size * fill.side.sign
    value = fill.exact_value * fill.side.sign * position.contract_size
    after = position.size + signed
    opens = position.size == 0 and signed != 0
    grows = signed != 0 and (opens or (position.size > 0) == (signed > 0))
    if grows:
        cost = position.cost + value
    else:
        cost = (
            (position.cost * after / position.size).quantize(_COST_GRID) if position.size and after else position.cost
        )
        cost = cost if after else ZERO
    booked = msgspec.structs.replace(
        position,
        size=after,
        cost=cost,
        cash=position.cash - value,
        fees=position.fees + fill.fee,
        adds=_adds(position, fill.client_order_id, opens=opens, grows=grows) if after else 0,
        grown_by=(fill.client_order_id if grows else position.grown_by) if after else "",
        net_when_opened=position.settled if opens else position.net_when_opened,
        opened_at=fill.market_time if opens else position.opened_at,
    )
    finished = position.size != 0 and after == 0
    realized_delta = booked.realized - position.realized
    if not finished:
        return Effect(booked, realized_delta, None)
    result = booked.settled - booked.net_when_opened
    return Effect(msgspec.structs.replace(booked, trades=booked.trades.counting(result)), realized_delta, result)


def _adds(position: Position, client_order_id: str, *, opens: bool, grows: bool) -> int:
    """Count entry orders, not fills: the second part of one order is no second entry."""
    if opens:
        return 1
    if grows and client_order_id != position.grown_by:
        return position.adds + 1
    return position.adds
