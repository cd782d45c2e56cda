"""Both sides' books of a perpetuals session, side by side. Imported by the tests of this folder."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from perps_market import CONTRACT, PRODUCTS

from trader.store.events import EventName
from trader.store.reader import EventReader

CENT = Decimal("0.01")
SYMBOL_OF = {product: symbol for symbol, product in PRODUCTS.items()}


class Journal:
    """What the trader has written down: signed size and fees by symbol, and every funding payment."""

    def __init__(self, folder: Path) -> None:
        self.sizes: dict[str, Decimal] = defaultdict(Decimal)
        self.fees: dict[str, Decimal] = defaultdict(Decimal)
        self.funding: dict[str, list[tuple[Decimal, Decimal]]] = defaultdict(list)
        self.orders: set[str] = set()
        for event in EventReader.open_readonly(folder).replay():
            payload: Mapping[str, Any] = event.payload
            if event.event == EventName.TRADE_EXECUTED:
                sign = 1 if str(payload["side"]).upper() == "BUY" else -1
                self.sizes[payload["symbol"]] += sign * Decimal(str(payload["size"]))
                self.fees[payload["symbol"]] += Decimal(str(payload["fee"]))
            elif event.event == EventName.FUNDING_ACCRUED:
                self.funding[payload["symbol"]].append((Decimal(payload["amount"]), Decimal(payload["rate"])))
            elif event.event == EventName.ORDER_INTENT:
                self.orders.add(str(payload["client_order_id"]))

    def received(self, symbol: str) -> Decimal:
        """Funding of a symbol, negative when paid."""
        return sum((amount for amount, _ in self.funding[symbol]), Decimal(0))

    def scheduled(self, symbol: str) -> list[Decimal]:
        """Rates of the payments reckoned by the schedule, oldest first; corrections to the venue's word carry none."""
        return [rate for _, rate in self.funding[symbol] if rate]


def fundings(ledger: Mapping[str, Any], symbol: str) -> list[dict[str, Any]]:
    """The exchange's payments for a symbol, those on nothing left out."""
    rows = [row for row in ledger["fundings"] if row["product_id"] == PRODUCTS[symbol]]
    return [row for row in rows if Decimal(row["net"])]


def received(rows: Sequence[Mapping[str, Any]]) -> Decimal:
    """What payments of the exchange brought, negative when they cost."""
    return -sum((Decimal(row["paid"]) for row in rows), Decimal(0))


def money(ledger: Mapping[str, Any]) -> Decimal:
    """Both dollar wallets at the exchange, whole."""
    parts = ("available", "hold", "margin")
    return sum((Decimal(ledger["balances"][name][part]) for name in ("USD", "USDC") for part in parts), Decimal(0))


def result(ledger: Mapping[str, Any]) -> Decimal:
    """What the exchange's own records say all trading has come to: fills, fees and funding of positions that are flat."""
    total = received(ledger["fundings"])
    for fill in ledger["fills"]:
        symbol = SYMBOL_OF[fill["product_id"]]
        worth = Decimal(fill["price"]) * Decimal(fill["size"]) * Decimal(CONTRACT[symbol])
        assert Decimal(fill["value"]) == worth, "a contract is worth its size in coins"
        total += (-worth if fill["side"] == "BUY" else worth) - Decimal(fill["commission"])
    return total
