"""A backtest over recorded WebSocket envelopes: the live frame handler, the recorded books, and the live actors.

The messages pass the very decoder, sequence guard and book keeping of the live feed; orders meet the recorded ten levels. Bars close
by marks and by a tick a second, as live. Imported by the backtest's command and tests.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path

import msgspec

from actors.backtest import LEAD_S, PROGRESS_EVERY, Outcome, Results, outcome_of, stage_error
from actors.backtest_account import opening_funds
from actors.backtest_models import MarketModels
from actors.backtest_system import BacktestSystem, DigestJournal
from actors.backtest_venue import InProcessVenue
from actors.straight import StraightStage
from trader.coinbase.frames import AnyFrame, read_frame
from trader.coinbase.market_frames import MarketHandler
from trader.coinbase.sequence import SequenceGuard
from trader.coinbase.wire import BadPayload, moment
from trader.config import Settings
from trader.exchange.candle_path import CandleFileError
from trader.market.instrument import Instrument, ProductKind
from trader.market.quote import BookTop, Quote
from trader.venue import FeedItem

SUFFIXES = (".jsonl", ".jsonl.gz")
TICK_S = 1.0
DECIMALS_MAX = 8
_PRODUCT = re.compile(rb'"product_id": ?"([A-Z0-9-]{3,32})"')


class _Stamp(msgspec.Struct):
    """When a message came: the recorder's own stamp, or the venue's."""

    timestamp: str = ""
    arrived: float | None = msgspec.field(default=None, name="_recv")


class _Level(msgspec.Struct):
    price_level: str = ""
    new_quantity: str = ""


class _Event(msgspec.Struct):
    product_id: str = ""
    updates: list[_Level] = []


class _Books(msgspec.Struct):
    channel: str = ""
    events: list[_Event] = []


class Envelopes(msgspec.Struct, frozen=True):
    """One recording: its file, its products, its first and last moment (UNIX seconds), how many messages it holds, and what
    it holds that does not run.
    """

    file: Path
    instruments: tuple[Instrument, ...]
    begin: float
    end: float
    messages: int
    left_out: str = ""

    def lines(self) -> Iterator[tuple[float, bytes]]:
        """Yield every message with its moment, in the order recorded."""
        yield from _lines(self.file)


def _lines(file: Path) -> Iterator[tuple[float, bytes]]:
    decode = msgspec.json.Decoder(_Stamp).decode
    try:
        with gzip.open(file, "rb") if file.suffix == ".gz" else file.open("rb") as stream:
            for number, raw in enumerate(stream, 1):
                try:
                    stamp = decode(raw)
                    at = stamp.arrived if stamp.arrived is not None else moment(stamp.timestamp)
                except (msgspec.DecodeError, BadPayload) as error:
                    raise CandleFileError(f"{file}, line {number}: no envelope ({error}); remove the line") from None
                if at is None:
                    raise CandleFileError(f"{file}, line {number}: an envelope without its time; remove the line")
                yield at, raw
    except (OSError, EOFError) as error:
        raise CandleFileError(
            f"{file}: cannot be read ({error}); give a .jsonl or .jsonl.gz file of envelopes"
        ) from None


def load_envelopes(file: Path, symbols: Sequence[str] | None) -> Envelopes:
    """Read through a recording once: products with their grids, times, number of messages. Raises CandleFileError."""
    digits: dict[str, tuple[int, int]] = {}
    named: set[str] = set()
    begin, end, count = float("inf"), 0.0, 0
    decode = msgspec.json.Decoder(_Books).decode
    for at, raw in _lines(file):
        begin, end, count = min(begin, at), max(end, at), count + 1
        if b'"l2_data"' not in raw[:200]:
            named.update(one.decode() for one in _PRODUCT.findall(raw))
        else:
            for event in decode(raw).events:
                price, size = digits.get(event.product_id, (0, 0))
                for row in event.updates[:500]:
                    price, size = max(price, _decimals(row.price_level)), max(size, _decimals(row.new_quantity))
                digits[event.product_id] = price, size
    wanted = [name for name in digits if not symbols or name in symbols]
    usable = [name for name in wanted if name.endswith(("-USD", "-USDC"))]
    if not usable:
        raise CandleFileError(
            f"{file}: holds books of {', '.join(sorted(digits)) or 'nothing'}; none in USD or USDC was asked for"
        )
    instruments = tuple(_instrument(name, *digits[name]) for name in sorted(usable))
    left_out = _left_out(named | set(digits), set(digits), set(wanted), set(usable))
    return Envelopes(file, instruments, begin, end, count, left_out)


def _left_out(named: set[str], booked: set[str], wanted: set[str], usable: set[str]) -> str:
    """Name the products that do not run, by cause; "" when all do."""
    causes = (
        ("no order book of them is recorded", named - booked),
        ("not asked for with --symbols", booked - wanted),
        ("their quote is neither USD nor USDC", wanted - usable),
    )
    return "; ".join(f"{', '.join(sorted(names))} ({cause})" for cause, names in causes if names)


def _decimals(text: str) -> int:
    return min(len(text.rstrip("0").partition(".")[2]), DECIMALS_MAX)


def _instrument(product_id: str, price_digits: int, size_digits: int) -> Instrument:
    """The rules of a product as its recorded book shows them: the finest price and quantity seen."""
    base, _, quote = product_id.partition("-")
    lot = Decimal(1).scaleb(-size_digits)
    return Instrument(
        product_id, product_id, ProductKind.SPOT, base, quote, Decimal(1).scaleb(-price_digits), lot, lot,
        Decimal(10**9), Decimal(1),
    )  # fmt: skip


class EnvelopeBacktest:
    """One run over one recording."""

    def __init__(
        self, settings: Settings, envelopes: Envelopes, models: MarketModels, stage: StraightStage, folder: Path
    ) -> None:
        self._envelopes = envelopes
        self._stage = stage
        instruments = {one.symbol: one for one in envelopes.instruments}
        funds = opening_funds(envelopes.instruments, settings.paper.equity_usd)
        self.venue = InProcessVenue(envelopes.instruments, models, funds, lambda: stage.time.machine_time)
        self.results = Results({symbol: one.contract_size for symbol, one in instruments.items()})
        self.venue.on_execution = self.results.on_execution
        self.journal = DigestJournal()
        self.system = BacktestSystem(stage, settings, instruments, self.venue, self.journal, folder, candles=False)
        self._handler = MarketHandler(envelopes.instruments)
        self._guard = SequenceGuard()
        self._done = 0

    def run(self, on_progress: Callable[[int, float], None]) -> Outcome:
        """Walk over the recording. Raises StageError."""
        at = self._envelopes.begin
        try:
            self.system.start()
            self._handler.opened(self._stage.time.machine_time)
            next_tick = at + TICK_S
            for at, raw in self._envelopes.lines():
                while next_tick <= at:
                    self._move_to(next_tick)
                    self.system.tick()
                    next_tick += TICK_S
                self._move_to(at)
                self.system.beat()
                self._take(raw)
                self._done += 1
                if self._done % PROGRESS_EVERY == 0:
                    on_progress(self._done, at)
            for _ in range(2):
                self.system.tick()
            self.system.check_books()
            self.results.curve.add(self._envelopes.end, self.venue.equity())
        except Exception as error:
            raise stage_error(f"message {self._done} of {self._envelopes.messages}", at, error) from error
        return outcome_of(self.system, self.results, self._done, self._envelopes.end)

    def _move_to(self, moment_: float) -> None:
        time = self._stage.time
        time.machine_time = max(time.machine_time, moment_ - time.market_offset)
        self.venue.market_time = moment_

    def _take(self, raw: bytes) -> None:
        """Let one message through the live feed's own parts and deliver what they make of it."""
        now = self._stage.time.machine_time
        frame = read_frame(raw)
        if not isinstance(frame, AnyFrame):
            return
        sighting = self._guard.see(frame.sequence_num)
        items: list[FeedItem] = self._handler.lost("gap", now) if sighting.gap_detected else []
        items += self._handler.frame(frame, sighting, now)
        items += self._handler.tick(now, None)
        for item in items:
            if isinstance(item, Quote | BookTop):
                self._deliver(item)

    def _deliver(self, item: Quote | BookTop) -> None:
        addresses = self.system.addresses
        if isinstance(item, BookTop):
            self.venue.set_levels(item.symbol, item.bids, item.asks)
        elif not item.tainted and item.bid > 0:
            self.venue.set_touch(item.symbol, item.bid, item.ask)
            self._stage.drain()
            self.results.curve.add(self.venue.market_time, self.venue.equity())
        self._stage.deliver(addresses.risk, item)
        self._stage.deliver(addresses.symbols[item.symbol], item)


def run_envelopes(
    settings: Settings, envelopes: Envelopes, models: MarketModels, *, folder: Path = Path(),
    on_progress: Callable[[int, float], None] = lambda _messages, _time: None,
) -> Outcome:  # fmt: skip
    """Run a recording the straight way and clean up after it. Raises StageError."""
    with StraightStage(envelopes.begin - LEAD_S) as stage:
        return EnvelopeBacktest(settings, envelopes, models, stage, folder).run(on_progress)
