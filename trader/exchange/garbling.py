"""Ways to spoil JSON: values of the wrong kind, broken syntax, numbers in another format.

Pure; imported by the faults_* tables.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import msgspec

_PLAIN_NUMBER = re.compile(r"^-?\d+(\.\d+)?$")
_QUOTED_NUMBER = re.compile(
    rb'"(price|size|limit_price|filled_size|filled_value|value|price_level|new_quantity|best_bid|best_ask|avg_price)":"[^"]*"'
)
_LONG_DIGITS = 5000
_DEPTH = 5000


def transformed(value: Any, change: Callable[[str], Any]) -> Any:
    """The same structure with every string leaf changed."""
    if isinstance(value, dict):
        return {key: transformed(inner, change) for key, inner in value.items()}
    if isinstance(value, list):
        return [transformed(inner, change) for inner in value]
    return change(value) if isinstance(value, str) else value


def _as_number(text: str) -> Any:
    return msgspec.Raw(text.encode()) if _PLAIN_NUMBER.match(text) and not text.startswith("0") else text


def _as_exponent(text: str) -> Any:
    if not _PLAIN_NUMBER.match(text) or "." not in text:
        return text
    whole, fraction = text.split(".")
    return f"{whole}{fraction}E-{len(fraction)}"


def _with_decimals(text: str) -> Any:
    if not _PLAIN_NUMBER.match(text) or "." not in text:
        return text
    return text + "0" * (18 - len(text.split(".")[1]))


DRIFTS: dict[str, Callable[[str], Any]] = {"number": _as_number, "exponent": _as_exponent, "decimals": _with_decimals}


def drifted(raw: bytes, variant: str) -> bytes:
    """JSON with its decimal strings in another format."""
    return msgspec.json.encode(transformed(msgspec.json.decode(raw), DRIFTS[variant]))


def _first_number_becomes(raw: bytes, text: bytes) -> bytes:
    return _QUOTED_NUMBER.sub(lambda found: b'"' + found[1] + b'":' + text, raw, count=1)


def _first_key_twice(raw: bytes) -> bytes:
    at = raw.find(b"{") + 1
    first = re.match(rb'"[^"]+":("[^"]*"|true|false|null|\d+)', raw[at:])
    return raw[:at] + first[0].replace(b":true", b":false") + b"," + raw[at:] if first else raw


def _without_first_key(raw: bytes) -> bytes:
    decoded = msgspec.json.decode(raw)
    if isinstance(decoded, dict) and decoded:
        decoded.pop(next(iter(decoded)))
    return msgspec.json.encode(decoded)


GARBLES: dict[str, Callable[[bytes], bytes]] = {
    "not_json": lambda raw: b"<html>" + raw[: len(raw) // 2],
    "wrong_types": lambda raw: _QUOTED_NUMBER.sub(lambda found: b'"' + found[1] + b'":{"a":[]}', raw),
    "missing_fields": _without_first_key,
    "unknown_enum": lambda raw: re.sub(rb'"status":"[A-Z_]+"', b'"status":"SIDEWAYS"', raw),
    "extra_fields": lambda raw: raw.replace(b"{", b'{"surprise":{"a":[1,2]},', 1) if raw[1:2] != b"}" else raw,
    "duplicate_keys": _first_key_twice,
    "deep": lambda raw: b'{"a":' * _DEPTH + raw + b"}" * _DEPTH,
    "long_number": lambda raw: _first_number_becomes(raw, b'"' + b"9" * _LONG_DIGITS + b'"'),
    "nan": lambda raw: _first_number_becomes(raw, b'"NaN"'),
    "infinity": lambda raw: _first_number_becomes(raw, b"Infinity"),
    "invalid_utf8": lambda raw: raw.replace(b'"', b'"\xff\xfe', 1),
}
