"""One written value against its key: a checked value, or what must be different. Only trader/config imports this.

TOML values arrive as tomllib gives them with `parse_float=written_float`; flags and environment variables arrive as
text and are first read by `from_text`. Nothing is guessed: a quoted number is not a number, true is not 1.
"""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal

import msgspec

from trader.config.key import PYTHON_FILE, Key, Kind, Value
from trader.config.symbols import canonical, refusal
from trader.risk.window import TradingWindow

_PLAIN_NUMBER = re.compile(r"[+-]?\d[\d_]{0,30}(?:\.[\d_]{1,20})?", re.ASCII)
_SYMBOLS_MAX = 50


class Bad(msgspec.Struct, frozen=True):
    """Why a value is refused, as the remedy a person reads."""

    remedy: str


class OddNumber(msgspec.Struct, frozen=True):
    """A TOML float written with an exponent, as inf or nan, or with too many digits."""

    written: str


def written_float(text: str) -> Decimal | OddNumber:
    """Read a TOML float exactly; what could hide a slip of the pen is kept as it was written and refused later."""
    return Decimal(text.replace("_", "")) if _PLAIN_NUMBER.fullmatch(text) else OddNumber(text)


def check(key: Key, value: object) -> Value | Bad:
    """The value in the key's own type, or why it cannot be; `value` is what tomllib or `from_text` gave."""
    return _CHECKS[key.kind](key, value)


def from_text(key: Key, text: str) -> object:
    """What a flag or environment variable means, as the same thing written in TOML would arrive."""
    if key.kind is Kind.SWITCH:
        return {
            "1": True,
            "true": True,
            "on": True,
            "yes": True,
            "0": False,
            "false": False,
            "off": False,
            "no": False,
        }.get(text.strip().lower(), text)
    if key.kind in (Kind.COUNT, Kind.NUMBER, Kind.FRACTION, Kind.SECONDS, Kind.RATIO) and _PLAIN_NUMBER.fullmatch(
        text.strip()
    ):
        number = Decimal(text.strip().replace("_", ""))
        return int(number) if "." not in text else number
    if key.kind is Kind.CHOICE:
        return next((choice for choice in key.choices if choice.lower() == text.strip().lower()), text)
    if key.kind is Kind.SYMBOLS:
        return [name for name in re.split(r"[\s,]+", text.strip()) if name]
    return text


def _switch(key: Key, value: object) -> Value | Bad:
    return value if isinstance(value, bool) else Bad(f"must be {key.allowed()}")


def _count(key: Key, value: object) -> Value | Bad:
    if isinstance(value, bool) or not isinstance(value, int):
        return Bad(f"must be {key.allowed()}")
    return value if _within(key, Decimal(value)) else Bad(f"must be {key.allowed()}")


def _decimal(key: Key, value: object) -> Value | Bad:
    if isinstance(value, OddNumber):
        return Bad(f"must be {key.allowed()}, written plainly (no exponent, inf or nan)")
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return Bad(f"must be {key.allowed()}")
    number = Decimal(value)
    if key.kind is Kind.FRACTION and number > 1:
        return Bad(f"must be {key.allowed()}; percent are written as fractions")
    return number if _within(key, number) else Bad(f"must be {key.allowed()}")


def _float(key: Key, value: object) -> Value | Bad:
    number = _decimal(key, value)
    return float(number) if isinstance(number, Decimal) else number


def _choice(key: Key, value: object) -> Value | Bad:
    known = isinstance(value, str) and value in key.choices and value != PYTHON_FILE
    file = isinstance(value, str) and key.takes_file and value.endswith(".py")
    return value if isinstance(value, str) and (known or file) else Bad(f"must be {key.allowed()}")


def _symbols(key: Key, value: object) -> Value | Bad:
    if not isinstance(value, list) or not value or len(value) > _SYMBOLS_MAX:
        return Bad(f"must be {key.allowed()}")
    names: list[str] = []
    for name in value:
        if not isinstance(name, str):
            return Bad(f"must be {key.allowed()}")
        if why := refusal(name):
            return Bad(why)
        if canonical(name) in names:
            return Bad(f"{canonical(name)} stands twice in the list")
        names.append(canonical(name))
    return tuple(names)


def _per_symbol(key: Key, value: object) -> Value | Bad:
    if not isinstance(value, Mapping):
        return Bad(f"must be {key.allowed()}")
    amounts: dict[str, Decimal] = {}
    for name, written in value.items():
        if why := refusal(name):
            return Bad(why)
        number = _quoted_or_plain(written)
        if number is None or not _within(key, number):
            return Bad(f"must be {key.allowed()}; {name} is not")
        amounts[canonical(name)] = number
    return amounts


def _window(key: Key, value: object) -> Value | Bad:
    if not isinstance(value, str):
        return Bad(f"must be {key.allowed()}")
    try:
        return TradingWindow.parse(value)
    except ValueError as error:
        return Bad(str(error))


def _quantity(key: Key, value: object) -> Value | Bad:
    if value == "":
        return None
    number = _quoted_or_plain(value)
    return number if number is not None and _within(key, number) else Bad(f"must be {key.allowed()}")


def _quoted_or_plain(value: object) -> Decimal | None:
    if isinstance(value, str):
        return Decimal(value.replace("_", "")) if _PLAIN_NUMBER.fullmatch(value) else None
    return Decimal(value) if isinstance(value, int | Decimal) and not isinstance(value, bool) else None


def _within(key: Key, number: Decimal) -> bool:
    assert key.low is not None
    assert key.high is not None
    return key.low <= number <= key.high or (key.zero_is_off and number == 0)


_CHECKS: Mapping[Kind, Callable[[Key, object], Value | Bad]] = {
    Kind.SWITCH: _switch,
    Kind.COUNT: _count,
    Kind.NUMBER: _decimal,
    Kind.FRACTION: _decimal,
    Kind.SECONDS: _float,
    Kind.RATIO: _float,
    Kind.CHOICE: _choice,
    Kind.SYMBOLS: _symbols,
    Kind.PER_SYMBOL: _per_symbol,
    Kind.WINDOW: _window,
    Kind.QUANTITY: _quantity,
}
