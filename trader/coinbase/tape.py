"""The public tape of one product: the last price and what was traded in the last minute, each trade counted once.

Only `trader/coinbase/` imports this. Pure; times are UNIX seconds of the market's clock. The sum is exact
(Decimal) and kept by difference; a trade that comes after a newer one is put where it belongs in time by its own
stamp.
"""

from __future__ import annotations

from bisect import insort
from collections import deque
from decimal import Decimal

WINDOW_S = 60.0
REMEMBERED_IDS = 2_000
"""Per product. Trades come again after a reconnect only, a hundred or so; what is older than the minute counts nowhere anyway."""


class Tape:
    """Trades of one product within the last minute."""

    def __init__(self, contract_size: Decimal) -> None:
        self._contract_size = contract_size
        self._window: list[tuple[float, Decimal]] = []
        self._sum = Decimal(0)
        self._ids: set[str] = set()
        self._id_order: deque[str] = deque()
        self._last_time = float("-inf")
        self.last: Decimal | None = None
        self.seen_any = False

    def add(self, trade_id: str, price: Decimal, size: Decimal, market_time: float) -> bool:
        """Count one trade; False for one already counted."""
        if trade_id in self._ids:
            return False
        self._ids.add(trade_id)
        self._id_order.append(trade_id)
        if len(self._id_order) > REMEMBERED_IDS:
            self._ids.discard(self._id_order.popleft())
        worth = price * size * self._contract_size
        self._sum += worth
        if not self._window or market_time >= self._window[-1][0]:
            self._window.append((market_time, worth))
        else:
            insort(self._window, (market_time, worth))
        if market_time >= self._last_time:
            self._last_time, self.last = market_time, price
        self.seen_any = True
        return True

    def volume_usd(self, market_time: float) -> Decimal | None:
        """Return what was traded in the minute before `market_time`, None before the first trade was ever seen."""
        if not self.seen_any:
            return None
        gone = 0
        for when, worth in self._window:
            if when > market_time - WINDOW_S:
                break
            self._sum -= worth
            gone += 1
        if gone:
            del self._window[:gone]
        return self._sum
