"""The level-2 book against a naive one, the grid, depth, impact, and what taints it."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, strategies as st

from trader.market.book import CROSSED, GAP, NO_SNAPSHOT, Grid, OffGridError, OrderBook, walk_average
from trader.market.instrument import Instrument, ProductKind


def product(tick: str = "0.01", lot: str = "0.001", contract_size: str = "1") -> Instrument:
    """A product with the given grid."""
    return Instrument(
        symbol="BTC-USD",
        product_id="BTC-USD",
        kind=ProductKind.SPOT,
        base="BTC",
        quote="USD",
        price_increment=Decimal(tick),
        base_increment=Decimal(lot),
        base_min_size=Decimal(lot),
        base_max_size=Decimal(1000),
        quote_min_size=Decimal(1),
        contract_size=Decimal(contract_size),
    )


def loaded(bids: list[tuple[str, str]], asks: list[tuple[str, str]], **terms: str) -> OrderBook:
    """A book with this snapshot."""
    book = OrderBook(product(**terms))
    grid = book.grid
    book.load(
        [(grid.ticks(price), grid.lots(size)) for price, size in bids],
        [(grid.ticks(price), grid.lots(size)) for price, size in asks],
    )
    return book


LEVELS = st.lists(st.tuples(st.booleans(), st.integers(1, 30), st.integers(0, 5)), max_size=200)


@given(LEVELS, LEVELS)
def test_the_book_equals_a_naive_one_after_every_update(
    snapshot: list[tuple[bool, int, int]], updates: list[tuple[bool, int, int]]
) -> None:
    """Dictionaries sorted from scratch are the reference."""
    naive: dict[bool, dict[int, int]] = {True: {}, False: {}}
    for bid, ticks, lots in snapshot:
        naive[bid][ticks] = lots
    book = OrderBook(product())
    book.load(naive[True].items(), naive[False].items())
    for bid, ticks, lots in [*updates, (True, 1, 0)]:
        book.apply(bid=bid, ticks=ticks, lots=lots)
        naive[bid][ticks] = lots
        for side in (True, False):
            expected = sorted(((t, q) for t, q in naive[side].items() if q), reverse=side)
            told = book.levels(bid=side, count=1000)
            assert told == tuple((book.grid.price(t), book.grid.size(q)) for t, q in expected)


def test_the_best_is_at_hand() -> None:
    """Highest bid, lowest ask, None while a side is empty."""
    book = loaded([("99.98", "1"), ("99.99", "2")], [("100.02", "3"), ("100.01", "4")])
    assert book.best() == (9999, 2000, 10001, 4000)
    assert book.half_ticks(9999, 10001) == product().half_ticks(Decimal("99.99"), Decimal("100.01"))
    book.apply(bid=True, ticks=9999, lots=0)
    book.apply(bid=True, ticks=9998, lots=0)
    assert book.best() is None
    assert len(book) == 2


def test_half_ticks_agree_for_a_tick_of_five() -> None:
    """A US future's tick is 5: integers of the last decimal are not integers of ticks."""
    book = loaded([("97250", "1")], [("97255", "1")], tick="5", lot="1")
    best = book.best()
    assert best is not None
    assert book.half_ticks(best[0], best[2]) == product("5").half_ticks(Decimal(97250), Decimal(97255))


def test_a_book_says_why_it_must_not_be_traded_on() -> None:
    """No snapshot, a gap, crossed; a snapshot heals."""
    book = OrderBook(product())
    assert book.taint == NO_SNAPSHOT
    book.load([(100, 1)], [(101, 1)])
    assert book.taint == ""
    book.apply(bid=True, ticks=101, lots=1)
    assert book.taint == CROSSED
    book.apply(bid=False, ticks=101, lots=0)
    assert book.taint == ""
    book.distrust(GAP)
    assert book.taint == GAP
    book.load([(100, 1)], [(101, 1)])
    assert book.taint == ""


def test_a_snapshot_replaces_and_never_merges() -> None:
    """Levels of before are gone."""
    book = loaded([("1.00", "1"), ("0.99", "1")], [("1.01", "1")])
    book.load([(50, 7)], [(60, 8)])
    assert book.levels(bid=True, count=10) == ((Decimal("0.50"), Decimal("0.007")),)


def test_depth_is_in_quote_currency_and_counts_contracts() -> None:
    """Price times size times contract size, over the asked levels only."""
    book = loaded([("100.00", "2"), ("99.00", "1")], [("101.00", "1")], contract_size="0.01")
    assert book.depth_usd(bid=True, count=1) == Decimal("2.00")
    assert book.depth_usd(bid=True, count=10) == Decimal("2.99")
    assert book.depth_usd(bid=False, count=10) == Decimal("1.01")


def test_impact_is_the_average_price_beyond_the_mid() -> None:
    """Half at 100.10 and half at 100.20, from a mid of 100.05."""
    book = loaded([("100.00", "10")], [("100.10", "1"), ("100.20", "10")])
    small = book.impact_bps(buying=True, notional=Decimal(50))
    assert small == (Decimal("100.10") - Decimal("100.05")) / Decimal("100.05") * 10_000
    both = book.impact_bps(buying=True, notional=Decimal("200.30"))
    assert both is not None
    assert abs(both - (Decimal("100.15") - Decimal("100.05")) / Decimal("100.05") * 10_000) < Decimal("0.0001")
    assert book.impact_bps(buying=False, notional=Decimal(100)) == (Decimal("0.05")) / Decimal("100.05") * 10_000
    assert book.impact_bps(buying=True, notional=Decimal(1_000_000)) is None
    assert OrderBook(product()).impact_bps(buying=True, notional=Decimal(1)) is None


def test_walking_counts_contracts() -> None:
    """A notional is worth a hundred times as many contracts of a hundredth."""
    levels = ((Decimal(100), Decimal(100)), (Decimal(110), Decimal(100)))
    assert walk_average(levels, Decimal(100), Decimal("0.01")) == 100
    average = walk_average(levels, Decimal(210), Decimal("0.01"))
    assert average is not None
    assert abs(average - 105) < Decimal("1e-20")
    assert walk_average(levels, Decimal(211), Decimal("0.01")) is None


GOOD_PRICES = {
    "97250.40": 9725040,
    "97250.4": 9725040,
    "97250": 9725000,
    "97250.400000": 9725040,
    "0.01": 1,
    "1e2": 10000,
    "9.725041e4": 9725041,
    ".5": 50,
    "00000000000000000000097.25": 9725,
}


@pytest.mark.parametrize("text", GOOD_PRICES)
def test_prices_become_integers_in_every_spelling(text: str) -> None:
    """Trailing zeros may be missing or too many; twice, because the second comes from the memo."""
    grid = Grid(2, 8)
    assert grid.ticks(text) == GOOD_PRICES[text]
    assert grid.ticks(text) == GOOD_PRICES[text]


@pytest.mark.parametrize("number", [97250, Decimal("97250.40"), Decimal("9.725E+4")])
def test_json_numbers_are_prices_too(number: object) -> None:
    """Should the venue change its format, the book goes on."""
    assert Grid(2, 8).ticks(number) == int(Decimal(str(number)) * 100)


@pytest.mark.parametrize(
    "text",
    ["", "-1", "NaN", "1_0", " 1", "1e999", "9" * 80, "99999999999999999999", "0x1", "1.2.3", "٣", None, True, 1.5],
)
def test_what_is_no_price_is_refused(text: object) -> None:
    """One error for all, so that the feed can put the message aside."""
    with pytest.raises(OffGridError):
        Grid(2, 8).ticks(text)


def test_a_price_off_the_grid_is_refused_and_a_size_is_cut() -> None:
    """Prices must be exact; a finer size is cut, never rounded up."""
    grid = Grid(2, 3)
    with pytest.raises(OffGridError):
        grid.ticks("1.001")
    assert grid.lots("1.2349") == 1234
    assert grid.lots("0.0009") == 0
    assert grid.lots("1.23456789e3") == 1234567
    assert grid.lots("0.00000000") == 0


def test_the_memo_is_bounded() -> None:
    """A day of prices does not grow without end."""
    grid = Grid(0, 0)
    for price in range(3 * Grid.MEMO_MAX):
        assert grid.ticks(str(price)) == price
    assert len(grid._memo) <= Grid.MEMO_MAX


@given(st.integers(0, 10**15))
def test_the_grid_goes_back_and_forth(ticks: int) -> None:
    """Integer to price to integer."""
    grid = Grid(5, 8)
    assert grid.ticks(format(grid.price(ticks), "f")) == ticks
    assert grid.lots(format(grid.size(ticks), "f")) == ticks
