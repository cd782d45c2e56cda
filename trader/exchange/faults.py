"""The board of faults: arms them, matches them against requests and messages, counts and ends them.

Imported by server.py.

A fault is armed from a file (--faults), from `POST /_exchange/faults`, or by a test that holds the board.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from aiohttp import web

from trader.exchange import faults_frames, faults_rest
from trader.exchange.armed import Armed, Scene
from trader.exchange.connection import Connection
from trader.exchange.fault_table import TABLE
from trader.exchange.refusals import BadRequestError
from trader.exchange.rest import Desk


class Board:
    """The faults that are armed. All methods run in the event loop."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.armed: list[Armed] = []
        self.waiting: list[Armed] = []
        self.fired: dict[str, int] = {}

    def arm(self, request: Any) -> Armed:
        """Arm one fault from its JSON form; BadRequestError for an unknown id, variant or field."""
        try:
            fault = msgspec.convert(request, Armed)
        except msgspec.ValidationError as error:
            raise BadRequestError(f"fault: {error}") from None
        kind = TABLE.get(fault.id)
        if kind is None:
            raise BadRequestError(f"fault {fault.id!r} is unknown; known are {', '.join(TABLE)}")
        fault.variant = fault.variant or kind.variants[0]
        if fault.variant not in kind.variants:
            raise BadRequestError(
                f"fault {fault.id}: variant {fault.variant!r} is unknown; known are {', '.join(kind.variants)}"
            )
        defaults = {
            "method": kind.on[0],
            "path": kind.on[1],
            "channel": kind.channel,
            "seconds": kind.seconds,
            "count": kind.count,
        }
        for name, value in defaults.items():
            if getattr(fault, name) is None:
                setattr(fault, name, value)
        if fault.at_s > self._desk.clock.uptime():
            self.waiting.append(fault)
        else:
            self._begin(fault)
        return fault

    def _begin(self, fault: Armed) -> None:
        kind, now = TABLE[fault.id], self._desk.clock.uptime()
        if fault.seconds is not None:
            fault.until = now + fault.seconds
        if kind.act is not None:
            fault.undo = kind.act(fault, self._desk)
            if kind.rest is None and kind.frame is None and not kind.repeats:
                self._count(fault)
        self.armed.append(fault)
        self._desk.publish()

    def tick(self) -> None:
        """Begin what is due and end what is over; called with every tick of the exchange."""
        now = self._desk.clock.uptime()
        for fault in [one for one in self.waiting if one.at_s <= now]:
            self.waiting.remove(fault)
            self._begin(fault)
        for fault in [one for one in self.armed if one.until is not None and one.until <= now]:
            self._end(fault)

    def _end(self, fault: Armed) -> None:
        if fault in self.armed:
            self.armed.remove(fault)
        if fault.undo is not None:
            fault.undo()
            fault.undo = None

    def clear(self) -> None:
        """Disarm everything and undo what can be undone."""
        self.waiting.clear()
        for fault in list(self.armed):
            self._end(fault)

    def _count(self, fault: Armed) -> None:
        self.fired[fault.id] = self.fired.get(fault.id, 0) + 1
        fault.fired += 1

    def _hit(self, fault: Armed) -> bool:
        """Count a match; whether the fault acts on it (it may be told to let some pass, and it runs out)."""
        if fault.after > 0:
            fault.after -= 1
            return False
        self._count(fault)
        if 0 <= fault.times <= fault.fired:
            self._end(fault)
        return True

    async def intercept(
        self, request: web.Request, answer: Callable[[], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Let the first armed REST fault that matches handle a request."""
        for fault in list(self.armed):
            act = TABLE[fault.id].rest
            scene = Scene(request, fault, self._desk, answer)
            if (
                act is not None
                and fault.wants_request(request)
                and await faults_rest.concerns(scene)
                and self._hit(fault)
            ):
                return await act(scene)
        return await answer()

    def gate(self, connection: Connection, channel: str, events: str, stamp: str) -> bool:
        """Let the first armed frame fault that matches handle a message; True sends it as usual."""
        for fault in list(self.armed):
            act = TABLE[fault.id].frame
            wanted = act is not None and fault.wants_frame(channel, events)
            if act is not None and wanted and faults_frames.concerns(fault, channel, events) and self._hit(fault):
                return act(fault, connection, channel, events, stamp)
        return True

    def admit(self, message: dict[str, Any]) -> str | None:
        """Let the first armed subscribe fault that matches answer a subscribe; None lets it in."""
        for fault in list(self.armed):
            act = TABLE[fault.id].admit
            wanted = act is not None and fault.channel in {None, "", message.get("channel")}
            if wanted and message.get("type") == "subscribe" and fault.variant != "renamed" and self._hit(fault):
                assert act is not None
                return act(fault, message)
        return None

    def welcome(self, _connection: Connection) -> bool:
        """Whether a new connection may live: not while connections flap, and not during an outage or maintenance."""
        for fault in list(self.armed):
            if fault.id == "F-W13":
                return not self._hit(fault)
            if (fault.id, fault.variant) == ("F-N12", "outage") or fault.id == "F-V01":
                return False
        return True
