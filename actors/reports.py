"""What the actors publish on the board each tick: immutable, so a status dump can be made while any of them hangs.

`actors/status.py` turns them into the one SystemStatus; the supervisor reads risk's. Only `actors/` imports this.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from actors.figures import Miss
from trader.orders.order import Order
from trader.orders.reason import Reason
from trader.risk.holds import HoldTable


class ChildReport(msgspec.Struct, frozen=True):
    """One child as the supervisor sees it."""

    name: str
    role: str
    state: str
    incarnation: int
    restarts: int
    restarts_in_window: int
    trouble: str


class SupervisorReport(msgspec.Struct, frozen=True):
    """Holds and children."""

    holds: HoldTable
    children: tuple[ChildReport, ...]
    stopping: bool
    mode_since: float = 0.0
    mode_by: str = ""


class DecisionReport(msgspec.Struct, frozen=True):
    """The last evaluation of one symbol: what it ended in and when (market time)."""

    symbol: str
    action: str
    reason: Reason
    text: str
    market_time: float


class SymbolReport(msgspec.Struct, frozen=True):
    """One symbol's actor: its last decision and how warm its window is."""

    last: DecisionReport | None
    bars: int
    bars_needed: int
    evaluations: int
    history_source: str
    incarnation: int
    mark: Decimal | None = None
    nearest: Miss | None = None


class PositionReport(msgspec.Struct, frozen=True):
    """One position with its money, in USD."""

    symbol: str
    size: Decimal
    entry_price: Decimal
    mark: Decimal | None
    mark_at: float | None
    unrealized: Decimal
    realized: Decimal
    fees: Decimal
    funding: Decimal
    since: float


class FlattenReport(msgspec.Struct, frozen=True):
    """One exit a person asked for: "working", "flat", "dust" or "given up", in words, for which request."""

    symbol: str
    progress: str
    text: str
    attempts: int
    request: str


class RiskReport(msgspec.Struct, frozen=True):
    """The books and limits as risk sees them; machine times are of risk's last tick."""

    incarnation: int
    reconciled_clean: bool
    reconciled_at: float
    equity: Decimal | None
    day_pnl: Decimal
    day_start_equity: Decimal | None
    day_price_pnl: Decimal
    day_fees: Decimal
    day_funding: Decimal
    exposure: Decimal
    leverage: Decimal
    max_exposure: Decimal
    max_daily_loss: Decimal
    drawdown: Decimal
    max_drawdown: Decimal
    max_leverage: Decimal
    positions: tuple[PositionReport, ...]
    orders: tuple[Order, ...]
    unknown: int
    orders_last_minute: int
    fills: int
    placed: int
    refused: int
    venue_refused: int
    evaluations: int
    reasons: tuple[tuple[str, Reason, int], ...]
    outcomes: tuple[DecisionReport, ...]
    trouble: str
    flattening: tuple[FlattenReport, ...] = ()
    answers: tuple[tuple[str, str], ...] = ()
    fill_latency_s: float | None = None
    slippage_bps: Decimal | None = None
    drift: int = 0
    guards: tuple[tuple[str, int], ...] = ()
    nearest: Miss | None = None


class BrokerReport(msgspec.Struct, frozen=True):
    """Connections and calls."""

    market_up: bool
    user_up: bool
    market_heartbeat_at: float
    user_heartbeat_at: float
    reconnects: int
    gaps: int
    calls: int
    call_errors: int
    call_p95_s: float | None
    on_wire: int
    would_send: int
    items: int = 0
