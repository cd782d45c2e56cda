"""The `events` arrays of every WebSocket channel, already encoded. Pure; imported by stream.py.

A product's events are encoded once per step and shared by all subscribers; only the envelope with its own sequence
number is each client's.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from trader.exchange.engine import Exchange
from trader.exchange.futures_summary import summary_figures
from trader.exchange.ladder import Level
from trader.exchange.listing import Listing, ProductVenue, text
from trader.exchange.market import Market, PublicTrade
from trader.exchange.records import Order
from trader.exchange.render_market import candle_body
from trader.exchange.render_orders import order_object
from trader.exchange.stamps import INTX_PORTFOLIO_ID, go_time, iso

_EPOCH = "1970-01-01T00:00:00Z"
_SNAPSHOT_TRADES = 100
_SNAPSHOT_CANDLES = 350
_CANDLE_SECONDS = 300
_USER_BATCH = 50
_encoder = msgspec.json.Encoder()


def encoded(value: Any) -> str:
    """Compact JSON text."""
    return _encoder.encode(value).decode()


def heartbeat(now: float, uptime_s: float, counter: int) -> str:
    """One heartbeat; the counter is a JSON integer."""
    return encoded([{"current_time": go_time(now, uptime_s), "heartbeat_counter": counter}])


def subscriptions(current: dict[str, list[str]]) -> str:
    """The complete set of a connection's subscriptions."""
    return encoded([{"subscriptions": current}])


def _update(level: Level, listing: Listing, at: str) -> dict[str, str]:
    return {
        "side": "bid" if level.is_bid else "offer",
        "event_time": at,
        "price_level": text(listing.price_of(level.ticks)),
        "new_quantity": text(level.size),
    }


def level2_snapshot(market: Market) -> str:
    """The whole book: bids, then offers, best first."""
    halves = ((is_bid, market.ladder.half(is_bid=is_bid)) for is_bid in (True, False))
    updates = [
        _update(Level(is_bid, ticks, size), market.listing, _EPOCH)
        for is_bid, half in halves
        for ticks, size in half.levels()
    ]
    return encoded([{"type": "snapshot", "product_id": market.listing.product_id, "updates": updates}])


def level2_update(market: Market, levels: Iterable[Level], time: float) -> str:
    """Changed levels with their new absolute sizes."""
    at = iso(time)
    updates = [_update(level, market.listing, at) for level in levels]
    return encoded([{"type": "update", "product_id": market.listing.product_id, "updates": updates}])


def _trade(trade: PublicTrade, product_id: str) -> dict[str, str]:
    return {
        "product_id": product_id,
        "trade_id": str(trade.trade_id),
        "price": text(trade.price),
        "size": text(trade.size),
        "time": iso(trade.time),
        "side": trade.maker_side.value,
    }


def trades_snapshot(market: Market) -> str:
    """The newest hundred trades, newest first."""
    newest = list(market.trades)[-_SNAPSHOT_TRADES:][::-1]
    return encoded([{"type": "snapshot", "trades": [_trade(trade, market.listing.product_id) for trade in newest]}])


def trades_update(market: Market, trades: Iterable[PublicTrade]) -> str:
    """The trades of one step."""
    return encoded([{"type": "update", "trades": [_trade(trade, market.listing.product_id) for trade in trades]}])


def ticker(market: Market, now: float, *, kind: str, batch: bool = False) -> str:
    """Last price, day's figures and, except in batches, the top of the book."""
    day, listing = market.day(now), market.listing
    body = {
        "type": "ticker",
        "product_id": listing.product_id,
        "price": text(market.last_price),
        "volume_24_h": f"{day.volume:.8f}",
        "low_24_h": f"{day.low:.8g}",
        "high_24_h": f"{day.high:.8g}",
        "low_52_w": f"{day.low * 0.62:.8g}",
        "high_52_w": f"{day.high * 1.3:.8g}",
        "price_percent_chg_24_h": f"{day.change_percent:.13f}",
    }
    if not batch:
        for name, half in (("bid", market.ladder.bids), ("ask", market.ladder.asks)):
            best = half.best()
            body[f"best_{name}"] = "" if best is None else text(listing.price_of(best))
            body[f"best_{name}_quantity"] = "" if best is None else text(half.size_at(best))
    return encoded([{"type": kind, "tickers": [body]}])


def candles(market: Market, now: float, *, kind: str) -> str:
    """Five-minute candles: the history in a snapshot, the running one in an update."""
    reach = _SNAPSHOT_CANDLES - 1 if kind == "snapshot" else 0
    running = (now // _CANDLE_SECONDS) * _CANDLE_SECONDS
    rows = market.candles(running - reach * _CANDLE_SECONDS, now, _CANDLE_SECONDS)
    bodies = [{**candle_body(row, market.listing), "product_id": market.listing.product_id} for row in rows]
    return encoded([{"type": kind, "candles": bodies}])


def status(listings: Iterable[Listing], *, kind: str) -> str:
    """Trading status of products."""
    rows = [
        {
            "product_type": "FUTURE" if listing.is_derivative else "SPOT",
            "id": listing.product_id,
            "base_currency": listing.base,
            "quote_currency": listing.quote,
            "base_increment": text(listing.base_increment),
            "quote_increment": text(listing.quote_increment),
            "display_name": listing.product_id.replace("-", "/"),
            "status": listing.status or "online",
            "status_message": "",
            "min_market_funds": text(listing.quote_min_size),
        }
        for listing in listings
    ]
    return encoded([{"type": kind, "products": rows}])


def user_snapshot(exchange: Exchange, product_ids: frozenset[str]) -> list[str]:
    """All live orders in batches of fifty; the first batch shorter than that, possibly empty, ends the snapshot."""
    orders = [order for order in exchange.ledger.live() if not product_ids or order.product_id in product_ids]
    batches = [orders[at : at + _USER_BATCH] for at in range(0, len(orders) + 1, _USER_BATCH)]
    return [user_event(exchange, batch, kind="snapshot") for batch in batches]


def user_event(exchange: Exchange, orders: list[Order], *, kind: str = "update") -> str:
    """Orders with their full state, and all open positions."""
    objects = [order_object(order, exchange.listings[order.product_id]) for order in orders]
    return encoded([{"type": kind, "orders": objects, "positions": positions(exchange)}])


def futures_balance(exchange: Exchange, *, kind: str) -> str:
    """The futures balance summary, plain strings unlike REST."""
    figures, windows = summary_figures(exchange)
    gone = ("total_pending_transfers_amount", "funding_pnl")
    body: dict[str, Any] = {name: value for name, value in figures.items() if name not in gone}
    for name, window in windows.items():
        body[name] = {field: value for field, value in window.items() if field != "liquidation_buffer"}
    return encoded([{"type": kind, "fcm_balance_summary": body}])


def positions(exchange: Exchange) -> dict[str, list[dict[str, str]]]:
    """The positions part of a user event, plain strings."""
    perpetual: list[dict[str, str]] = []
    expiring: list[dict[str, str]] = []
    for product_id, position in exchange.accounts.positions.items():
        if not position.net:
            continue
        listing = exchange.listings[product_id]
        mark = exchange.market(product_id).mid()
        unrealized = position.unrealized(mark, listing.contract_size)
        side = "Long" if position.net > 0 else "Short"
        if listing.venue is ProductVenue.FCM:
            expiring.append(
                {
                    "product_id": product_id,
                    "side": side,
                    "number_of_contracts": text(abs(position.net)),
                    "realized_pnl": text(position.realized),
                    "unrealized_pnl": text(unrealized),
                    "entry_price": text(position.entry_price),
                }
            )
            continue
        notional = abs(position.net) * mark * listing.contract_size
        perpetual.append(
            {
                "product_id": product_id,
                "portfolio_uuid": INTX_PORTFOLIO_ID,
                "vwap": text(position.entry_price),
                "entry_vwap": text(position.entry_price),
                "position_side": side,
                "margin_type": "Cross",
                "net_size": text(position.net),
                "buy_order_size": "0",
                "sell_order_size": "0",
                "leverage": "",
                "mark_price": text(mark),
                "liquidation_price": "",
                "im_notional": text(position.margin),
                "mm_notional": text(notional * listing.maintenance_margin_rate),
                "position_notional": text(notional),
                "unrealized_pnl": text(unrealized),
                "aggregated_pnl": text(unrealized + position.realized),
            }
        )
    return {"perpetual_futures_positions": perpetual, "expiring_futures_positions": expiring}
