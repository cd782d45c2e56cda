"""The backtest: recorded candles walked through the live actors, one step per candle end, with the bar as the clock.

Each step moves both clocks, lets risk hear that the feeds live, gives every symbol the quote and the book of its candle's close, and
handles all that follows. Ticks go out only when something is due: the UTC day, a funding time, the end of a hold, a resting order.
Any exception, death or dead letter ends the run with a StageError that names the bar. Imported by the command, tests and benchmarks.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from math import inf
from pathlib import Path

import msgspec

from actors.backtest_account import opening_funds
from actors.backtest_book import Execution
from actors.backtest_market import HOUR_S, History, Walk
from actors.backtest_models import MarketModels
from actors.backtest_quotes import QuoteMaker
from actors.backtest_stretch import Stretches
from actors.backtest_system import BacktestSystem, DigestJournal, DrivenStage
from actors.backtest_venue import InProcessVenue
from actors.messages import FeedState, Resume
from actors.reports import RiskReport
from actors.straight import StageError, StraightStage
from trader.config import Settings
from trader.market.clock import SECONDS_PER_DAY
from trader.report.performance import EquityCurve
from trader.report.round_trips import ClosedTrade, RoundTrips
from trader.risk.holds import Hold, HoldTable

LEAD_S = 30
"""The system starts this long before the first candle ends, so that everyone is ready for it."""
PROGRESS_EVERY = 4096


class Outcome(msgspec.Struct, frozen=True):
    """What a run came to. `bars` are candles handled, `orders_sent` those that left risk, `holds` every hold in the order placed."""

    bars: int
    curve: EquityCurve
    trades: tuple[ClosedTrade, ...]
    executions: int
    exposed_s: float
    open_symbols: tuple[str, ...]
    holds: tuple[Hold, ...]
    risk: RiskReport
    events: dict[str, int]
    digest: str


class Results:
    """Gathers trades and equity while the run goes on."""

    def __init__(self, contract_sizes: dict[str, Decimal]) -> None:
        self.curve = EquityCurve()
        self.round_trips = RoundTrips()
        self.trades: list[ClosedTrade] = []
        self.executions = 0
        self._contract_sizes = contract_sizes

    def on_execution(self, execution: Execution) -> None:
        """Take one execution as the venue made it."""
        self.executions += 1
        closed = self.round_trips.add(
            execution.symbol,
            execution.size,
            execution.price,
            execution.fee,
            execution.market_time,
            self._contract_sizes[execution.symbol],
        )
        if closed is not None:
            self.trades.append(closed)


class Backtest:
    """One run. Build it, `run` it once."""

    def __init__(
        self,
        settings: Settings,
        history: History,
        models: MarketModels,
        *,
        stage: DrivenStage | None = None,
        folder: Path = Path(),
        resume_daily: bool = False,
        keep_events: bool = False,
        one_by_one: bool = False,
    ) -> None:
        self.history = history
        self._models = models
        self._resume_daily = resume_daily
        self._one_by_one = one_by_one
        instruments = {one.instrument.symbol: one.instrument for one in history.series}
        self._stage = stage if stage is not None else StraightStage(history.first_end - LEAD_S)
        self._start = self._stage.time.market_offset
        funds = opening_funds(list(instruments.values()), settings.paper.equity_usd)
        time = self._stage.time
        self.venue = InProcessVenue(list(instruments.values()), models, funds, lambda: time.machine_time)
        self.results = Results({symbol: one.contract_size for symbol, one in instruments.items()})
        self.venue.on_execution = self.results.on_execution
        self.journal = DigestJournal(keep=keep_events)
        self.system = BacktestSystem(self._stage, settings, instruments, self.venue, self.journal, folder)
        self.system.holds.changed = self._see_due
        self._quotes = [QuoteMaker(one, models) for one in history.series]
        self._funded = [symbol for symbol, one in instruments.items() if one.is_derivative]
        self._next_day = (history.first_end // SECONDS_PER_DAY + 1) * SECONDS_PER_DAY
        self._next_funding = (self._start // HOUR_S + 1) * HOUR_S if self._funded else inf
        self._due = min(self._next_day, self._next_funding)
        self._bar = 0
        self._moment = float(history.first_end)

    def run(self, on_progress: Callable[[int, float], None] = lambda _bars, _time: None) -> Outcome:
        """Walk over the whole history; `on_progress` hears the number of candles done and the market time now and then."""
        try:
            self.system.start()
            self._walk(on_progress)
            self._finish()
        except Exception as error:
            raise stage_error(f"bar {self._bar} of {self.history.bars}", self._moment, error) from error
        return outcome_of(self.system, self.results, self._bar, float(self.history.last_end))

    # --- the walk ----------------------------------------------------------------------------------------------------------

    def _walk(self, on_progress: Callable[[int, float], None]) -> None:
        time, venue, deliver, start = self._stage.time, self.venue, self._stage.deliver, self._start
        makers, addresses = self._quotes, self.system.addresses
        risk = addresses.risk
        symbols = [addresses.symbols[one.instrument.symbol] for one in self.history.series]
        add_point, wallets = self.results.curve.add, venue.wallets
        told_at = PROGRESS_EVERY
        exposed = True
        walk, width = Walk(self.history), len(symbols)
        stretches = self._stretches()
        for moment, candles in walk.steps():
            self._moment = moment
            while self._due <= moment:
                self._tick(self._due)
            machine_time = time.machine_time = moment - start
            venue.market_time = moment
            for number, at in candles:
                makers[number].price(venue, at)
            if venue.resting_orders:
                self._rest(candles)
            deliver(risk, FeedState(True, True, machine_time, machine_time))
            for number, at in candles:
                quote, book = makers[number].make(at, moment, machine_time)
                deliver(risk, book)
                deliver(risk, quote)
                symbol = symbols[number]
                deliver(symbol, book)
                deliver(symbol, quote)
            self._bar += len(candles)
            if exposed or not wallets.is_flat:
                exposed = not wallets.is_flat
                add_point(moment, venue.equity())
            if stretches is not None and not venue.resting_orders:
                self._bar += width * stretches.pass_quiet(walk, self._due)
            if self._bar >= told_at:
                told_at = self._bar + PROGRESS_EVERY
                on_progress(self._bar, moment)

    def _stretches(self) -> Stretches | None:
        """What passes over quiet bars; None where the stage shuffles, and where every bar shall go its own way."""
        if self._one_by_one or not isinstance(self._stage, StraightStage):
            return None
        return Stretches(self.history, self._quotes, self._stage, self.system, self.venue, self.results.curve)

    def _rest(self, candles: tuple[tuple[int, int], ...]) -> None:
        """Let the candles that have just ended fill resting orders, and everyone see the time: orders grow old."""
        for number, at in candles:
            series = self.history.series[number]
            self.venue.trade_through(series.instrument.symbol, series.low[at], series.high[at])
        self._stage.drain()
        self.system.tick()

    def _tick(self, due: float) -> None:
        """Do what is due at a moment between or at candle ends, before the quotes of that moment."""
        self._stage.time.machine_time = max(due - self._start, self._stage.time.machine_time)
        self.venue.market_time = due
        if due == self._next_funding:
            self._next_funding += HOUR_S
            for symbol in self._funded:
                self.venue.charge_funding(symbol)
        self.system.tick()
        if due == self._next_day:
            self._next_day += SECONDS_PER_DAY
            self.system.check_books()
            if self._resume_daily:
                self.system.addresses.supervisor.tell(Resume("", "the backtest's operator"))
                self.system.tick()
        self._see_due()

    def _see_due(self, _table: HoldTable | None = None) -> None:
        """Work out when the next tick is due: the UTC day, a funding time, or the end of a hold."""
        self._due = min(self._next_day, self._next_funding, self.system.holds.next_end())

    # --- the end -----------------------------------------------------------------------------------------------------------

    def _finish(self) -> None:
        """See the end of the last candle from every side: counts are told, the books compared."""
        self.system.tick()
        self.system.tick()
        self.system.check_books()
        self.results.curve.add(float(self.history.last_end), self.venue.equity())


def outcome_of(system: BacktestSystem, results: Results, bars: int, until: float) -> Outcome:
    """Put together what a run came to that ended at market time `until`."""
    return Outcome(
        bars=bars,
        curve=results.curve,
        trades=tuple(results.trades),
        executions=results.executions,
        exposed_s=results.round_trips.exposed_s(until),
        open_symbols=results.round_trips.open_symbols,
        holds=tuple(system.holds.placed),
        risk=system.report("risk", RiskReport),
        events=dict(sorted(system.journal.counts.items())),
        digest=system.journal.digest,
    )


def stage_error(where: str, market_time: float, error: Exception) -> StageError:
    """Return the error that ends a run, with the place it happened at."""
    told = str(error) if isinstance(error, StageError) else f"{type(error).__name__}: {error}"
    return StageError(f"{where}, market time {market_time:.0f}: {told}")


def run_backtest(
    settings: Settings, history: History, models: MarketModels, *, folder: Path = Path(), resume_daily: bool = False,
    on_progress: Callable[[int, float], None] = lambda _bars, _time: None,
) -> Outcome:  # fmt: skip
    """Run the straight way and clean up after it. Raises StageError."""
    with StraightStage(history.first_end - LEAD_S) as stage:
        return Backtest(settings, history, models, stage=stage, folder=folder, resume_daily=resume_daily).run(
            on_progress
        )
