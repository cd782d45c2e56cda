"""A WebSocket venue under a test's control: each connection is a script, every message a client sent is written down."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

Script = Callable[["Session"], None]
STAMP = "2026-11-20T19:00:00Z"


@dataclass
class Session:
    """One accepted connection."""

    socket: ServerConnection
    number: int
    sent: list[dict[str, Any]] = field(default_factory=list)
    sequence: int = -1

    def hear(self, count: int) -> None:
        """Wait for `count` messages of the client."""
        for _ in range(count):
            self.sent.append(json.loads(self.socket.recv(timeout=5)))

    def tell(self, channel: str, *events: dict[str, Any], skip: int = 0) -> None:
        """Send a frame with the next sequence number (after leaving `skip` out)."""
        self.sequence += 1 + skip
        self.again(channel, *events)

    def again(self, channel: str, *events: dict[str, Any]) -> None:
        """Send a frame with the number of the last one."""
        frame = {"channel": channel, "timestamp": STAMP, "sequence_num": self.sequence, "events": list(events)}
        self.socket.send(json.dumps(frame))

    def confirm(self, *names: str, **channels: list[str]) -> None:
        """Confirm subscriptions; names without products are confirmed by themselves."""
        self.tell("subscriptions", {"subscriptions": {name: [name] for name in names} | channels})

    def beat(self, seconds: float, every_s: float = 0.1) -> None:
        """Send heartbeats for a while."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.tell("heartbeats", {"current_time": "", "heartbeat_counter": self.sequence})
            time.sleep(every_s)


@dataclass
class ScriptedStream:
    """The server; each connection runs the next script, the last one for ever."""

    scripts: list[Script]
    url: str = ""
    sessions: list[Session] = field(default_factory=list)


@contextlib.contextmanager
def streaming(*scripts: Script) -> Iterator[ScriptedStream]:
    """Serve the scripts on a free loopback port until the block ends."""
    stream = ScriptedStream(list(scripts))

    def handle(socket: ServerConnection) -> None:
        session = Session(socket, len(stream.sessions))
        stream.sessions.append(session)
        script = stream.scripts[min(session.number, len(stream.scripts) - 1)]
        with contextlib.suppress(ConnectionClosed, TimeoutError, OSError):
            script(session)

    with serve(handle, "127.0.0.1", 0, max_size=None) as server:
        stream.url = f"ws://127.0.0.1:{server.socket.getsockname()[1]}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield stream
        finally:
            server.shutdown()
            thread.join(5)
