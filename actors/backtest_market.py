"""Recorded candles as compact columns, and the steps in time that a backtest walks over them.

Six machine words a candle and symbol, so a million candles are 48 MB and nothing grows with the run. Only the backtest's command, its
driver and tests import this.
"""

from __future__ import annotations

import csv
import gzip
import zlib
from array import array
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from math import ceil, isfinite
from pathlib import Path

import msgspec

from actors.backtest_models import MarketModels
from trader.exchange.candle_path import CandleFileError, product_of
from trader.exchange.listing import Listing, derivative_listings, spot_listings
from trader.market.instrument import Instrument, ProductKind

COLUMNS = ("time", "open", "high", "low", "close", "volume")
HOUR_S = 3600


class Series:
    """One product's candles, oldest first: start in UNIX seconds, prices in ticks, volume in whole units of quote currency."""

    __slots__ = ("close", "high", "instrument", "low", "open", "seconds", "start", "volume")

    def __init__(self, instrument: Instrument, seconds: int) -> None:
        self.instrument = instrument
        self.seconds = seconds
        self.start, self.open, self.high = array("q"), array("q"), array("q")
        self.low, self.close, self.volume = array("q"), array("q"), array("q")

    def __len__(self) -> int:
        return len(self.start)

    def append(self, start: int, opened: int, high: int, low: int, close: int, volume: int) -> None:
        """Add one candle."""
        self.start.append(start)
        self.open.append(opened)
        self.high.append(high)
        self.low.append(low)
        self.close.append(close)
        self.volume.append(volume)

    def between(self, begin: float, end: float) -> Series:
        """Return the candles that start within [begin, end)."""
        kept = Series(self.instrument, self.seconds)
        for at, start in enumerate(self.start):
            if begin <= start < end:
                kept.append(start, self.open[at], self.high[at], self.low[at], self.close[at], self.volume[at])
        return kept


class History(msgspec.Struct, frozen=True):
    """Everything a backtest runs over: series of one candle length, at most one per symbol."""

    series: tuple[Series, ...]
    seconds: int

    @property
    def bars(self) -> int:
        """Candles of all series together."""
        return sum(len(one) for one in self.series)

    @property
    def first_end(self) -> int:
        """When the first candle of all ends."""
        return min(one.start[0] for one in self.series) + self.seconds

    @property
    def last_end(self) -> int:
        """When the last candle of all ends."""
        return max(one.start[-1] for one in self.series) + self.seconds


class Walk:
    """A way over a history. `cursors` are the next candle of each series; between two steps they may be moved on."""

    __slots__ = ("_history", "cursors")

    def __init__(self, history: History) -> None:
        self._history = history
        self.cursors = [0] * len(history.series)

    def steps(self) -> Iterator[tuple[int, tuple[tuple[int, int], ...]]]:
        """Yield each end of candles in order of time with (series, candle) for every candle that ends then."""
        seconds, all_series, cursors = self._history.seconds, self._history.series, self.cursors
        if len(all_series) == 1:
            starts = all_series[0].start
            while (at := cursors[0]) < len(starts):
                cursors[0] = at + 1
                yield starts[at] + seconds, ((0, at),)
            return
        while True:
            waiting = [
                (one.start[cursors[number]], number)
                for number, one in enumerate(all_series)
                if cursors[number] < len(one)
            ]
            if not waiting:
                return
            start = min(waiting)[0]
            due = tuple((number, cursors[number]) for began, number in waiting if began == start)
            for number, _ in due:
                cursors[number] += 1
            yield start + seconds, due

    def unbroken(self, most: int, before: float) -> int:
        """How many steps from here on have a candle of every series and no hole, `most` at most, all ending before a moment."""
        seconds, count, first = self._history.seconds, most, None
        for one, at in zip(self._history.series, self.cursors, strict=True):
            start = one.start
            if at >= len(start):
                return 0
            if first is None:
                first = start[at]
                count = ceil(min((before - first) / seconds, most + 1)) - 1
            elif start[at] != first:
                return 0
            count = min(count, len(start) - at)
            if count > 0 and start[at + count - 1] - first != (count - 1) * seconds:
                count = next(n for n in range(count) if start[at + n] - first != n * seconds)
        return max(count, 0)


def load_history(
    files: Sequence[str], models: MarketModels, symbols: Sequence[str] | None, begin: float, end: float
) -> History:
    """Read the files (PRODUCT=FILE, or a name that says the product); CandleFileError names file, line and remedy."""
    series = []
    for wanted in files:
        name, equals, rest = wanted.partition("=")
        file = Path(rest if equals else wanted)
        instrument = instrument_of(name.upper() if equals else product_of(file), models)
        if symbols and instrument.symbol not in symbols and instrument.product_id not in symbols:
            continue
        series.append(read_series(file, instrument).between(begin, end))
    if not series:
        raise CandleFileError(
            f"none of the files holds {', '.join(symbols or ())}; check --symbols against the file names"
        )
    return joined(series)


def joined(series: Sequence[Series]) -> History:
    """Put series together; CandleFileError where they do not fit."""
    empty = [one.instrument.symbol for one in series if len(one) < 2]
    if empty:
        raise CandleFileError(f"{', '.join(empty)}: fewer than 2 candles are left; widen --from and --to")
    names = [one.instrument.symbol for one in series]
    if len(set(names)) != len(names):
        raise CandleFileError(f"two files for one symbol among {', '.join(names)}; join them into one file")
    lengths = {one.seconds for one in series}
    if len(lengths) > 1:
        raise CandleFileError(f"candles of {sorted(lengths)} s cannot run together; give files of one length")
    return History(tuple(series), lengths.pop())


def instrument_of(product_id: str, models: MarketModels) -> Instrument:
    """Return the rules by which a product trades in a backtest: those of the embedded exchange."""
    known = spot_listings()
    known |= derivative_listings(known)
    listing = known.get(product_id) or known.get(f"{product_id}-INTX") or known.get(product_id.removesuffix("C"))
    if listing is None:
        raise CandleFileError(f"{product_id} is not listed here; one of {', '.join(sorted(known))}, or PRODUCT=FILE")
    if listing.is_derivative:
        return _perpetual(listing, models)
    base, _, quote = product_id.partition("-")
    return Instrument(
        symbol=product_id,
        product_id=product_id,
        kind=ProductKind.SPOT,
        base=base,
        quote=quote,
        price_increment=listing.price_increment,
        base_increment=listing.base_increment,
        base_min_size=listing.base_min_size,
        base_max_size=listing.base_max_size,
        quote_min_size=listing.quote_min_size,
    )


def _perpetual(listing: Listing, models: MarketModels) -> Instrument:
    return Instrument(
        symbol=f"{listing.base}-PERP",
        product_id=listing.product_id,
        kind=ProductKind.PERPETUAL,
        base=listing.base,
        quote=listing.quote,
        price_increment=listing.price_increment,
        base_increment=listing.base_increment,
        base_min_size=listing.base_min_size,
        base_max_size=listing.base_max_size,
        quote_min_size=listing.quote_min_size,
        contract_size=listing.contract_size,
        max_leverage=Decimal(listing.max_leverage or 10),
        funding_rate=models.funding_rate_hourly,
        funding_time=0.0,
        funding_interval_s=HOUR_S,
    )


def read_series(file: Path, instrument: Instrument) -> Series:
    """Read a CSV (or .csv.gz) file of candles, oldest first. A perpetual's volume is in quote currency, a spot pair's in base units."""
    try:
        opened = gzip.open if file.suffix == ".gz" else Path.open
        with opened(file, "rt", newline="", encoding="utf-8-sig") as stream:
            return _parsed(file, csv.reader(stream), instrument)
    except (OSError, EOFError, UnicodeDecodeError, csv.Error, zlib.error) as error:
        raise CandleFileError(f"{file}: cannot be read ({error}); give a CSV or .csv.gz file of candles") from None


def _parsed(file: Path, rows: Iterator[list[str]], instrument: Instrument) -> Series:
    header = next(rows, [])
    missing = [column for column in COLUMNS if column not in header]
    if missing:
        raise CandleFileError(
            f"{file}: column {missing[0]!r} is missing; the first line must name {', '.join(COLUMNS)}"
        )
    places = [header.index(column) for column in COLUMNS]
    series = Series(instrument, 0)
    per_tick = float(instrument.price_increment)
    shortest, last = HOUR_S * 24, -HOUR_S * 24
    for line, row in enumerate(rows, 2):
        if not row:
            continue
        try:
            start = _moment(row[places[0]])
            prices = [float(row[place]) for place in places[1:5]]
            volume = float(row[places[5]])
        except (IndexError, ValueError):
            raise CandleFileError(f"{file}, line {line}: not a candle: {row}; remove or correct it") from None
        opening, high, low, close = prices
        if (
            not (0 < low <= min(opening, close) <= max(opening, close) <= high)
            or not isfinite(high + volume)
            or volume < 0
        ):
            raise CandleFileError(f"{file}, line {line}: prices or volume are out of order: {row}; correct it")
        if start <= last:
            raise CandleFileError(
                f"{file}, line {line}: {row[places[0]]} does not come after the line before; sort the file by time"
            )
        shortest, last = min(shortest, start - last), start
        worth = volume if instrument.is_derivative else volume * close
        ticks = [max(round(price / per_tick), 1) for price in prices]
        series.append(start, ticks[0], ticks[1], ticks[2], ticks[3], int(worth))
    series.seconds = int(shortest)
    return series


def _moment(text: str) -> int:
    if text.isdigit():
        return int(text)
    moment = datetime.fromisoformat(text)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
