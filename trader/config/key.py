"""What a configuration key is: a row of kind, range, safe direction and meaning. Only trader/config imports this.

The rows stand in `table.py`. Validation, `config --explain`, the JSON schema, hot reload and the documentation are all
read from them, so a key cannot be checked in one way and explained in another.
"""

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum

import msgspec

from trader.risk.window import TradingWindow

Value = bool | int | float | Decimal | str | tuple[str, ...] | Mapping[str, Decimal] | TradingWindow | None
"""A checked value: Decimal for numbers and fractions, float for seconds and ratios, int for counts."""


PYTHON_FILE = "*.py"
"""A choice that stands for the path of any Python file."""


class Kind(StrEnum):
    """How a key is written and which type it becomes."""

    SWITCH = "switch"
    COUNT = "count"
    NUMBER = "number"
    FRACTION = "fraction"
    RATIO = "ratio"
    SECONDS = "seconds"
    CHOICE = "choice"
    SYMBOLS = "symbols"
    PER_SYMBOL = "per_symbol"
    WINDOW = "window"
    QUANTITY = "quantity"


class Safer(StrEnum):
    """Which way a change makes the system more careful; NEITHER for keys that are a matter of taste or of plumbing."""

    LOWER = "lower"
    HIGHER = "higher"
    ON = "on"
    OFF = "off"
    NARROWER = "narrower"
    NEITHER = "-"


class Key(msgspec.Struct, frozen=True):
    """One key: `path` is dotted, without layer ("risk.max_drawdown_pct"); `low` and `high` are themselves allowed."""

    path: str
    kind: Kind
    default: Value
    low: Decimal | None
    high: Decimal | None
    choices: tuple[str, ...]
    safer: Safer
    zero_is_off: bool
    at_once: bool
    doc: str

    @property
    def takes_file(self) -> bool:
        """Whether the path of a Python file is a choice too."""
        return PYTHON_FILE in self.choices

    @property
    def leaf(self) -> str:
        return self.path.rpartition(".")[2]

    def allowed(self) -> str:
        """The allowed values in words, as an error and the explanation print them."""
        if self.kind is Kind.SWITCH:
            return "true or false"
        if self.kind is Kind.CHOICE:
            named = "one of " + ", ".join(choice for choice in self.choices if choice != PYTHON_FILE)
            return named + (", or the path of a .py file" if self.takes_file else "")
        if self.kind is Kind.SYMBOLS:
            return "a list of 1 to 50 different symbols"
        if self.kind is Kind.WINDOW:
            return '"HH:MM-HH:MM" UTC, or "" for always'
        bounds = (
            f"from {plain(self.low)} to {plain(self.high)}" if self.low is not None and self.high is not None else ""
        )
        if self.zero_is_off:
            bounds += " (0 = off)"
        return {
            Kind.COUNT: f"a whole number {bounds}",
            Kind.NUMBER: f"a number {bounds}",
            Kind.FRACTION: f"a fraction {bounds} (0.02 is 2 %)",
            Kind.RATIO: f"a fraction {bounds}",
            Kind.SECONDS: f"seconds {bounds}",
            Kind.PER_SYMBOL: f"a table of symbol = number {bounds}",
            Kind.QUANTITY: f'a quantity in quotes {bounds}, or ""',
        }[self.kind]

    def example(self) -> str:
        """A value that would be accepted, as TOML text."""
        if self.kind is Kind.PER_SYMBOL:
            return '{ "BTC-USD" = "0.01" }' if self.path == "risk.max_position_base" else '{ "BTC-USD" = 2 }'
        if self.kind is Kind.WINDOW:
            return '"14:00-15:00"'
        if self.kind is Kind.QUANTITY:
            return '"0.001"'
        return toml_text(self.default)


def plain(number: Decimal | float | None) -> str:
    """A number without exponent and without trailing zeros: 5000, 0.005."""
    if number is None:
        return ""
    text = format(number if isinstance(number, Decimal) else Decimal(str(number)), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def toml_text(value: Value) -> str:
    """The value as one writes it in config.toml."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | Decimal):
        return plain(Decimal(str(value)))
    if isinstance(value, tuple):
        return "[" + ", ".join(f'"{name}"' for name in value) + "]"
    if isinstance(value, Mapping):
        if not value:
            return "{}"
        return "{ " + ", ".join(f'"{name}" = "{plain(amount)}"' for name, amount in value.items()) + " }"
    return f'"{"" if value is None else value}"'
