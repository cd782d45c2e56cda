"""A path through recorded one-minute candles, and the reader of their files. Imported by setup.py.

Within a minute the price goes from the open over both extremes to the close, the nearer-in-spirit extreme first (a
rising minute dips before it climbs), and the minute's volume is spread evenly. Minutes that the record lacks keep the
last close and trade nothing.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
from bisect import bisect_left
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from trader.exchange.paths import Candle

_MINUTE_S = 60.0
_COLUMNS = ("time", "open", "high", "low", "close", "volume")
_NAME = re.compile(r"^(?P<base>[a-z0-9]+)_(?P<quote>[a-z]+)_1m", re.IGNORECASE)
_LOW_AT, _HIGH_AT = 0.25, 0.7  # where in a rising minute the extremes lie; mirrored in a falling one


class CandleFileError(Exception):
    """The file is no usable record; the message names file, line and remedy."""


def product_of(file: Path) -> str:
    """The product that a file name speaks of: btc_usd_1m… is BTC-USD, btc_perp_1m… is BTC-PERP-INTX."""
    found = _NAME.match(file.name)
    if found is None:
        raise CandleFileError(f"{file}: the name does not say the product; write PRODUCT={file}")
    base, quote = found["base"].upper(), found["quote"].upper()
    return f"{base}-PERP-INTX" if quote == "PERP" else f"{base}-{quote}"


def read_candles(file: Path, *, volume_in_quote: bool = False) -> list[Candle]:
    """All rows of a CSV (or .csv.gz) file, oldest first, volume in base units.

    CandleFileError for anything unusable.
    """
    try:
        raw = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
        text = raw.decode()
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise CandleFileError(
            f"{file}: cannot be read ({error}); give a CSV or .csv.gz file of one-minute candles"
        ) from None
    rows = csv.DictReader(io.StringIO(text))
    missing = [column for column in _COLUMNS if column not in (rows.fieldnames or ())]
    if missing:
        raise CandleFileError(
            f"{file}: column {missing[0]!r} is missing; the first line must name {', '.join(_COLUMNS)}"
        )
    candles = sorted(_parsed(file, rows, volume_in_quote=volume_in_quote), key=lambda row: row.start)
    if len(candles) < 2:
        raise CandleFileError(f"{file}: holds {len(candles)} candles; at least 2 are needed")
    return candles


def _parsed(file: Path, rows: csv.DictReader[str], *, volume_in_quote: bool) -> Iterator[Candle]:
    for row in rows:
        try:
            start = _moment(row["time"])
            opened, high, low, close, volume = (float(row[column]) for column in _COLUMNS[1:])
        except (TypeError, ValueError):
            raise CandleFileError(
                f"{file}, line {rows.line_num}: not a candle: {list(row.values())}; remove or correct it"
            ) from None
        if not (0 < low <= min(opened, close) <= max(opened, close) <= high < float("inf")) or not 0 <= volume < float(
            "inf"
        ):
            raise CandleFileError(
                f"{file}, line {rows.line_num}: low, open, close, high or volume are out of order; correct it"
            )
        yield Candle(start, opened, high, low, close, volume / close if volume_in_quote else volume)


def _moment(raw: str) -> float:
    if raw.replace(".", "", 1).isdigit():
        return float(raw)
    moment = datetime.fromisoformat(raw)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


class CandlePath:
    """The path of one product's record.

    Before the first row it stands at that row's open, after the last at its close.
    """

    def __init__(self, candles: list[Candle]) -> None:
        self._candles = candles
        self._starts = [candle.start for candle in candles]

    @property
    def first(self) -> float:
        """Start of the first candle."""
        return self._starts[0]

    @property
    def end(self) -> float:
        """End of the last candle."""
        return self._starts[-1] + _MINUTE_S

    def start_after(self, count: int) -> float:
        """Start of the candle that has `count` others before it, or of the middle one in a short record."""
        return self._starts[min(count, len(self._starts) // 2)]

    def _row_at(self, market_time: float) -> Candle:
        return self._candles[max(0, bisect_left(self._starts, market_time + 1e-6) - 1)]

    def price_at(self, market_time: float) -> float:
        """The price on the way through the minute."""
        row = self._row_at(market_time)
        if market_time < row.start:
            return row.open
        done = (market_time - row.start) / _MINUTE_S
        if done >= 1.0:
            return row.close
        rising = row.close >= row.open
        first, second = (row.low, row.high) if rising else (row.high, row.low)
        corners = ((0.0, row.open), (_LOW_AT, first), (_HIGH_AT, second), (1.0, row.close))
        for (left, start), (right, target) in pairwise(corners):
            if done <= right:
                return start + (target - start) * (done - left) / (right - left)
        return row.close

    def volume_between(self, start: float, end: float) -> float:
        """Base units: each minute's volume in proportion to the overlap."""
        index = max(0, bisect_left(self._starts, start - _MINUTE_S))
        volume = 0.0
        while index < len(self._candles) and self._starts[index] < end:
            overlap = min(end, self._starts[index] + _MINUTE_S) - max(start, self._starts[index])
            volume += self._candles[index].volume * max(0.0, overlap) / _MINUTE_S
            index += 1
        return volume

    def candle(self, start: float, seconds: float) -> Candle | None:
        """The recorded minutes that begin in [start, start + seconds), merged; None when there are none that traded."""
        rows = self._candles[bisect_left(self._starts, start) : bisect_left(self._starts, start + seconds)]
        rows = [row for row in rows if row.volume > 0]
        if not rows:
            return None
        highs, lows = max(row.high for row in rows), min(row.low for row in rows)
        return Candle(start, rows[0].open, highs, lows, rows[-1].close, sum(row.volume for row in rows))
