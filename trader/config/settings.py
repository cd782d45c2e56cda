"""The whole configuration as one frozen record; run.py and actors/system.py import this, the rooms get their own part.

Built only by `load.py` from checked values; `values_of` takes it apart again, key by key, for hot reload and printing.
"""

import hashlib
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec

from trader.coinbase.settings import FeedSettings, RestSettings
from trader.config.key import Value
from trader.config.table import KEYS
from trader.risk.limits import ExecutionSettings, RiskLimits, VolatilityLimits
from trader.risk.window import TradingWindow
from trader.strategy.settings import FilterLimits, SizingSettings, StrategySettings


class Budget(msgspec.Struct, frozen=True, gc=False):
    """So many restarts within a sliding window of so many seconds."""

    restarts: int
    window_s: float


class SupervisionSettings(msgspec.Struct, frozen=True, gc=False):
    """Restart budgets of the children and the time after which a handler counts as hung."""

    symbol_budget: Budget
    broker_budget: Budget
    risk_budget: Budget
    hang_s: float


class ReconcileSettings(msgspec.Struct, frozen=True, gc=False):
    """How often the books are compared with the venue's."""

    interval_s: float


class PaperSettings(msgspec.Struct, frozen=True, gc=False):
    """The paper account on the embedded exchange: USD, and fees as fractions of notional."""

    equity_usd: Decimal
    maker_fee: Decimal
    taker_fee: Decimal


class EnvironmentSettings(msgspec.Struct, frozen=True, gc=False):
    """What only the environment decides: where data lives, whether derivatives may trade, and which API is spoken."""

    data_root: str
    derivatives: bool
    api_mode: str
    sandbox: bool
    """Only ever true in exchange mode: there it selects the sandbox's URL (D20)."""


class Source(msgspec.Struct, frozen=True, gc=False):
    """Where a value came from: the layer's name, and its place ("config.toml:41") when it stands in a file."""

    layer: str
    place: str = ""

    def __str__(self) -> str:
        return f"{self.layer} ({self.place})" if self.place else self.layer


class Settings(msgspec.Struct, frozen=True):
    """Everything a run is told; `notes` are sentences for the banner, `config_hash` names the values (SHA-256, hex)."""

    profile: str
    venue: str
    symbols: tuple[str, ...]
    start_mode: str
    trading_window: TradingWindow | None
    log_level: str
    status_interval_s: float
    strategy: StrategySettings
    filters: FilterLimits
    sizing: SizingSettings
    risk: RiskLimits
    execution: ExecutionSettings
    rest: RestSettings
    feed: FeedSettings
    reconcile: ReconcileSettings
    supervision: SupervisionSettings
    paper: PaperSettings
    environment: EnvironmentSettings
    sources: Mapping[str, Source]
    notes: tuple[str, ...]
    config_hash: str

    @property
    def is_paper(self) -> bool:
        return self.venue == "paper"

    def where(self, path: str) -> str:
        """The place of a key for a reader: "config.toml:41", "flag --leverage", or "default"."""
        source = self.sources[path]
        return source.place or source.layer


_RECORDS: Mapping[str, type[msgspec.Struct]] = {
    "strategy": StrategySettings,
    "filters": FilterLimits,
    "sizing": SizingSettings,
    "risk": RiskLimits,
    "risk.volatility": VolatilityLimits,
    "execution": ExecutionSettings,
    "rest": RestSettings,
    "feed": FeedSettings,
    "reconcile": ReconcileSettings,
    "supervision": SupervisionSettings,
    "supervision.symbol_budget": Budget,
    "supervision.broker_budget": Budget,
    "supervision.risk_budget": Budget,
    "paper": PaperSettings,
}


def assemble(
    profile: str,
    values: Mapping[str, Value],
    environment: EnvironmentSettings,
    sources: Mapping[str, Source],
    notes: tuple[str, ...],
) -> Settings:
    """Build the record from one checked value per key; raises nothing for values that passed their checks."""
    tree: dict[str, object] = dict(values)
    for name in sorted(_RECORDS, key=lambda path: -path.count(".")):
        fields = {path.rpartition(".")[2]: tree.pop(path) for path in list(tree) if path.rpartition(".")[0] == name}
        tree[name] = _RECORDS[name](**fields)
    whole: dict[str, Any] = {
        **tree,
        "profile": profile,
        "environment": environment,
        "sources": sources,
        "notes": notes,
        "config_hash": digest(values),
    }
    return Settings(**whole)


def values_of(settings: Settings) -> dict[str, Value]:
    """Path -> value for every key, in table order."""
    found: dict[str, Value] = {}
    for path in KEYS:
        value: object = settings
        for name in path.split("."):
            value = getattr(value, name)
        found[path] = value  # type: ignore[assignment]
    return found


def digest(values: Mapping[str, Value]) -> str:
    """SHA-256 of the effective values in table order, as hex: equal for equal values, wherever they came from."""
    text = "\n".join(f"{path}={_canonical(values[path])}" for path in KEYS)
    return hashlib.sha256(text.encode()).hexdigest()


def _canonical(value: Value) -> str:
    if isinstance(value, Decimal):
        return str(value.normalize())
    if isinstance(value, Mapping):
        return ",".join(f"{name}:{amount.normalize()}" for name, amount in sorted(value.items()))
    return str(value)
