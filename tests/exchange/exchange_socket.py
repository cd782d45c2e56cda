"""A plain WebSocket client of the exchange for the tests of this folder."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from typing import Any

import websocket
from exchange_process import Running, token


class Client:
    """A plain WebSocket client."""

    def __init__(self, running: Running) -> None:
        self.running = running
        self.socket = websocket.create_connection(
            running.ready["ws_url"], timeout=10, skip_utf8_validation=True, http_no_proxy=["127.0.0.1"]
        )
        self.frames: list[dict[str, Any]] = []

    def subscribe(self, channel: str, *products: str, jwt: str | None = None, kind: str = "subscribe") -> None:
        """Send a subscribe; private channels get a fresh token unless one is given."""
        message: dict[str, Any] = {"type": kind, "product_ids": list(products), "channel": channel}
        if jwt is None and channel in {"user", "futures_balance_summary"}:
            jwt = token(self.running.ready["api_key"], self.running.ready["api_secret"])
        self.socket.send(json.dumps(message | ({"jwt": jwt} if jwt else {})))

    def raw(self) -> bytes:
        """The next frame as it came."""
        _, data = self.socket.recv_data()
        return bytes(data)

    def read_to_the_end(self, frames: int = 200) -> None:
        """Read frames until the connection breaks, which raises, or so many came."""
        for _ in range(frames):
            self.socket.recv_data()

    def next(self, channel: str, seconds: float = 10.0) -> dict[str, Any]:
        """The next frame of a channel; every frame on the way is kept."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            frame = json.loads(self.socket.recv())
            self.frames.append(frame)
            if frame.get("channel", frame.get("type")) == channel:
                return dict(frame)
        raise AssertionError(f"no {channel} in {seconds} s")


@contextlib.contextmanager
def connected(running: Running) -> Iterator[Client]:
    """A client that is closed when the block ends."""
    client = Client(running)
    try:
        yield client
    finally:
        client.socket.close(timeout=1)
        client.socket.shutdown()  # close() alone leaves a broken connection's socket open
