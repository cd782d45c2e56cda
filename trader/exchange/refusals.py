"""How the exchange says no: business refusals (HTTP 200) and malformed requests (HTTP 400).

Imported by entry.py, engine.py and rest.py.
"""

from __future__ import annotations

from typing import Any

import msgspec

UNKNOWN = "UNKNOWN_FAILURE_REASON"
UNKNOWN_PREVIEW = "UNKNOWN_PREVIEW_FAILURE_REASON"


class Refusal(msgspec.Struct, frozen=True):
    """Why an order was not accepted, in the three fields that the venue fills."""

    error: str
    preview: str
    message: str = ""
    details: str = ""

    def body(self) -> dict[str, Any]:
        """The `error_response` object of a create answer."""
        return {
            "error": self.error,
            "message": self.message,
            "error_details": self.details,
            "preview_failure_reason": self.preview,
            "new_order_failure_reason": self.error,
        }


class BadRequestError(Exception):
    """The request cannot be understood: HTTP 400 with this error word and text."""

    def __init__(self, details: str, *, error: str = "INVALID_ARGUMENT") -> None:
        super().__init__(details)
        self.error = error
        self.details = details


def proto_error(text: str) -> BadRequestError:
    """The error of the venue's protobuf-JSON parser; the blank after the colon is a no-break space on the wire."""
    return BadRequestError(f"proto:\u00a0(line 1:1): {text}", error="unknown")


def _only_preview(reason: str) -> Refusal:
    return Refusal(UNKNOWN, f"PREVIEW_{reason}")


def _both(reason: str, message: str) -> Refusal:
    return Refusal(reason, f"PREVIEW_{reason}", message)


def _only_error(reason: str, message: str, details: str = "") -> Refusal:
    return Refusal(reason, UNKNOWN_PREVIEW, message, details)


INSUFFICIENT_FUND = _both("INSUFFICIENT_FUND", "Insufficient balance in source account")
PRICE_PRECISION = _both("INVALID_PRICE_PRECISION", "Too many decimals in order price")
SIZE_PRECISION = _both("INVALID_SIZE_PRECISION", "Too many decimals in order amount")
POST_ONLY_CROSSES = _both("INVALID_LIMIT_PRICE_POST_ONLY", "Invalid limit price for post only order")
INVALID_PRODUCT = _both("INVALID_PRODUCT_ID", "Invalid product_id")
INVALID_SIDE = _both("INVALID_SIDE", "Invalid side")
INVALID_LIMIT_PRICE = _both("INVALID_LIMIT_PRICE", "Invalid limit price")
INVALID_LEVERAGE = _both("INVALID_LEVERAGE", "Invalid leverage")
INVALID_MARGIN_TYPE = _both("INVALID_MARGIN_TYPE", "Invalid margin type")
INVALID_SESSION = _both("INVALID_FCM_TRADING_SESSION", "Trading session is closed")
NO_LIQUIDITY = _both("INVALID_NO_LIQUIDITY", "No liquidity")
BRACKET_PRICES = _both("INVALID_BRACKET_PRICES", "Invalid bracket prices")
END_TIME_PAST = _both("END_TIME_IS_IN_THE_PAST", "End time is in the past")
REDUCE_ONLY_SPOT = _both("REDUCE_ONLY_NOT_ALLOWED_ON_SPOT_PRODUCTS", "Reduce only is not allowed on spot products")
REDUCE_ONLY_GROWS = _both("REDUCE_ONLY_INCREASED_POSITION_SIZE", "Reduce only order would increase position size")
UNTRADABLE = _both("UNTRADABLE_PRODUCT", "Product is not tradable")
ATTACHED_SIZE = _both("ATTACHED_ORDER_SIZE_MUST_BE_NIL", "Attached order size must be empty")
ATTACHED_TYPE = _both("INVALID_ORDER_TYPE_FOR_ATTACHED", "Attached order must be a trigger bracket")
BASE_TOO_SMALL = _only_preview("INVALID_BASE_SIZE_TOO_SMALL")
BASE_TOO_LARGE = _only_preview("INVALID_BASE_SIZE_TOO_LARGE")
QUOTE_TOO_SMALL = _only_preview("INVALID_QUOTE_SIZE_TOO_SMALL")
QUOTE_TOO_LARGE = _only_preview("INVALID_QUOTE_SIZE_TOO_LARGE")
QUOTE_PRECISION = _only_preview("INVALID_QUOTE_SIZE_PRECISION")
INVALID_CONFIG = _only_preview("INVALID_ORDER_CONFIG")
NON_NUMERIC_SIZE = _only_preview("NON_NUMERIC_ORDER_SIZE")
STOP_ABOVE_LAST = _only_preview("STOP_PRICE_ABOVE_LAST_TRADE_PRICE")
STOP_BELOW_LAST = _only_preview("STOP_PRICE_BELOW_LAST_TRADE_PRICE")
NEEDS_END_TIME = _only_error("GTD_ORDERS_MUST_HAVE_END_TIME", "GTD orders must have an end time")
ENTRY_DISABLED = _only_error("ORDER_ENTRY_DISABLED", "Orders cannot be placed at this time")
TRADING_DISABLED = _only_error("TRADING_DISABLED", "Orders cannot be placed at this time")
UNSUPPORTED = _only_error("UNSUPPORTED_ORDER_CONFIGURATION", "source is not enabled for trading")
DUPLICATE_CLIENT_ID = _only_error("DUPLICATE_CLIENT_ORDER_ID", "Duplicate client order id")
FLAT_POSITION = _only_error("CANNOT_CLOSE_ZERO_POSITION", "There is no position to close")
PRICE_BAND = _both("LIMIT_ORDER_PRICE_EXCEEDS_PRICE_BAND_ON_BUY", "Limit price exceeds the price band")
UNKNOWN_FAILURE = Refusal(UNKNOWN, UNKNOWN_PREVIEW, "Something went wrong")
EMPTY_SIZES = Refusal(
    UNKNOWN,
    UNKNOWN_PREVIEW,
    "The order configuration was invalid",
    "Market orders cannot be placed with empty order sizes",
)
