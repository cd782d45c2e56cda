"""Quote, BookTop, MarkRun, Trade and Bar: what the feed knows, as immutable values.

Anyone may import this. Prices and sizes are Decimal; `half_ticks` is the mid as an exact integer (see `Instrument.half_ticks`).
Two clocks travel with every value: `market_time` (UNIX seconds of the market's clock) and `machine_time` (this machine's monotonic
seconds at arrival). Ages are judged by the machine's clock, bars and days by the market's.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec


class Quote(msgspec.Struct, frozen=True, gc=False):
    """Best bid and ask of one symbol with what the feed alone can sum.

    `volume_1m_usd` is the traded notional of the last 60 s in USD, None while the feed has not yet seen trades.
    `tainted` says why this quote must not be traded on ("" when it may): crossed, gap, no snapshot yet.
    """

    symbol: str
    bid: Decimal
    ask: Decimal
    bid_size: Decimal
    ask_size: Decimal
    half_ticks: int
    last: Decimal | None
    volume_1m_usd: Decimal | None
    market_time: float
    machine_time: float
    tainted: str = ""

    @property
    def mark(self) -> Decimal:
        """Mid of best bid and ask: the price positions are valued at."""
        return (self.bid + self.ask) / 2

    @property
    def spread_bps(self) -> Decimal:
        """Ask minus bid over the mid, in basis points."""
        return (self.ask - self.bid) * 20000 / (self.bid + self.ask)


class BookTop(msgspec.Struct, frozen=True, gc=False):
    """The ten best levels a side, best first, as (price, size) pairs in the venue's units."""

    symbol: str
    bids: tuple[tuple[Decimal, Decimal], ...]
    asks: tuple[tuple[Decimal, Decimal], ...]
    market_time: float
    machine_time: float
    tainted: str = ""


class MarkRun(msgspec.Struct, frozen=True, gc=False):
    """Bars in a row at which nobody wanted anything, told at once: one mark each in half ticks, all with one spread.

    `quote` and `book` are those at the end of the last bar. Bars lie `bar_s` apart, without a hole before or between them.
    """

    symbol: str
    half_ticks: tuple[int, ...]
    bar_s: float
    quote: Quote
    book: BookTop


class Trade(msgspec.Struct, frozen=True, gc=False):
    """One public trade. `maker_side` is the resting order's side, as the venue reports it."""

    symbol: str
    trade_id: str
    price: Decimal
    size: Decimal
    maker_side: str
    market_time: float


class Bar(msgspec.Struct, frozen=True, gc=False):
    """One closed bar of marks: `start` is inclusive UNIX seconds, prices in half ticks."""

    symbol: str
    start: float
    open: int
    high: int
    low: int
    close: int


class Candle(msgspec.Struct, frozen=True, gc=False):
    """One candle of traded prices as the venue keeps it; `volume` in base units, `start` UNIX seconds."""

    start: float
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
