"""Market data over REST: time, products, books, candles, trades. Imported by server.py."""

from __future__ import annotations

import base64
from typing import Any

from trader.exchange.listing import Listing
from trader.exchange.market import Market
from trader.exchange.refusals import BadRequestError
from trader.exchange.render_derivatives import derivative_fields
from trader.exchange.render_market import book_body, candle_body, product_body, product_book_body, trade_body
from trader.exchange.render_orders import expiry_type
from trader.exchange.rest import PREFIX, Call, NotFoundError, Route
from trader.exchange.stamps import iso

_MOST_BUCKETS = 350
_MOST_LEVELS = 1000
_MOST_TRADES = 100
_GRANULARITIES = {
    "ONE_MINUTE": 60,
    "FIVE_MINUTE": 300,
    "FIFTEEN_MINUTE": 900,
    "THIRTY_MINUTE": 1800,
    "ONE_HOUR": 3600,
    "TWO_HOUR": 7200,
    "FOUR_HOUR": 14400,
    "SIX_HOUR": 21600,
    "ONE_DAY": 86400,
}


def time_now(call: Call) -> dict[str, str]:
    """Market time, three times as text."""
    now = call.desk.now()
    return {"iso": iso(now), "epochSeconds": str(int(now)), "epochMillis": str(int(now * 1000))}


def _found(call: Call, product_id: str) -> tuple[Listing, Market]:
    listing = call.desk.exchange.listings.get(product_id)
    if listing is None or product_id in call.desk.exchange.hidden:
        raise NotFoundError(f"Product {product_id} not supported")
    return listing, call.desk.exchange.market(product_id)


def _product(call: Call, listing: Listing) -> dict[str, Any]:
    exchange, now = call.desk.exchange, call.desk.now()
    aliases = [
        other.product_id
        for other in exchange.listings.values()
        if other.book == listing.product_id and not other.is_derivative
    ]
    market = exchange.market(listing.product_id)
    extra = derivative_fields(listing, market, now) if listing.is_derivative else None
    return product_body(listing, market, now, aliases, extra)


def one_product(call: Call) -> dict[str, Any]:
    """The bare product."""
    return _product(call, _found(call, call.path["product_id"])[0])


def _selected(call: Call) -> list[Listing]:
    ids = call.many("product_ids")
    kind = call.query.get("product_type", "") or ("" if ids else "SPOT")
    expiry = call.query.get("contract_expiry_type", "")
    everything = call.query.get("get_all_products", "").lower() == "true"
    return [
        listing
        for listing in call.desk.exchange.listings.values()
        if (not ids or listing.product_id in ids)
        and listing.product_id not in call.desk.exchange.hidden
        and (everything or kind in {"", "UNKNOWN_PRODUCT_TYPE", "FUTURE" if listing.is_derivative else "SPOT"})
        and expiry in {"", "UNKNOWN_CONTRACT_EXPIRY_TYPE", expiry_type(listing)}
    ]


def products(call: Call) -> dict[str, Any]:
    """The list with filters; paged by offset or by a cursor, which is the last product id in base64."""
    chosen = _selected(call)
    total = len(chosen)
    start = call.whole("offset", 0)
    if cursor := call.query.get("cursor", ""):
        names = [listing.product_id for listing in chosen]
        last = _plain(cursor)
        start = names.index(last) + 1 if last in names else total
    limit = call.whole("limit", 0) or total
    page = chosen[start : start + limit]
    has_next = start + limit < total
    following = base64.b64encode(page[-1].product_id.encode()).decode() if has_next and page else ""
    pagination = {"prev_cursor": "", "next_cursor": following, "has_next": has_next, "has_prev": start > 0}
    bodies = [_product(call, listing) for listing in page]
    return {
        "products": bodies,
        "num_products": len(bodies),
        "pagination": pagination if call.query.get("limit") else None,
    }


def _plain(cursor: str) -> str:
    try:
        return base64.b64decode(cursor, validate=True).decode()
    except ValueError:
        raise BadRequestError("cursor is invalid") from None


def best_bid_ask(call: Call) -> dict[str, Any]:
    """One level a side for the products asked for, or for all."""
    names = call.many("product_ids") or list(call.desk.exchange.listings)
    return {"pricebooks": [book_body(name, _found(call, name)[1], call.desk.now(), 1) for name in names]}


def product_book(call: Call) -> dict[str, Any]:
    """The book of one product."""
    product_id = call.query.get("product_id", "")
    market = _found(call, product_id)[1]
    limit = min(call.whole("limit", _MOST_LEVELS) or _MOST_LEVELS, _MOST_LEVELS)
    return product_book_body(product_id, market, call.desk.now(), limit)


def candles(call: Call) -> dict[str, Any]:
    """Candles in a window of at most 350 buckets, newest first."""
    listing, market = _found(call, call.path["product_id"])
    seconds = _GRANULARITIES.get(call.query.get("granularity", ""))
    if seconds is None:
        raise BadRequestError("granularity argument is invalid")
    start, end = call.whole("start", -1), call.whole("end", -1)
    if start < 0 or end < 0 or start > end:
        raise BadRequestError("start and end argument is invalid")
    if (end - start) // seconds > _MOST_BUCKETS:
        raise BadRequestError(
            "start and end argument is invalid - number of candles requested should be less than 350 "
        )
    rows = market.candles(-(-start // seconds) * seconds, end, seconds)
    limit = call.whole("limit", _MOST_BUCKETS) or _MOST_BUCKETS
    return {"candles": [candle_body(row, listing) for row in rows[:limit]]}


def ticker(call: Call) -> dict[str, Any]:
    """The newest trades with the top of the book."""
    product_id = call.path["product_id"]
    listing, market = _found(call, product_id)
    limit = min(call.whole("limit", _MOST_TRADES) or _MOST_TRADES, _MOST_TRADES)
    start, end = call.whole("start", 0), call.whole("end", 0)
    newest = [
        trade
        for trade in reversed(market.trades)
        if (not start or trade.time >= start) and (not end or trade.time <= end)
    ]
    best = {name: half.best() for name, half in (("best_bid", market.ladder.bids), ("best_ask", market.ladder.asks))}
    tops = {name: "" if ticks is None else format(listing.price_of(ticks), "f") for name, ticks in best.items()}
    return {"trades": [trade_body(trade, product_id) for trade in newest[:limit]], **tops}


ROUTES = (
    Route("GET", f"{PREFIX}/time", "public", time_now),
    Route("GET", f"{PREFIX}/market/products", "public", products),
    Route("GET", f"{PREFIX}/market/product_book", "public", product_book),
    Route("GET", f"{PREFIX}/market/products/{{product_id}}", "public", one_product),
    Route("GET", f"{PREFIX}/market/products/{{product_id}}/candles", "public", candles),
    Route("GET", f"{PREFIX}/market/products/{{product_id}}/ticker", "public", ticker),
    Route("GET", f"{PREFIX}/products", "view", products),
    Route("GET", f"{PREFIX}/products/{{product_id}}", "view", one_product),
    Route("GET", f"{PREFIX}/products/{{product_id}}/candles", "view", candles),
    Route("GET", f"{PREFIX}/products/{{product_id}}/ticker", "view", ticker),
    Route("GET", f"{PREFIX}/product_book", "view", product_book),
    Route("GET", f"{PREFIX}/best_bid_ask", "view", best_bid_ask),
)
