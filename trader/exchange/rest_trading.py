"""Orders over REST beyond create and cancel: preview, edit, edit preview, close position. Imported by server.py."""

from __future__ import annotations

from decimal import ROUND_DOWN, Decimal
from typing import Any

from msgspec.structs import replace

from trader.exchange import entry, refusals
from trader.exchange.ladder import ZERO
from trader.exchange.listing import Listing, text
from trader.exchange.matching import walk
from trader.exchange.records import Order
from trader.exchange.refusals import UNKNOWN_PREVIEW, BadRequestError, Refusal, proto_error
from trader.exchange.rest import PREFIX, Call, Route
from trader.exchange.rest_orders import answer

_EDIT_FIELDS = frozenset(
    {"order_id", "price", "size", "attached_order_configuration", "cancel_attached_order", "stop_price"}
)
_CLOSE_FIELDS = frozenset({"client_order_id", "product_id", "size"})
_NO_EDIT_REASON = "UNKNOWN_EDIT_ORDER_FAILURE_REASON"


def preview(call: Call) -> dict[str, Any]:
    """POST /orders/preview: what the order would cost, or in `errs` why it would be refused; nothing is placed."""
    fields = entry.check_body(call.body, needs_client_id=False)
    call.desk.tick()
    exchange = call.desk.exchange
    vetted = exchange.vetted(fields, call.desk.now(), order_id="preview")
    if isinstance(vetted, Refusal):
        reason = vetted.preview if vetted.preview != UNKNOWN_PREVIEW else f"PREVIEW_{vetted.error}"
        return _preview_body(call, fields["product_id"], [reason], ZERO, ZERO, ZERO, ZERO)
    listing = exchange.listings[vetted.product_id]
    size, value = _expected(call, vetted, listing)
    commission = value * exchange.ledger.fees.taker
    margin = vetted.initial_hold if listing.is_derivative else ZERO
    return _preview_body(call, vetted.product_id, [], size, value, commission, margin, leverage=vetted.leverage)


def _expected(call: Call, order: Order, listing: Listing) -> tuple[Decimal, Decimal]:
    """Base size and value that the order would trade if it traded now; a limit order at its limit."""
    exchange = call.desk.exchange
    if order.quote_size is not None:
        value = order.quote_size / (1 + exchange.ledger.fees.taker)
        return (value / exchange.market(order.product_id).mid()).quantize(Decimal("1e-16"), rounding=ROUND_DOWN), value
    if order.limit_price is not None:
        return order.leaves, order.leaves * order.limit_price * listing.contract_size
    market = exchange.market(order.product_id)
    takes = walk(market.ladder.half(is_bid=not order.is_buy), None, order.leaves)
    value = sum((take.size * market.listing.price_of(take.ticks) for take in takes), ZERO) * listing.contract_size
    return order.leaves, value


def _preview_body(
    call: Call,
    product_id: str,
    errs: list[str],
    size: Decimal,
    value: Decimal,
    commission: Decimal,
    margin: Decimal,
    *,
    leverage: str = "",
) -> dict[str, Any]:
    bid, ask = _top(call, product_id)
    zero_fees = dict.fromkeys(
        (
            "gst_commission",
            "withholding_commission",
            "venue_commission",
            "regulatory_commission",
            "clearing_commission",
        ),
        "0",
    )
    listing = call.desk.exchange.listings.get(product_id)
    units = size * listing.contract_size if listing else size
    return {
        "order_total": text(value + commission),
        "commission_total": text(commission),
        "errs": errs,
        "warning": [],
        "quote_size": text(value),
        "base_size": text(size),
        "best_bid": bid,
        "best_ask": ask,
        "is_max": False,
        "order_margin_total": text(margin),
        "leverage": leverage or "0",
        "long_leverage": leverage or "0",
        "short_leverage": leverage or "0",
        "slippage": "0",
        "preview_id": "" if errs else call.desk.exchange.ledger.new_id("preview"),
        "current_liquidation_buffer": "0",
        "projected_liquidation_buffer": "",
        "max_leverage": listing.max_leverage if listing else "",
        "pnl_configuration": None,
        "twap_bucket_metadata": None,
        "position_notional_limit": "",
        "max_notional_at_requested_leverage": "",
        "margin_ratio_data": None,
        "commission_detail_total": {
            "total_commission": text(commission),
            "client_commission": text(commission),
            **zero_fees,
        },
        "est_average_filled_price": text(round(value / units, 8)) if units else "0",
    }


def _top(call: Call, product_id: str) -> tuple[str, str]:
    if product_id not in call.desk.exchange.listings:
        return "", ""
    market = call.desk.exchange.market(product_id)
    best = (market.ladder.bids.best(), market.ladder.asks.best())
    bid, ask = ("" if ticks is None else text(market.listing.price_of(ticks)) for ticks in best)
    return bid, ask


def _edit_request(call: Call) -> tuple[str, Decimal, Decimal]:
    """Order id, price and size of an edit; a missing number reads as zero, as on the real venue."""
    if not isinstance(call.body, dict):
        raise proto_error("syntax error: unexpected token")
    for key, value in call.body.items():
        if key not in _EDIT_FIELDS:
            raise proto_error(f'unknown field "{key}"')
        if key in {"order_id", "price", "size"} and not isinstance(value, str):
            raise proto_error(f"invalid value for string type: {value!r}")
    try:
        price, size = entry.number(call.body.get("price")) or ZERO, entry.number(call.body.get("size")) or ZERO
    except ValueError:
        raise BadRequestError("price and size must be numbers") from None
    return call.body.get("order_id", ""), price, size


def _edit_errors(reason: str | None) -> list[dict[str, str]]:
    if reason is None:
        return []
    if reason.startswith("PREVIEW_"):
        return [{"edit_failure_reason": _NO_EDIT_REASON, "preview_failure_reason": reason}]
    return [{"edit_failure_reason": reason, "preview_failure_reason": UNKNOWN_PREVIEW}]


def edit(call: Call) -> dict[str, Any]:
    """POST /orders/edit: new price and new total size; the order id stays."""
    order_id, price, size = _edit_request(call)
    call.desk.tick()
    reason = call.desk.exchange.edit(order_id, price, size, call.desk.now())
    call.desk.publish()
    if reason is not None:
        return {"success": False, "errors": _edit_errors(reason)}
    return {"success": True, "success_response": {"order_id": order_id}, "errors": []}


def edit_preview(call: Call) -> dict[str, Any]:
    """POST /orders/edit_preview: what an edit would come to."""
    order_id, price, size = _edit_request(call)
    call.desk.tick()
    exchange = call.desk.exchange
    reason = exchange.edit_refusal(order_id, price, size)
    order = exchange.orders.get(order_id)
    if order is None or order.base_size is None:
        value, bid, ask, average = ZERO, "", "", ZERO
    else:
        listing = exchange.listings[order.product_id]
        edited = replace(order, base_size=size)
        value = max(ZERO, edited.leaves) * price * listing.contract_size
        bid, ask = _top(call, order.product_id)
        average = order.average_price
    commission = value * exchange.ledger.fees.taker
    return {
        "errors": _edit_errors(reason),
        "slippage": "0",
        "order_total": text(value + commission),
        "commission_total": text(commission),
        "quote_size": text(value),
        "base_size": text(size),
        "best_bid": bid,
        "best_ask": ask,
        "average_filled_price": text(average),
        "order_margin_total": "",
        "commission_detail_total": None,
        "pnl_configuration": None,
    }


def close_position(call: Call) -> dict[str, Any]:
    """POST /orders/close_position: a market order against the position, whole or in part."""
    body = call.body
    if not isinstance(body, dict):
        raise proto_error("syntax error: unexpected token")
    for key in body:
        if key not in _CLOSE_FIELDS:
            raise proto_error(f'unknown field "{key}"')
    client_id, product_id, size = body.get("client_order_id"), body.get("product_id"), body.get("size")
    if not client_id or not product_id:
        raise BadRequestError("client_order_id and product_id are required")
    call.desk.tick()
    exchange = call.desk.exchange
    net = exchange.ledger.holding(product_id) if _is_derivative(call, product_id) else ZERO
    fields = {
        "client_order_id": client_id,
        "product_id": product_id,
        "side": "SELL" if net > 0 else "BUY",
        "order_configuration": {"market_market_ioc": {"base_size": size or text(abs(net))}},
    }
    result: Order | Refusal = refusals.FLAT_POSITION
    if net or client_id in exchange.ledger.by_client_id:
        fields = entry.check_body(fields)
        fields["order_configuration"]["market_market_ioc"]["reduce_only"] = True
        result = exchange.create(fields, now=call.desk.now(), machine_time=call.desk.clock.machine_time())
    call.desk.publish()
    return answer(result, fields)


def _is_derivative(call: Call, product_id: str) -> bool:
    listing = call.desk.exchange.listings.get(product_id)
    return listing is not None and listing.is_derivative


ROUTES = (
    Route("POST", f"{PREFIX}/orders/preview", "view", preview),
    Route("POST", f"{PREFIX}/orders/edit", "trade", edit),
    Route("POST", f"{PREFIX}/orders/edit_preview", "view", edit_preview),
    Route("POST", f"{PREFIX}/orders/close_position", "trade", close_position),
)
