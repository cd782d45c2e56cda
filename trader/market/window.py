"""MarkWindow: marks in, closed bars out, with exact moving sums, RSI, volatility and range over a bounded past.

Anyone may import this; the symbol actor and the backtest own one per symbol. Bars are cut by the market's clock (bar
number = floor(market_time / bar_seconds)), never by the number of messages, so a strategy means the same at any
message rate. Prices are integers of half ticks: sums and comparisons are exact. No clock is read here; time comes
with each mark.

Bars close one at a time, so that nothing that happened in a quiet stretch goes unseen:

    bar = window.add(half_ticks, market_time)      # or window.advance(market_time) on a tick without a mark
    while bar is not None:
        ...decide on `bar`; the window ends with it...
        bar = window.fill()                        # flat bars for the lengths in which no mark came

A stretch without marks becomes flat bars at the last close, `fill_limit` at most; a longer one empties the window,
and `resets` and `reset_text` say so.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import msgspec

from trader.market.quote import Bar
from trader.market.rsi import WilderRsi
from trader.market.volatility import annualized_volatility


class WindowPlan(msgspec.Struct, frozen=True, gc=False):
    """What a strategy needs of its window.

    The periods it sums, its RSI period, and how many closed bars it looks back on.
    """

    sum_periods: tuple[int, ...] = ()
    rsi_period: int | None = None
    bars: int = 2


class MarkWindow:
    """Bars of marks of one symbol.

    Mutable, owned by one actor, not thread-safe; memory is bounded by twice `capacity` bars.

    `closes` holds the closes, newest last, at least the newest `capacity` of them once there are so many; read it,
    never change it. `closed` counts the bars since the last reset and may exceed `capacity`. `late_marks` counts
    marks older than the forming bar: they change nothing, because a closed bar is never rewritten.
    """

    __slots__ = (
        "_close", "_due", "_end", "_high", "_highs", "_low", "_lows", "_next", "_open", "_periods",
        "_rsi", "_start", "_sums", "bar_seconds", "capacity", "closed", "closes", "fill_limit", "late_marks", "reset_text",
        "resets", "symbol",
    )  # fmt: skip

    def __init__(self, symbol: str, bar_seconds: float, plan: WindowPlan, *, fill_limit: int | None = None) -> None:
        assert bar_seconds > 0, "a bar needs a length"
        self.symbol = symbol
        self.bar_seconds = float(bar_seconds)
        self._periods = tuple(sorted(set(plan.sum_periods)))
        self._rsi = None if plan.rsi_period is None else WilderRsi(plan.rsi_period)
        kept_for_rsi = 0 if self._rsi is None else self._rsi.closes_kept
        self.capacity = max(plan.bars, kept_for_rsi, *(period + 2 for period in self._periods), 2)
        self.fill_limit = self.capacity if fill_limit is None else fill_limit
        self.closed = 0
        self.resets = 0
        self.reset_text = ""
        self.late_marks = 0
        self.closes: list[int] = []
        self._highs: list[int] = []
        self._lows: list[int] = []
        self._sums: dict[int, int] = {}
        self._start = self._end = -1.0
        self._open = self._high = self._low = self._close = 0
        self._due = self._next = 0
        self._clear()

    def add(self, half_ticks: int, market_time: float) -> Bar | None:
        """Take one mark; return the bar it closed, if any. Call `fill` until None after a bar came back."""
        assert half_ticks > 0, "a mark must be a positive price"
        if self._start <= market_time < self._end:
            self._close = half_ticks
            if half_ticks > self._high:
                self._high = half_ticks
                if not self._open:
                    self._open = self._low = half_ticks
            elif half_ticks < self._low:
                self._low = half_ticks
            return None
        return self._roll(half_ticks, market_time)

    def advance(self, market_time: float) -> Bar | None:
        """Let time pass without a mark: close the forming bar when its end is over.

        Never empties the window by itself.
        """
        if market_time < self._end or self._end < 0:
            return None
        missing = int((market_time - self._end) // self.bar_seconds)
        if missing > self.fill_limit:
            return None
        return self._roll(0, market_time)

    def fill(self) -> Bar | None:
        """Close the next bar of a stretch without marks; None when the window has caught up with the last mark."""
        if self._due == 0:
            return None
        self._due -= 1
        bar = self._shut()
        self._begin(0 if self._due else self._next, self._end)
        return bar

    def follows(self, start: float) -> bool:
        """Whether the forming bar begins at `start` and has no mark yet: bars may be added whole."""
        return self._start == start and not self._open and not self._due

    def extend(self, marks: Sequence[int]) -> None:
        """Close one bar for each of `marks`, as if each had been its only mark; the forming bar must be empty."""
        assert self._start >= 0 and not self._open and not self._due, "whole bars follow a closed one"  # noqa: PT018
        if self._rsi is not None:
            for mark in marks:
                self._push(mark, mark, mark)
        else:
            closes = self.closes
            closes += marks
            self._highs += marks
            self._lows += marks
            self.closed += len(marks)
            for period in self._periods:
                self._sums[period] = sum(closes[-period:])
            self._trim()
        self._close = marks[-1]
        self._begin(0, self._start + len(marks) * self.bar_seconds)

    def seed(self, bars: Iterable[Bar]) -> None:
        """Put older bars, in order of time, before those already here.

        Overlapping ones are left out, gaps are filled flat.
        """
        while self.fill() is not None:
            pass
        own, forming = self.bars(), self._forming()
        first_own = own[0].start if own else (forming.start if forming else math.inf)
        self._clear()
        for bar in (*(old for old in bars if old.start < first_own), *own):
            self._append(bar)
        if forming is not None:
            self._append(forming, closed=False)
        elif self._end >= 0:
            self._begin(0, self._end)

    def reset(self, why: str) -> None:
        """Forget every bar; `why` is kept for the reader. The next mark starts anew."""
        self._clear()
        self.resets += 1
        self.reset_text = why

    def bars(self, newest: int | None = None) -> tuple[Bar, ...]:
        """Return the closed bars that are kept, oldest first; `open` is the close before it.

        For warm-up and reports, not per bar.
        """
        kept = min(self.closed, self.capacity, len(self.closes))
        kept = kept if newest is None else min(kept, newest)
        rows = []
        for back in range(kept, 0, -1):
            earlier = self.closes[-back - 1] if back < len(self.closes) else self.closes[-back]
            start = self._start - back * self.bar_seconds
            rows.append(Bar(self.symbol, start, earlier, self._highs[-back], self._lows[-back], self.closes[-back]))
        return tuple(rows)

    @property
    def bar_end(self) -> float:
        """Market time at which the newest closed bar ended: the moment a decision on it is about."""
        return self._start

    def sum(self, period: int) -> int:
        """Exact sum of the newest `period` closes; meaningful once `closed` >= period.

        KeyError for a period not planned.
        """
        return self._sums[period]

    def previous_sum(self, period: int) -> int:
        """The same sum one bar earlier; needs `closed` > period."""
        return self._sums[period] - self.closes[-1] + self.closes[-1 - period]

    @property
    def rsi(self) -> float | None:
        """Wilder's RSI of the planned period, 0 to 100; None while it is not known."""
        return None if self._rsi is None else self._rsi.value

    def highest(self, bars: int, skip: int = 0) -> int:
        """Highest mark of `bars` closed bars, the newest `skip` left out; ValueError where there are none."""
        return max(self._highs[-bars - skip : -skip or None])

    def lowest(self, bars: int, skip: int = 0) -> int:
        """Lowest mark of `bars` closed bars, the newest `skip` left out; ValueError where there are none."""
        return min(self._lows[-bars - skip : -skip or None])

    def volatility(self, returns: int) -> float | None:
        """Annualized volatility of the newest simple returns, as a fraction; None with fewer. O(returns), on demand."""
        return annualized_volatility(self.closes[-returns - 1 :], self.bar_seconds) if self.closed > returns else None

    def _roll(self, half_ticks: int, market_time: float) -> Bar | None:
        """Take a mark outside the forming bar; the next bar's first one is the common case.

        0 is time without a mark.
        """
        if self._due:
            while self.fill() is not None:
                pass
        end = self._end
        if not 0 <= end <= market_time < end + self.bar_seconds:
            return self._jump(half_ticks, market_time)
        bar = self._shut()
        self._begin(half_ticks, end)
        return bar

    def _jump(self, half_ticks: int, market_time: float) -> Bar | None:
        """Take the first mark, a late one, or one after a gap."""
        start = market_time // self.bar_seconds * self.bar_seconds
        if self._end < 0:
            self._begin(half_ticks, start)
            return None
        if market_time < self._end:
            self._late(half_ticks, market_time, start)
            return None
        missing = round((start - self._end) / self.bar_seconds)
        if missing > self.fill_limit:
            self.reset(f"no mark for {market_time - self._end:.0f} s, more than {self.fill_limit} bars")
            self._begin(half_ticks, start)
            return None
        bar = self._shut()
        self._due, self._next = missing, half_ticks
        self._begin(0 if missing else half_ticks, self._end)
        return bar

    def _late(self, half_ticks: int, market_time: float, start: float) -> None:
        """A mark older than the forming bar is counted and left out.

        One older than the whole window means the clock was set back.
        """
        if market_time >= self._start:
            self.add(half_ticks, market_time)
        elif self._start - market_time > self.capacity * self.bar_seconds:
            self.reset(f"market time went back by {self._start - market_time:.0f} s")
            self._begin(half_ticks, start)
        else:
            self.late_marks += 1

    def _begin(self, half_ticks: int, start: float) -> None:
        """Start forming a bar; 0 means that no mark of it has come yet, and the last close stands until one does."""
        self._open = self._high = self._low = half_ticks
        if half_ticks:
            self._close = half_ticks
        self._start = start
        self._end = start + self.bar_seconds

    def _shut(self) -> Bar:
        """Close the forming bar into the sums and return it."""
        close = self._close
        if self._open:
            bar = Bar(self.symbol, self._start, self._open, self._high, self._low, close)
        else:
            bar = Bar(self.symbol, self._start, close, close, close, close)
        self._push(bar.high, bar.low, close)
        return bar

    def _push(self, high: int, low: int, close: int) -> None:
        closes = self.closes
        closes.append(close)
        self._highs.append(high)
        self._lows.append(low)
        self.closed = closed = self.closed + 1
        sums = self._sums
        for period in self._periods:
            sums[period] += close - closes[-1 - period] if closed > period else close
        if self._rsi is not None:
            self._rsi.update(closes)
        if len(closes) > 2 * self.capacity:
            self._trim()

    def _trim(self) -> None:
        """Keep the newest `capacity` bars."""
        keep = -self.capacity
        del self.closes[:keep], self._highs[:keep], self._lows[:keep]

    def _append(self, bar: Bar, *, closed: bool = True) -> None:
        """Lay `bar` behind what is here, with flat bars between; after too long a gap it starts the window anew."""
        start = bar.start // self.bar_seconds * self.bar_seconds
        if self._end >= 0:
            missing = round((start - self._end) / self.bar_seconds)
            assert missing >= 0, "bars to seed must be in order of time and must not overlap"
            if missing > self.fill_limit:
                self.reset(f"no bar for {start - self._end:.0f} s in the history")
            else:
                for _ in range(missing):
                    self._push(self.closes[-1], self.closes[-1], self.closes[-1])
        self._begin(bar.open, start)
        self._high, self._low, self._close = bar.high, bar.low, bar.close
        if closed:
            self._push(bar.high, bar.low, bar.close)

    def _forming(self) -> Bar | None:
        return Bar(self.symbol, self._start, self._open, self._high, self._low, self._close) if self._open else None

    def _clear(self) -> None:
        self.closed = 0
        self._due = self._next = 0
        self._start = self._end = -1.0
        self._open = self._high = self._low = self._close = 0
        self.closes.clear()
        self._highs.clear()
        self._lows.clear()
        self._sums.update(dict.fromkeys(self._periods, 0))
        if self._rsi is not None:
            self._rsi.reset()
