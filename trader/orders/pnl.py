"""Profit and loss in the shapes the documents promise: one position, the portfolio, and the net figure beside them.

Reports and commands import this; the keys are a public interface. Every value is Decimal in quote currency, `qty` in
the instrument's unit and unsigned with `side` beside it. `unrealized_pnl` leaves funding out and `net_pnl` puts it in
once (D33).
"""

from __future__ import annotations

from decimal import Decimal
from typing import TypedDict

from trader.orders.ledger import Ledger
from trader.orders.position import PositionState

ZERO = Decimal(0)


class PositionPnl(TypedDict):
    """The documents' eight keys, then fees and the net."""

    symbol: str
    qty: Decimal
    side: str
    entry: Decimal
    mark: Decimal | None
    unrealized_pnl: Decimal
    realized_pnl: Decimal
    funding_accrued: Decimal
    fees: Decimal
    net_pnl: Decimal


class PortfolioPnl(TypedDict):
    """The documents' four keys, then fees and the net. `positions` holds what is open or has ever traded."""

    total_unrealized: Decimal
    total_realized: Decimal
    total_funding: Decimal
    positions: dict[str, PositionPnl]
    total_fees: Decimal
    net_pnl: Decimal


def get_position_pnl(ledger: Ledger, symbol: str) -> PositionPnl:
    """Return one position's figures at the last mark; raises KeyError for a symbol the ledger does not know."""
    position = ledger.positions[symbol]
    mark = ledger.marks.get(symbol)
    unrealized = position.unrealized(mark) if mark is not None and position.size else ZERO
    return PositionPnl(
        symbol=symbol,
        qty=abs(position.size),
        side=position.side,
        entry=position.entry_price,
        mark=mark,
        unrealized_pnl=unrealized,
        realized_pnl=position.realized,
        funding_accrued=position.funding,
        fees=position.fees,
        net_pnl=position.settled + unrealized,
    )


def get_portfolio_pnl(ledger: Ledger) -> PortfolioPnl:
    """Return the sums over all symbols; they equal the columns of `positions` exactly."""
    traded = {
        symbol: get_position_pnl(ledger, symbol)
        for symbol, position in ledger.positions.items()
        if position.size or position.cash or position.fees or position.funding
    }
    rows = traded.values()
    return PortfolioPnl(
        total_unrealized=sum((row["unrealized_pnl"] for row in rows), ZERO),
        total_realized=sum((row["realized_pnl"] for row in rows), ZERO),
        total_funding=sum((row["funding_accrued"] for row in rows), ZERO),
        positions=traded,
        total_fees=sum((row["fees"] for row in rows), ZERO),
        net_pnl=sum((row["net_pnl"] for row in rows), ZERO),
    )


def position_state(ledger: Ledger, symbol: str) -> PositionState:
    """Return the position as its symbol's actor is told it; orders made by hand do not count as pending."""
    position, mark = ledger.positions[symbol], ledger.marks.get(symbol)
    unrealized = position.unrealized(mark) if mark is not None and position.size else ZERO
    return PositionState(
        symbol=symbol,
        size=position.size,
        entry_price=position.entry_price,
        adds=position.adds,
        pending=any(not order.foreign for order in ledger.live[symbol].values()),
        equity=ledger.equity,
        mark=mark,
        realized=position.realized,
        unrealized=unrealized,
        fees=position.fees,
        funding=position.funding,
        net=position.settled + unrealized,
        trades=position.trades,
    )
