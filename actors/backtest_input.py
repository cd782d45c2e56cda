"""What a backtest is given, read and judged before anything runs: the market files, the span, the models' numbers, the folder for results.

Everything wrong raises CandleFileError with one sentence that names the remedy; the command ends with the usage code then. Imported by
`backtest_command.py` and tests.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryFile

import msgspec

from actors.backtest_envelopes import SUFFIXES, Envelopes, load_envelopes
from actors.backtest_market import History, Series, load_history
from actors.backtest_models import MarketModels
from trader.exchange.candle_path import CandleFileError
from trader.market.clock import utc_text
from trader.market.instrument import Instrument

YEAR_10000 = 253_402_300_800
RANGES = {
    "spread_bps": ("0", "1000"),
    "level_usd": ("1", "1000000000"),
    "level_bps": ("0", "1000"),
    "slippage_bps": ("0", "1000"),
    "maker_fee": ("-0.1", "0.1"),
    "taker_fee": ("0", "0.1"),
    "funding_rate_hourly": ("-0.1", "0.1"),
}
"""Lowest and highest number of each model, by its field; a maker may be paid."""


class Market(msgspec.Struct, frozen=True):
    """What the files hold, whichever they are: what is counted, how long a bar is by default, and when it begins and ends."""

    recorded: History | Envelopes
    instruments: tuple[Instrument, ...]
    bar_seconds: int
    total: int
    unit: str
    begin: float
    end: float


def read_market(
    files: Sequence[str], models: MarketModels, symbols: Sequence[str] | None, begin: float | None, end: float | None
) -> Market:
    """Read candles, one file per symbol, or one recording of envelopes; nothing is left out in silence."""
    if begin is not None and end is not None and begin >= end:
        raise CandleFileError(f"--from {utc_text(begin)} is not before --to {utc_text(end)}; swap or widen them")
    try:
        if any(name.endswith(SUFFIXES) for name in files):
            market = _recording(files, symbols, whole=begin is None and end is None)
        else:
            market = _candles(files, models, symbols, begin, end)
    except zlib.error as error:
        raise CandleFileError(f"{', '.join(files)}: damaged inside ({error}); fetch it again or pack it anew") from None
    except OverflowError:
        text = "a price, a volume or a time is beyond every market; times are UNIX seconds or like 2023-03-10T12:00"
        raise CandleFileError(f"{', '.join(files)}: {text}") from None
    known = {name for one in market.instruments for name in (one.symbol, one.product_id)}
    missing = [name for name in symbols or () if name not in known]
    if missing:
        raise CandleFileError(f"none of the files holds {', '.join(missing)}; check --symbols against the files")
    return market


def _recording(files: Sequence[str], symbols: Sequence[str] | None, *, whole: bool) -> Market:
    if len(files) > 1 or not whole:
        raise CandleFileError("a recording of envelopes runs alone and whole; give one file, without --from and --to")
    found = load_envelopes(Path(files[0]), symbols)
    return Market(found, found.instruments, 1, found.messages, "messages", found.begin, found.end)


def _candles(
    files: Sequence[str], models: MarketModels, symbols: Sequence[str] | None, begin: float | None, end: float | None
) -> Market:
    beyond = float("inf")
    history = load_history(files, models, symbols, -beyond if begin is None else begin, beyond if end is None else end)
    for series in history.series:
        _check_grid(series, history.seconds)
    instruments = tuple(one.instrument for one in history.series)
    first = float(history.first_end - history.seconds)
    return Market(history, instruments, history.seconds, history.bars, "candles", first, float(history.last_end))


def _check_grid(series: Series, seconds: int) -> None:
    """Refuse candles that do not lie on a grid of their own length: their bars would close late or hold two."""
    symbol, starts = series.instrument.symbol, series.start
    if starts[-1] >= YEAR_10000:
        raise CandleFileError(f"{symbol}: {starts[0]} is no time in seconds; divide milliseconds by 1000")
    if min(later - earlier for earlier, later in pairwise(starts)) > seconds:
        raise CandleFileError(f"{symbol}: candles longer than a day cannot be run; give shorter ones")
    uneven = next((start for start in starts if start % seconds), None)
    if uneven is not None:
        text = f"the candle of {utc_text(uneven)} does not begin at a whole multiple of {seconds} s"
        raise CandleFileError(f"{symbol}: {text}, the shortest distance of two; correct the times")


def number_within(name: str, text: str) -> Decimal:
    """Return a model's number; ValueError says what is wrong with it."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"{text} is not a number") from None
    low, high = RANGES[name]
    if not value.is_finite() or not Decimal(low) <= value <= Decimal(high):
        raise ValueError(f"{text} is out of range; give a number from {low} to {high}")
    return value


def moment(text: str) -> float:
    """Return a day or a time of day as UNIX seconds, UTC where it does not say otherwise; ValueError with the remedy."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is no time; write 2023-03-10 or 2023-03-10T12:00") from None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def prepare_folder(folder: Path) -> None:
    """Make the folder for the results and prove that it takes a file, before an hour is spent on them."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        text = f"--out {folder} takes no files ({error.strerror}); name a folder that you may write to"
        raise CandleFileError(text) from None
