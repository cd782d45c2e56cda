"""config.toml, flags and environment -> one checked, frozen `Settings`, or every error at once.

run.py, the commands and the hot reload call `load_settings`. It reads one file and touches no network and no state.
"""

from collections.abc import Mapping
from pathlib import Path

from trader.config.document import Document, read
from trader.config.environment import Environment, override_entries, read_environment
from trader.config.key import plain
from trader.config.layers import PROFILES, Entry, Layers, number_in, read_layers
from trader.config.problem import ConfigErrors, Problem
from trader.config.rules import broken
from trader.config.settings import Settings, Source, assemble
from trader.config.symbols import gated


def load_settings(
    path: Path,
    profile: str,
    *,
    paper: bool | None = None,
    overrides: Mapping[str, object] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Settings | ConfigErrors:
    """The effective configuration of one profile, validated as a whole; never raises for bad input.

    `paper` True puts the profile on the embedded exchange, False is --live and refuses a profile that trades on paper,
    None takes the venue as configured. `overrides` are flags by key path (see `flag_overrides`). The order of strength
    is flags, environment, the profile's paper table, the profile, the defaults, the program's own defaults.
    """
    flags, problems = override_entries(overrides or {})
    environment = read_environment(environ or {})
    problems += environment.problems
    document = read(path)
    if not isinstance(document, Document):
        return _errors(path, [*problems, document])
    layers = read_layers(document)
    problems += layers.problems
    problems += _profile_problems(profile, layers)
    problems += _broken_profiles(layers)
    if problems:
        return _errors(path, problems)
    venue, refused = _venue(layers, profile, environment, flags, paper)
    if refused is not None:
        return _errors(path, [refused])
    entries = {
        **layers.effective(profile, paper=venue.value == "paper"),
        **environment.entries,
        **flags,
        "venue": venue,
    }
    if broken_rules := broken(profile, entries):
        return _errors(path, broken_rules)
    return _settle(profile, entries, environment)


def _profile_problems(profile: str, layers: Layers) -> list[Problem]:
    if profile not in PROFILES:
        remedy = "unknown profile; one of " + ", ".join(PROFILES)
        return [Problem(0, "--profile", "profile", profile, remedy, from_arguments=True)]
    if profile not in layers.profiles() and not layers.problems:
        return [Problem(0, "profile", f"profiles.{profile}", "", f"is not in the file; add [profiles.{profile}]")]
    return []


def _broken_profiles(layers: Layers) -> list[Problem]:
    """Rules broken by any profile of the file, live or paper, each place and remedy once."""
    found = {
        (problem.line, problem.key, problem.remedy): problem
        for profile in layers.profiles()
        for paper in (False, True)
        for problem in broken(profile, layers.effective(profile, paper=paper), layers.suspects)
    }
    return list(found.values())


def _venue(
    layers: Layers, profile: str, environment: Environment, flags: Mapping[str, Entry], paper: bool | None
) -> tuple[Entry, Problem | None]:
    """Where orders go, and why that cannot be, if --live asks for what is configured as paper."""
    configured = layers.effective(profile, paper=False)["venue"]
    venue = flags.get("venue") or environment.venue or configured
    if paper is False and venue.value == "paper":
        remedy = f"contradicts {venue.source}, which selects paper; unset it, or leave --live out"
        return venue, Problem(0, "--live", "venue", "coinbase", remedy, from_arguments=True)
    if paper and venue.value != "paper":
        return Entry("paper", Source("no --live"), "venue"), None
    return venue, None


def _settle(profile: str, entries: dict[str, Entry], environment: Environment) -> Settings:
    """The record, with the two adjustments the documents ask for: gated perpetuals and the clamped target leverage."""
    notes = list(environment.notes)
    symbols = entries["symbols"]
    assert isinstance(symbols.value, tuple)
    tradable = gated(symbols.value, derivatives=environment.settings.derivatives)
    if tradable != symbols.value:
        gone = ", ".join(name for name in symbols.value if name not in tradable)
        notes.append(f"{gone} trades as its spot pair: derivatives are gated (COINBASE_ENABLE_DERIVATIVES is not 1)")
    target, tightest = number_in(entries["sizing.target_leverage"]), _tightest_leverage(entries)
    cap = number_in(entries[tightest])
    if target > cap:
        notes.append(f"target leverage {plain(target)} lowered to the cap {plain(cap)}")
    values = {name: entry.value for name, entry in entries.items()}
    values |= {"symbols": tradable, "sizing.target_leverage": min(target, cap)}
    sources = {name: entry.source for name, entry in entries.items()}
    if target > cap:
        sources["sizing.target_leverage"] = _lowered_by(tightest, sources[tightest])
    return assemble(profile, values, environment.settings, sources, tuple(notes))


def _tightest_leverage(entries: Mapping[str, Entry]) -> str:
    """The key whose cap on leverage is the lower one."""
    return min(("risk.leverage_max", "risk.leverage_max_global"), key=lambda path: number_in(entries[path]))


def _lowered_by(path: str, cap: Source) -> Source:
    """The origin of a value that a cap replaced: the cap's, so that a reader finds the number that holds."""
    name = path.rpartition(".")[2]
    return Source(f"lowered by {name}" if cap.place else f"lowered by {name}, {cap.layer}", cap.place)


def _errors(path: Path, problems: list[Problem]) -> ConfigErrors:
    return ConfigErrors(
        path.name, tuple(sorted(problems, key=lambda problem: (problem.line, problem.place, problem.key)))
    )
