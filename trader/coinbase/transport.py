"""One HTTP exchange with the venue: a session per thread, a total deadline, a size cap, no redirects, no proxies by
surprise.

Only `trader/coinbase/` imports this. It tells two failures apart, because an order depends on it: ConnectFailed is
raised only when not one byte of the request left: no connection was made, or the caller no longer wanted it
(Withheld); everything else that goes wrong on the way is OutcomeUnknown. It never retries. The time-outs of the
HTTP library are per read, so the deadline is kept by the socket's reader itself: a server that drips a byte a
second is cut off in time. Name resolution is the one step that cannot be bounded from here, so the caller is asked
once more when the connection stands.
"""

from __future__ import annotations

import io
import socket
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, cast

import msgspec
import requests
import requests.adapters
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, HTTPError, MaxRetryError, NewConnectionError
from urllib3.response import BaseHTTPResponse

from trader.coinbase.wire import BODY_BYTES_MAX
from trader.venue import ConnectFailed, OutcomeUnknown, always

CHUNK_BYTES = 65_536
SMALLEST_WAIT_S = 0.001

# Of the request of this thread: .at, machine seconds by which it must be over; .gate, asked before its first byte and
# then forgotten.
_deadline = threading.local()


class Withheld(ConnectFailed):
    """The connection stood, but the request came too late or was no longer wanted: nothing was written."""


class Answer(msgspec.Struct, frozen=True, gc=False):
    """What came back; header names are lower-case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def is_json(self) -> bool:
        """True when the venue says the body is JSON; anything else is a proxy's page or a plain word."""
        return "json" in self.headers.get("content-type", "")


def _left_s() -> float:
    left = float(getattr(_deadline, "at", float("inf"))) - time.monotonic()
    if left <= 0:
        raise TimeoutError("the request's total deadline has passed")
    return left


def _ask_gate() -> None:
    """Before the first byte, and only then: raise Withheld when the caller says no."""
    gate = getattr(_deadline, "gate", None)
    if gate is not None and not gate():
        raise Withheld("too late, or no longer allowed, when the connection stood")
    _deadline.gate = None


class _DeadlineReader(io.RawIOBase):
    """Reads a socket so that every single read waits no longer than the request has left."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._raw = cast("io.RawIOBase", sock.makefile("rb", buffering=0))

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = _left_s()
        if left != float("inf"):
            self._sock.settimeout(max(left, SMALLEST_WAIT_S))
        return cast("int | None", self._raw.readinto(buffer))

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()


class _DeadlineSocket:
    """A connected socket whose files keep the deadline; everything else is the socket's own."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def makefile(self, mode: str, *_: object, **__: object) -> io.BufferedReader:
        assert mode == "rb", "HTTP reads its answers as bytes"
        return io.BufferedReader(_DeadlineReader(self._sock), CHUNK_BYTES)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)


class _PlainConnection(HTTPConnection):
    def connect(self) -> None:
        super().connect()
        self.sock = cast("socket.socket", _DeadlineSocket(self.sock))

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        _ask_gate()
        super().send(data)


class _SecureConnection(HTTPSConnection):
    _tunnelling = False

    def connect(self) -> None:
        self._tunnelling = True  # What goes to a proxy to open the way is not the request.
        try:
            super().connect()
        finally:
            self._tunnelling = False
        self.sock = cast("Any", _DeadlineSocket(cast("socket.socket", self.sock)))

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        if not self._tunnelling:
            _ask_gate()
        super().send(data)


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _PlainConnection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class _Adapter(requests.adapters.HTTPAdapter):
    """One connection, no retries of its own, deadline-keeping sockets."""

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **kwargs: Any) -> None:
        self.poolmanager = PoolManager(num_pools=connections, maxsize=maxsize, block=block, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _PlainPool, "https": _SecurePool}


class Transport:
    """HTTP to one venue from any thread; each thread keeps its own connection."""

    def __init__(
        self,
        base_url: str,
        *,
        keep_alive: bool,
        connect_timeout_s: float,
        ca_file: str | None = None,
        proxy: str | None = None,
    ) -> None:
        self._base_url = base_url
        self._keep_alive = keep_alive
        self._connect_timeout_s = connect_timeout_s
        self._verify: bool | str = ca_file or True
        self._proxies = {"http": proxy, "https": proxy} if proxy else {}
        self._mine = threading.local()
        self._lock = threading.Lock()
        self._sessions: list[requests.Session] = []

    def exchange(
        self,
        method: str,
        path_and_query: str,
        headers: Mapping[str, str],
        body: bytes | None,
        deadline_s: float,
        still_allowed: Callable[[], bool] = always,
    ) -> Answer:
        """Send one request once and read the whole answer within `deadline_s` seconds; `still_allowed` is asked when
        the connection stands, before the first byte. Raises ConnectFailed or OutcomeUnknown.
        """
        session = self._session()
        _deadline.gate = still_allowed
        _deadline.at = time.monotonic() + deadline_s
        try:
            connect_s = min(self._connect_timeout_s, deadline_s)
            with session.request(
                method,
                self._base_url + path_and_query,
                data=body,
                headers=dict(headers),
                timeout=(connect_s, deadline_s),
                allow_redirects=False,
                stream=True,
            ) as response:
                content = _read_capped(cast("BaseHTTPResponse", response.raw))
                found = {name.lower(): value for name, value in response.headers.items()}
                if "content-length" not in found and "transfer-encoding" not in found and content == b"":
                    raise OutcomeUnknown("an answer without a length or a body: its head may have been cut off")
                return Answer(response.status_code, found, content)
        except requests.exceptions.RequestException as error:
            raise _judged(error) from error
        except (HTTPError, OSError, ValueError) as error:
            raise OutcomeUnknown(f"the answer broke off: {type(error).__name__}") from error
        finally:
            _deadline.at = float("inf")
            _deadline.gate = None
            if not self._keep_alive:
                session.close()

    def close(self) -> None:
        """Close every thread's connection."""
        with self._lock:
            sessions, self._sessions = self._sessions, []
        for session in sessions:
            session.close()

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._mine, "session", None)
        if session is None:
            session = requests.Session()
            session.trust_env = False
            session.verify = self._verify
            session.proxies = dict(self._proxies)
            adapter = _Adapter(pool_connections=1, pool_maxsize=1, max_retries=0)
            session.mount("https://", adapter)
            session.mount("http://", adapter)
            # Bodies are small or wanted fast, and a small compressed answer cannot unfold into a huge one.
            session.headers["Accept-Encoding"] = "identity"
            if not self._keep_alive:
                session.headers["Connection"] = "close"
            self._mine.session = session
            with self._lock:
                self._sessions.append(session)
        return session


def _read_capped(raw: BaseHTTPResponse) -> bytes:
    """Return the body, or raise OutcomeUnknown when it is larger than anything the venue sends."""
    parts, size = [], 0
    while chunk := raw.read(CHUNK_BYTES, decode_content=True):
        size += len(chunk)
        if size > BODY_BYTES_MAX:
            raise OutcomeUnknown(f"an answer of more than {BODY_BYTES_MAX} bytes is none of the venue's")
        parts.append(chunk)
        _left_s()
    return b"".join(parts)


def _judged(error: requests.exceptions.RequestException) -> ConnectFailed | OutcomeUnknown:
    """Tell a connection that was never made from everything else."""
    if isinstance(error, requests.exceptions.ConnectionError) and not isinstance(error, requests.exceptions.ProxyError):
        cause = error.args[0] if error.args else None
        reason = cause.reason if isinstance(cause, MaxRetryError) else cause
        if isinstance(reason, (NewConnectionError, ConnectTimeoutError)):
            return ConnectFailed(f"no connection to the venue: {type(reason).__name__}")
    return OutcomeUnknown(f"no trustworthy answer: {type(error).__name__}")
