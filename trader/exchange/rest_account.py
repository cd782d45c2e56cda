"""Wallets, key, fees over REST, and the exchange's own ledger for tests. Imported by server.py."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any

import msgspec

from trader.exchange.ladder import ZERO
from trader.exchange.listing import text
from trader.exchange.refusals import BadRequestError
from trader.exchange.render_market import account_body
from trader.exchange.render_orders import order_body
from trader.exchange.rest import PREFIX, Call, NotFoundError, Route
from trader.exchange.stamps import PORTFOLIO_ID, account_id, derived_id

_PAGE, _LARGEST_PAGE = 49, 250


def accounts(call: Call) -> dict[str, Any]:
    """GET /accounts with cursor paging."""
    limit = call.whole("limit", _PAGE) or _PAGE
    if limit > _LARGEST_PAGE:
        raise BadRequestError(f"limit exceeds max of {_LARGEST_PAGE}")
    call.desk.tick()
    wallets = list(call.desk.exchange.accounts.wallets.values())
    start = 0
    if cursor := call.query.get("cursor", ""):
        raw = base64.b64decode(cursor.encode(errors="replace"), validate=False).decode(errors="replace")
        if not raw.isdigit():
            raise BadRequestError("cursor is invalid")
        start = int(raw)
    page = wallets[start : start + limit]
    has_next = start + limit < len(wallets)
    following = base64.b64encode(str(start + limit).encode()).decode() if has_next else ""
    now = call.desk.now()
    return {
        "accounts": [account_body(wallet, now) for wallet in page],
        "has_next": has_next,
        "cursor": following,
        "size": len(page),
    }


def one_account(call: Call) -> dict[str, Any]:
    """GET /accounts/{uuid}."""
    for wallet in call.desk.exchange.accounts.wallets.values():
        if account_id(wallet.currency) == call.path["account_id"]:
            return {"account": account_body(wallet, call.desk.now())}
    raise NotFoundError("account with this id was not found")


def key_permissions(call: Call) -> dict[str, Any]:
    """GET /key_permissions."""
    assert call.key is not None
    return {
        "can_view": True,
        "can_trade": call.key.can_trade,
        "can_transfer": call.key.can_transfer,
        "portfolio_uuid": PORTFOLIO_ID,
        "portfolio_type": "DEFAULT",
    }


def transaction_summary(call: Call) -> dict[str, Any]:
    """GET /transaction_summary: volumes and fees as JSON numbers, rates as text."""
    exchange = call.desk.exchange
    volume = float(sum((fill.value for fill in exchange.ledger.fills), ZERO))
    fees = float(sum((fill.commission for fill in exchange.ledger.fills), ZERO))
    tiers = [{"volume_types": ["VOLUME_TYPE_SPOT", "VOLUME_TYPE_US_DERIVATIVES"], "vol_from": "0", "vol_to": "10000"}]
    tier = {
        "pricing_tier": "Intro 1",
        "taker_fee_rate": text(exchange.ledger.fees.taker),
        "maker_fee_rate": text(exchange.ledger.fees.maker),
        "aop_from": "",
        "aop_to": "",
        "volume_types_and_range": tiers,
    }
    return {
        "total_volume": volume,
        "total_fees": fees,
        "fee_tier": tier,
        "margin_rate": None,
        "goods_and_services_tax": None,
        "advanced_trade_only_volume": volume,
        "advanced_trade_only_fees": fees,
        "coinbase_pro_volume": 0,
        "coinbase_pro_fees": 0,
        "total_balance": text(round(exchange.ledger.total_usd(), 2)),
        "volume_breakdown": [{"volume_type": "VOLUME_TYPE_SPOT", "volume": volume}],
        "has_cost_plus_commission": False,
    }


def payment_methods(_call: Call) -> dict[str, Any]:
    """GET /payment_methods: one bank account that nothing can be moved to."""
    return {"payment_methods": [_payment_method()]}


def one_payment_method(call: Call) -> dict[str, Any]:
    """GET /payment_methods/{id}."""
    method = _payment_method()
    if call.path["payment_method_id"] != method["id"]:
        raise NotFoundError("payment method was not found")
    return {"payment_method": method}


def _payment_method() -> dict[str, Any]:
    stamp = datetime(2024, 2, 6, tzinfo=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "id": derived_id("payment-method"),
        "type": "ACH",
        "name": "Paper bank",
        "currency": "USD",
        "verified": True,
        "allow_buy": False,
        "allow_sell": False,
        "allow_deposit": False,
        "allow_withdraw": False,
        "created_at": stamp,
        "updated_at": stamp,
    }


def ledger(call: Call) -> dict[str, Any]:
    """GET /_exchange/ledger: everything the exchange knows, for tests on this computer; not part of the venue's
    protocol.
    """
    exchange = call.desk.exchange
    call.desk.tick()
    wallets = exchange.accounts.wallets.values()
    return {
        "market_time": call.desk.now(),
        "machine_time": call.desk.clock.machine_time(),
        "arrivals": [msgspec.to_builtins(arrival) for arrival in exchange.ledger.arrivals],
        "orders": [order_body(order, exchange.listings[order.product_id]) for order in exchange.orders.values()],
        "fills": [msgspec.to_builtins(fill) for fill in exchange.ledger.fills],
        "fundings": [msgspec.to_builtins(payment) for payment in exchange.ledger.fundings],
        "balances": {
            wallet.currency: {
                "available": text(wallet.available),
                "hold": text(wallet.hold),
                "margin": text(wallet.margin),
            }
            for wallet in wallets
        },
        "positions": {
            position.product_id: {
                name: text(getattr(position, name))
                for name in ("net", "entry_price", "margin", "realized", "funding", "fees")
            }
            for position in exchange.accounts.positions.values()
        },
        "holdings": {product_id: text(exchange.ledger.holding(product_id)) for product_id in exchange.listings},
    }


ROUTES = (
    Route("GET", f"{PREFIX}/accounts", "view", accounts),
    Route("GET", f"{PREFIX}/accounts/{{account_id}}", "view", one_account),
    Route("GET", f"{PREFIX}/key_permissions", "view", key_permissions),
    Route("GET", f"{PREFIX}/transaction_summary", "view", transaction_summary),
    Route("GET", f"{PREFIX}/payment_methods", "view", payment_methods),
    Route("GET", f"{PREFIX}/payment_methods/{{payment_method_id}}", "view", one_payment_method),
    Route("GET", "/_exchange/ledger", "public", ledger),
)
