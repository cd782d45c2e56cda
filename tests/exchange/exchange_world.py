"""In-process exchanges on scripted markets, for the tests of this folder."""

from __future__ import annotations

import itertools
from bisect import bisect_right
from decimal import Decimal
from typing import Any

from trader.exchange import entry
from trader.exchange.engine import Exchange
from trader.exchange.listing import Listing, derivative_listings, spot_listings
from trader.exchange.market import Market
from trader.exchange.paths import Candle
from trader.exchange.records import Order
from trader.exchange.refusals import Refusal

ORIGIN = 1_700_000_000.0 // 3600 * 3600
_ids = itertools.count(1)


class ScriptedPath:
    """A price that jumps at given moments, and a constant volume in base units a second."""

    def __init__(self, *moves: tuple[float, float], volume_per_s: float = 0.0) -> None:
        self.moves = list(moves)
        self.volume_per_s = volume_per_s

    def price_at(self, market_time: float) -> float:
        """The last price set at or before the time."""
        index = bisect_right([at for at, _ in self.moves], market_time - ORIGIN) - 1
        return self.moves[max(index, 0)][1]

    def volume_between(self, start: float, end: float) -> float:
        """Constant flow."""
        return self.volume_per_s * (end - start)

    def candle(self, start: float, seconds: float) -> Candle | None:
        """A flat past."""
        price = self.moves[0][1]
        return Candle(start, price, price, price, price, 1.0)


class World:
    """An exchange with scripted markets and a clock that the test moves."""

    def __init__(
        self, *paths: tuple[str, ScriptedPath], money: dict[str, str] | None = None, volume: float = 0.0
    ) -> None:
        spot = spot_listings()
        known = {**spot, **derivative_listings(spot)}
        self.listings: dict[str, Listing] = {name: known[name] for name, _ in paths}
        markets = {name: Market(known[name], path, seed=1, origin=ORIGIN, step_seconds=1.0) for name, path in paths}
        self.exchange = Exchange(self.listings, markets, salt="test")
        for currency, amount in (money or {"USD": "10000"}).items():
            self.exchange.accounts.wallet(currency).available = Decimal(amount)
        self.now = ORIGIN
        self.exchange.advance(ORIGIN)

    def place(self, product_id: str, side: str, name: str, **fields: Any) -> Order | Refusal:
        """Create an order under a fresh client id; `leverage`, `attached` and `client_id` go beside the
        configuration.
        """
        body: dict[str, Any] = {"client_order_id": fields.pop("client_id", f"c-{next(_ids)}")}
        body |= {"product_id": product_id, "side": side}
        if "leverage" in fields:
            body["leverage"] = fields.pop("leverage")
        if "attached" in fields:
            body["attached_order_configuration"] = fields.pop("attached")
        body["order_configuration"] = {name: fields}
        return self.exchange.create(entry.check_body(body), now=self.now, machine_time=self.now)

    def placed(self, product_id: str, side: str, name: str, **fields: Any) -> Order:
        """The same, for an order that must be accepted."""
        result = self.place(product_id, side, name, **fields)
        assert isinstance(result, Order), result
        return result

    def refused(self, product_id: str, side: str, name: str, **fields: Any) -> str:
        """The same, for one that must not; the preview reason, or the error where there is none."""
        result = self.place(product_id, side, name, **fields)
        assert isinstance(result, Refusal), result
        return result.error if result.preview.startswith("UNKNOWN") else result.preview

    def run(self, seconds: float) -> None:
        """Advance the market."""
        self.now += seconds
        self.exchange.advance(self.now)

    def order(self, order: Order) -> Order:
        """The order as it is now."""
        return self.exchange.orders[order.order_id]

    def money(self, currency: str) -> tuple[Decimal, Decimal]:
        """Available and held."""
        wallet = self.exchange.accounts.wallet(currency)
        return wallet.available, wallet.hold
