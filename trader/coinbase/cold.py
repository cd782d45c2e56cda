"""The cold path: cancel every open order of the key's portfolio and prove it, when nothing of the running system can
be trusted.

The guardian, the main loop's last step and `run.py cancel-all` import this. It shares nothing with the running
system: no session, pacing, breaker, store, log or catalogue; its own HTTP connection, one thread besides the
caller's only to cut a stuck call. It never raises for what the venue or the way to it does: the result says what
was proven. The first cancel leaves as soon as the first page of orders is read. It cancels whatever is open, also
what a person or another program placed.
"""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

from trader.coinbase.auth import Credentials
from trader.coinbase.hosts import check_host

PREFIX = "/api/v3/brokerage"
# OPEN matches exactly OPEN; what is on its way in or out is a second listing.
LIVE_STATUS_GROUPS = (("OPEN",), ("PENDING", "QUEUED", "CANCEL_QUEUED", "EDIT_QUEUED"))
CHUNK = 100
PAGE = "250"
PAGES_MAX = 100
CALL_S = 4.0
CONNECT_S = 3.0
BODY_BYTES_MAX = 16 * 1024 * 1024
PAUSE_S = 0.25
# An order placed a moment ago may be missing from a listing: emptiness must be seen twice, this far apart.
SECOND_LOOK_S = 1.0
ERRORS_KEPT = 20


@dataclass(frozen=True, slots=True)
class ColdResult:
    """What was proven. `confirmed` means two complete listings in a row held no live order; `remaining` is the last
    count seen.
    """

    cancelled: int
    remaining: int
    confirmed: bool
    errors: tuple[str, ...] = ()


@dataclass(slots=True)
class _Progress:
    """What is known so far."""

    asked: set[str] = field(default_factory=set)
    live: set[str] = field(default_factory=set)
    errors: list[str] = field(default_factory=list)

    def trouble(self, text: str) -> None:
        """Keep a new kind of trouble, a bounded number of them."""
        if text not in self.errors and len(self.errors) < ERRORS_KEPT:
            self.errors.append(text)


class _CallFailed(Exception):
    """One call did not give a usable answer."""


def cancel_everything(
    credentials: Credentials,
    rest_url: str,
    deadline_s: float,
    *,
    ca_file: str | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> ColdResult:
    """Cancel all open orders of the key's portfolio until the venue shows none, or `deadline_s` is over. Blocks;
    never retried by others.
    """
    deadline = clock() + deadline_s
    client = _Client(credentials, check_host(rest_url), ca_file, deadline, clock)
    try:
        return _cancel_until_empty(client, deadline, clock)
    finally:
        client.close()


def _cancel_until_empty(client: _Client, deadline: float, clock: Callable[[], float]) -> ColdResult:
    """Sweep until two complete listings in a row were empty, or time is over."""
    progress = _Progress()
    empty_since: float | None = None
    while clock() < deadline:
        try:
            progress.live = _sweep(client, progress)
        except _CallFailed as error:
            progress.trouble(str(error))
            empty_since = None
            time.sleep(PAUSE_S)
            continue
        if progress.live:
            empty_since = None
        elif empty_since is None:
            empty_since = clock()
        elif clock() - empty_since >= SECOND_LOOK_S:
            return ColdResult(len(progress.asked), 0, confirmed=True, errors=tuple(progress.errors))
        time.sleep(PAUSE_S)
    cancelled = len(progress.asked - progress.live)
    return ColdResult(cancelled, len(progress.live), confirmed=False, errors=tuple(progress.errors))


def _sweep(client: _Client, progress: _Progress) -> set[str]:
    """List what is alive and cancel each page as it comes; return the ids a complete listing held."""
    alive: set[str] = set()
    for group in LIVE_STATUS_GROUPS:
        cursor, seen = "", {""}
        for _ in range(PAGES_MAX):
            query = [*(("order_status", status) for status in group), ("limit", PAGE)]
            page = client.call("GET", "/orders/historical/batch", query + ([("cursor", cursor)] if cursor else []))
            listed = page.get("orders")
            if not isinstance(listed, list):
                raise _CallFailed("the order listing holds no list of orders")
            ids = [str(order["order_id"]) for order in listed if isinstance(order, dict) and order.get("order_id")]
            alive.update(ids)
            _cancel(client, ids, progress)
            if len(ids) < len(listed):
                raise _CallFailed("the order listing holds an order without an id")
            cursor = str(page.get("cursor") or "")
            if not page.get("has_next"):
                break
            if cursor in seen:
                raise _CallFailed("the order listing leads back to a page already read")
            seen.add(cursor)
        else:
            raise _CallFailed("the order listing has no end")
    return alive


def _cancel(client: _Client, ids: list[str], progress: _Progress) -> None:
    """Ask for cancellation; a refusal of one id is noted, and the next sweep shows whether it mattered."""
    for start in range(0, len(ids), CHUNK):
        chunk = ids[start : start + CHUNK]
        answer = client.call("POST", "/orders/batch_cancel", payload={"order_ids": chunk})
        progress.asked.update(chunk)
        results = answer.get("results")
        for item in results if isinstance(results, list) else ():
            if isinstance(item, dict) and not item.get("success"):
                progress.trouble(f"a cancel was refused: {item.get('failure_reason', 'no reason given')}")


class _Client:
    """JSON calls over one connection, reopened after every failure."""

    def __init__(
        self, credentials: Credentials, url: str, ca_file: str | None, deadline: float, clock: Callable[[], float]
    ) -> None:
        parts = urlsplit(url)
        self._credentials = credentials
        self._host = parts.netloc
        self._deadline = deadline
        self._clock = clock
        self._skew_s = 0.0
        self._context = ssl.create_default_context(cafile=ca_file) if parts.scheme == "https" else None
        self._connection: http.client.HTTPConnection | None = None

    def call(
        self, method: str, path: str, query: list[tuple[str, str]] | None = None, payload: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return the decoded answer, trying once more with the venue's clock after a 401; raises _CallFailed."""
        status, body = self._exchange(method, path, query or [], payload)
        if status == 401:
            status, body = self._exchange(method, path, query or [], payload)
        if status != 200:
            raise _CallFailed(f"{path}: HTTP {status}")
        try:
            answer = json.loads(body)
        except (ValueError, RecursionError):
            raise _CallFailed(f"{path}: the answer is not JSON") from None
        if not isinstance(answer, dict):
            raise _CallFailed(f"{path}: the answer is not an object")
        return answer

    def _exchange(
        self, method: str, path: str, query: list[tuple[str, str]], payload: dict[str, Any] | None
    ) -> tuple[int, bytes]:
        seconds = min(CALL_S, self._deadline - self._clock())
        if seconds <= 0:
            raise _CallFailed("out of time")
        full_path = PREFIX + path
        token = self._credentials.rest_token(method, self._host, full_path, time.time() + self._skew_s)
        headers = {
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/json",
            "Accept-Encoding": "identity",
        }
        body = json.dumps(payload) if payload is not None else None
        connection = self._connection or self._connect(min(CONNECT_S, seconds))
        # A server that drips its answer outlives every read time-out: after the call's time the socket is cut.
        cutter = threading.Timer(seconds, _cut, (connection.sock,))
        cutter.daemon = True
        cutter.start()
        try:
            connection.request(method, f"{full_path}?{urlencode(query)}" if query else full_path, body, headers)
            response = connection.getresponse()
            content = response.read(BODY_BYTES_MAX)
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.close()
            raise _CallFailed(f"{path}: {type(error).__name__}") from None
        finally:
            cutter.cancel()
        self._learn_time(response.headers.get("Date"))
        if response.will_close or not response.isclosed():
            self.close()
        return response.status, content

    def _connect(self, timeout_s: float) -> http.client.HTTPConnection:
        if self._context is not None:
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                self._host, timeout=timeout_s, context=self._context
            )
        else:
            connection = http.client.HTTPConnection(self._host, timeout=timeout_s)
        try:
            connection.connect()
        except OSError as error:
            raise _CallFailed(f"no connection: {type(error).__name__}") from None
        self._connection = connection
        return connection

    def close(self) -> None:
        """Close the connection; the next call opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _learn_time(self, date: str | None) -> None:
        """Take the venue's clock when ours is more than two seconds off, for the next token."""
        with suppress(TypeError, ValueError):
            skew = parsedate_to_datetime(date or "").timestamp() - time.time()
            self._skew_s = skew if abs(skew) > 2.0 else 0.0


def _cut(sock: socket.socket | None) -> None:
    if sock is not None:
        with suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)
