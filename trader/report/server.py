"""The metrics endpoint: /metrics, /health, /live and /ready on 127.0.0.1, read-only, from its own daemon thread.

The system's wiring starts one; Prometheus, container probes and people with curl read it. It serves the newest status it
was given and judges that status by its age, so it tells the truth while the main loop hangs. It can change nothing: only
GET and HEAD, four fixed paths, no query, bounded request size, time and number of connections (F-C08).
"""

import json
import socket
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import msgspec

from trader.report.metrics import prometheus_text
from trader.report.state_files import health_json
from trader.report.status import SystemStatus
from trader.report.verdict import verdict
from trader.report.words import span
from trader.risk.holds import Level

LOOPBACK = "127.0.0.1"
LIVE_MAX_AGE_S = 10.0
_REQUEST_TIMEOUT_S = 2.0


class Answer(msgspec.Struct, frozen=True):
    """One HTTP answer."""

    code: int
    content_type: str
    body: bytes


class Published:
    """The newest status and when it was made; written by the main thread, read by the server's."""

    def __init__(self, machine_time: Callable[[], float] = time.monotonic) -> None:
        self._machine_time = machine_time
        self._newest: tuple[SystemStatus, float] | None = None

    def publish(self, status: SystemStatus) -> None:
        """Replace the newest status. Any thread; never blocks."""
        self._newest = (status, self._machine_time())

    def read(self) -> tuple[SystemStatus, float] | None:
        """The newest status and its age in seconds, or None before the first."""
        newest = self._newest
        return (newest[0], self._machine_time() - newest[1]) if newest else None


def answer(path: str, newest: tuple[SystemStatus, float] | None) -> Answer:
    """What a path says about the newest status and its age."""
    reader = _PATHS.get(path)
    if reader is None:
        return _text(404, "not found; there are /metrics /health /live /ready\n")
    if newest is None:
        return _text(503, "starting: no status yet\n")
    return reader(*newest)


def _metrics(status: SystemStatus, age_s: float) -> Answer:
    age = (
        "# HELP bot_status_age_seconds Age of the status these numbers are from.\n"
        "# TYPE bot_status_age_seconds gauge\n"
        f'bot_status_age_seconds{{profile="{status.profile}"}} {age_s:.3f}\n'
    )
    return Answer(200, "text/plain; version=0.0.4; charset=utf-8", (prometheus_text(status) + age).encode())


def _health(status: SystemStatus, age_s: float) -> Answer:
    told = health_json(status)
    if age_s > LIVE_MAX_AGE_S:
        told |= {"ok": False, "error": f"the main loop has said nothing for {span(age_s)}"}
    return Answer(200 if told["ok"] else 503, "application/json", json.dumps(told).encode() + b"\n")


def _live(status: SystemStatus, age_s: float) -> Answer:
    """Whether the process's main loop turns; a supervisor may restart it when not."""
    alive = age_s <= LIVE_MAX_AGE_S
    return _text(200 if alive else 503, f"{'live' if alive else 'stuck'}: {status.profile}, status {span(age_s)} old\n")


def _ready(status: SystemStatus, age_s: float) -> Answer:
    """Whether it can trade now: running, reconciled, feed up, not halted. Reduce-only is ready: exits work."""
    able = status.mode in (Level.NORMAL, Level.REDUCE_ONLY) and status.feeds.market_up and not status.stopping
    ready = able and age_s <= LIVE_MAX_AGE_S
    return _text(200 if ready else 503, f"{'ready' if ready else 'not ready'}: {verdict(status).sentence}\n")


_PATHS: dict[str, Callable[[SystemStatus, float], Answer]] = {
    "/metrics": _metrics,
    "/health": _health,
    "/live": _live,
    "/ready": _ready,
}


def _text(code: int, text: str) -> Answer:
    return Answer(code, "text/plain; charset=utf-8", text.encode())


class _Server(HTTPServer):
    """One request at a time: each is bounded to two seconds, and a probe storm costs one thread, not fifty."""

    allow_reuse_address = True
    request_queue_size = 16

    def __init__(self, port: int, published: Published) -> None:
        self.published = published
        super().__init__((LOOPBACK, port), _Handler)

    def server_bind(self) -> None:
        """Bind without asking a name service for this host's name, which the standard class does."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = LOOPBACK, int(self.server_address[1])

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away or sent rubbish is no event: nothing is logged, nothing is kept."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = _REQUEST_TIMEOUT_S
    protocol_version = "HTTP/1.0"
    server_version, sys_version = "actor-trader", ""

    def setup(self) -> None:
        """Bound the whole request, not only each read: a client that drips bytes is cut off."""
        super().setup()
        self._cut = threading.Timer(_REQUEST_TIMEOUT_S, self._shut_down)
        self._cut.daemon = True
        self._cut.start()

    def finish(self) -> None:
        self._cut.cancel()
        super().finish()

    def do_GET(self) -> None:
        self._reply(answer(self.path, self.server.published.read()), body=True)

    def do_HEAD(self) -> None:
        self._reply(answer(self.path, self.server.published.read()), body=False)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Every other verb and every malformed request: a short refusal that repeats nothing it was sent."""
        refused = 405 if code == 501 else code
        self.close_connection = True
        self._reply(_text(refused, "refused: this endpoint only answers GET\n"), body=True)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the standard class names it so
        """Probes come every few seconds; they are not news."""

    def _reply(self, told: Answer, *, body: bool) -> None:
        self.send_response_only(told.code)
        self.send_header("Content-Type", told.content_type)
        self.send_header("Content-Length", str(len(told.body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if body:
            self.wfile.write(told.body)

    def _shut_down(self) -> None:
        try:
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # the client was faster


class StatusServer:
    """Serves what is published until `close`. `port` 0 takes a free one; raises OSError when the port is taken."""

    def __init__(self, port: int, published: Published) -> None:
        self._server = _Server(port, published)
        self.url = f"http://{LOOPBACK}:{self._server.server_port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.2}, name="metrics", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop serving and free the port; returns within about half a second, or after the request in progress."""
        self._server.shutdown()
        self._thread.join(_REQUEST_TIMEOUT_S + 1)
        self._server.server_close()
