"""Positions and margin of derivatives: US futures (CFM) and the older INTX perpetuals, and the portfolios they live
in.

Only `trader/coinbase/` imports this. Both venues are documented inconsistently, so an amount may be plain text or
an object with value and currency: `Amount` takes either. Sizes are signed here: contracts for CFM, base units for
INTX. Read-only.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from trader.coinbase.breaker import EndpointClass
from trader.coinbase.gateway import Gateway
from trader.coinbase.reports import InstrumentOf, symbol_of
from trader.coinbase.wire import MISSING, BadPayload, Body, Figure, decimal_of
from trader.orders.account import MarginSummary, VenuePosition
from trader.venue import VenueUnavailable

INTX_CURRENCY = "USDC"
Amount = Any  # text, a JSON number, or {"value": …, "currency": …}; read by `amount`


def amount(raw: Amount) -> Decimal | None:
    """Return an amount in either of its two documented forms; raises BadPayload."""
    return decimal_of(raw.get("value")) if isinstance(raw, dict) else decimal_of(raw)


def used_up_at(price: Decimal | None, size: Decimal, buffer: Decimal | None) -> Decimal | None:
    """Return the price at which a position of `size` base coins (signed) has lost `buffer` from `price` on.

    None when something is not known or the price would have to fall below zero first. A little nearer than the true
    liquidation price, because the maintenance margin of a long shrinks on the way.
    """
    if price is None or buffer is None or not size:
        return None
    found = price - buffer / size
    return found if found > 0 else None


class CfmPosition(msgspec.Struct):
    """One US futures position."""

    product_id: str = ""
    side: str = ""
    number_of_contracts: Figure = MISSING
    avg_entry_price: Amount = None
    current_price: Amount = None
    unrealized_pnl: Amount = None
    liquidation_price: Amount = None


class CfmPositions(msgspec.Struct):
    """All US futures positions."""

    positions: list[CfmPosition]  # no default: an answer without it does not say that nothing is held


class MarginWindow(msgspec.Struct):
    """Margin under the window that is in force."""

    margin_window_type: str = ""
    initial_margin: Amount = None


class CfmBalances(msgspec.Struct):
    """The futures account's money."""

    total_usd_balance: Amount = None
    unrealized_pnl: Amount = None
    initial_margin: Amount = None
    available_margin: Amount = None
    liquidation_buffer_amount: Amount = None
    liquidation_buffer_percentage: Amount = None
    intraday_margin_window_measure: MarginWindow | None = None


class CfmSummary(msgspec.Struct):
    """Wrapper of the futures account."""

    balance_summary: CfmBalances


class WindowType(msgspec.Struct):
    """Which margin window is in force."""

    margin_window_type: str = ""
    end_time: str = ""


class CurrentWindow(msgspec.Struct):
    """Wrapper of the margin window."""

    margin_window: WindowType | None = None


class IntxPosition(msgspec.Struct):
    """One INTX position; `product_id` is an internal number, `symbol` is the id we know."""

    symbol: str = ""
    position_side: str = ""
    net_size: Figure = MISSING
    entry_vwap: Amount = None
    vwap: Amount = None
    unrealized_pnl: Amount = None
    liquidation_price: Amount = None
    leverage: Figure = MISSING


class IntxPositions(msgspec.Struct):
    """All INTX positions."""

    positions: list[IntxPosition]


class IntxPortfolio(msgspec.Struct):
    """Margin of one INTX portfolio."""

    portfolio_im_notional: Amount = None
    collateral: Amount = None
    liquidation_buffer: Amount = None
    liquidation_percentage: Amount = None
    total_balance: Amount = None


class IntxPortfolios(msgspec.Struct):
    """Wrapper of INTX margin."""

    portfolios: list[IntxPortfolio] = []
    summary: dict[str, Any] | None = None


class Portfolio(msgspec.Struct):
    """One portfolio's name and id."""

    name: str = ""
    uuid: str = ""
    type: str = ""
    deleted: bool = False


class Portfolios(msgspec.Struct):
    """All portfolios."""

    portfolios: list[Portfolio] = []


CFM_POSITIONS = Body[CfmPositions](CfmPositions)
CFM_SUMMARY = Body[CfmSummary](CfmSummary)
CURRENT_WINDOW = Body[CurrentWindow](CurrentWindow)
INTX_POSITIONS = Body[IntxPositions](IntxPositions)
INTX_PORTFOLIOS = Body[IntxPortfolios](IntxPortfolios)
PORTFOLIOS = Body[Portfolios](Portfolios)


class DerivativesReader:
    """Reads of everything that is margin; every method raises VenueError."""

    def __init__(self, gateway: Gateway, instrument_of: InstrumentOf) -> None:
        self._gateway = gateway
        self._instrument_of = instrument_of

    def cfm_positions(self, buffer: Decimal | None = None) -> list[VenuePosition]:
        """Return the US futures positions, in contracts, shorts negative.

        `buffer` is the account's liquidation buffer in USD: where the venue names no liquidation price, the price at
        which this position alone would have used it up stands in.
        """
        said = self._gateway.read(EndpointClass.ACCOUNT, "/cfm/positions", CFM_POSITIONS)
        return [self._cfm_position(row, buffer) for row in said.positions]

    def cfm_margin(self) -> MarginSummary:
        """Return the futures account's margin, in USD."""
        said = self._gateway.read(EndpointClass.ACCOUNT, "/cfm/balance_summary", CFM_SUMMARY).balance_summary
        window = said.intraday_margin_window_measure
        try:
            return MarginSummary(
                equity=(amount(said.total_usd_balance) or Decimal(0)) + (amount(said.unrealized_pnl) or Decimal(0)),
                initial_margin=amount(said.initial_margin) or Decimal(0),
                available_margin=amount(said.available_margin) or Decimal(0),
                liquidation_buffer_pct=amount(said.liquidation_buffer_percentage),
                margin_window=window.margin_window_type if window else "",
                collateral=amount(said.total_usd_balance),
                liquidation_buffer=amount(said.liquidation_buffer_amount),
            )
        except BadPayload as error:
            raise VenueUnavailable(f"the futures balance does not fit its shape: {error}") from error

    def cfm_margin_window(self) -> str:
        """Return the margin window in force (intraday, overnight, weekend, transition), "" when the venue does not
        say.
        """
        said = self._gateway.read(EndpointClass.ACCOUNT, "/cfm/intraday/current_margin_window", CURRENT_WINDOW)
        return said.margin_window.margin_window_type if said.margin_window else ""

    def intx_positions(self, portfolio_id: str) -> list[VenuePosition]:
        """Return the INTX positions of a portfolio, in base units, shorts negative."""
        said = self._gateway.read(EndpointClass.ACCOUNT, f"/intx/positions/{portfolio_id}", INTX_POSITIONS)
        return [self._intx_position(row) for row in said.positions]

    def intx_margin(self, portfolio_id: str) -> MarginSummary | None:
        """Return the margin of an INTX portfolio, None when it has none. USDC is taken as USD."""
        said = self._gateway.read(EndpointClass.ACCOUNT, f"/intx/portfolio/{portfolio_id}", INTX_PORTFOLIOS)
        if not said.portfolios:
            return None
        row = said.portfolios[0]
        try:
            power = amount((said.summary or {}).get("buying_power"))
            return MarginSummary(
                equity=amount(row.total_balance) or Decimal(0),
                initial_margin=amount(row.portfolio_im_notional) or Decimal(0),
                available_margin=power or Decimal(0),
                liquidation_buffer_pct=amount(row.liquidation_percentage),
                currency=INTX_CURRENCY,
                collateral=amount(row.collateral),
                liquidation_buffer=amount(row.liquidation_buffer),
            )
        except BadPayload as error:
            raise VenueUnavailable(f"the INTX portfolio does not fit its shape: {error}") from error

    def portfolios(self) -> list[Portfolio]:
        """Return the portfolios the key can see."""
        return self._gateway.read(EndpointClass.ACCOUNT, "/portfolios", PORTFOLIOS).portfolios

    def _cfm_position(self, row: CfmPosition, buffer: Decimal | None) -> VenuePosition:
        try:
            contracts = row.number_of_contracts.needed
            size = -abs(contracts) if row.side.upper().endswith("SHORT") else contracts
            instrument = self._instrument_of(row.product_id)
            price, unit = amount(row.current_price), instrument.contract_size if instrument else Decimal(1)
            return VenuePosition(
                symbol=symbol_of(row.product_id, self._instrument_of),
                size=size,
                entry_price=amount(row.avg_entry_price) or Decimal(0),
                unrealized_pnl=amount(row.unrealized_pnl) or Decimal(0),
                liquidation_price=amount(row.liquidation_price) or used_up_at(price, size * unit, buffer),
            )
        except BadPayload as error:
            raise VenueUnavailable(f"a futures position does not fit its shape: {error}") from error

    def _intx_position(self, row: IntxPosition) -> VenuePosition:
        try:
            size = row.net_size.needed
            return VenuePosition(
                symbol=symbol_of(row.symbol, self._instrument_of),
                size=-abs(size) if row.position_side.upper().endswith("SHORT") else size,
                entry_price=amount(row.entry_vwap) or amount(row.vwap) or Decimal(0),
                unrealized_pnl=amount(row.unrealized_pnl) or Decimal(0),
                liquidation_price=amount(row.liquidation_price),
                leverage=row.leverage.value,
            )
        except BadPayload as error:
            raise VenueUnavailable(f"an INTX position does not fit its shape: {error}") from error
