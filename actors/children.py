"""The children of a system: what each actor is made of, its restart budget, and what it waits for.

The one list that trading, the stage and the backtest share, so that what is tested is what trades. Imported by their wiring.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pykka

from actors.base import Surroundings
from actors.broker import Broker, VenuePorts
from actors.child import ChildSpec
from actors.policy import Role
from actors.risk import Risk
from actors.risk_base import RiskSettings
from actors.symbol import Symbol
from actors.symbol_base import SymbolSettings
from trader.config import Budget, Settings
from trader.market.instrument import Instrument
from trader.strategy.protocol import Strategy
from trader.strategy.registry import create_strategy


def risk_settings(settings: Settings, *, candles: bool = False) -> RiskSettings:
    """Return what risk needs of the configuration. On recorded candles the account is read when the bars allow, not by the clock."""
    return RiskSettings(
        limits=settings.risk,
        execution=settings.execution,
        window=settings.trading_window,
        reconcile_every_s=settings.reconcile.interval_s,
        live=not settings.is_paper,
        reconciled_within_s=float("inf") if candles else max(3 * settings.reconcile.interval_s, 60.0),
    )


def symbol_settings(settings: Settings, symbol: str, *, candles: bool = False) -> SymbolSettings:
    """Return what one symbol's actor needs of the configuration; its leverage cap is the tightest that applies."""
    risk = settings.risk
    cap = min(risk.leverage_max_global, risk.leverage_max, Decimal(10))
    own = min(risk.leverage_max_per_symbol.get(symbol, cap), cap)
    return SymbolSettings(settings.strategy.bar_seconds, settings.execution, risk, own, candles)


def child_specs(
    settings: Settings,
    surroundings: Surroundings,
    ports: VenuePorts,
    instruments: dict[str, Instrument],
    *,
    folder: Path,
    candles: bool = False,
    current: Callable[[], Settings] | None = None,
) -> list[ChildSpec]:
    """Name every child, its budget and what it waits for: risk, then the broker, then the symbols.

    `folder` is where a strategy's relative file name starts. `candles` says that each quote is the close of a recorded candle.
    `current` gives the settings in force when an actor is made again; without it they never change.
    """
    now = current or (lambda: settings)

    def risk(incarnation: int) -> pykka.ActorRef[Any]:
        return Risk.start("risk", incarnation, surroundings, instruments, risk_settings(now(), candles=candles))

    def broker(incarnation: int) -> pykka.ActorRef[Any]:
        return Broker.start(
            "broker", incarnation, surroundings, ports, instruments, now().execution, settings.strategy.bar_seconds
        )

    def symbol(name: str) -> Callable[[int], pykka.ActorRef[Any]]:
        def make(incarnation: int) -> pykka.ActorRef[Any]:
            given = symbol_settings(now(), name, candles=candles)

            def strategy() -> Strategy:
                return create_strategy(now().strategy, now().filters, now().sizing, folder=folder)

            return Symbol.start(name, incarnation, surroundings, instruments[name], given, strategy)

        return make

    def spec(
        name: str, role: Role, make: Callable[[int], pykka.ActorRef[Any]], budget: Budget, waits: tuple[str, ...]
    ) -> ChildSpec:
        return ChildSpec(name, role, make, budget.restarts, budget.window_s, waits)

    budgets = settings.supervision
    return [
        spec("risk", Role.RISK, risk, budgets.risk_budget, ()),
        spec("broker", Role.BROKER, broker, budgets.broker_budget, ()),
        *(spec(name, Role.SYMBOL, symbol(name), budgets.symbol_budget, ("risk", "broker")) for name in instruments),
    ]
