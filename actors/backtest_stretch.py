"""Stretches of a backtest in which nobody wants anything: many bars told to the actors at once, with the result of one by one.

Most bars end in "no signal" or "holding" and change nothing but windows, marks and samples. Before a stretch every symbol says how many
of the next bars it could let pass, and risk how many of those ring no alarm; the smallest number is taken in one message each, and the
bar after it goes the ordinary way. Both sides compute what they would have computed bar by bar, so a run with stretches and one without
write the same events to the byte (tests/backtest). Imported by `backtest.py` only.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from actors.backtest_market import History, Walk
from actors.backtest_quotes import QuoteMaker
from actors.backtest_system import BacktestSystem
from actors.backtest_venue import InProcessVenue
from actors.messages import MarkRuns
from actors.risk import Risk
from actors.straight import StraightAddress, StraightStage
from actors.symbol import Symbol
from trader.market.quote import MarkRun
from trader.report.performance import EquityCurve

BARS_MIN, BARS_MAX = 32, 256
"""Bars looked ahead at once, first and at most: what is looked at in vain is lost, and a longer look saves little."""


class Stretches:
    """Passes over quiet bars between two ordinary ones."""

    def __init__(
        self,
        history: History,
        makers: Sequence[QuoteMaker],
        stage: StraightStage,
        system: BacktestSystem,
        venue: InProcessVenue,
        curve: EquityCurve,
    ) -> None:
        self._seconds = history.seconds
        self._names = [one.instrument.symbol for one in history.series]
        self._series, self._makers = history.series, makers
        self._stage, self._venue, self._curve = stage, venue, curve
        self._risk_address = system.addresses.risk
        self._symbol_addresses = [system.addresses.symbols[name] for name in self._names]
        risk = _actor(system.addresses.risk)
        assert isinstance(risk, Risk)
        self._risk = risk
        self._symbols = [_symbol(address) for address in self._symbol_addresses]

    def pass_quiet(self, walk: Walk, before: float) -> int:
        """Move on over as many steps as need nobody, all ending before a market time; return how many."""
        passed, ahead = 0, BARS_MIN
        while True:
            count = walk.unbroken(ahead, before)
            marks = self._look(walk.cursors, count) if count else []
            if not marks or not marks[0]:
                return passed
            self._take(walk, marks)
            passed += len(marks[0])
            if len(marks[0]) < count:
                return passed
            ahead = min(2 * ahead, BARS_MAX)

    def _look(self, cursors: Sequence[int], count: int) -> list[list[int]]:
        """Return the marks of the next quiet bars, a row each series; empty rows when the next bar needs somebody."""
        rows = []
        for maker, symbol, series, at in zip(self._makers, self._symbols, self._series, cursors, strict=True):
            row = maker.marks(at, count)
            count = min(len(row), symbol.quiet_bars(series.start[at], self._seconds, row)) if row else 0
            if not count:
                return []
            rows.append(row)
        rows = [row[:count] for row in rows]
        count = self._risk.desk.quiet_bars(dict(zip(self._names, rows, strict=True)), self._seconds)
        return [row[:count] for row in rows]

    def _take(self, walk: Walk, marks: list[list[int]]) -> None:
        """Tell everyone about the bars, and move clocks, venue and equity curve to their end."""
        count, cursors, time = len(marks[0]), walk.cursors, self._stage.time
        first_end = self._series[0].start[cursors[0]] + self._seconds
        moment = first_end + (count - 1) * self._seconds
        if not self._venue.wallets.is_flat:
            self._draw(marks, first_end)
        time.machine_time = machine_time = moment - time.market_offset
        self._venue.market_time = moment
        runs = []
        for number, maker in enumerate(self._makers):
            last = cursors[number] + count - 1
            maker.price(self._venue, last)
            quote, book = maker.make(last, moment, machine_time)
            runs.append(MarkRun(self._names[number], tuple(marks[number]), float(self._seconds), quote, book))
            cursors[number] = last + 1
        self._stage.deliver(self._risk_address, MarkRuns(tuple(runs)))
        for address, run in zip(self._symbol_addresses, runs, strict=True):
            self._stage.deliver(address, run)

    def _draw(self, marks: list[list[int]], first_end: int) -> None:
        """Add the equity at the end of every bar, by the venue's own books."""
        equity = self._venue.equity()
        worth: list[list[Decimal]] = []
        for name, row in zip(self._names, marks, strict=True):
            unit = self._venue.worth_of_half_tick(name)
            if unit:
                before = self._venue.half_ticks(name)
                worth.append([unit * (mark - before) for mark in row])
        total = worth[0] if len(worth) == 1 else [sum(each, Decimal(0)) for each in zip(*worth, strict=True)]
        self._curve.extend(first_end, self._seconds, [equity + change for change in total])


def _actor(address: object) -> object:
    assert isinstance(address, StraightAddress), "stretches need the straight stage"
    return address.actor


def _symbol(address: object) -> Symbol:
    actor = _actor(address)
    assert isinstance(actor, Symbol)
    return actor
