"""Portfolios and conversions over REST. Imported by server.py."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from trader.exchange import entry
from trader.exchange.accounts import Wallet
from trader.exchange.clearing import Health
from trader.exchange.ladder import ZERO
from trader.exchange.listing import ProductVenue, text
from trader.exchange.portfolios import Portfolio
from trader.exchange.refusals import BadRequestError
from trader.exchange.rest import PREFIX, Call, NotFoundError, Route
from trader.exchange.stamps import INTX_PORTFOLIO_ID, PORTFOLIO_ID, account_id, derived_id, iso

_CASH = frozenset({"USD", "USDC"})
_CENT = Decimal("0.01")
_NOT_FOUND = "portfolio was not found"


def _shown(portfolio: Portfolio) -> dict[str, Any]:
    return {"name": portfolio.name, "uuid": portfolio.uuid, "type": portfolio.kind, "deleted": portfolio.deleted}


def _money(value: Decimal, currency: str = "USD") -> dict[str, str]:
    return {"value": text(value.quantize(_CENT)), "currency": currency}


def _text_field(call: Call, name: str) -> str:
    value = call.body.get(name) if isinstance(call.body, dict) else None
    if not isinstance(value, str) or not value:
        raise BadRequestError(f"{name} is required")
    return value


def _found(call: Call) -> Portfolio:
    portfolio = call.desk.exchange.treasury.portfolios.get(call.path["portfolio_uuid"])
    if portfolio is None or portfolio.deleted:
        raise NotFoundError(_NOT_FOUND)
    return portfolio


def portfolios(call: Call) -> dict[str, Any]:
    """GET /portfolios, optionally of one type."""
    kind = call.query.get("portfolio_type", "")
    kept = call.desk.exchange.treasury.portfolios.values()
    return {"portfolios": [_shown(one) for one in kept if kind in {"", "UNDEFINED", one.kind} and not one.deleted]}


def create_portfolio(call: Call) -> dict[str, Any]:
    """POST /portfolios."""
    uuid = call.desk.exchange.ledger.new_id("portfolio")
    portfolio = Portfolio(_text_field(call, "name"), uuid, "CONSUMER")
    call.desk.exchange.treasury.portfolios[uuid] = portfolio
    return {"portfolio": _shown(portfolio)}


def edit_portfolio(call: Call) -> dict[str, Any]:
    """PUT /portfolios/{uuid}: rename."""
    portfolio = _found(call)
    portfolio.name = _text_field(call, "name")
    return {"portfolio": _shown(portfolio)}


def delete_portfolio(call: Call) -> dict[str, Any]:
    """DELETE /portfolios/{uuid}: only an empty one that the client made."""
    portfolio = _found(call)
    if portfolio.kind != "CONSUMER" or any(portfolio.boxed.values()):
        raise BadRequestError("portfolio cannot be deleted: it is not empty or not yours to delete")
    portfolio.deleted = True
    return {}


def move_funds(call: Call) -> dict[str, Any]:
    """POST /portfolios/move_funds."""
    source, target = _text_field(call, "source_portfolio_uuid"), _text_field(call, "target_portfolio_uuid")
    funds = call.body.get("funds")
    if not isinstance(funds, dict):
        raise BadRequestError("funds is required")
    try:
        amount = entry.number(funds.get("value")) or ZERO
    except (TypeError, ValueError):
        raise BadRequestError("funds.value must be a number") from None
    reason = call.desk.exchange.treasury.move(source, target, str(funds.get("currency", "")), amount)
    if reason == _NOT_FOUND:
        raise NotFoundError(reason)
    if reason is not None:
        raise BadRequestError(reason)
    return {"source_portfolio_uuid": source, "target_portfolio_uuid": target}


def breakdown(call: Call) -> dict[str, Any]:
    """GET /portfolios/{uuid}: balances and positions, spot amounts as JSON numbers."""
    portfolio = _found(call)
    exchange = call.desk.exchange
    call.desk.tick()
    wallets = list(exchange.accounts.wallets.values()) if portfolio.uuid == PORTFOLIO_ID else []
    if portfolio.uuid == INTX_PORTFOLIO_ID:
        wallets = [exchange.accounts.wallet("USDC")]
    spot = [_spot_position(call, wallet) for wallet in wallets if wallet.total]
    cash = sum((wallet.total for wallet in wallets if wallet.currency in _CASH), ZERO)
    total = sum((_dollars(call, wallet) for wallet in wallets), ZERO)
    futures, perps = exchange.clearing.health("USD"), exchange.clearing.health("USDC")
    body = {
        "portfolio": _shown(portfolio),
        "portfolio_balances": {
            "total_balance": _money(total + futures.unrealized + perps.unrealized if wallets else total),
            "total_futures_balance": _money(futures.initial_margin),
            "total_cash_equivalent_balance": _money(cash),
            "total_crypto_balance": _money(total - cash),
            "futures_unrealized_pnl": _money(futures.unrealized),
            "perp_unrealized_pnl": _money(perps.unrealized),
            "total_equities_balance": _money(ZERO),
        },
        "spot_positions": spot,
        "perp_positions": _perp_positions(call, perps) if portfolio.uuid == INTX_PORTFOLIO_ID else [],
        "futures_positions": _futures_positions(call) if portfolio.uuid == PORTFOLIO_ID else [],
        "prediction_markets_positions": [],
        "equity_positions": [],
    }
    return {"breakdown": body}


def _dollars(call: Call, wallet: Wallet) -> Decimal:
    if wallet.currency in _CASH:
        return wallet.total
    market = call.desk.exchange.markets.get(f"{wallet.currency}-USD")
    return wallet.total * market.mid() if market else ZERO


def _spot_position(call: Call, wallet: Wallet) -> dict[str, Any]:
    price = _dollars(call, wallet) / wallet.total
    numbers = {
        **dict.fromkeys(
            ("total_balance_fiat", "available_to_transfer_fiat", "available_to_send_fiat"), float(wallet.total * price)
        ),
        **dict.fromkeys(
            ("total_balance_crypto", "available_to_transfer_crypto", "available_to_send_crypto"), float(wallet.total)
        ),
        "available_to_trade_fiat": float(wallet.available * price),
        "available_to_trade_crypto": float(wallet.available),
        "allocation": 0,
        "unrealized_pnl": 0,
        "funding_pnl": 0,
    }
    return {
        "asset": wallet.currency,
        "account_uuid": account_id(wallet.currency),
        **numbers,
        "cost_basis": _money(ZERO),
        "average_entry_price": _money(price),
        "asset_img_url": "",
        "is_cash": wallet.currency in _CASH,
        "asset_uuid": "",
        "asset_color": "",
        "account_type": "ACCOUNT_TYPE_FIAT" if wallet.currency == "USD" else "ACCOUNT_TYPE_WALLET",
    }


def _perp_positions(call: Call, health: Health) -> list[dict[str, Any]]:
    """Perpetual positions with money as pairs of native and raw currency."""
    exchange, rows = call.desk.exchange, []
    for position in exchange.accounts.positions.values():
        listing = exchange.listings[position.product_id]
        if not position.net or listing.venue is not ProductVenue.INTX:
            continue
        mark = exchange.clearing.mark(position.product_id)
        notional = abs(position.net) * mark * listing.contract_size
        money = {
            "vwap": position.entry_price,
            "unrealized_pnl": position.unrealized(mark, listing.contract_size),
            "mark_price": mark,
            "liquidation_price": ZERO,
            "im_notional": position.margin,
            "mm_notional": notional * listing.maintenance_margin_rate,
            "position_notional": notional,
        }
        pairs = {
            name: {"userNativeCurrency": _money(value), "rawCurrency": _money(value, "USDC")}
            for name, value in money.items()
        }
        side = "LONG" if position.net > 0 else "SHORT"
        rows.append(
            {
                "product_id": position.product_id,
                "product_uuid": derived_id(position.product_id),
                "symbol": position.product_id,
                "asset_image_url": "",
                "position_side": f"FUTURES_POSITION_SIDE_{side}",
                "net_size": text(position.net),
                "buy_order_size": "0",
                "sell_order_size": "0",
                "im_contribution": text(round(position.margin / health.equity, 4)) if health.equity > 0 else "0",
                "leverage": text(round(notional / position.margin, 2)) if position.margin else "0",
                "margin_type": "MARGIN_TYPE_CROSS",
                "liquidation_buffer": text(health.buffer_amount),
                "liquidation_percentage": text(round(health.buffer_fraction * 100, 2)),
                "asset_color": "",
                **pairs,
            }
        )
    return rows


def _futures_positions(call: Call) -> list[dict[str, Any]]:
    exchange, rows = call.desk.exchange, []
    for position in exchange.accounts.positions.values():
        listing = exchange.listings[position.product_id]
        if not position.net or listing.venue is not ProductVenue.FCM:
            continue
        mark = exchange.clearing.mark(position.product_id)
        side = "LONG" if position.net > 0 else "SHORT"
        rows.append(
            {
                "product_id": position.product_id,
                "contract_size": text(listing.contract_size),
                "side": f"FUTURES_POSITION_SIDE_{side}",
                "amount": text(abs(position.net)),
                "avg_entry_price": text(position.entry_price),
                "current_price": text(mark),
                "unrealized_pnl": text(position.unrealized(mark, listing.contract_size)),
                "expiry": "2030-12-20T16:00:00Z",
                "underlying_asset": listing.base,
                "asset_img_url": "",
                "product_name": f"{listing.base} PERP",
                "venue": "cde",
                "notional_value": text(abs(position.net) * mark * listing.contract_size),
                "asset_color": "",
                "last_traded_at": iso(call.desk.now()),
                "roll_date": "",
                "price_increment": text(listing.price_increment),
                "price_precision": 0,
            }
        )
    return rows


ROUTES = (
    Route("GET", f"{PREFIX}/portfolios", "view", portfolios),
    Route("POST", f"{PREFIX}/portfolios", "trade", create_portfolio),
    Route("POST", f"{PREFIX}/portfolios/move_funds", "transfer", move_funds),
    Route("GET", f"{PREFIX}/portfolios/{{portfolio_uuid}}", "view", breakdown),
    Route("PUT", f"{PREFIX}/portfolios/{{portfolio_uuid}}", "trade", edit_portfolio),
    Route("DELETE", f"{PREFIX}/portfolios/{{portfolio_uuid}}", "trade", delete_portfolio),
)
