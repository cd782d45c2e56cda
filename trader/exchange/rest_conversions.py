"""Conversions between dollars and dollar coins over REST. Imported by server.py."""

from __future__ import annotations

from typing import Any

from trader.exchange import entry
from trader.exchange.ladder import ZERO
from trader.exchange.listing import text
from trader.exchange.portfolios import Conversion
from trader.exchange.refusals import BadRequestError, proto_error
from trader.exchange.rest import PREFIX, Call, NotFoundError, Route
from trader.exchange.stamps import account_id

_CASH = frozenset({"USD", "USDC"})


def _trade(conversion: Conversion) -> dict[str, Any]:
    amount = {"value": text(conversion.amount), "currency": conversion.source}
    status = "TRADE_STATUS_COMPLETED" if conversion.committed else "TRADE_STATUS_CREATED"
    ends = {"source": conversion.source, "target": conversion.target}
    accounts = {
        name: {
            "type": "WALLET",
            "network": "",
            "ledger_account": {"account_id": account_id(currency), "currency": currency},
        }
        for name, currency in ends.items()
    }
    same = dict.fromkeys(("user_entered_amount", "amount", "subtotal", "total"), amount)
    return {
        "trade": {
            "id": conversion.trade_id,
            "status": status,
            **same,
            "fees": [],
            "total_fee": {
                "title": "Fee",
                "description": "",
                "amount": {**amount, "value": "0"},
                "label": "",
                "disclosure": None,
            },
            **accounts,
            "source_currency": conversion.source,
            "target_currency": conversion.target,
            "exchange_rate": {"value": "1", "currency": conversion.target},
        }
    }


def quote_conversion(call: Call) -> dict[str, Any]:
    """POST /convert/quote: USD and USDC, one to one."""
    if not isinstance(call.body, dict):
        raise proto_error("syntax error: unexpected token")
    ids = {account_id(currency): currency for currency in _CASH} | {currency: currency for currency in _CASH}
    source, target = ids.get(call.body.get("from_account", "")), ids.get(call.body.get("to_account", ""))
    if source is None or target is None or source == target:
        raise BadRequestError("conversion is offered between USD and USDC accounts only")
    try:
        amount = entry.number(call.body.get("amount")) or ZERO
    except (TypeError, ValueError):
        raise BadRequestError("amount must be a number") from None
    conversion = Conversion(call.desk.exchange.ledger.new_id("conversion"), source, target, amount)
    call.desk.exchange.treasury.conversions[conversion.trade_id] = conversion
    return _trade(conversion)


def _conversion(call: Call) -> Conversion:
    found = call.desk.exchange.treasury.conversions.get(call.path["trade_id"])
    if found is None:
        raise NotFoundError("trade was not found")
    return found


def one_conversion(call: Call) -> dict[str, Any]:
    """GET /convert/trade/{id}."""
    return _trade(_conversion(call))


def commit_conversion(call: Call) -> dict[str, Any]:
    """POST /convert/trade/{id}."""
    conversion = _conversion(call)
    if not call.desk.exchange.treasury.commit(conversion):
        raise BadRequestError("insufficient funds")
    return _trade(conversion)


ROUTES = (
    Route("POST", f"{PREFIX}/convert/quote", "trade", quote_conversion),
    Route("GET", f"{PREFIX}/convert/trade/{{trade_id}}", "view", one_conversion),
    Route("POST", f"{PREFIX}/convert/trade/{{trade_id}}", "trade", commit_conversion),
)
