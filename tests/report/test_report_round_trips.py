"""Closed trades: from flat to flat, flips split, money conserved."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given, strategies as st

from trader.report.round_trips import RoundTrips

BTC = "BTC-USD"


def test_a_trade_runs_from_flat_to_flat_over_all_its_fills() -> None:
    """Two buys, two sells: one trade, average prices, net of every fee."""
    trips = RoundTrips()
    assert trips.add(BTC, Decimal(1), Decimal(100), Decimal(1), 10.0) is None
    assert trips.add(BTC, Decimal(1), Decimal(110), Decimal(1), 20.0) is None
    assert trips.add(BTC, Decimal("-1.5"), Decimal(120), Decimal(1), 30.0) is None
    closed = trips.add(BTC, Decimal("-0.5"), Decimal(100), Decimal(1), 40.0)
    assert closed is not None
    assert (closed.side, closed.opened_at, closed.closed_at, closed.size) == ("LONG", 10.0, 40.0, Decimal(2))
    assert (closed.entry_price, closed.exit_price) == (Decimal(105), Decimal(115))
    assert (closed.pnl, closed.fees) == (Decimal(16), Decimal(4))


def test_a_fill_through_zero_closes_one_trade_and_opens_the_next() -> None:
    """The fee is shared by size, and the rest is a short."""
    trips = RoundTrips()
    trips.add(BTC, Decimal(1), Decimal(100), Decimal(0), 1.0)
    closed = trips.add(BTC, Decimal(-3), Decimal(90), Decimal(3), 2.0)
    assert closed is not None
    assert closed.pnl == Decimal(-11)
    second = trips.add(BTC, Decimal(2), Decimal(80), Decimal(0), 3.0)
    assert second is not None
    assert (second.side, second.pnl) == ("SHORT", Decimal(18))
    assert trips.open_symbols == ()


def test_contracts_count_with_their_size() -> None:
    """One contract of 0.01 BTC gains 10 when the price gains 1,000."""
    trips = RoundTrips()
    trips.add(BTC, Decimal(1), Decimal(50_000), Decimal(0), 1.0, Decimal("0.01"))
    closed = trips.add(BTC, Decimal(-1), Decimal(51_000), Decimal(0), 2.0, Decimal("0.01"))
    assert closed is not None
    assert closed.pnl == Decimal(10)


def test_exposure_counts_overlapping_positions_once() -> None:
    """Two symbols from 0 to 30 with a pause, the present stretch included."""
    trips = RoundTrips()
    trips.add(BTC, Decimal(1), Decimal(1), Decimal(0), 0.0)
    trips.add("ETH-USD", Decimal(1), Decimal(1), Decimal(0), 5.0)
    trips.add(BTC, Decimal(-1), Decimal(1), Decimal(0), 10.0)
    trips.add("ETH-USD", Decimal(-1), Decimal(1), Decimal(0), 15.0)
    trips.add(BTC, Decimal(1), Decimal(1), Decimal(0), 20.0)
    assert trips.exposed_s(30.0) == 25.0


@given(
    st.lists(
        st.tuples(st.integers(-5, 5).filter(bool), st.integers(1, 200), st.integers(0, 10)), min_size=1, max_size=40
    )
)
def test_results_add_up_to_the_cash_that_moved(fills: list[tuple[int, int, int]]) -> None:
    """Closed flat at the end, the sum of all trades is the cash in minus the cash out, fees included."""
    trips, cash, held, total = RoundTrips(), Decimal(0), 0, Decimal(0)
    fills = [*fills, (-sum(size for size, _, _ in fills), 100, 0)]
    for time, (size, price, fee) in enumerate(fills):
        if size == 0:
            continue
        held += size
        cash -= size * price + fee
        closed = trips.add(BTC, Decimal(size), Decimal(price), Decimal(fee), float(time))
        total += closed.pnl if closed else 0
    assert held == 0
    assert abs(total - cash) < Decimal("1e-18")
    assert trips.open_symbols == ()
