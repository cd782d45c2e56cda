"""Where each key of a TOML text stands: dotted path -> line and the value as written. Only trader/config imports this.

tomllib gives values without positions. This scan runs over a text that tomllib has already accepted, so it only has to
find the ends of things, not to judge them.
"""

import re
import tomllib
from collections.abc import Callable

import msgspec

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SCALAR = re.compile(r"[^,\]}\n#]*")
_LONG_BASIC = r'"""(?:[^"\\]|\\.|"(?!""))*"{3,5}'
_LONG_LITERAL = r"'''(?:[^']|'(?!''))*'{3,5}"
_BASIC = r'"(?:[^"\\\n]|\\.)*"'
_LITERAL = r"'[^'\n]*'"
_QUOTED = re.compile(f"{_LONG_BASIC}|{_LONG_LITERAL}|{_BASIC}|{_LITERAL}", re.DOTALL)

Path = tuple[str, ...]


class Place(msgspec.Struct, frozen=True):
    """The line (from 1) of a key or table header, and the value's text; "" for a table."""

    line: int
    written: str


class _Scan:
    """One pass over the text; `at` is the next character."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.places: dict[Path, Place] = {}

    def run(self) -> dict[Path, Place]:
        table: Path = ()
        while True:
            self._skip_blank()
            if self.at >= len(self.text):
                return self.places
            if self.text[self.at] == "[":
                start, brackets = self.at, len(self._match(re.compile(r"\[+")))
                table = self._dotted_key()
                self._note(table, start, "")
                self._skip_blank()
                self.at += brackets
            else:
                self._pair(table)

    def _pair(self, table: Path) -> None:
        start = self.at
        path = table + self._dotted_key()
        self._skip_blank()
        self.at += 1  # the equals sign
        self._skip_blank()
        value_start = self.at
        self._value(path)
        self._note(path, start, self.text[value_start : self.at].strip())

    def _value(self, path: Path) -> None:
        opening = self.text[self.at]
        if opening == "{":
            self._items("}", lambda: self._pair(path))
        elif opening == "[":
            self._items("]", lambda: self._value(path))
        elif opening in "\"'":
            self._match(_QUOTED)
        else:
            self._match(_SCALAR)

    def _items(self, closing: str, item: Callable[[], None]) -> None:
        self.at += 1
        while True:
            self._skip_blank()
            if self.text[self.at] == closing:
                self.at += 1
                return
            if self.text[self.at] == ",":
                self.at += 1
            else:
                item()

    def _dotted_key(self) -> Path:
        parts = []
        while True:
            self._skip_blank()
            if self.text[self.at] in "\"'":
                parts.append(str(tomllib.loads("key = " + self._match(_QUOTED))["key"]))
            else:
                parts.append(self._match(_BARE_KEY))
            self._skip_blank()
            if self.text[self.at] != ".":
                return tuple(parts)
            self.at += 1

    def _note(self, path: Path, start: int, written: str) -> None:
        place = Place(self.text.count("\n", 0, start) + 1, written)
        for depth in range(1, len(path)):  # a dotted key or header also opens the tables above it
            self.places.setdefault(path[:depth], Place(place.line, ""))
        self.places[path] = place

    def _skip_blank(self) -> None:
        self._match(_BLANK)

    def _match(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self.text, self.at)
        assert found is not None, f"the scan lost its way at character {self.at}"
        self.at = found.end()
        return found.group()


def scan(text: str) -> dict[Path, Place]:
    """Every key and table of an accepted TOML text with its place. Entries of arrays of tables share one path."""
    return _Scan(text.replace("\r\n", "\n")).run()
