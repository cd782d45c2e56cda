"""Flags and environment variables as one more layer over the file. Only trader/config and run.py import this.

A variable this program knows must mean something it knows: "PERPS_FORCE_MOCK=ja" is an error, not a live run.
`COINBASE_ENABLE_DERIVATIVES` alone follows the documents: anything but 1 leaves the gate closed.
"""

import difflib
from collections.abc import Iterable, Mapping
from decimal import Decimal

import msgspec

from trader.config.key import Kind
from trader.config.layers import Entry
from trader.config.problem import Problem
from trader.config.settings import EnvironmentSettings, Source
from trader.config.table import KEYS
from trader.config.values import Bad, check, from_text

FLAGS: Mapping[str, str] = {
    "symbols": "symbols",
    "leverage": "sizing.target_leverage",
    "order_type": "execution.order_type",
    "tif": "execution.time_in_force",
    "interval": "strategy.bar_seconds",
    "reduce_only": "start_mode",
    "status_interval": "status_interval_s",
    "log_level": "log_level",
}
"""Flag of the command line (with underscores) -> the key it overrides."""

VARIABLES: Mapping[str, str] = {"LOG_LEVEL": "log_level", "COINBASE_ENABLE_KEEP_ALIVE": "rest.enable_keep_alive"}
"""Variable -> the key it overrides; besides, RISK_<KEY> overrides risk.<key>."""

_PAPER_VARIABLES = ("PERPS_FORCE_MOCK", "PERPS_PAPER")
_ON, _OFF = ("1", "true", "yes", "on"), ("", "0", "false", "no", "off")
_FLAG_OF = {path: "--" + flag.replace("_", "-") for flag, path in FLAGS.items()}
_RISK_VARIABLES = {
    "RISK_" + path.removeprefix("risk.").replace(".", "_").upper(): path
    for path, key in KEYS.items()
    if path.startswith("risk.") and key.kind is not Kind.PER_SYMBOL
}


class Environment(msgspec.Struct, frozen=True):
    """What the environment says: settings of its own, entries over the file, and the venue it asks for, if any."""

    settings: EnvironmentSettings
    entries: Mapping[str, Entry]
    venue: Entry | None
    notes: tuple[str, ...]
    problems: tuple[Problem, ...]


def flag_overrides(flags: Mapping[str, object]) -> dict[str, object]:
    """The parsed flags of the command line as overrides: names as in `FLAGS`, None and False mean not given."""
    given = {
        FLAGS[name]: value
        for name, value in flags.items()
        if name in FLAGS and value is not None and value is not False
    }
    if given.get("start_mode") is True:
        given["start_mode"] = "reduce_only"
    return given


def override_entries(overrides: Mapping[str, object]) -> tuple[dict[str, Entry], list[Problem]]:
    """Check overrides by key path; values may be text as typed or already of a plain type."""
    entries: dict[str, Entry] = {}
    problems: list[Problem] = []
    for path, value in overrides.items():
        label = _FLAG_OF.get(path, f"override {path}")
        source = Source(f"flag {label}" if path in _FLAG_OF else label)
        if path not in KEYS:
            near = difflib.get_close_matches(path, KEYS, n=1)
            remedy = f"unknown key; did you mean {near[0]}?" if near else "unknown key"
            problems.append(Problem(0, label, path, "", remedy, from_arguments=True))
            continue
        checked = check(KEYS[path], _plain(path, value))
        if isinstance(checked, Bad):
            written = " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
            problems.append(Problem(0, label, path, written, checked.remedy, KEYS[path].example(), from_arguments=True))
        else:
            entries[path] = Entry(checked, source, path, 0, str(value), from_arguments=True)
    return entries, problems


def read_environment(environ: Mapping[str, str]) -> Environment:
    """Read every variable this program knows; all others are left alone."""
    reader = _Reader(environ)
    sandbox = reader.switch("COINBASE_SANDBOX")
    api_mode = environ.get("COINBASE_API_MODE", "") or "advanced"
    if api_mode not in ("advanced", "exchange"):
        reader.report("COINBASE_API_MODE", api_mode, "must be advanced or exchange", "advanced")
    root = environ.get("EVENT_STORE_ROOT", "") or "./data"
    if "\0" in root or "\n" in root:
        reader.report("EVENT_STORE_ROOT", "", "must be the path of a folder", "./data")
    settings = EnvironmentSettings(
        data_root=root,
        derivatives=environ.get("COINBASE_ENABLE_DERIVATIVES") == "1",
        api_mode=api_mode,
        sandbox=sandbox and api_mode == "exchange",
    )
    venue = reader.venue(sandbox=sandbox and api_mode == "advanced")
    for variable, path in {**VARIABLES, **_RISK_VARIABLES}.items():
        reader.key(variable, path)
    reader.misspelt_risk_variables()
    return Environment(settings, reader.entries, venue, tuple(reader.notes), tuple(reader.problems))


class _Reader:
    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.entries: dict[str, Entry] = {}
        self.notes: list[str] = []
        self.problems: list[Problem] = []

    def switch(self, variable: str) -> bool:
        text = self.environ.get(variable, "").strip().lower()
        if text not in _ON + _OFF:
            self.report(variable, text, "must be 1 or 0", "1")
        return text in _ON

    def venue(self, *, sandbox: bool) -> Entry | None:
        """The venue the variables ask for; paper wins over live."""
        asked = [variable for variable in _PAPER_VARIABLES if self.switch(variable)]
        live = self.switch("SPOT_FORCE_LIVE")
        if sandbox:
            asked.append("COINBASE_SANDBOX")
            self.notes.append("COINBASE_SANDBOX=1 selects paper: the sandbox does not speak the Advanced Trade API")
        if asked:
            if live:
                self.notes.append(f"SPOT_FORCE_LIVE=1 is ignored: {asked[0]}=1 asks for paper")
            return Entry("paper", Source(f"environment {asked[0]}"), "venue", 0, "1")
        return Entry("coinbase", Source("environment SPOT_FORCE_LIVE"), "venue", 0, "1") if live else None

    def key(self, variable: str, path: str) -> None:
        text = self.environ.get(variable, "")
        if text == "":
            return
        checked = check(KEYS[path], from_text(KEYS[path], text))
        if isinstance(checked, Bad):
            self.report(variable, text, checked.remedy, KEYS[path].example())
        else:
            self.entries[path] = Entry(checked, Source(f"environment {variable}"), path, 0, text)

    def misspelt_risk_variables(self) -> None:
        """A limit in a variable with a slip in its name would silently not hold."""
        for variable in _unknown(self.environ, _RISK_VARIABLES):
            if near := difflib.get_close_matches(variable, _RISK_VARIABLES, n=1, cutoff=0.85):
                self.report(variable, "", f"unknown variable; did you mean {near[0]}?", "")

    def report(self, variable: str, written: str, remedy: str, example: str) -> None:
        self.problems.append(Problem(0, "environment", variable, written, remedy, example))


def _unknown(environ: Iterable[str], known: Iterable[str]) -> list[str]:
    return sorted(name for name in set(environ) - set(known) if name.startswith("RISK_"))


def _plain(path: str, value: object) -> object:
    if isinstance(value, str):
        return from_text(KEYS[path], value)
    if isinstance(value, float):
        return Decimal(str(value))
    if isinstance(value, list | tuple):
        return [name for part in value for name in str(part).replace(",", " ").split()]
    return value
