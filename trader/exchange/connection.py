"""One WebSocket client of the exchange: what it subscribed to, its sequence, its outbox.

Imported by stream.py and the faults.
"""

from __future__ import annotations

import asyncio
from collections import deque

from aiohttp import WSMsgType, web

_BACKLOG_FRAMES = 50_000


class Connection:
    """One client socket: its subscriptions, its sequence and its outbox."""

    def __init__(self, socket: web.WebSocketResponse, request: web.Request, *, with_client_id: bool) -> None:
        self.socket = socket
        self.request = request
        self.subscribed: dict[str, set[str]] = {}
        self.sequence = 0
        self.counter = 0
        self._middle = '","client_id":"","timestamp":"' if with_client_id else '","timestamp":"'
        self._outbox: deque[bytes] = deque()
        self._held_back: list[bytes] = []
        self.frozen = False
        self._wake = asyncio.Event()

    def wants(self, channel: str, product_id: str) -> bool:
        """Whether this connection subscribed to a product's channel."""
        return product_id in self.subscribed.get(channel, ())

    def envelope(self, channel: str, events: str, stamp: str) -> str:
        """A message as it would be sent now."""
        return f'{{"channel":"{channel}{self._middle}{stamp}","sequence_num":{self.sequence},"events":{events}}}'

    def send(self, channel: str, events: str, stamp: str) -> None:
        """Put one enveloped message in the outbox under the next sequence number."""
        self.send_raw(self.envelope(channel, events, stamp))
        self.sequence += 1

    def send_raw(self, frame: str) -> None:
        """Put a bare frame in the outbox; it has no sequence number of its own."""
        self.send_bytes(frame.encode())

    def send_bytes(self, frame: bytes) -> None:
        """Put a text frame in the outbox as bytes, which need not be valid UTF-8; then what was held back."""
        self._outbox.append(frame)
        self._outbox.extend(self._held_back)
        self._held_back.clear()
        self._wake.set()
        if len(self._outbox) > _BACKLOG_FRAMES:
            self.abort()

    def hold_back(self, frame: str) -> None:
        """Keep a frame until the next one was sent."""
        self._held_back.append(frame.encode())

    @property
    def gone(self) -> bool:
        """Whether nothing that is sent can arrive any more."""
        transport = self.request.transport
        return self.frozen or self.socket.closed or transport is None or transport.is_closing()

    def freeze(self) -> None:
        """Go silent without closing: nothing more is written, nothing more is read."""
        self.frozen = True
        if self.request.transport is not None:
            self.request.transport.pause_reading()

    def abort(self) -> None:
        """Cut the TCP connection without a closing handshake."""
        self._outbox.clear()
        if self.request.transport is not None:
            self.request.transport.abort()

    async def write_forever(self) -> None:
        """Write the outbox until the connection ends."""
        while not self.socket.closed:
            await self._wake.wait()
            self._wake.clear()
            while self._outbox and not self.frozen:
                await self.socket.send_frame(self._outbox.popleft(), WSMsgType.TEXT)
