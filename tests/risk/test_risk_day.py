"""The day book: when a day begins, what belongs to it, and what is no result."""

from decimal import Decimal

from desk_builders import DAY, START, alive, at, make_desk, trade
from hypothesis import given, strategies as st

from trader.market.clock import Now
from trader.orders.order import Side
from trader.risk.day import DayBook

D = Decimal
NONE = D(0)


def see(book: DayBook, equity: object, market: float, machine: float) -> bool:
    """Observe an equity at these clocks."""
    return book.observe(D(str(equity)), NONE, NONE, Now(market, machine))


def test_a_day_rolls_once_at_the_first_look_after_midnight():
    """The start of the day is the equity first seen in it."""
    book = DayBook()
    assert see(book, 100, DAY - 10, 0.0)
    assert not see(book, 90, DAY - 1, 9.0)
    assert see(book, 80, DAY + 1, 11.0)
    assert book.baseline is not None
    assert (book.day, book.baseline.start_equity, book.baseline.peak_equity) == (1, 80, 100)
    assert not see(book, 85, DAY + 2, 12.0)


def test_a_leap_is_believed_after_it_has_stood_for_a_minute():
    """A clock set wrong and set back has rolled nothing; a real gap (suspend, downtime) rolls after the minute."""
    book = DayBook()
    see(book, 100, 10.0, 0.0)
    assert not see(book, 50, 10.0 + DAY, 1.0)
    assert not see(book, 50, 11.0, 2.0)
    assert book.day == 0
    assert not see(book, 50, 12.0 + DAY, 3.0)
    assert not see(book, 50, 71.0 + DAY, 62.0)
    assert see(book, 50, 73.0 + DAY, 64.0)


def test_a_fast_market_clock_is_no_leap():
    """A replay at sixty times the speed crosses midnight as usual."""
    book = DayBook()
    rolled = [see(book, 100, 15.0 * n, 0.25 * n) for n in range(int(2 * DAY / 15))]
    assert sum(rolled) == 2


@given(st.lists(st.tuples(st.floats(-3 * DAY, 3 * DAY), st.floats(0, 100)), max_size=30))
def test_the_day_never_goes_back(steps):
    """Whatever the clocks do, the day is the highest believed and the peak only rises without transfers."""
    book, machine, peak, day = DayBook(), 0.0, D(0), 0
    for shift, equity in steps:
        machine += 40.0
        see(book, round(equity, 2), 5 * DAY + shift, machine)
        assert book.baseline is not None
        assert book.day >= day
        assert book.baseline.peak_equity >= peak
        day, peak = book.day, book.baseline.peak_equity


def test_transfers_and_restarts_of_the_day_move_the_baselines_only():
    """Money in or out is no result; clearing the day measures from here."""
    book = DayBook()
    see(book, 100, 10.0, 0.0)
    see(book, 80, 20.0, 10.0)
    book.transfer(D(1000))
    result = book.result(D(1080), NONE, NONE)
    assert result is not None
    assert (result.total, result.loss) == (-20, 20)
    book.restart_day(D(1080), NONE, NONE)
    result = book.result(D(1080), NONE, NONE)
    assert result is not None
    assert result.loss == 0
    assert result.drawdown_pct == D(20) / D(1100)
    book.restart_peak(D(1080))
    result = book.result(D(1080), NONE, NONE)
    assert result is not None
    assert result.drawdown_pct == 0


def test_each_finished_day_leaves_one_summary():
    """Win rate per closed trade, fees, low and end: what a daily snapshot and a return series need (PNL-17 to 20)."""
    desk = make_desk()
    for second, price in ((1, 50_100), (2, 50_200), (3, 49_000)):
        alive(desk, at(second))
        trade(desk, "BTC-USD", Side.BUY, "0.1", at(second), fee=1)
        trade(desk, "BTC-USD", Side.SELL, "0.1", at(second), price=price, fee=1)
        desk.on_tick(at(second))
    assert desk.finished_days() == ()
    midnight = (START // DAY + 1) * DAY - START
    alive(desk, at(midnight))
    desk.on_tick(at(midnight))
    (day,) = desk.finished_days()
    assert (day.trades, day.wins, day.win_rate) == (3, 2, D(2) / D(3))
    assert (day.start_equity, day.end_equity, day.low_equity) == (100_000, 99_924, 99_924)
    assert day.fees == 6
    assert desk.finished_days() == ()
