"""What a changed configuration means for a running system: safer, looser or neutral, at once or at the next start.

The hot reload in run.py's main loop imports this. Nothing here applies anything: it says what would change and builds
the settings that may apply now. What makes the system safer applies at once; what loosens it waits for an operator.
"""

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum

import msgspec

from trader.config.key import Key, Safer, Value, toml_text
from trader.config.settings import Settings, Source, assemble, values_of
from trader.config.table import KEYS
from trader.risk.window import TradingWindow


class Effect(StrEnum):
    """Which way a change moves the system."""

    TIGHTENING = "tightening"
    LOOSENING = "loosening"
    NEUTRAL = "neutral"


class Answer(StrEnum):
    """What happened to one changed key."""

    APPLIED = "applied"
    NEEDS_ACCEPT = "needs `run.py config accept`"
    NEXT_START = "next start"


class Change(msgspec.Struct, frozen=True):
    """One key that differs between two configurations, old and new as TOML text."""

    path: str
    old: str
    new: str
    effect: Effect
    answer: Answer

    def __str__(self) -> str:
        return f"{self.path}: {self.old} -> {self.new} ({self.effect}): {self.answer}"


def changes(old: Settings, new: Settings, *, accepted: bool = False) -> tuple[Change, ...]:
    """Every key that differs, in table order. `accepted` says that an operator has confirmed what loosens.

    Keys that take effect at the next start are answered so, whichever way they move.
    """
    before, after = values_of(old), values_of(new)
    return tuple(
        _change(KEYS[path], before[path], after[path], accepted=accepted)
        for path in KEYS
        if before[path] != after[path]
    )


def applicable(old: Settings, new: Settings, *, accepted: bool = False) -> tuple[Settings, tuple[Change, ...]]:
    """The settings to run on now, and the answer for each changed key.

    Starts from `old` and takes from `new` what may apply; with nothing to apply, the values equal those of `old`.
    """
    found = changes(old, new, accepted=accepted)
    taken = [change.path for change in found if change.answer is Answer.APPLIED]
    values: dict[str, Value] = values_of(old)
    sources: dict[str, Source] = dict(old.sources)
    fresh = values_of(new)
    for path in taken:
        values[path] = fresh[path]
        sources[path] = new.sources[path]
    return assemble(old.profile, values, old.environment, sources, old.notes), found


def _change(key: Key, old: Value, new: Value, *, accepted: bool) -> Change:
    effect = effect_of(key, old, new)
    if not key.at_once:
        answer = Answer.NEXT_START
    elif effect is Effect.LOOSENING and not accepted:
        answer = Answer.NEEDS_ACCEPT
    else:
        answer = Answer.APPLIED
    return Change(key.path, toml_text(old), toml_text(new), effect, answer)


def effect_of(key: Key, old: Value, new: Value) -> Effect:
    """Which way a change of this key moves the system; a change that moves both ways counts as loosening."""
    if key.safer is Safer.NEITHER or old == new:
        return Effect.NEUTRAL
    safer = _no_looser(key, old, new)
    return Effect.TIGHTENING if safer else Effect.LOOSENING


def _no_looser(key: Key, old: Value, new: Value) -> bool:
    if key.safer is Safer.ON or key.safer is Safer.OFF:
        return new is (key.safer is Safer.ON)
    if key.safer is Safer.NARROWER:
        return _within(new, old)
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        return all(name in new and new[name] <= amount for name, amount in old.items())
    if key.zero_is_off and 0 in (old, new):
        return old == 0
    if old is None or new is None:
        return old is None
    before, after = _number(old), _number(new)
    return after < before if key.safer is Safer.LOWER else after > before


def _within(inner: Value, outer: Value) -> bool:
    """Whether every minute of one trading window lies in the other; None is always open."""
    if outer is None:
        return True
    if inner is None:
        return False
    assert isinstance(inner, TradingWindow)
    assert isinstance(outer, TradingWindow)
    return all(outer.contains(minute * 60) for minute in range(1440) if inner.contains(minute * 60))


def _number(value: Value) -> Decimal:
    assert isinstance(value, int | float | Decimal)
    return Decimal(str(value))
