"""The account as the venue tells it: balances, open orders, fills, derivative positions.

Anyone above `market/` may import this. A snapshot is evidence only of what its `complete` flag covers: a listing that
broke off half way proves no absence, and a failed read is an error, never an empty account.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from trader.orders.order import Fill, OrderReport

ZERO = Decimal(0)


class Balance(msgspec.Struct, frozen=True, gc=False):
    """One currency's wallet: `available` can be traded, `hold` is tied up in open orders."""

    currency: str
    available: Decimal
    hold: Decimal

    @property
    def total(self) -> Decimal:
        """Available and held together."""
        return self.available + self.hold


class VenuePosition(msgspec.Struct, frozen=True, gc=False):
    """One derivative position at the venue; `size` is signed, in the instrument's unit (contracts or base)."""

    symbol: str
    size: Decimal
    entry_price: Decimal
    unrealized_pnl: Decimal = ZERO
    liquidation_price: Decimal | None = None
    leverage: Decimal | None = None


class MarginSummary(msgspec.Struct, frozen=True, gc=False):
    """Derivatives margin of the account, in USD; None where the venue does not say."""

    equity: Decimal
    initial_margin: Decimal
    available_margin: Decimal
    liquidation_buffer_pct: Decimal | None = None
    margin_window: str = ""


class FeeRates(msgspec.Struct, frozen=True, gc=False):
    """The account's fee tier as fractions (0.009 is 0.9 %)."""

    maker: Decimal
    taker: Decimal
    tier: str = ""


class AccountSnapshot(msgspec.Struct, frozen=True, gc=False):
    """Everything the venue says about the account at one moment.

    `asked_at` is the machine time before the first request: an order sent later proves nothing by its absence here.
    `open_orders` are reports about every order that is live at the venue; `fills` are those since the watermark asked
    for. `complete` is False when a page was missing: then absence proves nothing. `wire_set` holds the client order
    ids the broker has put on the wire and not yet seen the outcome of.
    """

    asked_at: float
    market_time: float
    balances: tuple[Balance, ...]
    open_orders: tuple[OrderReport, ...]
    fills: tuple[Fill, ...] = ()
    positions: tuple[VenuePosition, ...] = ()
    margin: MarginSummary | None = None
    fees: FeeRates | None = None
    complete: bool = True
    wire_set: tuple[str, ...] = ()

    def balance(self, currency: str) -> Balance:
        """The wallet of `currency`; zeros when the account has none."""
        for balance in self.balances:
            if balance.currency == currency:
                return balance
        return Balance(currency, ZERO, ZERO)
