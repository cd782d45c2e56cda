"""From an HTTP status, the venue's word and its text to one error of the port's hierarchy.

Only `trader/coinbase/` imports this. `map_http_error` is a table; what is not in it is decided by the status alone.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from trader.coinbase.bodies import VENUE_WORD, VenueWord
from trader.coinbase.wire import BadPayload
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

RETRYABLE_STATUS = frozenset({429, 502, 503, 504})
# These answers prove that a create was not accepted: the request was judged and thrown out before any order existed.
REFUSING_STATUS = frozenset({400, 401, 403, 404, 422, 429})
RETRY_AFTER_CAP_S = 60.0

_BY_CODE: dict[str, type[VenueError]] = {
    "INSUFFICIENT_FUND": InsufficientFunds,
    "INSUFFICIENT_FUNDS": InsufficientFunds,
    "INSUFFICIENT_FUNDS_FOR_FUTURES": InsufficientFunds,
    "INSUFFICIENT_LEDGER_BALANCE": InsufficientFunds,
    "INVALID_PRODUCT_ID": InvalidSymbol,
    "UNTRADABLE_PRODUCT": InvalidOrder,
    "PERMISSION_DENIED": PermissionDenied,
}
_STATUS_CODES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHORIZED",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    422: "UNPROCESSABLE",
    429: "RATE_LIMITED",
}


def venue_word(status: int, body: bytes) -> tuple[str, str]:
    """Return (code, text) of an error body in whatever form it came; HTML and plain text leave only the status."""
    fallback = _STATUS_CODES.get(status, f"HTTP_{status}")
    try:
        word = VENUE_WORD.read(body)
    except BadPayload:
        word = VenueWord()
    code = word.error if word.error and word.error != "unknown" else ""
    if not code and word.errors:
        code = str(word.errors[0].get("id", "")).upper()
    text = word.message or word.error_details
    if not text and word.errors:
        text = str(word.errors[0].get("message", ""))
    return code or fallback, text[:300]


def _not_found(code: str, message: str) -> VenueError:
    about_order = "order" in message.lower()
    return OrderNotFound(message or code) if about_order else InvalidSymbol(message or code)


_BY_STATUS: dict[int, Callable[[str, str], VenueError]] = {
    400: lambda code, text: InvalidRequestError(f"{code}: {text}"),
    401: lambda code, text: AuthenticationError(f"the venue refuses the key or its token ({text or code})"),
    403: lambda code, text: AuthenticationError(f"the venue refuses the key ({text or code})"),
    404: _not_found,
    422: lambda code, text: InvalidOrder(f"{code}: {text}"),
}


def map_http_error(status: int, code: str, message: str, retry_after_s: float | None = None) -> VenueError:
    """Return the error for a status outside 2xx."""
    if status == 429:
        return RateLimitError(f"the venue asks for a pause ({message or code})", retry_after_s)
    kind = _BY_CODE.get(code.removeprefix("PREVIEW_"))
    if kind is not None and 400 <= status < 500:
        return kind(message or code)
    make = _BY_STATUS.get(status)
    if make is not None:
        return make(code, message)
    if 300 <= status < 400:
        return VenueUnavailable(f"HTTP {status}: a redirect is never followed with credentials")
    if 400 <= status < 500:
        return InvalidRequestError(f"HTTP {status} {code}: {message}")
    return VenueUnavailable(f"HTTP {status} {code} {message}".strip())


def retry_after_s(header: str | None, utc_s: float) -> float | None:
    """Return the seconds a Retry-After header asks for (a number or a date), capped at a minute; None when absent or
    senseless.
    """
    if not header:
        return None
    text = header.strip()
    if text.isascii() and text.isdigit():
        seconds = float(text[:12])
    else:
        try:
            when = parsedate_to_datetime(text)
        except (ValueError, TypeError):
            return None
        seconds = (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() - utc_s
    return min(max(seconds, 0.0), RETRY_AFTER_CAP_S)


def http_date_s(header: str | None) -> float | None:
    """Return an HTTP Date header as UNIX seconds, None when absent or malformed."""
    if not header:
        return None
    try:
        when: datetime = parsedate_to_datetime(header)
    except (ValueError, TypeError):
        return None
    return when.timestamp()
