"""The common way of requests: tokens, retries by the documents' table, pauses, errors, and what is never repeated."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from email.utils import formatdate

import jwt
import pytest
from samples import KEY_NAME, credentials, raw
from scripted_http import FAST, hang_up, respond, scripted, silence

from trader.coinbase.errors import map_http_error, retry_after_s
from trader.coinbase.hosts import ForbiddenHost
from trader.coinbase.rest import CoinbaseVenue
from trader.venue import (
    AuthenticationError,
    InsufficientFunds,
    InvalidOrder,
    InvalidRequestError,
    InvalidSymbol,
    OrderNotFound,
    PermissionDenied,
    RateLimitError,
    VenueError,
    VenueUnavailable,
)

TIME = respond(200, raw("rest_get_time"))
PERMISSIONS = respond(200, raw("rest_get_key_permissions"))


@pytest.fixture
def venue_at() -> Iterator[Callable[..., CoinbaseVenue]]:
    """Makes clients of a scripted venue, and closes them."""
    made: list[CoinbaseVenue] = []

    def make(url: str, **options: object) -> CoinbaseVenue:
        made.append(CoinbaseVenue(url, options.pop("key", credentials()), FAST, **options))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for each in made:
        each.close()


def _claims(authorization: str) -> dict[str, object]:
    return dict(jwt.decode(authorization.removeprefix("Bearer "), options={"verify_signature": False}))


def test_every_request_has_a_fresh_token_bound_to_its_path(venue_at: Callable[..., CoinbaseVenue]) -> None:
    """Method, host with port, and path without the query."""
    with scripted(PERMISSIONS) as server:
        venue = venue_at(server.url)
        venue.permissions()
        venue.permissions()
        tokens = [each.headers["authorization"] for each in server.seen]
        host = server.url.removeprefix("http://")
        assert tokens[0] != tokens[1]
        assert _claims(tokens[0])["uri"] == f"GET {host}/api/v3/brokerage/key_permissions"
        assert _claims(tokens[0])["sub"] == KEY_NAME


def test_a_query_is_sent_but_not_signed(venue_at: Callable[..., CoinbaseVenue]) -> None:
    """Repeated keys for lists, as the venue wants them."""
    with scripted(respond(200, {"fills": [], "orders": [], "cursor": ""})) as server:
        venue_at(server.url).backfill(1795201200.0)
        assert "?" in server.seen[0].target
        assert "?" not in str(_claims(server.seen[0].headers["authorization"])["uri"])


def test_without_a_key_public_paths_work_and_private_ones_say_what_is_missing(
    venue_at: Callable[..., CoinbaseVenue],
) -> None:
    """Public twins are used, and no header is sent."""
    with scripted(TIME) as server:
        venue = venue_at(server.url, key=None)
        assert venue.server_time() > 0
        assert "authorization" not in server.seen[0].headers
        with pytest.raises(AuthenticationError, match="COINBASE_API_KEY"):
            venue.permissions()
        assert len(server.seen) == 1


def test_a_401_is_tried_once_more_with_a_fresh_token_and_no_storm(venue_at: Callable[..., CoinbaseVenue]) -> None:
    """Throttling shows as 401 at this venue; a refused key shows twice (F-N07)."""
    refusal = respond(401, "Unauthorized", kind="text/plain")
    with scripted(refusal, PERMISSIONS) as server:
        assert venue_at(server.url).permissions().can_trade
        assert server.seen[0].headers["authorization"] != server.seen[1].headers["authorization"]
    with scripted(refusal) as server:
        with pytest.raises(AuthenticationError):
            venue_at(server.url).permissions()
        assert len(server.seen) == 2


def test_tokens_follow_the_venues_clock_when_ours_is_wrong(venue_at: Callable[..., CoinbaseVenue]) -> None:
    """The Date of the refusal corrects the second token."""
    refusal = respond(401, "Unauthorized", kind="text/plain", Date=formatdate(1795201200, usegmt=True))
    with scripted(refusal, PERMISSIONS) as server:
        venue_at(server.url, utc=lambda: 1795200000.0).permissions()
        claims = [_claims(each.headers["authorization"]) for each in server.seen]
        assert claims[0]["nbf"] == 1795200000
        assert claims[1]["nbf"] == 1795201200


def test_reads_are_repeated_as_the_documents_say(venue_at: Callable[..., CoinbaseVenue]) -> None:
    """429, 502, 503, 504, lost connections and pages that are none: up to the configured retries."""
    for trouble in (
        respond(502, "<html>"),
        respond(503, ""),
        respond(504, ""),
        respond(429, ""),
        hang_up,
        respond(200, "<p>", kind="text/html"),
    ):
        with scripted(trouble, TIME) as server:
            assert venue_at(server.url).server_time() > 0
            assert len(server.seen) == 2
    with scripted(respond(503, "")) as server:
        with pytest.raises(VenueUnavailable):
            venue_at(server.url).server_time()
        assert len(server.seen) == FAST.max_retries + 1


@pytest.mark.parametrize("status", [400, 403, 404, 500, 501, 520, 302])
def test_other_answers_are_not_repeated(status: int, venue_at: Callable[..., CoinbaseVenue]) -> None:
    """500 is not in the documents' list (D21)."""
    with scripted(respond(status, "")) as server:
        with pytest.raises(VenueError):
            venue_at(server.url).server_time()
        assert len(server.seen) == 1


def test_retry_after_is_obeyed_and_the_client_still_ends(venue_at: Callable[..., CoinbaseVenue]) -> None:
    """A pause longer than the call's own deadline ends the call instead of sleeping through it."""
    with scripted(respond(429, "", Retry_After="60"), TIME) as server:
        with pytest.raises(RateLimitError) as caught:
            venue_at(server.url).server_time()
        assert caught.value.retry_after_s == 60.0
        assert len(server.seen) == 1


def test_closing_ends_a_wait_at_once(venue_at: Callable[..., CoinbaseVenue]) -> None:
    """A worker in back-off does not hold up the shutdown."""
    import threading
    import time

    with scripted(respond(429, "", Retry_After="20"), TIME) as server:
        venue = venue_at(server.url)
        failed: list[VenueError] = []

        def read() -> None:
            try:
                venue.server_time()
            except VenueError as error:
                failed.append(error)

        worker = threading.Thread(target=read)
        worker.start()
        deadline = time.monotonic() + 5
        while not server.seen and time.monotonic() < deadline:
            time.sleep(0.01)
        venue.close()
        worker.join(2)
        assert not worker.is_alive()
        assert failed


def test_only_allowed_hosts_are_talked_to() -> None:
    """The check is in the client itself, not only in the configuration."""
    with pytest.raises(ForbiddenHost):
        CoinbaseVenue("https://evil.example", None, FAST)


RETRY_AFTER = {
    None: None,
    "": None,
    "3": 3.0,
    " 7 ": 7.0,
    "999999999999999999999": 60.0,
    "-5": None,
    "soon": None,
    formatdate(1795201210, usegmt=True): 10.0,
    formatdate(1795201100, usegmt=True): 0.0,
    formatdate(1895201100, usegmt=True): 60.0,
}


@pytest.mark.parametrize("header", RETRY_AFTER)
def test_retry_after_in_all_its_forms(header: str | None) -> None:
    """Seconds, a date, an absurd value, nonsense."""
    assert retry_after_s(header, 1795201200.0) == RETRY_AFTER[header]


ERRORS = [
    (400, "INVALID_ARGUMENT", "start is required", InvalidRequestError),
    (400, "INSUFFICIENT_FUND", "", InsufficientFunds),
    (400, "PREVIEW_INVALID_PRODUCT_ID", "", InvalidSymbol),
    (401, "", "Unauthorized", AuthenticationError),
    (403, "PERMISSION_DENIED", "Missing required scopes", PermissionDenied),
    (403, "FORBIDDEN", "", AuthenticationError),
    (404, "NOT_FOUND", "order with this orderID was not found", OrderNotFound),
    (404, "NOT_FOUND", "Product X not supported", InvalidSymbol),
    (422, "X", "", InvalidOrder),
    (418, "X", "", InvalidRequestError),
    (429, "rate_limit_exceeded", "", RateLimitError),
    (500, "INTERNAL", "", VenueUnavailable),
    (302, "", "", VenueUnavailable),
]


@pytest.mark.parametrize(("status", "code", "message", "kind"), ERRORS)
def test_the_error_tree_of_the_documents(status: int, code: str, message: str, kind: type[VenueError]) -> None:
    """Status, the venue's word, and its text decide."""
    assert type(map_http_error(status, code, message)) is kind


def test_a_silent_venue_is_an_error_within_the_deadline(venue_at: Callable[..., CoinbaseVenue]) -> None:
    """A read ends too (one try here, for the test's sake)."""
    with scripted(silence) as server:
        venue = venue_at(server.url)
        with pytest.raises(VenueError):
            venue.cancel(["o"], 0.5)
        assert len(server.seen) >= 1
