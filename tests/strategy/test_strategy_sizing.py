"""Sizing: each method's worked numbers, the caps, and the venue's grid."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given, strategies as st
from strategy_builders import PERP, SPOT

from trader.orders.position import TradeStatistics
from trader.orders.reason import Reason
from trader.strategy.settings import SizingSettings
from trader.strategy.sizing import (
    SIZING_METHODS,
    Cap,
    Requested,
    SizingInputs,
    downsize,
    effective_leverage,
    entry_size,
    kelly_fraction,
    requested_notional,
)  # fmt: skip

PRICE = Decimal(50_000)


def ask(method: str, **changes: object) -> Requested:
    """Ask for an entry on a perpetual with 10,000 USD and a cap of 5x."""
    fields: dict[str, object] = {
        "equity_usd": Decimal(10_000), "price": PRICE, "instrument": PERP, "leverage_cap": Decimal(5),
    }  # fmt: skip
    inputs = SizingInputs(**(fields | changes))  # type: ignore[arg-type]
    return requested_notional(SizingSettings(method=method, fixed_base=Decimal("0.001")), inputs)


def record(wins: int, losses: int, won: int, lost: int) -> TradeStatistics:
    """Trades so far."""
    return TradeStatistics(wins, losses, Decimal(won), Decimal(lost))


@pytest.mark.parametrize(
    ("method", "changes", "notional"),
    [
        ("fraction", {}, "1000"),
        ("fraction", {"instrument": SPOT}, "500"),
        ("fixed", {}, "50"),
        ("full_leverage", {}, "20000"),
        ("full_leverage", {"leverage_cap": Decimal(1)}, "10000"),
        ("kelly", {}, "500"),
        ("kelly", {"trades": record(6, 3, 600, 300)}, "500"),
        ("kelly", {"trades": record(6, 4, 600, 400)}, "500"),
        ("kelly", {"trades": record(60, 40, 12000, 4000)}, "1000"),
        ("kelly", {"trades": record(100, 0, 500, 0)}, "2500"),
        ("volatility_target", {"volatility": Decimal("0.5")}, "4000"),
        ("volatility_target", {"volatility": Decimal("0.01")}, "20000"),
        ("volatility_target", {"volatility": Decimal(0)}, "20000"),
    ],
)
def test_each_method_asks_for_its_worked_number(method: str, changes: dict[str, object], notional: str) -> None:
    """In USD, before caps."""
    assert ask(method, **changes).notional_usd == Decimal(notional)


@pytest.mark.parametrize(
    ("method", "changes", "reason"),
    [
        ("kelly", {"trades": record(3, 7, 300, 700)}, Reason.NO_EDGE),
        ("kelly", {"trades": record(5, 5, 500, 500)}, Reason.NO_EDGE),
        ("kelly", {"trades": record(0, 10, 0, 50)}, Reason.NO_EDGE),
        ("kelly", {"trades": record(2, 12, 1, 1)}, Reason.NO_EDGE),
        ("volatility_target", {"volatility": None}, Reason.WARMING_UP),
        ("fraction", {"equity_usd": Decimal(-5)}, Reason.NO_FUNDS),
    ],
)
def test_a_method_that_may_not_trade_says_why(method: str, changes: dict[str, object], reason: Reason) -> None:
    """Kelly never trades a losing edge or no edge; an unknown input is not a small one."""
    wish = ask(method, **changes)
    assert (wish.notional_usd, wish.reason) == (Decimal(0), reason)
    assert wish.text


def test_kelly_is_the_textbook_fraction() -> None:
    """p = 0.6, b = 2: 0.6 - 0.4 / 2 = 0.4; p = 0.4, b = 1: -0.2."""
    assert kelly_fraction(record(6, 4, 1200, 400)) == Decimal("0.4")
    assert kelly_fraction(record(4, 6, 400, 600)) == Decimal("-0.2")


@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 10**6), st.integers(0, 10**6))
def test_kelly_never_exceeds_a_quarter_of_equity_nor_funds_a_loser(wins: int, losses: int, won: int, lost: int) -> None:
    """Whatever the record."""
    trades = record(wins, losses, won if wins else 0, lost if losses else 0)
    wish = ask("kelly", trades=trades)
    assert 0 <= wish.notional_usd <= 2500
    if trades.trades >= 10 and trades.won_usd <= trades.lost_usd:
        assert wish.notional_usd == 0


def test_leverage_is_the_tightest_of_target_cap_and_venue_and_one_on_spot() -> None:
    """D04: clamped, not refused."""
    assert effective_leverage(Decimal(2), Decimal(5), PERP) == 2
    assert effective_leverage(Decimal(5), Decimal(3), PERP) == 3
    assert effective_leverage(Decimal(20), Decimal(50), PERP) == 10
    assert effective_leverage(Decimal(5), Decimal(5), SPOT) == 1


def test_the_tightest_cap_binds_and_is_named() -> None:
    """Requested and granted are both kept."""
    symbol = Cap("per symbol", Decimal(300), Reason.MAX_POSITION)
    total = Cap("total exposure", Decimal(200), Reason.MAX_EXPOSURE)
    sized = downsize(Decimal(1000), (symbol, total))
    assert (sized.requested_usd, sized.granted_usd, sized.binding) == (Decimal(1000), Decimal(200), total)
    assert downsize(Decimal(100), (symbol, total)).binding is None
    assert downsize(Decimal(100), ()).granted_usd == 100
    assert downsize(Decimal(100), (Cap("room", Decimal(-5), Reason.MAX_EXPOSURE),)).granted_usd == 0


@given(st.decimals(0, 10**6, places=2), st.decimals(1, 10**6, places=2))
def test_a_size_lies_on_the_grid_and_is_worth_no_more_than_asked_unless_raised(wish: Decimal, price: Decimal) -> None:
    """Rounded down; only the venue's minimum raises it, and it says so."""
    sized = entry_size(wish, SPOT, price)
    assert sized.size % SPOT.base_increment == 0
    assert sized.raised or sized.size * price <= wish
    if sized.size:
        assert SPOT.base_min_size <= sized.size <= SPOT.base_max_size


def test_below_the_minimum_it_is_raised_or_refused() -> None:
    """D17: the caller decides which; a wish of nothing stays nothing."""
    assert entry_size(Decimal(3), PERP, PRICE).size == entry_size(Decimal(10), PERP, PRICE).size == Decimal("0.0002")
    assert entry_size(Decimal(3), PERP, PRICE).raised
    assert entry_size(Decimal(3), PERP, PRICE, may_raise=False).size == 0
    assert entry_size(Decimal(0), PERP, PRICE).size == 0


def test_contracts_are_counted_in_contracts() -> None:
    """One contract of 0.01 BTC at 50,000 is 500 USD."""
    future = msgspec.structs.replace(
        PERP, contract_size=Decimal("0.01"), base_increment=Decimal(1), base_min_size=Decimal(1)
    )
    assert entry_size(Decimal(1600), future, PRICE).size == 3


def test_the_methods_are_those_the_configuration_offers() -> None:
    """The loader's list and this table must not drift apart."""
    assert set(SIZING_METHODS) == {"fraction", "fixed", "full_leverage", "kelly", "volatility_target"}
