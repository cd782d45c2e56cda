"""The layers of a file as checked entries: defaults, profile, and paper over each. Only trader/config imports this.

Every layer of the file is checked, also of profiles that are not running, so a file is right or wrong as a whole.
"""

import difflib
from collections.abc import Iterable, Mapping
from decimal import Decimal

import msgspec

from trader.config.document import Document
from trader.config.key import Key, Kind, Value
from trader.config.problem import Problem
from trader.config.settings import Source
from trader.config.table import KEYS, PAPER_LEAVES, TABLES
from trader.config.values import Bad, check

PROFILES = ("dev", "demo", "canary", "prod", "spot")
_SECRET_WORDS = ("secret", "api_key", "apikey", "passphrase", "private", "password", "token")


class Entry(msgspec.Struct, frozen=True):
    """A checked value and where it came from; `line` is 0 outside the file, `shown` is the key as written there."""

    value: Value
    source: Source
    shown: str
    line: int = 0
    written: str = ""
    from_arguments: bool = False

    def problem(self, remedy: str, example: str = "") -> Problem:
        """This entry as the place of a problem."""
        place = "" if self.line else self.source.layer
        return Problem(self.line, place, self.shown, self.written, remedy, example, self.from_arguments)


Layer = Mapping[str, Entry]


class Layers(msgspec.Struct, frozen=True):
    """Layer name -> entries, in a file: ("defaults",), ("profiles", "canary"), ("profiles", "canary", "paper")."""

    found: Mapping[tuple[str, ...], Layer]
    problems: tuple[Problem, ...]
    suspects: frozenset[str]
    """Beginnings of key paths that some problem concerns; "" when it may be any. Rules about them would mislead."""

    def profiles(self) -> tuple[str, ...]:
        return tuple(path[1] for path in self.found if len(path) == 2)

    def effective(self, profile: str, *, paper: bool) -> dict[str, Entry]:
        """One entry per key: built-in defaults under the file's layers, the later over the earlier."""
        entries = {path: Entry(key.default, Source("default"), path) for path, key in KEYS.items()}
        for name in (("defaults",), ("profiles", profile)):
            entries.update(self.found.get(name, {}))
            if paper:
                entries.update(self.found.get((*name, "paper"), {}))
        return entries


def read_layers(document: Document) -> Layers:
    """Check every key of the file against the table."""
    reader = _Reader(document)
    for name, node in document.tree.items():
        if name == "defaults":
            reader.layer((name,), node)
        elif name == "profiles":
            reader.profiles(node)
        else:
            reader.unknown((name,), ("defaults", "profiles"))
    return Layers(reader.found, tuple(reader.problems), frozenset(reader.suspects))


class _Reader:
    """Walks the tree of one document and collects layers and problems."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.found: dict[tuple[str, ...], dict[str, Entry]] = {}
        self.problems: list[Problem] = []
        self.suspects: set[str] = set()

    def profiles(self, node: object) -> None:
        if not isinstance(node, Mapping):
            self._report(("profiles",), "must be tables, one for each profile", "[profiles.canary]")
            return
        for name, profile in node.items():
            if name in PROFILES:
                self.layer(("profiles", name), profile)
            else:
                self.unknown(("profiles", name), PROFILES)

    def layer(self, path: tuple[str, ...], node: object) -> None:
        self.found[path] = {}
        self._walk(path, path, node)

    def _walk(self, layer: tuple[str, ...], at: tuple[str, ...], node: object) -> None:
        """Check the table `node` that stands at `at` and belongs to `layer`."""
        if not isinstance(node, Mapping):
            self._report(at, "must be a table", f"[{'.'.join(at)}]")
            return
        for name, child in node.items():
            path = (*at, name)
            inner = ".".join(path[len(layer) :])
            if at == layer and name == "paper" and layer[-1] != "paper":
                self.layer((*layer, "paper"), child)
            elif (known := _known(layer, inner)) is not None:
                self._value(layer, path, KEYS[known], child)
            elif inner in TABLES and inner != "paper":
                self._walk(layer, path, child)
            else:
                table = ".".join(at[len(layer) :])
                near = self.unknown(path, _names_at(table, paper=layer[-1] == "paper"))
                self.suspects.add(f"{table}.{near}" if near and table else near)

    def _value(self, layer: tuple[str, ...], path: tuple[str, ...], key: Key, value: object) -> None:
        place = self.document.place(path)
        if place.written[:2] in ("0x", "0o", "0b") or place.written[1:3] in ("0x", "0o", "0b"):
            self.suspects.add(key.path)
            self._report(path, f"must be {key.allowed()}, written in decimal", key.example())
            return
        if key.kind is Kind.PER_SYMBOL and isinstance(value, Mapping):
            self._per_symbol(path, key, value)
        checked = check(key, value)
        if not isinstance(checked, Bad):
            name = layer[0] if layer[0] == "defaults" else f"profile {layer[1]}"
            label = f"{name}, paper" if layer[-1] == "paper" else name
            source = Source(label, f"{self.document.name}:{place.line}")
            self.found[layer][key.path] = Entry(checked, source, ".".join(path), place.line, place.written)
        else:
            self.suspects.add(key.path)
            if not (key.kind is Kind.PER_SYMBOL and isinstance(value, Mapping)):
                self._report(path, checked.remedy, key.example())

    def _per_symbol(self, path: tuple[str, ...], key: Key, value: Mapping[str, object]) -> None:
        """Report each bad entry of a symbol table at its own line."""
        for symbol, amount in value.items():
            checked = check(key, {symbol: amount})
            if isinstance(checked, Bad):
                self._report((*path, symbol), checked.remedy, key.example())

    def unknown(self, path: tuple[str, ...], names: Iterable[str]) -> str:
        """Report a key or table that does not exist; returns the name probably meant, or "". The value is not shown."""
        name = path[-1]
        kind = "profile" if path[:-1] == ("profiles",) else "key"
        near = difflib.get_close_matches(name, list(names), n=1, cutoff=0.6)
        if any(word in name.lower() for word in _SECRET_WORDS):
            remedy = (
                "credentials never stand in this file; set COINBASE_API_KEY and COINBASE_API_SECRET in the environment"
            )
        elif near:
            remedy = f"unknown {kind}; did you mean {near[0]}?"
        elif kind == "profile":
            remedy = f"unknown profile; one of {', '.join(PROFILES)}"
        elif homes := [known for known, key in KEYS.items() if key.leaf == name]:
            remedy = f"unknown key here; it belongs under {homes[0].rpartition('.')[0] or 'the profile itself'}"
        else:
            remedy = "unknown key; remove it"
        place = self.document.place(path)
        self.problems.append(Problem(place.line, "", ".".join(path), "", remedy))
        return near[0] if near else ""

    def _report(self, path: tuple[str, ...], remedy: str, example: str) -> None:
        place = self.document.place(path)
        self.problems.append(Problem(place.line, "", ".".join(path), place.written, remedy, example))


def _known(layer: tuple[str, ...], inner: str) -> str | None:
    if layer[-1] == "paper":
        return PAPER_LEAVES.get(inner) or (inner if inner in KEYS and inner != "venue" else None)
    return inner if inner in KEYS and not inner.startswith("paper.") else None


def _names_at(table: str, *, paper: bool) -> list[str]:
    """The names that may stand in a table of a layer ("" is the layer itself)."""
    prefix = f"{table}." if table else ""
    paths = [*KEYS, *TABLES]
    names = {path[len(prefix) :].partition(".")[0] for path in paths if path.startswith(prefix)}
    return sorted(names | set(PAPER_LEAVES if paper and not table else ()))


def number_in(entry: Entry) -> Decimal:
    """The value of an entry that is known to be a number."""
    assert isinstance(entry.value, int | float | Decimal)
    return Decimal(str(entry.value))
