"""Positions as ledger tables: one line per fill, with what the position must be after it."""

from decimal import Decimal

import pytest
from hypothesis import given, strategies as st

from trader.orders.order import Fill, Side
from trader.orders.position import Position, TradeStatistics, apply_fill

D = Decimal


def fill(side: str, size: object, price: object, fee: object = 0, order: str = "c1") -> Fill:
    """One execution."""
    return Fill("f", order, "v", "X", Side(side), D(str(size)), D(str(price)), D(str(fee)), 1.0)


# Each step: side, size, price, fee, order -> size, entry, realized, fees, adds, trade result
TABLES = {
    "weighted average on the way in, realized on the way out": [
        ("BUY 1 100 1 a", "1 100 0 1 1 -"),
        ("BUY 3 104 1 b", "4 103 0 2 2 -"),
        ("SELL 2 110 1 c", "2 103 14 3 2 -"),
        ("SELL 2 99 1 d", "0 0 6 4 0 2"),
    ],
    "two fills of one order are one entry": [
        ("BUY 1 100 0 a", "1 100 0 0 1 -"),
        ("BUY 1 100 0 a", "2 100 0 0 1 -"),
        ("BUY 1 100 0 b", "3 100 0 0 2 -"),
    ],
    "a flip closes and opens, the fee is shared by size": [
        ("BUY 1 100 0 a", "1 100 0 0 1 -"),
        ("SELL 3 90 3 b", "-2 90 -10 3 1 -11"),
        ("BUY 2 80 0 c", "0 0 10 3 0 18"),
    ],
    "a short earns when the price falls": [
        ("SELL 2 100 1 a", "-2 100 0 1 1 -"),
        ("BUY 1 90 1 b", "-1 100 10 2 1 -"),
        ("BUY 1 110 1 c", "0 0 0 3 0 -3"),
    ],
    "a rebate raises the net and touches no price": [
        ("BUY 1 100 -0.5 a", "1 100 0 -0.5 1 -"),
        ("SELL 1 100 -0.5 b", "0 0 0 -1 0 1"),
    ],
    "a fee that comes later carries no size": [
        ("BUY 1 100 0 a", "1 100 0 0 1 -"),
        ("BUY 0 0 0.3 a", "1 100 0 0.3 1 -"),
    ],
}


@pytest.mark.parametrize("name", TABLES)
def test_each_table_holds_line_by_line(name):
    """Every line's fill leads to exactly the position written beside it."""
    position = Position("X")
    for told, expected in TABLES[name]:
        side, size, price, fee, order = told.split()
        effect = apply_fill(position, fill(side, size, price, fee, order))
        position = effect.position
        result = "-" if effect.trade_result is None else f"{effect.trade_result.normalize():f}"
        numbers = (position.size, position.entry_price, position.realized, position.fees, D(position.adds))
        shown = " ".join(f"{number.normalize():f}" if number else "0" for number in numbers)
        assert f"{shown} {result}" == expected, told


fills = st.lists(
    st.tuples(
        st.sampled_from(["BUY", "SELL"]),
        st.decimals("0.00000001", "99.99999999", places=8),
        st.decimals("0.01", "99999.99", places=2),
        st.decimals("-1", "9", places=8),
    ),
    max_size=12,
)


@given(fills, st.decimals("0.01", "99999.99", places=2), st.sampled_from([D(1), D("0.01"), D(10)]))
def test_realized_and_unrealized_always_add_up_to_the_money_that_flowed(steps, mark, contract_size):
    """Conservation, exactly, in Decimal: position = signed fills, net = cash + worth - fees (I-01)."""
    position = Position("X", contract_size)
    size = cash = fees = D(0)
    for side, quantity, price, fee in steps:
        each = fill(side, quantity, price, fee)
        position = apply_fill(position, each).position
        size += quantity * each.side.sign
        cash -= quantity * price * each.side.sign * contract_size
        fees += fee
    assert position.size == size
    assert position.cash == cash
    assert position.realized + position.unrealized(mark) == cash + size * mark * contract_size
    assert position.net(mark) == cash + size * mark * contract_size - fees


@given(fills)
def test_the_results_of_closed_trades_sum_to_the_settled_net_once_flat(steps):
    """Win rate and losses in a row count whole trades, fees included, and lose nothing."""
    position, results = Position("X"), D(0)
    for side, quantity, price, fee in steps:
        effect = apply_fill(position, fill(side, quantity, price, fee))
        position = effect.position
        results += effect.trade_result or 0
    if position.size:
        side = "SELL" if position.size > 0 else "BUY"
        effect = apply_fill(position, fill(side, abs(position.size), 1))
        position, results = effect.position, results + (effect.trade_result or 0)
    assert results == position.settled


def test_every_closed_trade_is_counted_with_its_net_result():
    """A loss by a flip, a win, and a trade that its fee alone makes a loss: what a strategy's sizing goes by."""
    position = Position("X")
    fills = [("BUY", 1, 100, 0), ("SELL", 3, 90, 3), ("BUY", 2, 80, 0), ("BUY", 1, 100, 0), ("SELL", 1, 100, 1)]
    for side, size, price, fee in fills:
        position = apply_fill(position, fill(side, size, price, fee)).position
    assert position.trades == TradeStatistics(wins=1, losses=2, won_usd=D(18), lost_usd=D(12))
    assert position.trades.trades == 3
