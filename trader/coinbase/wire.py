"""The ground of decoding: sizes capped first, then typed, with money that is exact, bounded and never a float.

Only `trader/coinbase/` imports this. A body that does not fit raises `BadPayload` with a sentence free of the body
itself; what to do about it is the caller's affair. The venue's own habits are met here once: `""` means missing,
numbers may come as text or as JSON numbers, times have up to nine fraction digits.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Generic, TypeVar

import msgspec

BODY_BYTES_MAX = 16 * 1024 * 1024
FRAME_BYTES_MAX = 16 * 1024 * 1024
DIGITS_MAX = 40
MAGNITUDE_MAX = Decimal("1e24")
EXCERPT_BYTES = 200

_PLAIN_NUMBER = re.compile(r"-?[0-9]{1,40}(\.[0-9]{0,40})?([eE][+-]?[0-9]{1,2})?|-?\.[0-9]{1,40}", re.ASCII)

Shape = TypeVar("Shape")


class BadPayload(ValueError):
    """A message of the venue that does not fit its documented shape."""


class Figure:
    """A number of the venue as an exact Decimal, or missing (`""`, null)."""

    __slots__ = ("value",)

    def __init__(self, value: Decimal | None) -> None:
        self.value = value

    @property
    def or_zero(self) -> Decimal:
        """The number, zero when missing."""
        return Decimal(0) if self.value is None else self.value

    @property
    def needed(self) -> Decimal:
        """The number; raises BadPayload when the venue left it out."""
        if self.value is None:
            raise BadPayload("a number that is always there is missing")
        return self.value

    def __repr__(self) -> str:
        return f"Figure({self.value})"


MISSING = Figure(None)


def decimal_of(raw: object) -> Decimal | None:
    """Return a wire value as Decimal, None when missing; raises BadPayload for anything that is not one plain,
    bounded number.
    """
    if raw is None or raw == "":
        return None
    if isinstance(raw, Decimal):
        number = raw
    elif isinstance(raw, str):
        if not _PLAIN_NUMBER.fullmatch(raw):
            raise BadPayload(f"not a number: {raw[:40]!r}")
        number = Decimal(raw)
    elif isinstance(raw, int) and not isinstance(raw, bool):
        number = Decimal(raw)
    else:
        raise BadPayload(f"not a number: a JSON {type(raw).__name__}")
    if not number.is_finite() or abs(number) > MAGNITUDE_MAX or len(number.as_tuple().digits) > DIGITS_MAX:
        raise BadPayload("a number outside every plausible range")
    return number


def moment(text: str | None) -> float | None:
    """Return an RFC 3339 time as UNIX seconds, None when missing or unset (the venue's year 1); raises BadPayload."""
    if not text:
        return None
    try:
        when = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadPayload(f"not a time: {text[:40]!r}") from error
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return when.timestamp() if when.year > 1 else None


class Body(Generic[Shape]):
    """A decoder of one shape. Safe from several threads."""

    __slots__ = ("_bytes_max", "_decode")

    def __init__(self, shape: type[Shape] | Any, bytes_max: int = BODY_BYTES_MAX) -> None:
        self._decode = msgspec.json.Decoder(shape, dec_hook=_hook, float_hook=Decimal).decode
        self._bytes_max = bytes_max

    def read(self, raw: bytes) -> Shape:
        """Decode `raw`; raises BadPayload for a wrong size, form, type or encoding."""
        if len(raw) > self._bytes_max:
            raise BadPayload(f"{len(raw)} bytes are more than the {self._bytes_max} allowed")
        try:
            shape: Shape = self._decode(raw)
        except BadPayload:
            raise
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ArithmeticError) as error:
            raise BadPayload(f"{type(error).__name__}: {str(error)[:160]}") from None
        return shape


def _hook(kind: type, raw: object) -> Figure:
    if kind is not Figure:
        raise NotImplementedError(f"no decoding for {kind}")
    try:
        return Figure(decimal_of(raw))
    except BadPayload as error:
        # msgspec turns a ValueError of a hook into its own error, which names the path of the field.
        raise ValueError(str(error)) from None


def excerpt(raw: bytes) -> bytes:
    """Return the head of a bad message, short enough to be written aside."""
    return raw[:EXCERPT_BYTES]
