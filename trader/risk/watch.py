"""What risk itself knows of the market: its own marks with their ages, the books, and the sign of life of both feeds.

Risk never takes a symbol's word for the price. A quote becomes the mark only when it is untainted, uncrossed and
finite, and when it does not jump by more than a tenth; a jump counts once it has stood for some seconds. Ages are
machine seconds. Owned by the risk desk; pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from trader.market.clock import Now
from trader.market.quote import BookTop, MarkRun, Quote
from trader.orders.ledger import Ledger
from trader.risk.limits import RiskLimits
from trader.risk.samples import Correlations, Samples
from trader.venue import FeedEvent, FeedKind

JUMP_PART = 10
"""A mark that moves by more than one part in ten at once is not believed at once."""
SPREAD_PART = Decimal(20)
"""A spread wider than one part in twenty of the ask is no price (F-V08)."""
JUMP_CONFIRM_S = 3.0
"""A jump that still stands after this many seconds is the market."""
NEVER = float("-inf")
JUMP_MEMORY_S = 30.0
"""Against an older mark nothing counts as a jump."""
# Names of their own: a quote passes here several times a second, and to look a member up in its enum costs more than to compare it.
MARKET, USER = FeedKind.MARKET, FeedKind.USER
ZERO, TWO = Decimal(0), Decimal(2)


class SymbolWatch:
    """One symbol as risk sees it. `mark` is the last good mid; `quote` the last one received, good or not."""

    __slots__ = ("book", "good", "mark", "quote", "samples", "suspect_half_ticks", "suspect_since")

    def __init__(self, seconds: float, window: int) -> None:
        self.quote: Quote | None = None
        self.good: Quote | None = None
        self.mark: Decimal | None = None
        self.book: BookTop | None = None
        self.samples = Samples(seconds, window)
        self.suspect_half_ticks = 0
        self.suspect_since = 0.0

    def age_s(self, now: Now) -> float | None:
        """Machine seconds since the last good mark; None when there has been none."""
        return now.machine_time - self.good.machine_time if self.good is not None else None

    def believes(self, quote: Quote) -> bool:
        """True when `quote` is no jump, or a jump that has lasted."""
        good = self.good
        if good is None or quote.machine_time - good.machine_time > JUMP_MEMORY_S:
            return True
        if abs(quote.half_ticks - good.half_ticks) * JUMP_PART <= good.half_ticks:
            return True
        known = self.suspect_half_ticks
        if not known or abs(quote.half_ticks - known) * JUMP_PART > known:
            self.suspect_half_ticks, self.suspect_since = quote.half_ticks, quote.machine_time
            return False
        return quote.machine_time - self.suspect_since >= JUMP_CONFIRM_S


class MarketWatch:
    """All symbols and both feeds. `on_quote` is the hot path: no allocation beyond the mark itself."""

    def __init__(self, ledger: Ledger, limits: RiskLimits) -> None:
        self._ledger = ledger
        sampling = limits.volatility
        self.symbols = {s: SymbolWatch(sampling.sample_seconds, sampling.window) for s in ledger.instruments}
        self._correlations = Correlations()
        self.heard_at: dict[FeedKind, float] = {}
        self.down_since: dict[FeedKind, float] = {}
        self.backfill_since: float | None = None
        """Machine time since which user events may have been missed; None once a later account reading has covered it.
        """

    def on_quote(self, quote: Quote) -> None:
        """Take a quote: the symbol's mark, its age, the position's worth and, when due, a sample."""
        watch = self.symbols.get(quote.symbol)
        if watch is None:
            return
        watch.quote = quote
        bid, ask, half_ticks = quote.bid, quote.ask, quote.half_ticks
        if quote.tainted or half_ticks <= 0 or not (bid.is_finite() and ask.is_finite() and ZERO < bid < ask):
            return
        if (ask - bid) * SPREAD_PART > ask:
            return
        good = watch.good
        jumps = good is not None and abs(half_ticks - good.half_ticks) * JUMP_PART > good.half_ticks
        if jumps and not watch.believes(quote):
            return
        watch.good = quote
        watch.suspect_half_ticks = 0
        if good is None or bid != good.bid or ask != good.ask:
            mark = (bid + ask) / TWO
            watch.mark = mark
            self._ledger.on_mark(quote.symbol, mark)
        if quote.market_time >= watch.samples.next_time:
            watch.samples.add(half_ticks, quote.market_time)

    def quiet_bars(self, symbol: str, marks: Sequence[int], bar_s: float, volatility: float) -> int:
        """How many of these marks, `bar_s` apart, are plain good ones after which the volatility cannot have reached a figure.

        A lower number is always right. Other sampling than once a bar, a spread that changed and a range wide enough for a
        jump all give 0: such bars are taken one by one.
        """
        watch = self.symbols[symbol]
        good = watch.good
        if good is None or watch.quote is not good or watch.samples.seconds != bar_s:
            return 0
        low, high = min(*marks, good.half_ticks), max(*marks, good.half_ticks)
        if (good.half_ticks ^ marks[0]) & 1 or (high - low) * JUMP_PART > low:
            return 0
        return watch.samples.quiet(marks, good.market_time + bar_s, volatility)

    def on_run(self, run: MarkRun) -> None:
        """Take the marks that `quiet_bars` has let pass, as many quotes would have been taken."""
        watch = self.symbols[run.symbol]
        watch.samples.extend(run.half_ticks)
        watch.book = run.book
        watch.quote = watch.good = run.quote
        watch.suspect_half_ticks = 0
        watch.mark = run.quote.mark
        self._ledger.on_mark(run.symbol, watch.mark)

    def correlation(self, one: str, other: str) -> float | None:
        """Correlation of two symbols' sampled returns; None while too few."""
        return self._correlations.between(one, self.symbols[one].samples, other, self.symbols[other].samples)

    def on_book(self, book: BookTop) -> None:
        """Keep the newest ten levels."""
        watch = self.symbols.get(book.symbol)
        if watch is not None:
            watch.book = book

    def on_heartbeat(self, kind: FeedKind, machine_time: float) -> None:
        """Note a feed's sign of life."""
        self.heard_at[kind] = max(machine_time, self.heard_at.get(kind, machine_time))

    def on_heartbeats(self, market_at: float, user_at: float) -> None:
        """Note both feeds' last signs of life at once; minus infinity is none."""
        heard = self.heard_at
        if market_at > heard.get(MARKET, NEVER):
            heard[MARKET] = market_at
        if user_at > heard.get(USER, NEVER):
            heard[USER] = user_at

    def on_feed(self, event: FeedEvent) -> None:
        """Note a connection coming or going; missed user events are owed a backfill."""
        if event.up:
            self.down_since.pop(event.kind, None)
            self.on_heartbeat(event.kind, event.machine_time)
        else:
            self.down_since.setdefault(event.kind, event.machine_time)
        if event.kind is FeedKind.USER and (event.gap or not event.up) and self.backfill_since is None:
            self.backfill_since = event.machine_time

    def covered(self, asked_at: float) -> None:
        """An account reading asked for at `asked_at` covers what the user feed missed before, if the feed is
        up again.
        """
        if FeedKind.USER not in self.down_since and self.backfill_since is not None and asked_at > self.backfill_since:
            self.backfill_since = None

    def silence_s(self, kind: FeedKind, now: Now) -> float | None:
        """Seconds without a sign of life; None when the feed has never been heard."""
        if kind in self.down_since:
            return max(now.machine_time - min(self.down_since[kind], self.heard_at.get(kind, now.machine_time)), 0.0)
        heard = self.heard_at.get(kind)
        return now.machine_time - heard if heard is not None else None
