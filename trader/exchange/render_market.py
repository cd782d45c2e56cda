"""Products, books, candles, trades and wallets as REST bodies. Pure; imported by rest.py and its sister tables."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from trader.exchange.accounts import Wallet
from trader.exchange.listing import Listing, ProductVenue, text
from trader.exchange.market import Market, PublicTrade
from trader.exchange.paths import Candle
from trader.exchange.stamps import PORTFOLIO_ID, account_id, iso

_FIAT = frozenset({"USD"})
_QUOTE_NAMES = {"USD": "US Dollar", "USDC": "USDC"}


def product_body(
    listing: Listing, market: Market, now: float, aliases: list[str], extra: dict[str, Any] | None = None
) -> dict[str, Any]:
    """The Product object; `extra` brings the fields of derivatives."""
    day = market.day(now)
    is_spot = listing.venue is ProductVenue.SPOT
    body: dict[str, Any] = {
        "product_id": listing.product_id,
        "price": text(market.last_price),
        "price_percentage_change_24h": f"{day.change_percent:.13f}",
        "volume_24h": f"{day.volume:.8f}",
        "volume_percentage_change_24h": "0",
        "base_increment": text(listing.base_increment),
        "quote_increment": text(listing.quote_increment),
        "quote_min_size": text(listing.quote_min_size),
        "quote_max_size": text(listing.quote_max_size),
        "base_min_size": text(listing.base_min_size),
        "base_max_size": text(listing.base_max_size),
        "base_name": listing.base_name if is_spot else "",
        "quote_name": _QUOTE_NAMES.get(listing.quote, listing.quote),
        "watched": False,
        "is_disabled": False,
        "new": False,
        "status": listing.status,
        "cancel_only": listing.cancel_only,
        "limit_only": listing.limit_only,
        "post_only": listing.post_only,
        "trading_disabled": listing.trading_disabled,
        "auction_mode": listing.auction_mode,
        "product_type": "SPOT" if is_spot else "FUTURE",
        "quote_currency_id": listing.quote,
        "base_currency_id": listing.base if is_spot else "",
        "fcm_trading_session_details": None,
        "mid_market_price": "" if is_spot else text(market.mid()),
        "alias": listing.book,
        "alias_to": aliases,
        "base_display_symbol": listing.base if is_spot else "",
        "quote_display_symbol": listing.quote,
        "view_only": listing.view_only,
        "price_increment": text(listing.price_increment),
        "display_name": listing.product_id if is_spot else f"{listing.base} PERP",
        "product_venue": listing.venue.value,
        "approximate_quote_24h_volume": f"{day.volume * float(market.last_price):.2f}",
        "new_at": "2023-01-01T00:00:00Z" if is_spot else None,
    }
    empty = (
        "market_cap",
        "base_cbrn",
        "quote_cbrn",
        "product_cbrn",
        "icon_color",
        "icon_url",
        "display_name_overwrite",
    )
    body.update(dict.fromkeys(empty, ""))
    body["is_alpha_testing"] = False
    body.update(dict.fromkeys(("about_description", "best_bid_price", "best_ask_price", "high_24h", "low_24h"), ""))
    return {**body, **(extra or {})}


def book_body(product_id: str, market: Market, now: float, limit: int | None) -> dict[str, Any]:
    """A price book with the best `limit` levels a side."""
    listing = market.listing

    def rows(*, is_bid: bool) -> list[dict[str, str]]:
        half = market.ladder.half(is_bid=is_bid)
        return [{"price": text(listing.price_of(ticks)), "size": text(size)} for ticks, size in half.levels(limit)]

    return {"product_id": product_id, "bids": rows(is_bid=True), "asks": rows(is_bid=False), "time": iso(now)}


def product_book_body(product_id: str, market: Market, now: float, limit: int | None) -> dict[str, Any]:
    """The answer of product_book: the book with last, mid and spread."""
    listing, ladder = market.listing, market.ladder
    bid, ask = ladder.bids.best(), ladder.asks.best()
    spread = listing.price_of(ask - bid) if bid is not None and ask is not None else Decimal(0)
    mid = market.mid()
    return {
        "pricebook": book_body(product_id, market, now, limit),
        "last": text(market.last_price),
        "mid_market": text(mid),
        "spread_bps": text(round(spread / mid * 10_000, 9)) if mid else "0",
        "spread_absolute": text(spread),
    }


def candle_body(candle: Candle, listing: Listing) -> dict[str, str]:
    """One candle; prices on the tick grid, `start` in whole UNIX seconds."""

    def price(value: float) -> str:
        return text(listing.price_of(round(value / float(listing.price_increment))))

    return {
        "start": str(int(candle.start)),
        "low": price(candle.low),
        "high": price(candle.high),
        "open": price(candle.open),
        "close": price(candle.close),
        "volume": f"{candle.volume:.8f}",
    }


def trade_body(trade: PublicTrade, product_id: str) -> dict[str, str]:
    """One public trade of the REST ticker endpoint."""
    return {
        "trade_id": str(trade.trade_id),
        "product_id": product_id,
        "price": text(trade.price),
        "size": text(trade.size),
        "time": iso(trade.time),
        "side": trade.maker_side.value,
        "bid": "",
        "ask": "",
        "exchange": "coinbase",
    }


def account_body(wallet: Wallet, now: float) -> dict[str, Any]:
    """One wallet; what positions use as margin is shown as held."""
    fiat = wallet.currency in _FIAT
    return {
        "uuid": account_id(wallet.currency),
        "name": f"Cash ({wallet.currency})" if fiat else f"{wallet.currency} Wallet",
        "currency": wallet.currency,
        "available_balance": {"value": text(wallet.available), "currency": wallet.currency},
        "default": not fiat,
        "active": True,
        "created_at": "2024-02-06T19:32:00.540Z",
        "updated_at": iso(now),
        "deleted_at": None,
        "type": "ACCOUNT_TYPE_FIAT" if fiat else "ACCOUNT_TYPE_CRYPTO",
        "ready": True,
        "hold": {"value": text(wallet.hold + wallet.margin), "currency": wallet.currency},
        "retail_portfolio_id": PORTFOLIO_ID,
        "platform": "ACCOUNT_PLATFORM_CONSUMER",
    }
