"""The configuration told to people and tools: values with their origin, every key's meaning, a schema, a TOML file.

`run.py config` and the start of a run import this. Each function returns text or plain data and writes nothing.
"""

from collections.abc import Mapping
from decimal import Decimal

import tomli_w

from trader.config.key import PYTHON_FILE, Key, Kind, Value, plain, toml_text
from trader.config.layers import PROFILES
from trader.config.rules import CEILINGS
from trader.config.settings import Settings, values_of
from trader.config.table import KEYS, PAPER_LEAVES

_JSON_TYPES: Mapping[Kind, Mapping[str, object]] = {
    Kind.SWITCH: {"type": "boolean"},
    Kind.COUNT: {"type": "integer"},
    Kind.NUMBER: {"type": "number"},
    Kind.FRACTION: {"type": "number"},
    Kind.RATIO: {"type": "number"},
    Kind.SECONDS: {"type": "number"},
    Kind.CHOICE: {"type": "string"},
    Kind.SYMBOLS: {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 50, "uniqueItems": True},
    Kind.PER_SYMBOL: {"type": "object", "additionalProperties": {"type": ["number", "string"]}},
    Kind.WINDOW: {"type": "string", "pattern": "^(([01]\\d|2[0-3]):[0-5]\\d-([01]\\d|2[0-3]):[0-5]\\d)?$"},
    Kind.QUANTITY: {"type": ["string", "number"]},
}


def effective_text(settings: Settings) -> str:
    """Every value in force with its origin, one line a key; `run.py config --profile P`."""
    values = values_of(settings)
    rows = [f"{path:<38} {toml_text(values[path]):<34} {settings.sources[path]}" for path in KEYS]
    notes = [f"note: {note}" for note in settings.notes]
    return "\n".join(
        [f"profile {settings.profile}, venue {settings.venue}, config {settings.config_hash[:12]}", *rows, *notes]
    )


def explain() -> str:
    """Every key with its meaning, allowed values, default and when a change applies; `run.py config --explain`."""
    blocks = []
    for path, key in KEYS.items():
        applies = "at once; loosening after `run.py config accept`" if key.at_once else "at the next start"
        lines = [
            path,
            f"    {key.doc}",
            f"    {key.allowed()}; default {toml_text(key.default)}; a change applies {applies}",
        ]
        if ceilings := [f"{name} {plain(keys[path])}" for name, keys in CEILINGS.items() if path in keys]:
            lines.append(f"    ceilings of profiles: {', '.join(ceilings)}")
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def json_schema() -> dict[str, object]:
    """The JSON schema (draft 2020-12) of config.toml, for editors; relations between keys are the loader's alone."""
    layer = _object({path: _property(key) for path, key in KEYS.items() if not path.startswith("paper.")})
    paper = _object(
        {path: _property(key) for path, key in KEYS.items() if path not in (*PAPER_LEAVES.values(), "venue")}
    )
    properties = paper["properties"]
    assert isinstance(properties, dict)
    properties.update({leaf: _property(KEYS[path]) for leaf, path in PAPER_LEAVES.items()})
    layer_properties = layer["properties"]
    assert isinstance(layer_properties, dict)
    layer_properties["paper"] = {"$ref": "#/$defs/paper"}
    reference = {"$ref": "#/$defs/layer"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "config.toml",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "defaults": reference,
            "profiles": {
                "type": "object",
                "additionalProperties": False,
                "properties": dict.fromkeys(PROFILES, reference),
            },
        },
        "$defs": {"layer": layer, "paper": paper},
    }


def render_toml(settings: Settings) -> str:
    """The values in force as a config.toml that gives the same values again; kept with each start."""
    values = values_of(settings)
    defaults: dict[str, object] = {}
    paper: dict[str, object] = {}
    for path, value in values.items():
        if path.startswith("paper."):
            paper[KEYS[path].leaf] = _plain(value)
        else:
            _put(defaults, path, _plain(value))
    document = {"defaults": {**defaults, "paper": paper}, "profiles": {settings.profile: {}}}
    head = f"# Profile {settings.profile} as it ran; configuration {settings.config_hash}\n\n"
    return head + tomli_w.dumps(document)


def _property(key: Key) -> dict[str, object]:
    found: dict[str, object] = {**_JSON_TYPES[key.kind], "description": f"{key.doc} ({key.allowed()})"}
    named = [choice for choice in key.choices if choice != PYTHON_FILE]
    if key.takes_file:
        found["anyOf"] = [{"enum": named}, {"pattern": r"\.py$"}]
    elif named:
        found["enum"] = named
    if key.low is not None and key.high is not None and found["type"] in ("integer", "number"):
        found["minimum"] = 0 if key.zero_is_off else float(key.low)
        found["maximum"] = float(key.high)
    return found


def _object(leaves: Mapping[str, object]) -> dict[str, object]:
    """Nest dotted paths into object schemas that allow nothing else."""
    root: dict[str, object] = {"type": "object", "additionalProperties": False, "properties": {}}
    for path, leaf in leaves.items():
        node = root
        *tables, name = path.split(".")
        for table in tables:
            properties = node["properties"]
            assert isinstance(properties, dict)
            node = properties.setdefault(table, {"type": "object", "additionalProperties": False, "properties": {}})
        properties = node["properties"]
        assert isinstance(properties, dict)
        properties[name] = leaf
    return root


def _put(tree: dict[str, object], path: str, value: object) -> None:
    *tables, name = path.split(".")
    for table in tables:
        child = tree.setdefault(table, {})
        assert isinstance(child, dict)
        tree = child
    tree[name] = value


def _plain(value: Value) -> object:
    """As TOML types: Decimals of tables as text, like config.toml writes quantities."""
    if isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else Decimal(plain(value))
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, Mapping):
        return {name: plain(amount) for name, amount in value.items()}
    return "" if value is None else str(value)
