"""Orders over REST: create, cancel, look up, fills. Imported by server.py."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec

from trader.exchange import entry
from trader.exchange.engine import ACCEPTED_CANCEL
from trader.exchange.listing import Listing
from trader.exchange.records import Fill, Order
from trader.exchange.refusals import BadRequestError, Refusal, proto_error
from trader.exchange.render_orders import expiry_type, fill_body, order_body
from trader.exchange.rest import PREFIX, Call, NotFoundError, Route

_MOST_CANCELS = 100
_ORDERS_PAGE, _FILLS_PAGE = 1000, 100
_MOST_ON_PAGE = 1000


def create(call: Call) -> dict[str, Any]:
    """POST /orders: accepted or refused, both HTTP 200, both echoing the request's configuration."""
    fields = entry.check_body(call.body)
    call.desk.tick()
    result = call.desk.exchange.create(fields, now=call.desk.now(), machine_time=call.desk.clock.machine_time())
    call.desk.publish()
    return answer(result, fields)


def answer(result: Order | Refusal, fields: dict[str, Any]) -> dict[str, Any]:
    """The create answer.

    For a repeated client id the order is the first one while the echo is of this request, as on the real venue.
    """
    if isinstance(result, Refusal):
        return {"success": False, "error_response": result.body(), "order_configuration": fields["order_configuration"]}
    success = {
        "order_id": result.order_id,
        "product_id": fields["product_id"],
        "side": fields["side"],
        "client_order_id": fields["client_order_id"],
        "attached_order_id": result.attached_order_id,
    }
    return {"success": True, "success_response": success, "order_configuration": fields["order_configuration"]}


class _CancelBody(msgspec.Struct, forbid_unknown_fields=True):
    order_ids: list[str]


def batch_cancel(call: Call) -> dict[str, Any]:
    """POST /orders/batch_cancel: one result per id, in the order asked."""
    try:
        ids = msgspec.convert(call.body, _CancelBody).order_ids
    except msgspec.ValidationError as error:
        raise proto_error(str(error)) from None
    if len(ids) > _MOST_CANCELS:
        raise BadRequestError(f"Too many orderIDs entered, limit is {_MOST_CANCELS}")
    call.desk.tick()
    results = []
    for order_id in ids:
        reason = call.desk.exchange.cancel(order_id, call.desk.now())
        results.append({"success": reason == ACCEPTED_CANCEL, "failure_reason": reason, "order_id": order_id})
    call.desk.publish()
    return {"results": results}


def one_order(call: Call) -> dict[str, Any]:
    """GET /orders/historical/{order_id}."""
    exchange = call.desk.exchange
    call.desk.tick()
    order = exchange.orders.get(call.path["order_id"])
    if order is None:
        raise NotFoundError("order with this orderID was not found")
    return {"order": order_body(order, exchange.listings[order.product_id])}


def _order_matches(call: Call, listings: dict[str, Listing]) -> Callable[[Order], bool]:
    """The filters of the list, read once."""
    ids, products = set(call.many("order_ids")), set(call.many("product_ids", "product_id"))
    statuses, kinds = set(call.many("order_status")), set(call.many("order_types", "order_type"))
    terms, side, kind = (
        set(call.many("time_in_forces")),
        call.query.get("order_side", ""),
        call.query.get("product_type", ""),
    )
    expiry = call.query.get("contract_expiry_type", "")
    start, end = entry.moment(call.query.get("start_date")), entry.moment(call.query.get("end_date"))

    def matches(order: Order) -> bool:
        listing = listings[order.product_id]
        return (
            (not ids or order.order_id in ids)
            and (not products or order.product_id in products)
            and (not statuses or order.status.value in statuses)
            and (not kinds or order.kind.value in kinds)
            and (not terms or order.time_in_force.value in terms)
            and side in {"", "UNKNOWN_ORDER_SIDE", order.side.value}
            and kind in {"", "UNKNOWN_PRODUCT_TYPE", "FUTURE" if listing.is_derivative else "SPOT"}
            and expiry in {"", "UNKNOWN_CONTRACT_EXPIRY_TYPE", expiry_type(listing)}
            and (start is None or order.created >= start)
            and (end is None or order.created < end)
        )

    return matches


def list_orders(call: Call) -> dict[str, Any]:
    """GET /orders/historical/batch, newest first."""
    exchange = call.desk.exchange
    call.desk.tick()
    matches = _order_matches(call, exchange.listings)
    chosen = [order for order in reversed(exchange.orders.values()) if matches(order)]
    page, cursor = _page(chosen, [order.order_id for order in chosen], call, _ORDERS_PAGE)
    bodies = [order_body(order, exchange.listings[order.product_id]) for order in page]
    return {"orders": bodies, "sequence": "0", "has_next": cursor != "", "cursor": cursor}


def _fill_matches(call: Call, listings: dict[str, Listing]) -> Callable[[Fill], bool]:
    ids, trades = set(call.many("order_ids", "order_id")), set(call.many("trade_ids"))
    products, side, kinds = (
        set(call.many("product_ids", "product_id")),
        call.query.get("order_side", ""),
        set(call.many("product_types")),
    )
    start = entry.moment(call.query.get("start_sequence_timestamp"))
    end = entry.moment(call.query.get("end_sequence_timestamp"))
    if ids and (products or trades or start is not None or end is not None):
        raise BadRequestError("cannot pass order_ids with other filters")

    def matches(fill: Fill) -> bool:
        kind = "FUTURE" if listings[fill.product_id].is_derivative else "SPOT"
        return (
            (not ids or fill.order_id in ids)
            and (not trades or fill.trade_id in trades)
            and (not products or fill.product_id in products)
            and (not kinds or kind in kinds)
            and side in {"", "UNKNOWN_ORDER_SIDE", fill.side.value}
            and (start is None or fill.time >= start)
            and (end is None or fill.time < end)
        )

    return matches


def list_fills(call: Call) -> dict[str, Any]:
    """GET /orders/historical/fills, newest first; an empty cursor ends the list."""
    exchange = call.desk.exchange
    call.desk.tick()
    matches = _fill_matches(call, exchange.listings)
    chosen = [fill for fill in reversed(exchange.ledger.fills) if matches(fill)]
    page, cursor = _page(chosen, [fill.entry_id for fill in chosen], call, _FILLS_PAGE)
    return {"fills": [fill_body(fill, exchange.listings[fill.product_id]) for fill in page], "cursor": cursor}


Row = TypeVar("Row")


def _page(rows: Sequence[Row], names: list[str], call: Call, default: int) -> tuple[Sequence[Row], str]:
    """One page after the cursor (the name of the last row seen) and the cursor of the next, "" at the end."""
    start = 0
    if cursor := call.query.get("cursor", ""):
        try:
            last = base64.b64decode(cursor, validate=True).decode()
        except ValueError:
            raise BadRequestError("cursor is invalid") from None
        start = names.index(last) + 1 if last in names else len(rows)
    limit = min(call.whole("limit", default) or default, _MOST_ON_PAGE)
    end = start + limit
    following = base64.b64encode(names[end - 1].encode()).decode() if end < len(rows) else ""
    return rows[start:end], following


ROUTES = (
    Route("POST", f"{PREFIX}/orders", "trade", create),
    Route("POST", f"{PREFIX}/orders/batch_cancel", "trade", batch_cancel),
    Route("GET", f"{PREFIX}/orders/historical/batch", "view", list_orders),
    Route("GET", f"{PREFIX}/orders/historical/fills", "view", list_fills),
    Route("GET", f"{PREFIX}/orders/historical/{{order_id}}", "view", one_order),
)
