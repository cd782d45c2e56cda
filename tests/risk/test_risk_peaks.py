"""Peaks outlive the process: what drawdown and trailing stops are measured from is in the record within a minute."""

from decimal import Decimal

import msgspec
import pytest
from desk_builders import START, alive, at, granted, intent, make_desk, perp, report, snapshot, spot, trade, wide

from actors.bookkeeping import Bookkeeper
from actors.eventlog import EventLog
from trader.orders.order import OrderState, Side
from trader.risk.desk import RiskDesk
from trader.risk.limits import ExecutionSettings
from trader.store.events import EventName
from trader.store.memory import MemoryJournal

D = Decimal
BTC, PERP = "BTC-USD", "BTC-PERP"
LIMITS = wide(max_drawdown_pct=D("0.10"))


class Process:
    """One incarnation of the books over a journal that outlives it."""

    def __init__(self, journal: MemoryJournal, desk: RiskDesk | None = None, second: float = 0.0) -> None:
        self.journal = journal
        self.desk = desk or RiskDesk({BTC: spot()}, LIMITS, ExecutionSettings(), None)
        self.keeper = Bookkeeper(EventLog(journal, "canary", "host", lambda: START), self.desk, pytest.fail)
        if desk is None:
            self.keeper.restore(at(second))

    def buy(self, size: object) -> None:
        """Buy at 50,000, with everything that the actor writes."""
        wish = intent(BTC, Side.BUY, size, at(0))
        given = granted(self.desk, wish, at(0))
        order = self.desk.reserve(wish, given, "c1", at(0))
        self.keeper.intent(order, given, wish, at(0), lambda _: None)
        self.desk.approve("c1", at(0))
        self.keeper.booked(self.desk.on_report(report(order, OrderState.FILLED, at(0), order.size), at(0)), at(0))

    def live(self, prices: dict[int, int]) -> list[str]:
        """Quote each price at its second; return the guards that spoke."""
        told = []
        for second, price in prices.items():
            alive(self.desk, at(second), price)
            told += [finding.guard for finding in self.desk.on_tick(at(second))]
            self.keeper.on_tick(at(second))
        return told

    @property
    def records(self) -> int:
        """Checkpoints written so far."""
        return sum(event.event == EventName.LEDGER_CHECKPOINT for event in self.journal.replay())


def test_a_drawdown_is_measured_from_the_peak_of_before_the_restart():
    """Equity rose to 11,800 without a fill and the process was killed: 10,400 is a fall of 11.9 %, not a gain."""
    first = Process(MemoryJournal(), make_desk(limits=LIMITS, usd=10_000))
    first.buy("0.1")
    first.live({second: 50_000 + 10 * second for second in range(0, 1801, 10)})
    assert first.desk.state.day.baseline.peak_equity == 11_800
    again = Process(first.journal, second=1_810)
    assert again.desk.state.day.baseline.peak_equity >= 11_700
    assert "drawdown" in again.live({1_900: 54_000})


def test_a_peak_writes_at_most_one_record_a_minute_and_none_without_news():
    """A rising market must not fill the disk."""
    first = Process(MemoryJournal(), make_desk(limits=LIMITS, usd=10_000))
    first.buy("0.1")
    first.live({second: 50_000 + second for second in range(600)})
    rising = first.records
    assert 9 <= rising <= 12
    first.live(dict.fromkeys(range(700, 1000, 5), 50500))
    assert first.records <= rising + 1


def test_a_trailing_stops_peak_is_part_of_the_record():
    """A killed process must not let the stop fall back to the entry price."""
    first = Process(MemoryJournal(), make_desk(limits=LIMITS, usd=10_000))
    first.buy("0.1")
    first.live({1: 50_000})
    first.desk.state.note_peak(BTC, 10_400_000)
    first.live({2: 50_000, 70: 50_000})
    assert Process(first.journal, second=80).desk.state.stop_peaks == {BTC: 10_400_000}


def test_the_peak_ends_with_its_position():
    """By a fill, by a fill through zero, by an adjustment, by replaying the fill that closed it; a flat symbol has none."""
    desk = make_desk()
    trade(desk, BTC, Side.BUY, 1, at(1))
    desk.state.note_peak(BTC, 7)
    memory = desk.snapshot(at(2))
    assert memory.peaks == {BTC: 7}
    sold = trade(desk, BTC, Side.SELL, 1, at(3))
    assert desk.state.stop_peaks == {}
    desk.state.note_peak(BTC, 8)
    assert desk.state.stop_peaks == {}
    again = RiskDesk({BTC: spot()}, LIMITS, ExecutionSettings(), None)
    waiting = report(sold, OrderState.FILLED, at(3), 1)
    again.restore(memory, (desk.order(sold.client_order_id),), (), at(4))
    assert again.state.stop_peaks == {BTC: 7}
    replayed = RiskDesk({BTC: spot()}, LIMITS, ExecutionSettings(), None)
    blank = {"filled_size": D(0), "filled_value": D(0), "fees": D(0), "state": OrderState.SENT}
    replayed.restore(memory, (msgspec.structs.replace(sold, **blank),), (waiting,), at(4))
    assert replayed.state.stop_peaks == {}
    taken = make_desk(perp())
    trade(taken, PERP, Side.BUY, 10, at(1))
    taken.state.note_peak(PERP, 9)
    for second in (10, 12):
        taken.reconcile(snapshot(at(second)), at(second))
    assert (taken.ledger.positions[PERP].size, taken.state.stop_peaks) == (0, {})
