"""What a report tells about a stretch of time, as one record; `history.py` fills it from events, `page.py` draws it.

A backtest may fill it as well. Times are UNIX seconds of the market's clock, money is USD, slippage is in hundredths of a
percent (positive is worse than the mark), latency in milliseconds from the durable intent to the fill.
"""

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from trader.orders.reason import Reason
from trader.report.performance import Performance
from trader.report.round_trips import ClosedTrade

Point = tuple[float, Decimal]
_DAY_S = 86_400


class DecisionMark(msgspec.Struct, frozen=True, gc=False):
    """A decision on the price chart: filled with its side, or refused or skipped with its reason."""

    time: float
    price: Decimal
    side: str
    reason: Reason
    text: str


class PnlSplit(msgspec.Struct, frozen=True, gc=False):
    """Profit by origin; `price - fees + funding` is the total."""

    price: Decimal = Decimal(0)
    fees: Decimal = Decimal(0)
    funding: Decimal = Decimal(0)

    @property
    def total(self) -> Decimal:
        return self.price - self.fees + self.funding

    def plus(self, other: "PnlSplit") -> "PnlSplit":
        return PnlSplit(self.price + other.price, self.fees + other.fees, self.funding + other.funding)

    def minus(self, other: "PnlSplit") -> "PnlSplit":
        return PnlSplit(self.price - other.price, self.fees - other.fees, self.funding - other.funding)


class SymbolDay(msgspec.Struct, frozen=True):
    """One symbol: its price as the system saw it, and what was decided."""

    symbol: str
    prices: tuple[Point, ...]
    filled: tuple[DecisionMark, ...]
    refused: tuple[DecisionMark, ...]
    skipped: tuple[DecisionMark, ...]
    pnl: PnlSplit


class Spread(msgspec.Struct, frozen=True, gc=False):
    """A distribution in four numbers; all None without a value."""

    count: int
    median: float | None
    p95: float | None
    worst: float | None


class Check(msgspec.Struct, frozen=True, gc=False):
    """One thing the report verified; `ok` None means that it could not be."""

    name: str
    ok: bool | None
    text: str


class ModeRow(msgspec.Struct, frozen=True, gc=False):
    """A hold placed or lifted, and the account's mode where that changed it ("" where not). `scope` is account or a symbol."""

    time: float
    scope: str
    mode: str
    placed: str
    lifted: str
    by: str
    text: str


class Daybook(msgspec.Struct, frozen=True):
    """Everything of one report. `reasons` count evaluations; `reasons_complete` is false when only changes were recorded."""

    profile: str
    since: float
    until: float
    config_hashes: tuple[str, ...]
    verdict: str
    equity: tuple[Point, ...]
    days: tuple[Point, ...]
    """The change of equity over each UTC day, at that day's midnight; days without a record are left out."""
    pnl: PnlSplit
    symbols: tuple[SymbolDay, ...]
    reasons: tuple[tuple[str, Reason, int], ...]
    reasons_complete: bool
    trades: tuple[ClosedTrade, ...]
    performance: Performance | None
    latency_ms: Spread
    slippage_bps: Spread
    modes: tuple[ModeRow, ...]
    checks: tuple[Check, ...]
    gaps: tuple[tuple[float, float], ...]
    assumptions: tuple[str, ...]
    events: int
    counted_until: float | None
    """Market time of the last event counted; None without one."""
    money: str
    """PAPER, LIVE, or "" where nobody said which."""


def daily_results(equity: Sequence[Point]) -> tuple[Point, ...]:
    """The change of equity over each UTC day, from the last point of the day before; together they are the whole change."""
    closes: dict[float, Decimal] = {}
    for time, value in equity:
        closes[time // _DAY_S * _DAY_S] = value
    before = equity[0][1] if equity else Decimal(0)
    results = []
    for day, value in closes.items():
        results.append((day, value - before))
        before = value
    return tuple(results)


def spread_of(values: list[float]) -> Spread:
    """Median, 95th percentile and worst of some values, by nearest rank."""
    if not values:
        return Spread(0, None, None, None)
    ordered = sorted(values)
    count = len(ordered)
    return Spread(count, ordered[(count - 1) // 2], ordered[max(0, -(-95 * count // 100) - 1)], ordered[-1])
