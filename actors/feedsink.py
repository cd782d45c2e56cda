"""Where feed threads deliver: routes each item to the actors that need it and keeps a ring of recent marks per symbol.

One sink belongs to one incarnation of the broker and goes quiet when that incarnation ends. `deliver` runs in feed threads; `closes`
in the broker's thread. Only `actors/broker.py` makes one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping

from actors.address import Address, AddressBook
from trader.market.quote import BookTop, Quote, Trade
from trader.orders.order import OrderReport
from trader.venue import FeedEvent, FeedHeartbeat, FeedItem

QUIET_BARS_MAX = 12


class MarkRing:
    """The last mark of each recent bar of one symbol, bounded, so a restarted symbol warms up without asking the venue."""

    def __init__(self, bar_seconds: int, capacity: int) -> None:
        self._bar_seconds = bar_seconds
        self._closes: deque[tuple[float, int]] = deque(maxlen=capacity)

    def add(self, market_time: float, half_ticks: int) -> None:
        """Keep a mark as its bar's close so far. Feed thread."""
        start = market_time // self._bar_seconds * self._bar_seconds
        closes = self._closes
        if closes and closes[-1][0] == start:
            closes[-1] = (start, half_ticks)
        elif not closes:
            closes.append((start, half_ticks))
        elif start > closes[-1][0]:
            self._repeat_last(start)
            closes.append((start, half_ticks))

    def _repeat_last(self, start: float) -> None:
        """Close the bars in which no mark came at the last close, as the window does; a longer silence stays a hole."""
        begun, close = self._closes[-1]
        missing = round((start - begun) / self._bar_seconds) - 1
        if missing <= QUIET_BARS_MAX:
            self._closes.extend((begun + step * self._bar_seconds, close) for step in range(1, missing + 1))

    def closed(self) -> tuple[tuple[float, int], ...]:
        """Return (start, close) of every bar but the one still open, back to the last hole; oldest first. Any thread."""
        closes = list(self._closes.copy())[:-1]
        first = len(closes)
        while first > 0 and (first == len(closes) or closes[first][0] - closes[first - 1][0] == self._bar_seconds):
            first -= 1
        return tuple(closes[first:])


class FeedSink:
    """See the module docstring."""

    def __init__(
        self,
        addresses: AddressBook,
        rings: Mapping[str, MarkRing],
        on_heartbeat: Callable[[FeedHeartbeat], None],
        stopped: Callable[[], bool],
    ) -> None:
        self._symbols: Mapping[str, Address] = addresses.symbols
        self._risk = addresses.risk
        self._broker = addresses.broker
        self._rings = rings
        self._on_heartbeat = on_heartbeat
        self._stopped = stopped
        self.delivered = 0

    def deliver(self, item: FeedItem) -> None:
        """Route one item. A stopped incarnation's late items are dropped: its successor has its own feeds."""
        if self._stopped():
            return
        self.delivered += 1  # two feed threads may lose a count between them; it is a figure for people
        match item:
            case Quote():
                if not item.tainted:
                    self._rings[item.symbol].add(item.market_time, item.half_ticks)
                self._risk.tell(item)
                self._symbols[item.symbol].tell(item)
            case BookTop():
                self._risk.tell(item)
                self._symbols[item.symbol].tell(item)
            case OrderReport():
                self._risk.tell(item)
            case FeedEvent():
                self._broker.tell(item)
                self._risk.tell(item)
            case FeedHeartbeat():
                self._on_heartbeat(item)
                self._broker.tell(item)
            case Trade():
                pass
