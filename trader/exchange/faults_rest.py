"""What network and REST faults do to a request or its answer. Imported by faults.py."""

from __future__ import annotations

import asyncio
import gzip

import msgspec
from aiohttp import web

from trader.exchange import refusals
from trader.exchange.armed import Scene
from trader.exchange.garbling import GARBLES as _GARBLES, drifted
from trader.exchange.rest import PREFIX, error_answer, json_answer, unauthorized as plain_unauthorized

BREAKS = ("before_headers", "mid_body", "truncated_gzip", "first_write")
LIMITS = ("seconds", "plain", "date", "absurd", "html")
SERVER_ERRORS = ("500", "502", "503", "504", "520", "done_500", "done_502")
GARBLES = tuple(_GARBLES)
_HANG_S = 30.0
_HUGE_BYTES = 100_000_000
PAGE = "<html><head><title>%s</title></head><body><h1>%s</h1></body></html>"


async def concerns(scene: Scene) -> bool:
    """Whether the fault is about this very request: product where one is named, and the row's own condition."""
    fault = scene.fault
    if fault.id == "F-O12":
        names = (await scene.body()).get("order_configuration") or {}
        return any(str(name).startswith(("stop_", "trigger_")) for name in names)
    if fault.id == "F-N05":
        return scene.request.path == PREFIX + ("/orders" if fault.variant == "create" else "/orders/batch_cancel")
    if fault.id in {"F-N09", "F-N10", "F-N15"} and fault.channel:
        return False
    if fault.product_id and scene.request.method == "POST":
        return bool((await scene.body()).get("product_id") == fault.product_id)
    return not fault.product_id or fault.product_id in str(scene.request.rel_url)


async def _hang(scene: Scene) -> web.Response:
    """Keep the client waiting, then cut the connection."""
    await asyncio.sleep(scene.fault.number(_HANG_S))
    return scene.cut()


async def accept_and_hang(scene: Scene) -> web.StreamResponse:
    """Process the request; the answer never leaves."""
    await scene.answered()
    return await _hang(scene)


async def lose_and_hang(scene: Scene) -> web.StreamResponse:
    """As if the request had never arrived."""
    return await _hang(scene)


async def break_connection(scene: Scene) -> web.StreamResponse:
    """Break the connection at the variant's moment; the request was processed unless it is the first write that
    fails.
    """
    if scene.fault.variant == "first_write":
        return scene.cut()
    answered = await scene.answered()
    if scene.fault.variant == "before_headers":
        return scene.cut()
    body = answered.body if isinstance(answered.body, bytes) else b"{}"
    headers = {"Content-Type": "application/json"}
    if scene.fault.variant == "truncated_gzip":
        body = gzip.compress(body)
        headers["Content-Encoding"] = "gzip"
    response = web.StreamResponse(headers={**headers, "Content-Length": str(len(body))})
    await response.prepare(scene.request)
    await response.write(body[: len(body) // 2])
    scene.cut()
    return response


async def say_no(scene: Scene) -> web.StreamResponse:
    """A refusal in an answer with status 200; nothing was done."""
    body = await scene.body()
    if scene.fault.variant == "create":
        answer = {"success": False, "error_response": refusals.UNKNOWN_FAILURE.body()}
        return json_answer({**answer, "order_configuration": body.get("order_configuration")})
    rows = [
        {"success": False, "failure_reason": "COMMANDER_REJECTED_CANCEL_ORDER", "order_id": one}
        for one in body.get("order_ids", [])
    ]
    return json_answer({"results": rows})


async def too_many_requests(scene: Scene) -> web.StreamResponse:
    """429 in its several dresses; nothing was done."""
    waits = {"seconds": "2", "date": "Wed, 21 Oct 2015 07:28:00 GMT", "absurd": "99999999999"}
    headers = {"Retry-After": waits[scene.fault.variant]} if scene.fault.variant in waits else {}
    if scene.fault.variant == "html":
        return web.Response(status=429, text=PAGE % ("429", "Too Many Requests"), content_type="text/html")
    return json_answer({"errors": [{"id": "rate_limit_exceeded", "message": "Too many requests"}]}, 429, headers)


async def unauthorized(scene: Scene) -> web.StreamResponse:
    """401 in plain text, or 403; a revoked key stays revoked."""
    if scene.fault.variant == "403":
        return error_answer(403, "PERMISSION_DENIED", "IP address is not on the allow list")
    if scene.fault.variant == "revoked":
        scene.desk.keys.revoke_all()
    return plain_unauthorized()


async def server_error(scene: Scene) -> web.StreamResponse:
    """5xx; `done_` variants have processed the request first."""
    status = scene.fault.variant.removeprefix("done_")
    if scene.fault.variant.startswith("done_"):
        await scene.answered()
    if status == "500":
        return error_answer(500, "INTERNAL", "Something went wrong")
    reason = {
        "502": "Bad Gateway",
        "503": "Service Unavailable",
        "504": "Gateway Time-out",
        "520": "Web server is returning an unknown error",
    }
    page = PAGE % (status, reason[status])
    return web.Response(status=int(status), reason=reason[status], text=page, content_type="text/html")


def same(answered: web.Response, body: bytes) -> web.Response:
    """The same answer with another body."""
    return web.Response(status=answered.status, body=body, content_type="application/json")


def raw(answered: web.Response) -> bytes:
    """The bytes of an answer."""
    return answered.body if isinstance(answered.body, bytes) else b"{}"


async def garble(scene: Scene) -> web.StreamResponse:
    """Process the request and spoil the answer."""
    answered = await scene.answered()
    return same(answered, _GARBLES[scene.fault.variant](raw(answered)))


async def huge_or_dripping(scene: Scene) -> web.StreamResponse:
    """Process the request; answer with a hundred megabytes, or with one byte a second."""
    answered = await scene.answered()
    body = raw(answered)
    if scene.fault.variant == "huge":
        filler = b" " * int(scene.fault.number(_HUGE_BYTES))
        return same(answered, body[:-1] + filler + body[-1:])
    response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": str(len(body))})
    await response.prepare(scene.request)
    for index in range(len(body)):
        if scene.request.transport is None or scene.request.transport.is_closing():
            break
        await response.write(body[index : index + 1])
        await asyncio.sleep(scene.fault.number(1.0))
    return response


async def captive_portal(scene: Scene) -> web.StreamResponse:
    """A redirect to somewhere else, or a login page with status 200; nothing was done."""
    if scene.fault.variant == "redirect":
        return web.Response(status=302, headers={"Location": "http://portal.invalid/login"})
    return web.Response(text=PAGE % ("Welcome", "Please log in to use this network"), content_type="text/html")


async def slow_or_out(scene: Scene) -> web.StreamResponse:
    """Answer late, or cut every connection for as long as the outage lasts."""
    if scene.fault.variant == "outage":
        return scene.cut()
    await asyncio.sleep(scene.fault.number(_HANG_S / 6))
    return await scene.answer()


async def break_pages(scene: Scene) -> web.StreamResponse:
    """A list that lacks its first half, repeats its last row, or whose cursor leads back to itself."""
    answered = await scene.answered()
    body = msgspec.json.decode(raw(answered))
    name = next((key for key, value in body.items() if isinstance(value, list)), None)
    if name is not None and scene.fault.variant == "missing":
        body[name] = body[name][(len(body[name]) + 1) // 2 :]
    elif name is not None and scene.fault.variant == "repeated":
        body[name] += body[name][-1:]
    elif name is not None:
        body["cursor"] = scene.request.query.get("cursor") or "bG9vcA=="
        body["has_next"] = True
    return json_answer(body, answered.status)


async def lagging_read(scene: Scene) -> web.StreamResponse:
    """Orders and their fills stay invisible to reads for `value` seconds (5) after they were created."""
    answered = await scene.answered()
    body = msgspec.json.decode(raw(answered))
    horizon = scene.desk.now() - scene.fault.number(5.0) * scene.desk.clock.speed
    young = {order.order_id for order in scene.desk.exchange.orders.values() if order.created > horizon}
    if isinstance(body.get("order"), dict) and body["order"]["order_id"] in young:
        return error_answer(404, "NOT_FOUND", "order with this orderID was not found")
    for name in ("orders", "fills"):
        if name in body:
            body[name] = [row for row in body[name] if row["order_id"] not in young]
    return json_answer(body, answered.status)


async def drift_numbers(scene: Scene) -> web.StreamResponse:
    """Process the request; the decimals of the answer come in another format."""
    answered = await scene.answered()
    return same(answered, drifted(raw(answered), scene.fault.variant))
