"""A short storm: random orders, cancels and edits on all products while random faults strike; the books must balance
and survive a restart.
"""

from __future__ import annotations

import random
import secrets
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import Any

import pytest
import requests
from exchange_process import Running, assert_books_balance, exchange

from trader.exchange.fault_table import TABLE

PRODUCTS = (
    "BTC-USD",
    "ETH-USD",
    "DOGE-USD",
    "LINK-USD",
    "BTC-USDC",
    "BIP-20DEC30-CDE",
    "BTC-PERP-INTX",
    "ETH-PERP-INTX",
)
OPERATIONS = 600
TOO_SLOW = {"F-N10"}  # a hundred megabytes, or a byte a second


class Storm:
    """One seeded series of operations against a running exchange."""

    def __init__(self, running: Running, seed: int) -> None:
        self.running = running
        self.random = random.Random(seed)
        self.ids: list[str] = []
        self.rules = {name: running.get(f"/products/{name}") for name in PRODUCTS}

    def fault(self) -> None:
        """Arm one at random, briefly."""
        name = self.random.choice(sorted(set(TABLE) - TOO_SLOW))
        variant = "401" if name == "F-N07" else self.random.choice(TABLE[name].variants)
        fault: dict[str, Any] = {"id": name, "variant": variant, "seconds": 0.4}
        if name in {"F-N01", "F-N02", "F-N12", "F-O01"}:
            fault["value"] = 0.02
        if self.random.random() < 0.5:
            fault["product_id"] = self.random.choice(PRODUCTS)
        answer = self.running.call("POST", "/_exchange/faults", body=fault, signed=False)
        assert answer.status_code == 200, answer.text

    def act(self) -> None:
        """Place, cancel or edit something; what the answer says is nobody's business here."""
        product_id, kind = self.random.choice(PRODUCTS), self.random.random()
        rules = self.rules[product_id]
        price = Decimal(rules["price"])
        tick, lot = Decimal(rules["price_increment"]), Decimal(rules["base_increment"])
        size = format(max(lot, _on_grid(Decimal(60) / price, lot)), "f")
        limit = format(_on_grid(price * Decimal(str(self.random.uniform(0.98, 1.02))), tick), "f")
        if kind < 0.35:
            self.place(product_id, {"market_market_ioc": {"base_size": size}})
        elif kind < 0.75:
            self.place(product_id, {"limit_limit_gtc": {"base_size": size, "limit_price": limit}})
        elif self.ids and kind < 0.9:
            self.running.call("POST", "/orders/batch_cancel", body={"order_ids": [self.random.choice(self.ids)]})
        elif self.ids:
            edit = {"order_id": self.random.choice(self.ids), "price": limit, "size": size}
            self.running.call("POST", "/orders/edit", body=edit)

    def place(self, product_id: str, configuration: dict[str, Any]) -> None:
        """Create an order and remember its id if there is one."""
        body = {"client_order_id": secrets.token_hex(8), "product_id": product_id, "order_configuration": configuration}
        answer = self.running.call("POST", "/orders", body={**body, "side": self.random.choice(["BUY", "SELL"])})
        try:
            self.ids.append(answer.json()["success_response"]["order_id"])
        except (ValueError, KeyError, TypeError):
            return


def _on_grid(value: Decimal, step: Decimal) -> Decimal:
    return (value / step).to_integral_value(rounding=ROUND_HALF_EVEN) * step


@pytest.mark.parametrize("seed", [11, 12])
def test_books_balance_after_a_storm_of_faults(tmp_path: Path, seed: int) -> None:
    """Whatever was refused, lost or done twice over: money is conserved, holds belong to live orders, and a restart
    knows it all.
    """
    flags = ("--equity", "1000000", "--usdc", "1000000", "--data", str(tmp_path))
    opening = {"USD": 1_000_000, "USDC": 1_000_000}
    with exchange(*flags) as running:
        storm = Storm(running, seed)
        for operation in range(OPERATIONS):
            if operation % 8 == 0:
                storm.fault()
            try:
                storm.act()
            except requests.RequestException:
                continue  # a broken answer is what this is about
        running.call("DELETE", "/_exchange/faults", signed=False)
        running.until(lambda: not any(row["status"] == "CANCEL_QUEUED" for row in running.ledger()["orders"]))
        assert_books_balance(running, opening)
        ledger = running.ledger()
        _holds_belong_to_live_orders(ledger)
        assert len(ledger["fills"]) > 20, f"seed {seed} traded too little to prove anything"
    with exchange(*flags) as running:
        again = running.ledger()
        _holds_belong_to_live_orders(again)
        assert again["fills"][: len(ledger["fills"])] == ledger["fills"]
        assert {row["order_id"] for row in ledger["orders"]} <= {row["order_id"] for row in again["orders"]}
        assert_books_balance(running, opening)


def _holds_belong_to_live_orders(ledger: dict[str, Any]) -> None:
    """What wallets hold is the sum of what orders hold, all wallets taken together by currency."""
    wanted: dict[str, Decimal] = {}
    for order in ledger["orders"]:
        spot_sale = order["product_type"] == "SPOT" and order["side"] == "SELL"
        base, quote = order["product_id"].split("-")[:2]
        money = {"PERP": "USDC", "20DEC30": "USD"}.get(quote, quote)
        currency = base if spot_sale else money
        wanted[currency] = wanted.get(currency, Decimal(0)) + Decimal(order["outstanding_hold_amount"])
    for currency, wallet in ledger["balances"].items():
        assert abs(Decimal(wallet["hold"]) - wanted.get(currency, Decimal(0))) < Decimal("1e-11"), currency
