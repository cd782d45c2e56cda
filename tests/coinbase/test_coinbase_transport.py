"""One exchange with a badly behaved server: what proves that nothing was sent, and what proves nothing at all."""

from __future__ import annotations

import gzip
import socket
import time
from collections.abc import Iterator

import pytest
from scripted_http import Answer, drip, flood, hang_up, raw_bytes, reset, respond, scripted, silence

from trader.coinbase.transport import Transport
from trader.venue import ConnectFailed, OutcomeUnknown

DEADLINE_S = 1.0


@pytest.fixture
def transports() -> Iterator[list[Transport]]:
    """Closes what a test opened."""
    made: list[Transport] = []
    yield made
    for each in made:
        each.close()


def _to(url: str, transports: list[Transport], *, keep_alive: bool = True) -> Transport:
    transport = Transport(url, keep_alive=keep_alive, connect_timeout_s=0.5)
    transports.append(transport)
    return transport


def test_a_refused_connection_proves_that_nothing_was_sent(transports: list[Transport]) -> None:
    """Only this is ConnectFailed."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(ConnectFailed):
        _to(f"http://127.0.0.1:{port}", transports).exchange("POST", "/x", {}, b"{}", DEADLINE_S)


def test_a_name_that_does_not_resolve_proves_it_too(transports: list[Transport]) -> None:
    """DNS failure comes before the first byte."""
    with pytest.raises(ConnectFailed):
        _to("http://nowhere.invalid:1", transports).exchange("POST", "/x", {}, b"{}", DEADLINE_S)


UNKNOWN: dict[str, Answer] = {
    "closed before headers": hang_up,
    "reset": reset,
    "no answer": silence,
    "headers cut off": raw_bytes(b"HTTP/1.1 200 OK\r\nContent-Le"),
    "body cut off": raw_bytes(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"),
    "chunked body cut off": raw_bytes(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"),
    "no gzip at all": respond(200, b"{}", Content_Encoding="gzip"),
    "not http": raw_bytes(b"SSH-2.0-OpenSSH_9.0\r\n"),
    "headers a byte at a time": drip(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}" + b" " * 200, 0.06),
    "body a byte at a time": drip(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n" + b" " * 900, 0.03),
}


@pytest.mark.parametrize("kind", UNKNOWN)
def test_everything_else_is_an_unknown_outcome_within_the_deadline(kind: str, transports: list[Transport]) -> None:
    """A dripping server, which outlives every per-read time-out, is cut off too; and nothing is ever sent twice."""
    with scripted(UNKNOWN[kind]) as server:
        transport = _to(server.url, transports)
        began = time.monotonic()
        with pytest.raises(OutcomeUnknown):
            transport.exchange("POST", "/x", {}, b"{}", DEADLINE_S)
        assert time.monotonic() - began < DEADLINE_S + 0.5
        assert len(server.seen) == 1


def test_a_body_without_end_is_cut_at_the_cap(transports: list[Transport]) -> None:
    """Sixteen megabytes, then the connection is given up."""
    with scripted(flood) as server, pytest.raises(OutcomeUnknown, match="bytes"):
        _to(server.url, transports).exchange("GET", "/x", {}, None, 10.0)


def test_a_redirect_is_not_followed(transports: list[Transport]) -> None:
    """The answer comes back as it is; the token goes nowhere else."""
    with scripted(respond(302, b"", Location="http://127.0.0.1:1/elsewhere")) as server:
        answer = _to(server.url, transports).exchange("GET", "/x", {"Authorization": "Bearer t"}, None, DEADLINE_S)
        assert answer.status == 302
        assert len(server.seen) == 1


def test_proxies_of_the_environment_are_ignored(transports: list[Transport], monkeypatch: pytest.MonkeyPatch) -> None:
    """A credential must not pass through a proxy nobody configured here."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with scripted(respond(200, {"ok": True})) as server:
        assert _to(server.url, transports).exchange("GET", "/x", {}, None, DEADLINE_S).status == 200


@pytest.mark.parametrize(("keep_alive", "connections"), [(True, 1), (False, 5)])
def test_the_keep_alive_switch(keep_alive: bool, connections: int, transports: list[Transport]) -> None:
    """On: five requests on one connection. Off: five connections, and the header says close."""
    with scripted(respond(200, {"ok": True})) as server:
        transport = _to(server.url, transports, keep_alive=keep_alive)
        for _ in range(5):
            assert transport.exchange("GET", "/x", {}, None, DEADLINE_S).body == b'{"ok": true}'
        assert server.connections == connections
        assert server.seen[0].headers["connection"] == ("keep-alive" if keep_alive else "close")


def test_an_idle_connection_closed_by_the_peer_is_replaced(transports: list[Transport]) -> None:
    """The close is noticed before the next request is written, so it costs no unknown order."""
    closing = raw_bytes(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
    with scripted(closing, respond(200, {"second": True})) as server:
        transport = _to(server.url, transports)
        assert transport.exchange("GET", "/x", {}, None, DEADLINE_S).status == 200
        time.sleep(0.05)  # The peer's close has to arrive; there is no event to wait for.
        assert transport.exchange("POST", "/x", {}, b"{}", DEADLINE_S).body == b'{"second": true}'
        assert server.connections == 2


def test_a_gzip_answer_is_read(transports: list[Transport]) -> None:
    """A server may compress although we do not ask for it."""
    with scripted(respond(200, gzip.compress(b'{"a":1}'), Content_Encoding="gzip")) as server:
        assert _to(server.url, transports).exchange("GET", "/x", {}, None, DEADLINE_S).body == b'{"a":1}'


def test_a_request_withdrawn_while_the_connection_was_made_writes_nothing(transports: list[Transport]) -> None:
    """On a new connection and on a kept one; the next request works."""
    with scripted(respond(200, {"ok": True})) as server:
        transport = _to(server.url, transports)
        for _ in range(2):
            with pytest.raises(ConnectFailed):
                transport.exchange("POST", "/x", {}, b"{}", DEADLINE_S, lambda: False)
            assert transport.exchange("GET", "/fine", {}, None, DEADLINE_S).status == 200
        assert [each.target for each in server.seen] == ["/fine", "/fine"]
