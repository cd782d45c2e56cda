"""A venue that behaves as badly as a test wants: real sockets, one scripted answer per request, every request written down."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from samples import credentials

from trader.coinbase.settings import RestSettings

Answer = Callable[[socket.socket], None]


@dataclass
class Seen:
    """One request as it arrived."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def respond(
    status: int, body: bytes | str | dict[str, Any], *, kind: str = "application/json", **headers: str
) -> Answer:
    """Answer properly."""
    content = json.dumps(body).encode() if isinstance(body, dict) else body.encode() if isinstance(body, str) else body
    extra = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    head = f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {len(content)}\r\n{extra}\r\n"

    def answer(sock: socket.socket) -> None:
        sock.sendall(head.encode() + content)

    return answer


def raw_bytes(*parts: bytes) -> Answer:
    """Send exactly these bytes, then hang up."""

    def answer(sock: socket.socket) -> None:
        for part in parts:
            sock.sendall(part)
        sock.close()

    return answer


def hang_up(sock: socket.socket) -> None:
    """Close without a word."""
    sock.close()


def reset(sock: socket.socket) -> None:
    """Reset the connection."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def silence(sock: socket.socket) -> None:
    """Never answer (until the client hangs up)."""
    with contextlib.suppress(OSError):
        sock.recv(1)


def drip(content: bytes, every_s: float) -> Answer:
    """Send one byte at a time."""

    def answer(sock: socket.socket) -> None:
        with contextlib.suppress(OSError):
            for at in range(len(content)):
                sock.sendall(content[at : at + 1])
                time.sleep(every_s)

    return answer


def flood(sock: socket.socket) -> None:
    """Send a body without end."""
    with contextlib.suppress(OSError):
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
        block = b" " * 1_000_000
        while True:
            sock.sendall(block)


@dataclass
class ScriptedVenue:
    """The server: answers in turn, the last one for ever."""

    answers: list[Answer]
    seen: list[Seen] = field(default_factory=list)
    connections: int = 0
    url: str = ""

    def posts(self, path: str = "/orders") -> int:
        """How many orders arrived."""
        return sum(1 for each in self.seen if each.method == "POST" and each.target.endswith(path))


@contextlib.contextmanager
def scripted(*answers: Answer) -> Iterator[ScriptedVenue]:
    """Serve the answers on a free loopback port until the block ends."""
    listener = socket.create_server(("127.0.0.1", 0))
    venue = ScriptedVenue(list(answers), url=f"http://127.0.0.1:{listener.getsockname()[1]}")
    open_sockets: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def serve(sock: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while (request := _read(sock)) is not None:
                turn = len(venue.seen)
                venue.seen.append(request)
                venue.answers[min(turn, len(venue.answers) - 1)](sock)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = listener.accept()
                venue.connections += 1
                open_sockets.append(sock)
                worker = threading.Thread(target=serve, args=(sock,), daemon=True)
                threads.append(worker)
                worker.start()

    acceptor = threading.Thread(target=accept, daemon=True)
    acceptor.start()
    try:
        yield venue
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for sock in open_sockets:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
        for worker in [acceptor, *threads]:
            worker.join(5)


def _read(sock: socket.socket) -> Seen | None:
    held = b""
    while b"\r\n\r\n" not in held:
        part = sock.recv(65_536)
        if not part:
            return None
        held += part
    head, _, body = held.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    while len(body) < int(headers.get("content-length", "0")):
        body += sock.recv(65_536)
    return Seen(method, target, headers, body)


FAST = RestSettings(max_retries=2, retry_delay_s=0.01, rate_limit_per_minute=1000)

__all__ = [
    "FAST",
    "ScriptedVenue",
    "credentials",
    "drip",
    "flood",
    "hang_up",
    "raw_bytes",
    "reset",
    "respond",
    "scripted",
    "silence",
]
