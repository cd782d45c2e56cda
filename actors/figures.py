"""Figures of quality that people ask for: latency from decision to fill, slippage against the mark, the nearest miss. Pure.

Means are over the recent fills of this incarnation; the nearest miss is the refusal of the last day that passed its limit by the
smallest part. `actors/risk.py` and `actors/symbol.py` make their own.
"""

from __future__ import annotations

from collections import deque
from decimal import Decimal, InvalidOperation

import msgspec

from trader.market.clock import SECONDS_PER_DAY
from trader.orders.order import Fill, Order, Side
from trader.orders.reason import Reason

FILLS_KEPT = 256
BPS = Decimal(10_000)
COMPARED = frozenset(
    {
        Reason.SPREAD_TOO_WIDE,
        Reason.DEPTH_TOO_THIN,
        Reason.VOLUME_LOW,
        Reason.SLIPPAGE_TOO_HIGH,
        Reason.MAX_POSITION,
        Reason.MAX_EXPOSURE,
        Reason.MAX_ORDER_NOTIONAL,
        Reason.CORRELATION,
    }
)
"""Reasons whose two numbers say how near it was. Those that limit a loss are not among them: nobody shall be tempted."""


class Miss(msgspec.Struct, frozen=True, gc=False):
    """One refusal by a limit: by which part of the limit it missed, and in words."""

    excess: Decimal
    market_time: float
    symbol: str
    reason: Reason
    text: str


class NearestMiss:
    """Keeps the nearest miss of the last day on the market's clock."""

    def __init__(self) -> None:
        self.nearest: Miss | None = None

    def note(
        self,
        symbol: str,
        reason: Reason,
        text: str,
        measured: Decimal | str | None,
        limit: Decimal | str | None,
        at: float,
    ) -> None:
        """Take one refusal; what has no two comparable numbers is left out."""
        if reason not in COMPARED or measured in (None, "") or limit in (None, ""):
            return
        try:
            number, bound = Decimal(str(measured)), Decimal(str(limit))
        except InvalidOperation:
            return
        if not (number.is_finite() and bound.is_finite() and bound > 0):
            return
        excess = abs(number - bound) / bound
        old = self.nearest
        if old is None or excess <= old.excess or at - old.market_time > SECONDS_PER_DAY:
            self.nearest = Miss(excess, at, symbol, reason, text)


class FillQuality:
    """Latency and slippage of the recent fills."""

    def __init__(self) -> None:
        self._latencies: deque[float] = deque(maxlen=FILLS_KEPT)
        self._slippages: deque[Decimal] = deque(maxlen=FILLS_KEPT)

    def note(self, fill: Fill, order: Order, reserved_at: float | None, machine_time: float) -> None:
        """Take one fill of an order of ours; `reserved_at` is the machine time of its decision, None when it was another process's."""
        if order.foreign or order.mark <= 0:
            return
        if reserved_at is not None:
            self._latencies.append(max(machine_time - reserved_at, 0.0))
        worse = fill.price - order.mark if fill.side is Side.BUY else order.mark - fill.price
        self._slippages.append(worse / order.mark * BPS)

    @property
    def latency_s(self) -> float | None:
        """Return the mean seconds from decision to fill, None before the first."""
        return sum(self._latencies) / len(self._latencies) if self._latencies else None

    @property
    def slippage_bps(self) -> Decimal | None:
        """Return the mean slippage against the decision's mark; positive is worse. None before the first."""
        return sum(self._slippages, Decimal(0)) / len(self._slippages) if self._slippages else None
