"""The venue's truth for the stateful test: what every order really is, and the account that follows from it."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

try:
    from desk_builders import snapshot
except ModuleNotFoundError:  # started by `python -m`, where this folder is not on the path
    from tests.risk.desk_builders import snapshot
from trader.market.clock import Now
from trader.orders.account import AccountSnapshot, Balance, VenuePosition
from trader.orders.order import Order, OrderReport, OrderState, Side

D = Decimal
ENDED = {OrderState.FILLED, OrderState.CANCELLED, OrderState.REJECTED, OrderState.EXPIRED}
PERP = "SOL-PERP"
COINS_BEFORE = D(3)
"""Coins of each kind that the account held before: never ours, never sold."""


class VenueOrder:
    """The truth about one order."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.state = OrderState.OPEN
        self.filled = D(0)
        self.value = D(0)

    def report(self, market_time: float) -> OrderReport:
        """The truth as a cumulative report."""
        order = self.order
        return OrderReport(
            order.client_order_id,
            f"v-{order.client_order_id}",
            order.symbol,
            self.state,
            market_time,
            "user",
            order.side,
            order.size,
            order.limit_price,
            filled_size=self.filled,
            filled_value=self.value,
            fees=self.value * D("0.001"),
        )


class Truth:
    """All orders at the venue, by our client id, with the account they make."""

    def __init__(self) -> None:
        self.orders: dict[str, VenueOrder] = {}

    def position(self, symbol: str) -> Decimal:
        """Every fill of the symbol, signed."""
        return sum((v.filled * v.order.side.sign for v in self.orders.values() if v.order.symbol == symbol), D(0))

    def has_traded(self, symbol: str) -> bool:
        """True when an order of the symbol ever reached the venue."""
        return any(v.order.symbol == symbol for v in self.orders.values())

    def worst(self, symbol: str, coming: Iterable[Order]) -> Decimal:
        """The largest position reachable by filling everything the venue has or may still get."""
        long = short = self.position(symbol)
        rests = [(v.order, v.order.size - v.filled) for v in self.orders.values() if v.state not in ENDED]
        for order, rest in [*rests, *((order, order.size) for order in coming)]:
            if order.symbol == symbol:
                long, short = (long + rest, short) if order.side is Side.BUY else (long, short - rest)
        return max(abs(long), abs(short))

    def snapshot(self, now: Now, mark: Decimal, usd: Decimal | None) -> AccountSnapshot:
        """A complete reading; `usd` replaces the wallet that spot fills and fees make of 100,000."""
        spot = [v for v in self.orders.values() if v.order.symbol != PERP]
        made = D(100_000) - sum((v.value * (v.order.side.sign + D("0.001")) for v in spot), D(0))
        coins = (Balance(s[:3], self.position(s) + COINS_BEFORE, D(0)) for s in ("BTC-USD", "ETH-USD"))
        contracts = self.position(PERP)
        return snapshot(
            now,
            balances=(Balance("USD", usd if usd is not None else made, D(0)), *coins),
            open_orders=tuple(v.report(now.market_time) for v in self.orders.values() if v.state not in ENDED),
            positions=(VenuePosition(PERP, contracts, mark),) if contracts else (),
        )
