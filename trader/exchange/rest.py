"""REST side of the exchange: who may call what, and how answers and errors look on the wire. Imported by server.py.

Handlers are plain functions from a Call to a body; the tables of the rest_* modules name them with method, path and
scope. They run in the event loop and never block. Errors leave here only in the shapes of the venue.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from aiohttp import web
from multidict import MultiMapping

from trader.exchange.account_file import AccountFile
from trader.exchange.clock import VenueClock
from trader.exchange.engine import Exchange
from trader.exchange.keys import ApiKey, KeyRing
from trader.exchange.refusals import BadRequestError, proto_error
from trader.exchange.stream import Hub

PREFIX = "/api/v3/brokerage"
_LONGEST_BODY = 1 << 20


class NotFoundError(Exception):
    """HTTP 404 with the venue's body."""


class Desk(msgspec.Struct):
    """What a handler may touch."""

    exchange: Exchange
    clock: VenueClock
    hub: Hub
    keys: KeyRing
    account_file: AccountFile | None = None

    def now(self) -> float:
        """Market time."""
        return self.clock.market_time()

    def tick(self) -> None:
        """Bring the market up to now and publish what happened."""
        self.exchange.advance(self.clock.market_time())
        self.publish()

    def publish(self) -> None:
        """Store, then publish, what changed since the last time."""
        changes = self.exchange.drain()
        if self.account_file is not None:
            self.account_file.save(self.exchange, changes)
        self.hub.publish(changes)


class Call(msgspec.Struct):
    """One request, already authenticated: path parts, query, decoded body."""

    desk: Desk
    path: dict[str, str]
    query: MultiMapping[str]
    body: Any
    key: ApiKey | None

    def whole(self, name: str, default: int) -> int:
        """A non-negative integer from the query."""
        raw = self.query.get(name, "")
        if raw == "":
            return default
        if not raw.isdigit() or len(raw) > 12:
            raise BadRequestError(f"{name} is invalid: {raw[:20]}")
        return int(raw)

    def many(self, *names: str) -> list[str]:
        """All values of repeated query parameters."""
        return [value for name in names for value in self.query.getall(name, []) if value]


Handler = Callable[[Call], Any]
Interceptor = Callable[[web.Request, Callable[[], Awaitable[web.StreamResponse]]], Awaitable[web.StreamResponse]]


class Route(msgspec.Struct, frozen=True):
    """One endpoint. Scope is public, view, trade or transfer."""

    method: str
    path: str
    scope: str
    handler: Handler


def json_answer(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """A JSON response in compact form."""
    return web.Response(body=msgspec.json.encode(body), status=status, content_type="application/json", headers=headers)


def error_answer(status: int, error: str, details: str) -> web.Response:
    """An error in the venue's shape."""
    return json_answer({"error": error, "error_details": details, "message": details}, status)


def unauthorized() -> web.Response:
    """HTTP 401: plain text, as the venue sends it."""
    return web.Response(status=401, text="Unauthorized")


class Counter:
    """Turns routes into aiohttp handlers: authentication, body, errors."""

    def __init__(self, desk: Desk, rate_limit: int = 0) -> None:
        self._desk = desk
        self._limit = rate_limit
        self._recent: deque[float] = deque()
        self.interceptor: Interceptor | None = None

    def install(self, app: web.Application, routes: tuple[Route, ...]) -> None:
        """Register every route."""
        for route in routes:
            app.router.add_route(route.method, route.path, self._wrapped(route))

    def _wrapped(self, route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            async def answer() -> web.StreamResponse:
                return await self._answer(route, request)

            return await answer() if self.interceptor is None else await self.interceptor(request, answer)

        return handle

    async def _answer(self, route: Route, request: web.Request) -> web.Response:
        key = self._key_of(request)
        if route.scope != "public" and key is None:
            return unauthorized()
        headers = self._rate_headers() if self._limit and route.scope != "public" else None
        if headers is not None and headers["x-ratelimit-remaining"] == "-1":
            return json_answer({"errors": [{"id": "rate_limit_exceeded", "message": "Too many requests"}]}, 429)
        if key is not None and not _may(key, route.scope):
            return error_answer(403, "PERMISSION_DENIED", "Missing required scopes")
        raw = await request.read()
        try:
            body = _decoded(raw) if route.method in {"POST", "PUT"} else None
            call = Call(self._desk, dict(request.match_info), request.query, body, key)
            return json_answer(route.handler(call), headers=headers)
        except BadRequestError as error:
            return error_answer(400, error.error, error.details)
        except NotFoundError as error:
            return error_answer(404, "NOT_FOUND", str(error))

    def _rate_headers(self) -> dict[str, str]:
        """Count a private request in the sliding second; the lower-case headers that the official SDK looks for.

        Minus one remaining means that this request is one too many; it is not counted.
        """
        now = self._desk.clock.uptime()
        while self._recent and self._recent[0] <= now - 1.0:
            self._recent.popleft()
        remaining = self._limit - len(self._recent) - 1
        if remaining >= 0:
            self._recent.append(now)
        limits = {"x-ratelimit-limit": self._limit, "x-ratelimit-remaining": remaining, "x-ratelimit-reset": 1}
        return {name: str(value) for name, value in limits.items()}

    def _key_of(self, request: web.Request) -> ApiKey | None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer":
            return None
        target = f"{request.method} {request.path}"
        return self._desk.keys.check(token, machine_now=self._desk.clock.machine_time(), target=target)


def _may(key: ApiKey, scope: str) -> bool:
    return {"public": True, "view": True, "trade": key.can_trade, "transfer": key.can_transfer}[scope]


def _decoded(raw: bytes) -> Any:
    if len(raw) > _LONGEST_BODY:
        raise BadRequestError("request body is too large")
    try:
        return msgspec.json.decode(raw) if raw else {}
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise proto_error("syntax error: unexpected token") from None
