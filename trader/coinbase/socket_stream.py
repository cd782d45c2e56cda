"""One WebSocket connection: opened, written to, read frame by frame, and closed; bounded in time and in size.

Only `trader/coinbase/` imports this. The library has no limit on frames, reads each header with several system
calls and waits as long as it is told: here a frame above the cap ends the connection before it is taken in, reads
come out of a 64 KiB buffer, and no read waits longer than `READ_WAIT_S`, so that silence and a wish to stop are
noticed. One thread reads; the same thread writes.
"""

from __future__ import annotations

import ssl
import time
from typing import Any, cast

import websocket
from websocket import ABNF

from trader.coinbase.wire import FRAME_BYTES_MAX

READ_WAIT_S = 0.25
BUFFER_BYTES = 65_536


class StreamClosed(Exception):
    """The connection is over; the text says how."""


class _CappedFrames(websocket.frame_buffer):
    """Refuses a frame, or a message of several frames, above the cap as soon as its length is known."""

    total = 0

    def recv_length(self) -> None:
        super().recv_length()
        self.total += self.length or 0
        if self.total > FRAME_BYTES_MAX:
            raise StreamClosed(f"a frame of more than {FRAME_BYTES_MAX} bytes")
        if self.header is not None and self.header[0]:
            self.total = 0


class _BufferedSocket(websocket.WebSocket):
    """The library's WebSocket, reading through one buffer."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.frame_buffer = _CappedFrames(self._recv, skip_utf8_validation=True)
        self._held = b""
        self._at = 0
        self.until = float("inf")

    def _recv(self, bufsize: int) -> bytes:
        if self._at >= len(self._held):
            # A peer that drips bytes would keep one read going for ever; what has come so far is kept for the next.
            if time.monotonic() >= self.until:
                raise websocket.WebSocketTimeoutException("no whole message yet")
            self._held = cast(Any, super())._recv(BUFFER_BYTES)  # noqa: SLF001 - the library has no other way in
            self._at = 0
        start = self._at
        self._at = min(start + bufsize, len(self._held))
        return self._held[start : self._at]

    @property
    def has_buffered(self) -> bool:
        """True when bytes wait to be read without asking the network."""
        return self._at < len(self._held)


class Stream:
    """An open connection."""

    def __init__(self, socket: _BufferedSocket) -> None:
        self._socket: Any = socket

    @classmethod
    def open(cls, url: str, *, timeout_s: float, ca_file: str | None = None) -> Stream:
        """Connect; raises StreamClosed. Certificates are always checked, proxies of the environment are not used."""
        socket: Any = _BufferedSocket(  # the library's methods carry no types
            sslopt={"cert_reqs": ssl.CERT_REQUIRED, **({"ca_certs": ca_file} if ca_file else {})},
            skip_utf8_validation=True,
        )
        try:
            socket.connect(url, timeout=timeout_s, redirect_limit=0, http_no_proxy=["*"], suppress_origin=True)
            socket.settimeout(READ_WAIT_S)
        except (websocket.WebSocketException, OSError, ValueError) as error:
            socket.shutdown()
            raise StreamClosed(f"no connection: {type(error).__name__}") from error
        return cls(socket)

    def send(self, text: str) -> None:
        """Send one text frame; raises StreamClosed."""
        try:
            self._socket.send(text)
        except (websocket.WebSocketException, OSError) as error:
            raise StreamClosed(f"could not send: {type(error).__name__}") from error

    def receive(self) -> bytes | None:
        """Return the next message, or None when none came within the wait; raises StreamClosed. Answers pings by
        itself.
        """
        self._socket.until = time.monotonic() + READ_WAIT_S
        try:
            opcode, data = self._socket.recv_data()
        except websocket.WebSocketTimeoutException:
            return None
        except (websocket.WebSocketException, OSError, ValueError) as error:
            raise StreamClosed(f"connection lost: {type(error).__name__}") from error
        if opcode == ABNF.OPCODE_CLOSE:
            raise StreamClosed("the venue closed the connection")
        return bytes(data)

    @property
    def has_backlog(self) -> bool:
        """True when more bytes have already arrived than were read."""
        return bool(self._socket.has_buffered)

    def close(self) -> None:
        """Close without waiting for the other side."""
        self._socket.shutdown()
