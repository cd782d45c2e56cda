"""Refusal: one line that says why an order does not happen, with the numbers it was judged by.

Risk makes them; the symbol actor, the journal, `why` and the status screen read them. Texts are for people and may
improve; the `reason` is the stable code and `config_key` names the setting that would have to change.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from trader.orders.reason import Reason


class Refusal(msgspec.Struct, frozen=True, gc=False):
    """A no with its reason. `used` and `limit` are in the unit the text names; None where the reason has no numbers."""

    reason: Reason
    text: str
    used: Decimal | None = None
    limit: Decimal | None = None
    config_key: str = ""


def figure(value: Decimal, places: str = "0.01") -> str:
    """Write a number for a person: rounded to `places`, never in exponent form."""
    if not value.is_finite():
        return str(value)
    if abs(value) >= Decimal("1E15"):
        return f"{value:.3E}"
    return f"{value.quantize(Decimal(places)):f}"


def plain(value: Decimal) -> str:
    """Write a quantity with the digits it has, without trailing zeros or an exponent."""
    if not value.is_finite() or abs(value) >= Decimal("1E15"):
        return str(value)
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
