"""Tax lots, first in first out: which purchase a sale disposes of, and the gain.

Only trader/store/export.py imports this.

Fees belong to the basis of an acquisition and are taken off the proceeds of a disposal. A short sale is a lot of its
own, disposed of by the purchase that closes it. No advice: which method a tax office accepts is for the taxpayer.
Sum rule, exact: gains of all rows = realized - fees of the same closed sizes; for a flat position = realized - fees.
"""

from collections import deque
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

import msgspec

from trader.orders.order import Fill, Side
from trader.store.projections import utc_text

SECONDS_PER_DAY: Final = 86_400
TAX_COLUMNS: Final = (
    *("symbol", "size", "contract_size", "direction", "acquired", "disposed", "held_days"),
    *("proceeds", "cost_basis", "gain", "acquired_trade_id", "disposed_trade_id", "method"),
)
_GRID: Final = Decimal("1E-12")  # of money shares; the last share of a lot takes the remainder, so sums stay exact


class _Lot(msgspec.Struct):
    """What is left of one fill, as an acquisition or a short sale: size, its value, its share of the fee."""

    fill: Fill
    size: Decimal
    value: Decimal
    fee: Decimal

    def take(self, size: Decimal) -> tuple[Decimal, Decimal]:
        """Take a part out; returns its value and fee."""
        if size == self.size:
            value, fee = self.value, self.fee
        else:
            value = (self.value * size / self.size).quantize(_GRID)
            fee = (self.fee * size / self.size).quantize(_GRID)
        self.size, self.value, self.fee = self.size - size, self.value - value, self.fee - fee
        return value, fee


class TaxLots:
    """Open lots by symbol, oldest first."""

    def __init__(self) -> None:
        self._open: dict[str, deque[_Lot]] = {}

    def book(self, fill: Fill, contract_size: Decimal) -> Iterator[dict[str, Any]]:
        """Match a fill against older lots of the other side; what is left of it becomes a lot."""
        lots = self._open.setdefault(fill.symbol, deque())
        incoming = _Lot(fill, fill.size, fill.exact_value * contract_size, fill.fee)
        while incoming.size and lots and lots[0].fill.side is not fill.side:
            oldest = lots[0]
            size = min(oldest.size, incoming.size)
            yield _disposal(oldest, incoming, size, contract_size)
            if not oldest.size:
                lots.popleft()
        if incoming.size:
            lots.append(incoming)


def _disposal(opened: _Lot, closing: _Lot, size: Decimal, contract_size: Decimal) -> dict[str, Any]:
    long = opened.fill.side is Side.BUY
    opened_value, opened_fee = opened.take(size)
    closing_value, closing_fee = closing.take(size)
    bought, sold = (opened.fill, closing.fill) if long else (closing.fill, opened.fill)
    basis = opened_value + opened_fee if long else closing_value + closing_fee
    proceeds = closing_value - closing_fee if long else opened_value - opened_fee
    return {
        "symbol": opened.fill.symbol,
        "size": size,
        "contract_size": contract_size,
        "direction": "long" if long else "short",
        "acquired": utc_text(bought.market_time),
        "disposed": utc_text(sold.market_time),
        "held_days": int((closing.fill.market_time - opened.fill.market_time) // SECONDS_PER_DAY),
        "proceeds": proceeds,
        "cost_basis": basis,
        "gain": proceeds - basis,
        "acquired_trade_id": bought.fill_id,
        "disposed_trade_id": sold.fill_id,
        "method": "FIFO",
    }
