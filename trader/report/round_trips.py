"""Closed trades out of fills: one record from flat to flat, so that a win rate counts trades and not orders.

Imported by the backtest and by reports. A trade begins with the fill that leaves flat and ends with the one that
returns to it; a fill through zero ends one and begins the next, its fee shared by size. Entry and exit are average
prices over all fills of the trade. Nothing here reads a clock; times are UNIX seconds of the market's clock, money is
in quote currency.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

ZERO = Decimal(0)


class ClosedTrade(msgspec.Struct, frozen=True, gc=False):
    """One round trip.

    `size` is the total bought (long) or sold (short) to open; `pnl` is net of `fees`, funding left out.
    """

    symbol: str
    side: str
    opened_at: float
    closed_at: float
    size: Decimal
    entry_price: Decimal
    exit_price: Decimal
    pnl: Decimal
    fees: Decimal


class _OpenTrade:
    """The running sums of one symbol's trade."""

    __slots__ = ("closed_size", "closed_value", "fees", "opened_at", "opened_size", "opened_value", "position")

    def __init__(self, opened_at: float) -> None:
        self.opened_at = opened_at
        self.position = ZERO
        self.opened_size = self.opened_value = self.closed_size = self.closed_value = self.fees = ZERO


class RoundTrips:
    """Takes fills in order of time and keeps the open trade of each symbol. Mutable, one owner, not thread-safe.

    `exposed_s` is the time with at least one position open, up to the last fill or `until`.
    """

    def __init__(self) -> None:
        self._open: dict[str, _OpenTrade] = {}
        self._exposed_since: float | None = None
        self._exposed_s = 0.0

    def add(
        self, symbol: str, size: Decimal, price: Decimal, fee: Decimal, time: float, contract_size: Decimal = Decimal(1)
    ) -> ClosedTrade | None:
        """Take one fill, `size` signed (a sell is negative); return the trade it closed, if any.

        A fill of size zero only adds its fee to the open trade; without one the fee belongs to no trade and is left
        out.
        """
        trade = self._open.get(symbol)
        if trade is None:
            if size:
                self._begin(symbol, size, price, fee, time)
            return None
        if size * trade.position >= 0:
            self._extend(trade, size, price, fee)
            return None
        closing = min(abs(size), abs(trade.position))
        share = fee * closing / abs(size)
        rest = abs(size) - closing
        trade.closed_size += closing
        trade.closed_value += closing * price
        trade.fees += share
        trade.position += closing if size > 0 else -closing
        if trade.position:
            return None
        closed = self._finish(symbol, trade, bought_to_close=size > 0, time=time, contract_size=contract_size)
        if rest:
            self._begin(symbol, rest if size > 0 else -rest, price, fee - share, time)
        return closed

    def exposed_s(self, until: float) -> float:
        """Seconds with any position open, the present stretch counted up to `until`."""
        return self._exposed_s + (0.0 if self._exposed_since is None else max(0.0, until - self._exposed_since))

    @property
    def open_symbols(self) -> tuple[str, ...]:
        """Symbols whose trade has not closed: it is in no statistic yet."""
        return tuple(self._open)

    def _begin(self, symbol: str, size: Decimal, price: Decimal, fee: Decimal, time: float) -> None:
        if not self._open:
            self._exposed_since = time
        self._open[symbol] = trade = _OpenTrade(time)
        self._extend(trade, size, price, fee)

    def _extend(self, trade: _OpenTrade, size: Decimal, price: Decimal, fee: Decimal) -> None:
        trade.position += size
        trade.opened_size += abs(size)
        trade.opened_value += abs(size) * price
        trade.fees += fee

    def _finish(
        self, symbol: str, trade: _OpenTrade, *, bought_to_close: bool, time: float, contract_size: Decimal
    ) -> ClosedTrade:
        del self._open[symbol]
        if not self._open and self._exposed_since is not None:
            self._exposed_s += time - self._exposed_since
            self._exposed_since = None
        gain = trade.opened_value - trade.closed_value if bought_to_close else trade.closed_value - trade.opened_value
        return ClosedTrade(
            symbol=symbol,
            side="SHORT" if bought_to_close else "LONG",
            opened_at=trade.opened_at,
            closed_at=time,
            size=trade.opened_size,
            entry_price=trade.opened_value / trade.opened_size,
            exit_price=trade.closed_value / trade.closed_size,
            pnl=gain * contract_size - trade.fees,
            fees=trade.fees,
        )
