"""Orders near the market of an exchange, waiting for something, and feeds listened to in their threads."""

from __future__ import annotations

import contextlib
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from trader.coinbase.rest import CoinbaseVenue
from trader.orders.order import OrderType, Side, TimeInForce
from trader.venue import OrderRequest


def until(ask: Callable[[], Any], seconds: float = 20.0) -> Any:
    """Poll until there is something true; its value."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := ask():
            return found
        time.sleep(0.02)
    raise AssertionError(f"nothing within {seconds} s")


def order(venue: CoinbaseVenue, *, away: str = "1.01", side: Side = Side.BUY, **changes: Any) -> OrderRequest:
    """An order for about a hundred dollars of BTC at `away` times the best price."""
    btc = venue.instruments(["BTC-USD"])[0]
    quote = venue.quotes(["BTC-USD"])[0]
    terms: dict[str, Any] = {
        "client_order_id": str(uuid.uuid4()),
        "product_id": btc.product_id,
        "symbol": btc.symbol,
        "side": side,
        "size": btc.round_size(Decimal(100) / quote.ask),
        "limit_price": btc.round_price(quote.ask * Decimal(away), buying=side is Side.BUY),
        "order_type": OrderType.MARKET,
        "time_in_force": TimeInForce.IOC,
    }
    return OrderRequest(**(terms | changes))


def resting(venue: CoinbaseVenue, **changes: Any) -> OrderRequest:
    """An order far below the market that stays."""
    return order(venue, away="0.9", order_type=OrderType.LIMIT, time_in_force=TimeInForce.GTC, **changes)


@contextlib.contextmanager
def listening(*feeds: Any) -> Iterator[list[Any]]:
    """Run feeds in threads; what they deliver."""
    items: list[Any] = []
    stop = threading.Event()
    workers = [threading.Thread(target=feed.run, args=(items.append, stop.is_set)) for feed in feeds]
    for worker in workers:
        worker.start()
    try:
        yield items
    finally:
        stop.set()
        for worker in workers:
            worker.join(5)
            assert not worker.is_alive()


def of(items: list[Any], kind: type) -> list[Any]:
    return [item for item in list(items) if isinstance(item, kind)]
