"""What faults do to order requests: late answers, races, denials, rejections; and to a venue that changes.

Imported by fault_table.py.
"""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import msgspec
from aiohttp import web

from trader.exchange import refusals
from trader.exchange.armed import Scene
from trader.exchange.faults_rest import PAGE, raw, same
from trader.exchange.garbling import drifted, transformed
from trader.exchange.ladder import ZERO
from trader.exchange.records import Status
from trader.exchange.refusals import Refusal
from trader.exchange.rest import json_answer

_LATE_S = 1.0
_REFUSALS: dict[str, Refusal] = {
    "funds": refusals.INSUFFICIENT_FUND,
    "price_precision": refusals.PRICE_PRECISION,
    "size_precision": refusals.SIZE_PRECISION,
    "post_only": refusals.POST_ONLY_CROSSES,
    "price_band": refusals.PRICE_BAND,
    "min_size": refusals.BASE_TOO_SMALL,
    "disabled": refusals.ENTRY_DISABLED,
}
REJECTS = (*_REFUSALS, "failed_later")


async def late_answer(scene: Scene) -> web.StreamResponse:
    """Process the request at once and answer later, so that the stream is first."""
    answered = await scene.answered()
    await asyncio.sleep(scene.fault.number(_LATE_S))
    return answered


async def cancel_races(scene: Scene) -> web.StreamResponse:
    """The cancel is accepted, and before it takes effect a fill arrives: part of the order, or all of it."""
    answered = await scene.answered()
    exchange, share = scene.desk.exchange, Decimal("0.5") if scene.fault.variant == "partial" else Decimal(1)
    for order_id in (await scene.body()).get("order_ids", []):
        order = exchange.orders.get(order_id)
        if (
            order is None
            or order.status is not Status.CANCEL_QUEUED
            or order.limit_price is None
            or order.base_size is None
        ):
            continue
        listing = exchange.listings[order.product_id]
        size = order.leaves if share == 1 else listing.lots_down(order.leaves * share)
        if size > ZERO:
            exchange.ledger.execute(order, order.limit_price, size, is_maker=True, now=scene.desk.now())
    scene.desk.publish()
    return answered


async def cancel_denied(scene: Scene) -> web.StreamResponse:
    """Cancels answered as failed: not known, already filled (nothing done), or done although the answer says no."""
    ids = (await scene.body()).get("order_ids", [])
    if scene.fault.variant == "done":
        await scene.answered()
    reason = "ORDER_IS_FULLY_FILLED" if scene.fault.variant == "filled" else "UNKNOWN_CANCEL_ORDER"
    return json_answer(
        {"results": [{"success": False, "failure_reason": reason, "order_id": order_id} for order_id in ids]}
    )


async def spoil_edit(scene: Scene) -> web.StreamResponse:
    """An edit after which old and new order both live, neither lives, or which is done and never answered."""
    body = await scene.body()
    exchange, now = scene.desk.exchange, scene.desk.now()
    order = exchange.orders.get(str(body.get("order_id", "")))
    if scene.fault.variant == "lost" or order is None or order.status.is_final:
        await scene.answered()
        return scene.cut()
    if scene.fault.variant == "neither":
        exchange.end(order.order_id, Status.CANCELLED, now, "Replaced")
    else:
        inner = {
            **next(iter(order.configuration.values())),
            "limit_price": str(body.get("price")),
            "base_size": str(body.get("size")),
        }
        name = next(iter(order.configuration))
        fields = {
            "client_order_id": f"{order.client_order_id}-edited",
            "product_id": order.product_id,
            "side": order.side.value,
        }
        exchange.create(
            {**fields, "order_configuration": {name: inner}}, now=now, machine_time=scene.desk.clock.machine_time()
        )
    scene.desk.publish()
    return json_answer({"success": True, "success_response": {"order_id": order.order_id}, "errors": []})


async def reject(scene: Scene) -> web.StreamResponse:
    """Refuse an order for the variant's reason; `failed_later` accepts it first and fails it a moment afterwards."""
    body = await scene.body()
    if scene.fault.variant != "failed_later":
        refusal = _REFUSALS[scene.fault.variant]
        return json_answer(
            {"success": False, "error_response": refusal.body(), "order_configuration": body.get("order_configuration")}
        )
    scene.desk.exchange.fail_next = "HOLD_FAILURE"
    return await scene.answer()


async def refuse_stops(scene: Scene) -> web.StreamResponse:
    """Refuse stop and bracket orders."""
    body = await scene.body()
    answer = {"success": False, "error_response": refusals.UNSUPPORTED.body()}
    return json_answer({**answer, "order_configuration": body.get("order_configuration")})


async def maintenance(scene: Scene) -> web.StreamResponse:
    """503 to everything while it lasts."""
    page = PAGE % ("503", "Scheduled maintenance")
    return web.Response(status=503, text=page, content_type="text/html")


async def cut_over(scene: Scene) -> web.StreamResponse:
    """Product ids get a suffix, prices another unit, or decimals become JSON numbers."""
    answered = await scene.answered()
    if scene.fault.variant == "numbers":
        return same(answered, drifted(raw(answered), "number"))
    listings = scene.desk.exchange.listings

    def renamed(text: str) -> Any:
        return f"{text}-V2" if text in listings else text

    body = msgspec.json.decode(raw(answered))
    return json_answer(transformed(body, renamed) if scene.fault.variant == "ids" else _in_cents(body), answered.status)


def _in_cents(value: Any) -> Any:
    """Every price a hundred times what it was."""
    if isinstance(value, list):
        return [_in_cents(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    scaled = {}
    for key, inner in value.items():
        numeric = isinstance(inner, str) and inner.replace(".", "", 1).isdigit()
        scaled[key] = (
            format(Decimal(inner) * 100, "f")
            if numeric and key in {"price", "open", "high", "low", "close"}
            else _in_cents(inner)
        )
    return scaled
