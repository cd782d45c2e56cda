"""The metrics endpoint: four paths, loopback only, read-only, and the truth while the main loop hangs."""

import json
import socket
import time
from collections.abc import Iterator
from http.client import HTTPConnection

import pytest
from status_examples import healthy, reduce_only

from trader.report.metrics import prometheus_text
from trader.report.server import LOOPBACK, Published, StatusServer, answer
from trader.risk.holds import Level


@pytest.fixture
def published() -> Published:
    """A board with the healthy example on it."""
    board = Published()
    board.publish(healthy())
    return board


@pytest.fixture
def port(published: Published) -> Iterator[int]:
    """A running server's port."""
    server = StatusServer(0, published)
    yield int(server.url.rpartition(":")[2])
    server.close()


def fetch(port: int, path: str, method: str = "GET") -> tuple[int, bytes]:
    connection = HTTPConnection(LOOPBACK, port, timeout=5)
    connection.request(method, path)
    reply = connection.getresponse()
    body = reply.read()
    connection.close()
    return reply.status, body


def exchange(port: int, data: bytes) -> bytes:
    """Send raw bytes and read until the server hangs up."""
    with socket.create_connection((LOOPBACK, port), timeout=5) as client:
        client.sendall(data)
        client.settimeout(5)
        received = b""
        while chunk := client.recv(65536):
            received += chunk
    return received


def test_metrics_and_health_are_those_of_the_published_status(port: int, published: Published) -> None:
    """Over the wire, the same text as from the record."""
    status, body = fetch(port, "/metrics")
    assert status == 200
    assert body.decode().startswith(prometheus_text(healthy()))
    assert b"bot_status_age_seconds" in body
    published.publish(reduce_only())
    status, body = fetch(port, "/health")
    assert (status, json.loads(body)["mode"]) == (200, "REDUCE_ONLY")
    assert fetch(port, "/live")[0] == fetch(port, "/ready")[0] == 200
    assert fetch(port, "/health", "HEAD") == (200, b"")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_no_verb_changes_anything(port: int, method: str) -> None:
    """F-C08: read-only."""
    assert fetch(port, "/metrics", method)[0] == 405


@pytest.mark.parametrize("path", ["/", "/metrics/", "/../etc/passwd", "/metrics?x=1", "/%6detrics", "/kill"])
def test_other_paths_do_not_exist_and_are_not_repeated(port: int, path: str) -> None:
    """Fixed paths; nothing of a request comes back."""
    status, body = fetch(port, path)
    assert status == 404
    assert b"passwd" not in body
    assert b"kill" not in body


def test_rubbish_and_huge_requests_are_refused_and_the_server_lives(port: int) -> None:
    """No request can stop it or make it answer twice."""
    assert b"405" in exchange(port, b"NONSENSE / HTTP/1.0\r\n\r\n")
    assert exchange(port, b"\x16\x03\x01\x02\x00\r\n\r\n") == b"refused: this endpoint only answers GET\n"
    assert b"414" in exchange(port, b"GET /" + b"a" * 70_000 + b" HTTP/1.0\r\n\r\n")
    assert b"431" in exchange(
        port, b"GET /metrics HTTP/1.0\r\n" + b"".join(b"X-%d: 1\r\n" % n for n in range(200)) + b"\r\n"
    )
    assert fetch(port, "/live")[0] == 200


def test_a_client_that_says_nothing_or_drips_is_cut_off(port: int) -> None:
    """Two seconds for a whole request; the next probe is served."""
    with socket.create_connection((LOOPBACK, port), timeout=5) as silent:
        silent.sendall(b"GET /met")
        began = time.monotonic()
        assert fetch(port, "/live")[0] == 200
        assert time.monotonic() - began < 4


def test_it_listens_on_loopback_only(port: int) -> None:
    """Nothing outside this machine can reach it."""
    with pytest.raises(OSError, match=r"refused|unreachable|timed out|assign"):
        socket.create_connection(("127.0.0.2", port), timeout=1)


def test_a_hanging_main_loop_is_seen_by_live_health_and_ready() -> None:
    """The status's age is the server's own clock, not the main loop's."""
    now = 100.0
    board = Published(lambda: now)
    board.publish(healthy())
    assert answer("/live", board.read()).code == 200
    now = 111.0
    assert answer("/live", board.read()).code == 503
    assert answer("/ready", board.read()).code == 503
    health = answer("/health", board.read())
    assert health.code == 503
    assert json.loads(health.body)["error"] == "the main loop has said nothing for 11s"


def test_readiness_follows_mode_feed_and_stop() -> None:
    """Reduce-only is ready, because exits work; halted, starting, feedless and stopping are not."""
    codes = {
        "normal": answer("/ready", (healthy(), 0.1)).code,
        "reduce_only": answer("/ready", (reduce_only(), 0.1)).code,
        "halted": answer("/ready", (healthy(mode=Level.HALTED), 0.1)).code,
        "starting": answer("/ready", (healthy(mode=Level.STARTING), 0.1)).code,
        "stopping": answer("/ready", (healthy(stopping=True), 0.1)).code,
    }
    assert codes == {"normal": 200, "reduce_only": 200, "halted": 503, "starting": 503, "stopping": 503}


def test_before_the_first_status_it_says_starting() -> None:
    """503, not a page of zeros."""
    for path in ("/metrics", "/health", "/live", "/ready"):
        assert answer(path, Published().read()).code == 503


def test_a_taken_port_is_an_error_of_the_caller(port: int, published: Published) -> None:
    """The start says which port is taken."""
    with pytest.raises(OSError, match="in use"):
        StatusServer(port, published)
