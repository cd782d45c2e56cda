"""Product rules of one tradable instrument, and the quantization that follows from them.

Anyone may import this. Nothing here reads a clock or talks to a venue; `trader/coinbase/` fills the records from the wire.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from enum import StrEnum

import msgspec


class ProductKind(StrEnum):
    """What an instrument is, which decides how its size and its margin are counted."""

    SPOT = "SPOT"
    PERPETUAL = "PERPETUAL"
    FUTURE = "FUTURE"


_SPOT = ProductKind.SPOT


class TradingStatus(StrEnum):
    """What the venue lets us do in a product right now."""

    ONLINE = "ONLINE"
    POST_ONLY = "POST_ONLY"
    LIMIT_ONLY = "LIMIT_ONLY"
    CANCEL_ONLY = "CANCEL_ONLY"
    VIEW_ONLY = "VIEW_ONLY"
    HALTED = "HALTED"


class Instrument(msgspec.Struct, frozen=True):
    """One product as the venue describes it today.

    Sizes are in the venue's own unit: base coin for spot and INTX perpetuals, contracts for US futures. One unit is worth
    `contract_size` base coins. Prices are in the quote currency. `funding_rate` is a fraction per `funding_interval_s`;
    positive means longs pay. `max_leverage` is None where the venue names none.
    """

    symbol: str
    product_id: str
    kind: ProductKind
    base: str
    quote: str
    price_increment: Decimal
    base_increment: Decimal
    base_min_size: Decimal
    base_max_size: Decimal
    quote_min_size: Decimal
    contract_size: Decimal = Decimal(1)
    max_leverage: Decimal | None = None
    status: TradingStatus = TradingStatus.ONLINE
    funding_rate: Decimal | None = None
    funding_time: float | None = None
    funding_interval_s: int = 3600

    @property
    def is_derivative(self) -> bool:
        """True when a position is margin and may be short, False when it is coins in a wallet."""
        return self.kind is not _SPOT

    def round_size(self, size: Decimal) -> Decimal:
        """Round a size toward zero to the lot grid: never above what was approved."""
        return (size / self.base_increment).to_integral_value(ROUND_FLOOR) * self.base_increment

    def round_price(self, price: Decimal, *, buying: bool) -> Decimal:
        """Round a limit price to the tick, down for a buy and up for a sell: never worse than asked."""
        direction = ROUND_FLOOR if buying else ROUND_CEILING
        return (price / self.price_increment).to_integral_value(direction) * self.price_increment

    def notional(self, size: Decimal, price: Decimal) -> Decimal:
        """Worth of `size` units at `price`, in the quote currency."""
        return size * price * self.contract_size

    def half_ticks(self, bid: Decimal, ask: Decimal) -> int:
        """Return the mid price as an exact integer of half ticks (a mid sits on half a tick)."""
        return int((bid + ask) / self.price_increment)

    def from_half_ticks(self, half_ticks: int) -> Decimal:
        """Return the price that `half_ticks` stands for."""
        return self.price_increment * half_ticks / 2

    def minimum_size(self, price: Decimal) -> Decimal:
        """Smallest size on the lot grid that meets both the base and the quote minimum at `price`."""
        by_quote = self.quote_min_size / (price * self.contract_size) if price > 0 else self.base_min_size
        smallest = max(self.base_min_size, by_quote)
        return (smallest / self.base_increment).to_integral_value(ROUND_CEILING) * self.base_increment
