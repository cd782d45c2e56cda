"""Complete listings: every page of accounts, orders, fills and products, or an error, never a part that passes for
the whole.

Only `trader/coinbase/` imports this. A cursor that comes back, or more pages than any account has, is an error: an
incomplete listing proves no absence. Items are made unique by their id, because pages overlap while the venue
writes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from trader.coinbase.bodies import FILLS, ORDERS, WALLETS, FillRecord, OrderRecord, Wallet
from trader.coinbase.breaker import EndpointClass
from trader.coinbase.gateway import Gateway, Query
from trader.coinbase.market_bodies import PRODUCTS, Product
from trader.coinbase.pacing import Priority
from trader.market.clock import utc_text
from trader.venue import VenueUnavailable

PAGES_MAX = 200
ORDERS_PAGE = "250"
FILLS_PAGE = "250"
WALLETS_PAGE = "250"
IDS_PER_QUERY = 50
# OPEN matches exactly OPEN, and must not be mixed with others: the rest of what is alive is a second listing.
LIVE_STATUS_GROUPS: tuple[tuple[str, ...], ...] = (("OPEN",), ("PENDING", "QUEUED", "CANCEL_QUEUED", "EDIT_QUEUED"))

Item = TypeVar("Item")


def pages(read: Callable[[str], tuple[list[Item], str]]) -> Iterator[Item]:
    """Yield the items of every page; `read` takes a cursor ("" first) and returns (items, next cursor or ""). Raises
    VenueUnavailable.
    """
    cursor, seen = "", {""}
    for _ in range(PAGES_MAX):
        items, following = read(cursor)
        yield from items
        if not following:
            return
        if following in seen:
            raise VenueUnavailable("a listing leads back to a page already read")
        seen.add(following)
        cursor = following
    raise VenueUnavailable(f"a listing of more than {PAGES_MAX} pages is not read")


class OrderListing:
    """Listings of orders and fills."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def since(self, start: float, product_ids: Sequence[str] = ()) -> list[OrderRecord]:
        """Return every order created since `start` (UNIX seconds), whatever its state."""
        query = [("start_date", utc_text(start)), *(("product_ids", product_id) for product_id in product_ids)]
        return self._orders(query)

    def live(self, priority: Priority = Priority.READ) -> list[OrderRecord]:
        """Return every order that is alive at the venue."""
        found: dict[str, OrderRecord] = {}
        for group in LIVE_STATUS_GROUPS:
            for record in self._orders([("order_status", status) for status in group], priority):
                found[record.order_id] = record
        return list(found.values())

    def by_ids(self, order_ids: Sequence[str]) -> list[OrderRecord]:
        """Return the orders with these ids; unknown ids are simply missing."""
        found: list[OrderRecord] = []
        for start in range(0, len(order_ids), IDS_PER_QUERY):
            chunk = order_ids[start : start + IDS_PER_QUERY]
            found += self._orders([("order_ids", order_id) for order_id in chunk])
        return found

    def fills(self, since: float) -> list[FillRecord]:
        """Return every execution recorded since `since` (UNIX seconds), once each."""

        def read(cursor: str) -> tuple[list[FillRecord], str]:
            query = [("start_sequence_timestamp", utc_text(since)), ("limit", FILLS_PAGE)]
            page = self._gateway.read(
                EndpointClass.ACCOUNT, "/orders/historical/fills", FILLS, _with_cursor(query, cursor)
            )
            return page.fills, page.cursor if page.fills else ""

        found = {record.entry_id or record.trade_id: record for record in pages(read)}
        return list(found.values())

    def _orders(self, filters: list[tuple[str, str]], priority: Priority = Priority.READ) -> list[OrderRecord]:
        def read(cursor: str) -> tuple[list[OrderRecord], str]:
            query = _with_cursor([*filters, ("limit", ORDERS_PAGE)], cursor)
            _, page = self._gateway.call(
                EndpointClass.ORDERS, "GET", "/orders/historical/batch", ORDERS, query=query, priority=priority
            )
            if page.has_next and not page.cursor:
                raise VenueUnavailable("the order listing has a next page and no cursor to it")
            return page.orders, page.cursor if page.has_next else ""

        return list({record.order_id: record for record in pages(read)}.values())


def wallets(gateway: Gateway) -> list[Wallet]:
    """Return every wallet of the key's portfolio."""

    def read(cursor: str) -> tuple[list[Wallet], str]:
        query = _with_cursor([("limit", WALLETS_PAGE)], cursor)
        page = gateway.read(EndpointClass.ACCOUNT, "/accounts", WALLETS, query)
        if page.has_next and not page.cursor:
            raise VenueUnavailable("the account listing has a next page and no cursor to it")
        return page.accounts, page.cursor if page.has_next else ""

    return list({wallet.uuid or wallet.currency: wallet for wallet in pages(read)}.values())


def products(gateway: Gateway, product_type: str) -> list[Product]:
    """Return every product of a type (SPOT, FUTURE)."""
    public = not gateway.has_key
    path = "/market/products" if public else "/products"

    def read(cursor: str) -> tuple[list[Product], str]:
        query = _with_cursor([("product_type", product_type)], cursor)
        page = gateway.read(EndpointClass.MARKET, path, PRODUCTS, query, public=public)
        more = page.pagination is not None and page.pagination.has_next
        return page.products, page.pagination.next_cursor if more and page.pagination else ""

    return list({product.product_id: product for product in pages(read)}.values())


def _with_cursor(query: list[tuple[str, str]], cursor: str) -> Query:
    return [*query, ("cursor", cursor)] if cursor else query
