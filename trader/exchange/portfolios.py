"""Portfolios, conversions and sweeps: money that moves without a trade.

Pure; imported by engine.py and the rest_* tables.

The default portfolio is the account that trades, the INTX portfolio a view of its USDC wallet; portfolios made by the
client are mere boxes that hold money moved into them.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from trader.exchange.accounts import Accounts
from trader.exchange.ladder import ZERO
from trader.exchange.stamps import INTX_PORTFOLIO_ID, PORTFOLIO_ID


class Portfolio(msgspec.Struct):
    """One portfolio; `boxed` is what a client-made one holds, by currency."""

    name: str
    uuid: str
    kind: str
    deleted: bool = False
    boxed: dict[str, Decimal] = msgspec.field(default_factory=dict)


class Conversion(msgspec.Struct):
    """A quoted exchange of one dollar for another, one to one and free."""

    trade_id: str
    source: str
    target: str
    amount: Decimal
    committed: bool = False


class Sweep(msgspec.Struct, frozen=True):
    """A scheduled transfer of futures cash to the spot wallet; None as amount means all."""

    sweep_id: str
    amount: Decimal | None
    scheduled: float


class Treasury:
    """All portfolios, open conversions and the pending sweep of one client."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self.portfolios = {
            PORTFOLIO_ID: Portfolio("Default", PORTFOLIO_ID, "DEFAULT"),
            INTX_PORTFOLIO_ID: Portfolio("Perpetuals", INTX_PORTFOLIO_ID, "INTX"),
        }
        self.conversions: dict[str, Conversion] = {}
        self.sweeps: list[Sweep] = []
        self.intraday_setting = "INTRADAY_MARGIN_SETTING_STANDARD"
        self.shared_collateral = False

    def move(self, source: str, target: str, currency: str, amount: Decimal) -> str | None:
        """Move money between portfolios; why not, or None when done."""
        if source not in self.portfolios or target not in self.portfolios:
            return "portfolio was not found"
        if amount <= 0 or self._held(source, currency) < amount:
            return "insufficient funds in source portfolio"
        self._change(source, currency, -amount)
        self._change(target, currency, amount)
        return None

    def _held(self, uuid: str, currency: str) -> Decimal:
        portfolio = self.portfolios[uuid]
        if portfolio.kind == "CONSUMER":
            return portfolio.boxed.get(currency, ZERO)
        return self._accounts.wallet(currency).available

    def _change(self, uuid: str, currency: str, amount: Decimal) -> None:
        portfolio = self.portfolios[uuid]
        if portfolio.kind == "CONSUMER":
            portfolio.boxed[currency] = portfolio.boxed.get(currency, ZERO) + amount
        else:
            self._accounts.wallet(currency).available += amount

    def commit(self, conversion: Conversion) -> bool:
        """Carry out a quoted conversion once; False when the money is not there."""
        if conversion.committed:
            return True
        source = self._accounts.wallet(conversion.source)
        if source.available < conversion.amount:
            return False
        source.available -= conversion.amount
        self._accounts.wallet(conversion.target).available += conversion.amount
        conversion.committed = True
        return True
