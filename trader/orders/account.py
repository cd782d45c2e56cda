"""The account as the venue tells it: balances, open orders, fills, derivative positions.

Anyone above `market/` may import this. A snapshot is evidence only of what its `complete` flag covers: a listing that
broke off half way proves no absence, and a failed read is an error, never an empty account.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from trader.market.instrument import Instrument
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
    """Margin of the derivatives that one currency carries, in that currency; None where the venue does not say.

    `collateral` is the money itself, without unrealized profit; `liquidation_buffer` what may be lost before liquidation.
    """

    equity: Decimal
    initial_margin: Decimal
    available_margin: Decimal
    liquidation_buffer_pct: Decimal | None = None
    margin_window: str = ""
    currency: str = "USD"
    collateral: Decimal | None = None
    liquidation_buffer: Decimal | None = None


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
    ids the broker has put on the wire and not yet seen the outcome of. `instruments` are the traded products as the
    venue describes them now; empty from a venue whose rules never change. `margins` holds one summary per currency.
    """

    asked_at: float
    market_time: float
    balances: tuple[Balance, ...]
    open_orders: tuple[OrderReport, ...]
    fills: tuple[Fill, ...] = ()
    positions: tuple[VenuePosition, ...] = ()
    margins: tuple[MarginSummary, ...] = ()
    fees: FeeRates | None = None
    complete: bool = True
    wire_set: tuple[str, ...] = ()
    instruments: tuple[Instrument, ...] = ()

    @property
    def margin(self) -> MarginSummary | None:
        """The first margin summary; None for an account without derivatives."""
        return self.margins[0] if self.margins else None

    def balance(self, currency: str) -> Balance:
        """The wallet of `currency`; zeros when the account has none."""
        for balance in self.balances:
            if balance.currency == currency:
                return balance
        return Balance(currency, ZERO, ZERO)
