"""Every request's common way: turn, circuit, token, one exchange, and for idempotent calls the documents' retries.

Only `trader/coinbase/` imports this. Safe from several threads; every call blocks and ends by its deadline. `send`
never repeats anything: it is what orders go through. `call` repeats (429, 502 to 504, time-outs, lost connections;
D12) and asks once more with a fresh token after a 401, so it is only for calls that may be made twice: reads and
cancels. Tokens carry this machine's UTC, corrected by what the venue's Date header says when the two differ by
more than two seconds.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar
from urllib.parse import urlencode, urlsplit

import msgspec
from loguru import logger

from trader.coinbase.auth import Credentials
from trader.coinbase.breaker import Breakers, EndpointClass
from trader.coinbase.errors import RETRYABLE_STATUS, http_date_s, map_http_error, retry_after_s, venue_word
from trader.coinbase.hosts import check_host
from trader.coinbase.pacing import Pacer, PaceRules, Priority, retry_delay_s
from trader.coinbase.settings import RestSettings
from trader.coinbase.transport import Answer, Transport, Withheld
from trader.coinbase.wire import BadPayload, Body
from trader.venue import (
    AuthenticationError,
    HeldBack,
    RateLimitError,
    RecoverableError,
    VenueError,
    VenueUnavailable,
    always,
)

PREFIX = "/api/v3/brokerage"
TRY_S = 10.0
CALL_S = 25.0
SKEW_TOLERATED_S = 2.0
WARN_AGAIN_S = 3600.0
USER_AGENT = "actor-trader/0.1"

Query = Sequence[tuple[str, str]]
Shape = TypeVar("Shape")


class Gateway:
    """Requests to one venue with one key; the key may be exchanged while running."""

    def __init__(
        self,
        rest_url: str,
        credentials: Credentials | None,
        settings: RestSettings,
        *,
        clock: Callable[[], float] = time.monotonic,
        utc: Callable[[], float] = time.time,
        ca_file: str | None = None,
        proxy: str | None = None,
        transport: Transport | None = None,
    ) -> None:
        self.base_url = check_host(rest_url)
        self._host = urlsplit(self.base_url).netloc
        self._credentials = credentials
        self._settings = settings
        self._clock = clock
        self._utc = utc
        self._skew_s = 0.0
        self._closed = threading.Event()
        self._transport = transport or Transport(
            self.base_url,
            keep_alive=settings.enable_keep_alive,
            connect_timeout_s=settings.connect_timeout_s,
            ca_file=ca_file,
            proxy=proxy,
        )
        rules = PaceRules(settings.rate_limit_per_minute, settings.hourly_budget, throttle=settings.enable_throttle)
        self._pacer = Pacer(rules, clock, self._closed.wait, _RateVoice(clock))
        self.breakers = Breakers(clock)

    @property
    def has_key(self) -> bool:
        """True when private calls are possible."""
        return self._credentials is not None

    def rotate(self, credentials: Credentials) -> None:
        """Use another key from the next request on."""
        self._credentials = credentials

    def token_clock(self) -> float:
        """Return the UNIX seconds that tokens carry: this machine's clock with the measured correction."""
        return self._utc() + self._skew_s

    def used(self) -> float:
        """Fraction of the minute's requests in use."""
        return self._pacer.used()

    def close(self) -> None:
        """End every wait and connection; later calls raise ConnectFailed."""
        self._closed.set()
        self._transport.close()

    def read(
        self, kind: EndpointClass, path: str, body: Body[Shape], query: Query = (), *, public: bool = False
    ) -> Shape:
        """GET and decode, with retries; raises VenueError."""
        _, shape = self.call(kind, "GET", path, body, query=query, public=public)
        return shape

    def call(
        self,
        kind: EndpointClass,
        method: str,
        path: str,
        body: Body[Shape],
        *,
        query: Query = (),
        payload: Mapping[str, object] | None = None,
        priority: Priority = Priority.READ,
        deadline_s: float = CALL_S,
        public: bool = False,
    ) -> tuple[Answer, Shape]:
        """Make an idempotent call until it succeeds, its retries are used up, or `deadline_s` is over; raises
        VenueError.
        """
        deadline = self._clock() + deadline_s
        attempt, fresh_token_used = 0, False
        while True:
            try:
                answer = self.send(
                    kind,
                    method,
                    path,
                    query=query,
                    payload=payload,
                    priority=priority,
                    deadline=deadline,
                    public=public,
                )
                if answer.status == 401 and not fresh_token_used:
                    fresh_token_used = True
                    continue
                return answer, _decoded(answer, body, self.token_clock())
            except OnceOnly:
                raise
            except RecoverableError as error:
                attempt += 1
                delay = self._retry_delay(error, attempt)
                if attempt > self._settings.max_retries or self._clock() + delay > deadline or self._closed.is_set():
                    raise
                self._closed.wait(delay)

    def send(
        self,
        kind: EndpointClass,
        method: str,
        path: str,
        *,
        query: Query = (),
        payload: Mapping[str, object] | None = None,
        priority: Priority,
        deadline: float,
        public: bool = False,
        still_allowed: Callable[[], bool] = always,
    ) -> Answer:
        """Send one request once. `still_allowed` and the deadline are asked after our own pacing and again before the
        first byte. Raises ConnectFailed when nothing was sent, OutcomeUnknown when no whole answer came.
        """
        self._admit(kind, priority, deadline, still_allowed)
        full_path = PREFIX + path
        headers = self._headers(method, full_path, public=public)
        content = None
        if payload is not None:
            content = msgspec.json.encode(payload)
            headers["Content-Type"] = "application/json"
        target = f"{full_path}?{urlencode(query)}" if query else full_path
        seconds = min(TRY_S, max(deadline - self._clock(), 0.001))

        def may_leave() -> bool:
            # A cancel that is late still helps.
            return priority is Priority.CANCEL or (self._clock() <= deadline and still_allowed())

        try:
            answer = self._transport.exchange(method, target, headers, content, seconds, may_leave)
        except Withheld:
            self.breakers.unused(kind)
            raise
        except RecoverableError:
            self.breakers.note(kind, worked=False)
            raise
        self.breakers.note(kind, worked=answer.status < 500)
        self._learn(answer)
        return answer

    def decoded(self, answer: Answer, body: Body[Shape]) -> Shape:
        """Return the decoded body of an answer got by `send`; raises the VenueError it stands for."""
        return _decoded(answer, body, self.token_clock())

    def _admit(
        self, kind: EndpointClass, priority: Priority, deadline: float, still_allowed: Callable[[], bool]
    ) -> None:
        """Let the request go or raise HeldBack: nothing was sent, and the text says why."""
        if self._closed.is_set():
            raise HeldBack("the client is closed")
        if not self._pacer.acquire(priority, deadline):
            raise HeldBack("our own request pacing has no room before the deadline")
        if not still_allowed():
            raise HeldBack("it was no longer allowed when its turn came")
        if priority > Priority.EXIT and not self.breakers.allows(kind):
            raise HeldBack(f"the circuit of {kind} is open after repeated failures")

    def _headers(self, method: str, full_path: str, *, public: bool) -> dict[str, str]:
        headers = {"User-Agent": USER_AGENT, "Accept": "application/json"}
        credentials = self._credentials
        if credentials is None:
            if not public:
                raise AuthenticationError("this call needs an API key: set COINBASE_API_KEY and COINBASE_API_SECRET")
            return headers
        token = credentials.rest_token(method, self._host, full_path, self.token_clock())
        headers["Authorization"] = f"Bearer {token}"
        return headers

    def _learn(self, answer: Answer) -> None:
        """Take from an answer's head what concerns later requests: the venue's clock and its wish for a pause."""
        now = self._utc()
        stamped = http_date_s(answer.headers.get("date"))
        if stamped is not None:
            skew = stamped - now
            self._skew_s = skew if abs(skew) > SKEW_TOLERATED_S else 0.0
        if answer.status == 429:
            self._pacer.too_many(retry_after_s(answer.headers.get("retry-after"), self.token_clock()))

    def _retry_delay(self, error: VenueError, attempt: int) -> float:
        if isinstance(error, RateLimitError) and error.retry_after_s is not None:
            return error.retry_after_s
        return retry_delay_s(attempt, self._settings.retry_delay_s, self._settings.jitter_factor)


def _decoded(answer: Answer, body: Body[Shape], utc_s: float) -> Shape:
    """Return the decoded body of a 2xx answer; raises the mapped VenueError for the rest."""
    if not 200 <= answer.status < 300:
        raise error_of(answer, utc_s)
    if not answer.is_json:
        raise VenueUnavailable("a page that is not the venue's: its content type is not JSON")
    try:
        return body.read(answer.body)
    except BadPayload as error:
        raise VenueUnavailable(f"the venue's answer does not fit its shape: {error}") from error


def error_of(answer: Answer, utc_s: float) -> VenueError:
    """Return the error an answer outside 2xx stands for; the plain 5xx outside the retryable list is not repeated
    blindly.
    """
    code, text = venue_word(answer.status, answer.body)
    error = map_http_error(answer.status, code, text, retry_after_s(answer.headers.get("retry-after"), utc_s))
    if isinstance(error, VenueUnavailable) and answer.status not in RETRYABLE_STATUS:
        return OnceOnly(str(error))
    return error


class OnceOnly(VenueUnavailable):
    """An unavailability that is not in the documents' list of what to repeat (D21)."""


class _RateVoice:
    """Says that the minute's allowance is nearly used, at most once an hour: an outage crosses the line every minute."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._said_at = float("-inf")

    def __call__(self, fraction: float) -> None:
        if self._clock() - self._said_at >= WARN_AGAIN_S:
            self._said_at = self._clock()
            logger.warning("REST requests use {:.0%} of the minute's allowance; reads will wait first", fraction)
