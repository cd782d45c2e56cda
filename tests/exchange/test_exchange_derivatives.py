"""Perpetuals at the exchange: contracts, margin, hourly funding, liquidation; exact to the last decimal."""

from __future__ import annotations

from decimal import Decimal

import pytest
from exchange_world import ORIGIN, ScriptedPath, World

from trader.exchange.funding import funding_rate
from trader.exchange.records import Status

BIP, PERP = "BIP-20DEC30-CDE", "BTC-PERP-INTX"


def test_contracts_lock_margin_and_settle_profit_without_touching_coins() -> None:
    """Ten nano contracts at ten percent margin: margin locked, profit is price difference times 0.1 BTC less fees."""
    world = World((BIP, ScriptedPath((0.0, 20_000.0), (60.0, 21_000.0))))
    opened = world.order(world.placed(BIP, "BUY", "market_market_ioc", base_size="10"))
    position = world.exchange.accounts.position(BIP)
    entry = opened.filled_value / Decimal("0.1")
    assert (position.net, position.entry_price) == (10, entry)
    assert position.margin == opened.filled_value / 10
    world.run(61)
    closed = world.order(world.placed(BIP, "SELL", "market_market_ioc", base_size="10"))
    profit = closed.filled_value - opened.filled_value
    assert position.realized == profit
    assert (position.net, position.margin, position.entry_price) == (0, 0, 0)
    assert world.money("USD") == (10_000 + profit - opened.fees - closed.fees, 0)


def test_a_short_position_turns_into_a_long_one_in_one_trade() -> None:
    """Sell five, buy eight: three long at the second price, the first five realized."""
    world = World((BIP, ScriptedPath((0.0, 20_000.0))))
    world.placed(BIP, "SELL", "market_market_ioc", base_size="5")
    turned = world.order(world.placed(BIP, "BUY", "market_market_ioc", base_size="8"))
    position = world.exchange.accounts.position(BIP)
    assert (position.net, position.entry_price) == (3, turned.filled_value / Decimal("0.08"))
    assert position.realized < 0  # the spread


def test_leverage_decides_the_margin_of_the_older_perpetuals() -> None:
    """Five times leverage locks a fifth; above the product's maximum it is refused."""
    world = World((PERP, ScriptedPath((0.0, 20_000.0))), money={"USDC": "10000"})
    order = world.order(world.placed(PERP, "BUY", "market_market_ioc", base_size="0.5", leverage="5"))
    assert world.exchange.accounts.position(PERP).margin == order.filled_value / 5
    assert world.refused(PERP, "BUY", "market_market_ioc", base_size="0.5", leverage="50") == "PREVIEW_INVALID_LEVERAGE"
    assert world.refused(PERP, "BUY", "market_market_ioc", base_size="5", leverage="1") == "PREVIEW_INSUFFICIENT_FUND"


def test_reduce_only_may_close_but_never_grow() -> None:
    """With three contracts long a reduce-only sell of three passes, of four is refused, and any buy is refused."""
    world = World((BIP, ScriptedPath((0.0, 20_000.0))))
    world.placed(BIP, "BUY", "market_market_ioc", base_size="3")
    for side, size in (("SELL", "4"), ("BUY", "1")):
        assert world.refused(BIP, side, "market_market_ioc", base_size=size, reduce_only=True).endswith(
            "INCREASED_POSITION_SIZE"
        )
    world.placed(BIP, "SELL", "market_market_ioc", base_size="3", reduce_only=True)
    assert world.exchange.accounts.position(BIP).net == 0


@pytest.mark.parametrize("side", ["BUY", "SELL"])
def test_three_hours_bring_three_funding_payments_to_the_cent(side: str) -> None:
    """Each hour pays rate times notional at the mark, longs to shorts, and the wallet shows exactly their sum."""
    world = World((BIP, ScriptedPath((0.0, 20_000.0))))
    opened = world.order(world.placed(BIP, side, "market_market_ioc", base_size="10"))
    before = world.money("USD")[0]
    for _ in range(3):
        world.run(3600)
    payments = world.exchange.ledger.fundings
    assert [payment.time for payment in payments] == [ORIGIN + 3600 * hour for hour in (1, 2, 3)]
    sign = 1 if side == "BUY" else -1
    listing = world.listings[BIP]
    expected = [
        (sign * 10 * Decimal("0.01") * payment.mark * funding_rate(listing, int(payment.time // 3600))).quantize(
            Decimal("1e-8")
        )
        for payment in payments
    ]
    assert [payment.paid for payment in payments] == expected
    assert any(expected)
    assert world.money("USD")[0] == before - sum(expected)
    assert world.exchange.accounts.position(BIP).funding == -sum(expected)
    assert opened.fees > 0


def test_a_fall_through_the_maintenance_margin_liquidates() -> None:
    """The buffer shrinks with the price; once equity is below maintenance, orders are cancelled and the position sold
    by the venue.
    """
    world = World((BIP, ScriptedPath((0.0, 20_000.0), (60.0, 19_000.0), (120.0, 18_400.0))), money={"USD": "330"})
    world.placed(BIP, "BUY", "market_market_ioc", base_size="10")
    resting = world.placed(BIP, "BUY", "limit_limit_gtc", base_size="1", limit_price="10000")
    assert world.exchange.clearing.health("USD").buffer_fraction > Decimal("0.4")
    world.run(61)
    health = world.exchange.clearing.health("USD")
    assert 0 < health.buffer_fraction < Decimal("0.25")
    assert world.exchange.accounts.position(BIP).net == 10
    world.run(60)
    assert world.exchange.accounts.position(BIP).net == 0
    assert (world.order(resting).status, world.order(resting).cancel_message) == (Status.CANCELLED, "Liquidation")
    forced = [order for order in world.exchange.orders.values() if order.is_liquidation]
    assert [(order.status, order.kind.value) for order in forced] == [(Status.FILLED, "LIQUIDATION")]
    assert world.exchange.accounts.wallet("USD").margin == 0
