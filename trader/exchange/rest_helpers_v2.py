"""The older `/v2` paths that common clients still call. Imported by server.py."""

from __future__ import annotations

from typing import Any

from trader.exchange.listing import text
from trader.exchange.rest import Call, Route
from trader.exchange.stamps import account_id, derived_id, iso

_FIAT = (("USD", "US Dollar"), ("EUR", "Euro"), ("GBP", "British Pound"))
_EURO, _POUND = "0.92", "0.79"


def time_now(call: Call) -> dict[str, Any]:
    """GET /v2/time."""
    now = call.desk.now()
    return {"data": {"iso": f"{iso(now)[:19]}Z", "epoch": int(now)}}


def currencies(_call: Call) -> dict[str, Any]:
    """GET /v2/currencies: fiat."""
    return {"data": [{"id": code, "name": name, "min_size": "0.01"} for code, name in _FIAT]}


def _coins(call: Call) -> dict[str, str]:
    coins = {listing.base: listing.base_name for listing in call.desk.exchange.listings.values()}
    return {**coins, "USDC": "USDC"}


def crypto_currencies(call: Call) -> dict[str, Any]:
    """GET /v2/currencies/crypto."""
    rows = [
        {
            "asset_id": derived_id(f"asset-{code}"),
            "code": code,
            "name": name,
            "color": "#000000",
            "sort_index": 100 + index,
            "exponent": 8,
            "type": "crypto",
            "address_regex": "",
        }
        for index, (code, name) in enumerate(_coins(call).items())
    ]
    return {"data": rows}


def exchange_rates(call: Call) -> dict[str, Any]:
    """GET /v2/exchange-rates: units of each currency for one of the asked one (USD unless said)."""
    exchange = call.desk.exchange
    mids = {
        listing.base: exchange.market(listing.product_id).mid()
        for listing in exchange.listings.values()
        if not listing.is_derivative
    }
    base = call.query.get("currency", "USD").upper()
    worth = mids.get(base)
    scale = worth if worth is not None else 1
    rates = {coin: f"{float(scale / mid):.12g}" for coin, mid in mids.items() if mid}
    rates |= {
        code: f"{float(scale) * float(factor):.12g}"
        for code, factor in (("USD", "1"), ("USDC", "1"), ("EUR", _EURO), ("GBP", _POUND))
    }
    return {"data": {"currency": base, "rates": rates}}


def accounts(call: Call) -> dict[str, Any]:
    """GET /v2/accounts."""
    now = f"{iso(call.desk.now())[:19]}Z"
    rows = []
    for wallet in call.desk.exchange.accounts.wallets.values():
        fiat = wallet.currency == "USD"
        uuid, kind = account_id(wallet.currency), "fiat" if fiat else "crypto"
        rows.append(
            {
                "id": uuid,
                "name": f"Cash ({wallet.currency})" if fiat else f"{wallet.currency} Wallet",
                "primary": False,
                "type": "fiat" if fiat else "wallet",
                "currency": {
                    "code": wallet.currency,
                    "name": wallet.currency,
                    "color": "#000000",
                    "sort_index": 100,
                    "exponent": 2 if fiat else 8,
                    "type": kind,
                    "asset_id": "",
                },
                "balance": {"amount": text(wallet.total), "currency": wallet.currency},
                "created_at": "2024-02-06T19:32:00Z",
                "updated_at": now,
                "resource": "account",
                "resource_path": f"/v2/accounts/{uuid}",
                "allow_deposits": True,
                "allow_withdrawals": True,
            }
        )
    names = (
        "ending_before",
        "starting_after",
        "previous_ending_before",
        "next_starting_after",
        "previous_uri",
        "next_uri",
    )
    pagination = {**dict.fromkeys(names), "limit": call.whole("limit", 25), "order": "desc"}
    return {"pagination": pagination, "data": rows}


ROUTES = (
    Route("GET", "/v2/time", "public", time_now),
    Route("GET", "/v2/currencies", "public", currencies),
    Route("GET", "/v2/currencies/crypto", "public", crypto_currencies),
    Route("GET", "/v2/exchange-rates", "public", exchange_rates),
    Route("GET", "/v2/accounts", "view", accounts),
)
