"""Counting windows: orders per minute, repeats of one signal, venue errors, rejects, and the drift of our own fills.

All times are machine seconds given as arguments; every window is bounded by its own length. Owned by the risk desk;
pure.
"""

from __future__ import annotations

from collections import deque
from decimal import Decimal

from trader.orders.order import Order, Side

ZERO = Decimal(0)
MINUTE_S = 60.0
ENTRY_PART = Decimal("0.75")
"""Entries may use this part of the order rate, orders and cancels together; exits have the whole rate to themselves."""
ERROR_WINDOW_S = 300.0
REJECT_WINDOW_S = 60.0
REJECTS_MAX = 5
DRIFT_WINDOW_S = 60.0


class Window:
    """Timestamps of the last `length_s` seconds."""

    __slots__ = ("_times", "length_s")

    def __init__(self, length_s: float) -> None:
        self.length_s = length_s
        self._times: deque[float] = deque()

    def add(self, at: float) -> None:
        """Note one event."""
        self._times.append(at)

    def count(self, now: float) -> int:
        """How many events lie within the window; older ones are dropped."""
        times = self._times
        while times and times[0] <= now - self.length_s:
            times.popleft()
        return len(times)

    def clear(self) -> None:
        """Forget everything: an operator has looked."""
        self._times.clear()


class OrderRates:
    """Orders and cancels of the last minute, for the account and for each symbol and side."""

    def __init__(self) -> None:
        self._orders = Window(MINUTE_S)
        self._exits = Window(MINUTE_S)
        self._cancels = Window(MINUTE_S)
        self._repeats: dict[tuple[str, Side], Window] = {}

    def note_order(self, symbol: str, side: Side, now: float, *, entry: bool) -> None:
        """Count one order; only entries count as repeats, since an exit may have to be tried again."""
        self._orders.add(now)
        if entry:
            self._repeats.setdefault((symbol, side), Window(MINUTE_S)).add(now)
        else:
            self._exits.add(now)

    def note_cancel(self, now: float) -> None:
        """Count one cancel."""
        self._cancels.add(now)

    def messages(self, now: float) -> int:
        """Orders and cancels in the last minute."""
        return self._orders.count(now) + self._cancels.count(now)

    def exits(self, now: float) -> int:
        """Exits in the last minute."""
        return self._exits.count(now)

    def repeats(self, symbol: str, side: Side, now: float) -> int:
        """Entries of this symbol and side in the last minute."""
        window = self._repeats.get((symbol, side))
        return window.count(now) if window is not None else 0

    def clear_repeats(self, symbol: str) -> None:
        """Start counting anew after an operator re-enabled the symbol."""
        for (name, _), window in self._repeats.items():
            if name == symbol:
                window.clear()


class ErrorRate:
    """Share of failed venue calls within the last five minutes."""

    def __init__(self) -> None:
        self._calls = Window(ERROR_WINDOW_S)
        self._errors = Window(ERROR_WINDOW_S)

    def note(self, now: float, *, failed: bool) -> None:
        """Count one call."""
        self._calls.add(now)
        if failed:
            self._errors.add(now)

    def share(self, now: float, samples_min: int) -> tuple[Decimal, int] | None:
        """Failed part and number of calls; None while there are fewer than `samples_min`."""
        calls = self._calls.count(now)
        if calls < max(samples_min, 1):
            return None
        return Decimal(self._errors.count(now)) / calls, calls

    def clear(self) -> None:
        """Forget everything: an operator has looked."""
        self._calls.clear()
        self._errors.clear()


class FillDrift:
    """How much worse than the mark they were decided on one symbol's fills of the last minute were, as a fraction."""

    __slots__ = ("_parts",)

    def __init__(self) -> None:
        self._parts: deque[tuple[float, Decimal]] = deque()

    def note(self, order: Order, price: Decimal, now: float) -> None:
        """Count one fill; an order without a mark says nothing."""
        if order.mark > 0:
            self._parts.append((now, (price / order.mark - 1) * order.side.sign))

    def total(self, now: float) -> Decimal:
        """Sum of the last minute; positive means that we paid."""
        parts = self._parts
        while parts and parts[0][0] <= now - DRIFT_WINDOW_S:
            parts.popleft()
        return sum((part for _, part in parts), ZERO)
