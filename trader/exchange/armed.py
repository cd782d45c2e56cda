"""One armed fault and what it sees. Imported by faults.py and the faults_* tables."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from aiohttp import web

from trader.exchange.rest import PREFIX, Desk


class Armed(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A fault as asked for. What is left out takes the row's default; `count` -1 means for as long as it is armed.

    `after` lets that many matches pass first, `at_s` waits for that uptime, `seconds` ends it, `value` is the
    variant's own number or word.
    """

    id: str
    variant: str = ""
    count: int | None = None
    after: int = 0
    at_s: float = 0.0
    seconds: float | None = None
    method: str | None = None
    path: str | None = None
    channel: str | None = None
    product_id: str = ""
    value: Any = None
    fired: int = 0
    until: float | None = None
    undo: Callable[[], None] | None = None
    kept: list[Any] = msgspec.field(default_factory=list)

    def wants_request(self, request: web.Request) -> bool:
        """Whether method and path match; the path is a prefix below the API's, or exact for POST."""
        below = request.path.removeprefix(PREFIX)
        if self.method and request.method != self.method:
            return False
        if request.method == "POST" and self.path:
            return below == self.path
        return below.startswith(self.path or "") and not request.path.startswith("/_exchange")

    def wants_frame(self, channel: str, events: str) -> bool:
        """Whether channel and product match; `level2` is meant by its subscribe name too."""
        meant = "l2_data" if self.channel == "level2" else self.channel
        return (not meant or meant == channel) and (not self.product_id or f'"{self.product_id}"' in events)

    @property
    def times(self) -> int:
        """How often it acts; -1 without end."""
        return 1 if self.count is None else self.count

    def number(self, default: float) -> float:
        """The fault's number."""
        return float(self.value) if isinstance(self.value, (int, float)) else default


class Scene(msgspec.Struct):
    """What a REST fault sees: the request, itself, the desk, and how to let the request through."""

    request: web.Request
    fault: Armed
    desk: Desk
    answer: Callable[[], Awaitable[web.StreamResponse]]

    async def answered(self) -> web.Response:
        """Let the request through and take its answer."""
        response = await self.answer()
        assert isinstance(response, web.Response)
        return response

    async def body(self) -> dict[str, Any]:
        """The request's JSON object, empty when it is none."""
        try:
            decoded = msgspec.json.decode(await self.request.read() or b"{}")
        except msgspec.DecodeError:
            return {}
        return decoded if isinstance(decoded, dict) else {}

    def cut(self) -> web.Response:
        """Cut the connection; the response returned goes nowhere."""
        if self.request.transport is not None:
            self.request.transport.abort()
        return web.Response()
