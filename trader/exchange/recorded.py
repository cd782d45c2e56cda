"""A recorded feed as a market: the very books and trades that were once received, at the times they were received.

Imported by setup.py.

The file holds one WebSocket envelope a line (JSON, optionally gzip) with `_recv`, the arrival time in UNIX seconds.
Products, tick and lot are read off the recording. Clients' orders take from the recorded book; a level they emptied
comes back with the recording's next word about it.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import msgspec

from trader.exchange.ladder import ZERO, Level
from trader.exchange.listing import Listing
from trader.exchange.market import Market, PublicTrade, Side, Step
from trader.exchange.paths import Candle


class RecordingError(Exception):
    """The file is no usable recording; the message names file, line and remedy."""


class _Update(msgspec.Struct):
    side: str
    price_level: str
    new_quantity: str


class _Trade(msgspec.Struct):
    product_id: str
    trade_id: str
    price: str
    size: str
    side: str


class _Event(msgspec.Struct):
    type: str = ""
    product_id: str = ""
    updates: list[_Update] = []
    trades: list[_Trade] = []


class _Envelope(msgspec.Struct):
    channel: str
    events: list[_Event]
    received: float = msgspec.field(name="_recv")


class _Entry(msgspec.Struct):
    """One event of one product: a book snapshot or update, or trades."""

    time: float
    is_snapshot: bool
    updates: list[_Update]
    trades: list[_Trade]


class Recording(msgspec.Struct):
    """A whole file: rules and entries of each product, and the moment at which all books are known."""

    listings: dict[str, Listing]
    entries: dict[str, list[_Entry]]
    start: float
    end: float


def read_recording(file: Path) -> Recording:
    """Read a recording; RecordingError for a file that cannot be read or lacks a book snapshot."""
    try:
        raw = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    except (OSError, EOFError) as error:
        raise RecordingError(f"{file}: cannot be read ({error}); give a .jsonl or .jsonl.gz recording") from None
    decoder = msgspec.json.Decoder(_Envelope)
    entries: dict[str, list[_Entry]] = {}
    last = 0.0
    for number, line in enumerate(raw.splitlines(), start=1):
        try:
            envelope = decoder.decode(line)
        except msgspec.MsgspecError as error:
            raise RecordingError(f"{file}, line {number}: {error}; each line is one envelope with _recv") from None
        last = envelope.received
        for product_id, entry in _entries_of(envelope):
            entries.setdefault(product_id, []).append(entry)
    with_book = {name: rows for name, rows in entries.items() if any(row.is_snapshot for row in rows)}
    if not with_book:
        raise RecordingError(f"{file}: holds no l2_data snapshot; record level2 from the subscribe on")
    start = max(next(row.time for row in rows if row.is_snapshot) for rows in with_book.values())
    return Recording({name: _listing(name, rows) for name, rows in with_book.items()}, with_book, start, last)


def _entries_of(envelope: _Envelope) -> Iterator[tuple[str, _Entry]]:
    for event in envelope.events:
        if envelope.channel == "l2_data":
            yield event.product_id, _Entry(envelope.received, event.type == "snapshot", event.updates, [])
        elif envelope.channel == "market_trades" and event.type == "update":
            for trade in event.trades:
                yield trade.product_id, _Entry(envelope.received, is_snapshot=False, updates=[], trades=[trade])


def _listing(product_id: str, rows: list[_Entry]) -> Listing:
    """Rules as fine as anything seen in the recording."""
    base, _, quote = product_id.partition("-")
    prices = [update.price_level for row in rows for update in row.updates] + [
        one.price for row in rows for one in row.trades
    ]
    sizes = [update.new_quantity for row in rows for update in row.updates] + [
        one.size for row in rows for one in row.trades
    ]
    tick, lot = _finest(prices), _finest(sizes)
    return Listing(
        product_id=product_id,
        base=base,
        quote=quote,
        base_name=base,
        price_increment=tick,
        base_increment=lot,
        base_min_size=lot,
        quote_increment=tick,
        quote_min_size=tick,
        start_price=Decimal(prices[0]),
        minute_volume_usd=0,
    )


def _finest(numbers: list[str]) -> Decimal:
    return Decimal(1).scaleb(-max(len(number.rstrip("0").partition(".")[2]) for number in numbers))


class _StandingPath:
    """The past of a recording: there is none."""

    def __init__(self, price: float) -> None:
        self._price = price

    def price_at(self, _market_time: float) -> float:
        """The first price of the recording."""
        return self._price

    def volume_between(self, _start: float, _end: float) -> float:
        """Nothing but the recorded trades."""
        return 0.0

    def candle(self, _start: float, _seconds: float) -> Candle | None:
        """Nothing before the recording."""
        return None


class RecordedMarket(Market):
    """A market that repeats a recording and then stands still."""

    def __init__(self, recording: Recording, product_id: str) -> None:
        listing = recording.listings[product_id]
        super().__init__(listing, _StandingPath(float(listing.start_price)), seed=0, origin=recording.start)
        self.ladder.clear()
        self._entries = recording.entries[product_id]
        self._next = 0

    def steps(self, now: float) -> Iterator[Step]:
        """One step per recorded event up to `now`."""
        while self._next < len(self._entries) and self._entries[self._next].time <= now:
            entry = self._entries[self._next]
            self._next += 1
            if not self.disturbance.frozen:
                yield self._repeat(entry)

    def _repeat(self, entry: _Entry) -> Step:
        changed: dict[tuple[bool, int], Level] = {}
        if entry.is_snapshot:
            for half in (self.ladder.bids, self.ladder.asks):
                changed.update(((half.is_bid, ticks), Level(half.is_bid, ticks, ZERO)) for ticks, _ in half.levels())
            self.ladder.clear()
        for update in entry.updates:
            is_bid, size = update.side == "bid", Decimal(update.new_quantity)
            ticks = int(Decimal(update.price_level) / self.listing.price_increment)
            self.ladder.half(is_bid=is_bid).put(ticks, size)
            changed[is_bid, ticks] = Level(is_bid, ticks, size)
        trades = tuple(self._repeated(trade, entry.time) for trade in entry.trades)
        return Step(self.listing.product_id, entry.time, tuple(changed.values()), trades)

    def _repeated(self, row: _Trade, time: float) -> PublicTrade:
        price = Decimal(row.price)
        ticks = int(price / self.listing.price_increment)
        trade = PublicTrade(int(row.trade_id), ticks, price, Decimal(row.size), Side(row.side), time)
        self.taped(trade)
        return trade

    def taken(self, *, is_bid: bool, ticks: int, size: Decimal) -> Level:
        """Remove size that a client took; it stays away until the recording speaks of the level again."""
        half = self.ladder.half(is_bid=is_bid)
        left = self.listing.lots_down(max(ZERO, half.size_at(ticks) - size))
        half.put(ticks, left)
        return Level(is_bid, ticks, left)
