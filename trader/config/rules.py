"""What must hold between keys, and the ceilings of single profiles. Only trader/config imports this.

A rule that is broken is reported at the strongest of the values involved: the one somebody wrote last.
"""

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal

import msgspec

from trader.config.key import plain
from trader.config.layers import Entry, number_in
from trader.config.problem import Problem

Entries = Mapping[str, Entry]


class Rule(msgspec.Struct, frozen=True):
    """Keys involved, the first being the one to change; whether it holds; what must be so."""

    paths: tuple[str, ...]
    holds: Callable[[Entries], bool]
    remedy: str


def _less(low: str, high: str, *, equal: bool, remedy: str) -> Rule:
    def holds(entries: Entries) -> bool:
        left, right = number_in(entries[low]), number_in(entries[high])
        return left <= right if equal else left < right

    return Rule((low, high), holds, remedy)


def _value(entries: Entries, path: str) -> object:
    return entries[path].value


RULES = (
    _less(
        "strategy.short_ma_period",
        "strategy.long_ma_period",
        equal=False,
        remedy="short_ma_period must be below long_ma_period",
    ),
    _less(
        "strategy.rsi_oversold",
        "strategy.rsi_overbought",
        equal=False,
        remedy="rsi_oversold must be below rsi_overbought",
    ),
    _less(
        "risk.min_liquidation_buffer_pct",
        "risk.entry_liquidation_buffer_pct",
        equal=True,
        remedy="min_liquidation_buffer_pct must not exceed entry_liquidation_buffer_pct",
    ),
    _less(
        "risk.entry_slippage_bps",
        "risk.slippage_guard_bps",
        equal=True,
        remedy="entry_slippage_bps must not exceed slippage_guard_bps",
    ),
    _less(
        "risk.max_open_orders_per_symbol",
        "risk.max_open_orders",
        equal=True,
        remedy="max_open_orders_per_symbol must not exceed max_open_orders",
    ),
    _less("risk.volatility.warn", "risk.volatility.reduce_only", equal=True, remedy="warn must not exceed reduce_only"),
    _less("risk.volatility.reduce_only", "risk.volatility.halt", equal=True, remedy="reduce_only must not exceed halt"),
    _less(
        "feed.reconnect_base_s",
        "feed.reconnect_cap_s",
        equal=True,
        remedy="reconnect_base_s must not exceed reconnect_cap_s",
    ),
    _less(
        "filters.min_depth_l1_usd", "filters.min_depth_l10_usd", equal=True, remedy="the first level is part of the ten"
    ),
    Rule(
        ("execution.time_in_force", "execution.order_type"),
        lambda entries: (
            not (
                _value(entries, "execution.order_type") == "market"
                and _value(entries, "execution.time_in_force") == "GTC"
            )
        ),
        "GTC needs order_type limit: a market order never rests (--order-type limit)",
    ),
    Rule(
        ("execution.post_only", "execution.order_type", "execution.time_in_force"),
        lambda entries: (
            _value(entries, "execution.post_only") is False
            or (
                _value(entries, "execution.order_type") == "limit"
                and _value(entries, "execution.time_in_force") == "GTC"
            )
        ),
        "post_only needs order_type limit and time_in_force GTC",
    ),
    Rule(
        ("sizing.method", "sizing.fixed_base"),
        lambda entries: _value(entries, "sizing.method") != "fixed" or _value(entries, "sizing.fixed_base") is not None,
        'method fixed needs fixed_base, for example "0.001"',
    ),
)

_ONE, _CANARY_BASE = Decimal(1), Decimal("0.01")

CEILINGS: Mapping[str, Mapping[str, Decimal]] = {
    "canary": {
        "risk.max_position_usd": Decimal(500),
        "risk.leverage_max": _ONE,
        "risk.max_daily_loss_usd": Decimal(10),
        "risk.max_daily_loss_pct": Decimal("0.02"),
        "risk.max_drawdown_pct": Decimal("0.02"),
    },
    "demo": {"risk.max_position_usd": Decimal(500), "risk.leverage_max": _ONE},
    "prod": {"risk.max_position_usd": Decimal(50_000), "risk.leverage_max": Decimal(3)},
    "spot": {"risk.leverage_max": _ONE},
    "dev": {"risk.leverage_max": Decimal(3)},
}
"""Profile -> key -> highest value that profile may have, wherever it is set."""


def broken(profile: str, entries: Entries, suspects: Iterable[str] = ()) -> list[Problem]:
    """Every rule and ceiling that the effective values of a profile break; those about `suspects` are left out."""
    doubted = tuple(suspects)
    problems = [
        _strongest(rule, entries).problem(rule.remedy)
        for rule in RULES
        if not any(path.startswith(doubted) for path in rule.paths) and not rule.holds(entries)
    ]
    for path, ceiling in CEILINGS.get(profile, {}).items():
        if not path.startswith(doubted) and number_in(entries[path]) > ceiling:
            inherited = entries[path].source.layer.partition(",")[0] in ("default", "defaults")
            step = f"set it in [profiles.{profile}]" if inherited else "lower it"
            remedy = f"above profile {profile}'s ceiling {plain(ceiling)}; {step}"
            problems.append(entries[path].problem(remedy, plain(ceiling)))
    if profile == "canary":
        problems += [problem for path, problem in _canary_locks(entries) if not path.startswith(doubted)]
    return problems


def _canary_locks(entries: Entries) -> list[tuple[str, Problem]]:
    """The canary's daily loss in USD cannot be switched off, and its size in bitcoin stays within 0.01 (D19, D37)."""
    loss, sizes = entries["risk.max_daily_loss_usd"], entries["risk.max_position_base"]
    assert isinstance(sizes.value, Mapping)
    problems = [
        (
            "risk.max_position_base",
            sizes.problem(f"profile canary holds at most 0.01 {symbol}", f'{{ "{symbol}" = "0.01" }}'),
        )
        for symbol in ("BTC-USD", "BTC-PERP")
        if sizes.value.get(symbol, Decimal("Infinity")) > _CANARY_BASE
    ]
    if number_in(loss) == 0:
        problems.append(
            ("risk.max_daily_loss_usd", loss.problem("profile canary cannot trade without it; at most 10", "10"))
        )
    return problems


def _strongest(rule: Rule, entries: Entries) -> Entry:
    written = [entries[path] for path in rule.paths if entries[path].source.layer != "default"]
    return max(
        written, key=lambda entry: (entry.from_arguments, entry.line == 0, entry.line), default=entries[rule.paths[0]]
    )
