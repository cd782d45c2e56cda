"""The rules behind perpetuals, one by one: money, margin, liquidation prices, funding by the hour, products that change."""

from __future__ import annotations

import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "risk"))

from desk_builders import alive, at, granted, intent, make_desk, perp, refused, snapshot, trade, wide

from trader.coinbase.account import with_collateral
from trader.coinbase.derivatives import used_up_at
from trader.exchange.funds import divided
from trader.orders.account import Balance, MarginSummary, VenuePosition
from trader.orders.order import Side
from trader.orders.reason import Reason
from trader.risk.desk import RiskDesk
from trader.risk.finding import Severity

D = Decimal
BTC, ETH = "BTC-PERP", "ETH-PERP"
HOUR = 3600.0


def margin(available: object, currency: str = "USD", collateral: object = None) -> MarginSummary:
    """A summary of which only the free margin, and perhaps the collateral, matters."""
    held = None if collateral is None else D(str(collateral))
    return MarginSummary(D(0), D(0), D(str(available)), currency=currency, collateral=held)


@pytest.mark.parametrize(
    ("symbols", "usd", "usdc"),
    [
        ((), "900", "0"),
        (("BTC-USD", "BTC-PERP"), "900", "0"),
        (("BTC-PERP", "ETH-PERP"), "450.00", "450.00"),
        (("ETH-PERP", "SOL-PERP-INTX", "BTC-USDC"), "0.00", "900.00"),
        (("BTC-USD", "eth-perp", "NOBODY-PERP"), "600.00", "300.00"),
    ],
)
def test_paper_money_goes_where_the_symbols_are_quoted(symbols: tuple[str, ...], usd: str, usdc: str) -> None:
    """Bitcoin's perpetual is the US future and takes USD; the older family and USDC pairs take USDC; one share a symbol."""
    assert divided(D(900), symbols) == (D(usd), D(usdc))


@pytest.mark.parametrize(
    ("wallet", "collateral", "expected"),
    [
        (("100.123", "50"), "150.12", ("100.123", "50")),  # the wallet shows it all, more exactly
        (("100", "0"), "180", ("100", "80")),  # the futures account's part is not in the wallet
        (("100", "0"), "40", ("40", "0")),  # other coins are in this wallet than those that stand in for positions
        (("100", "0"), "-5", ("-5", "0")),  # a debt
    ],
)
def test_the_money_behind_derivatives_is_counted_once(
    wallet: tuple[str, str], collateral: str, expected: tuple[str, str]
) -> None:
    """What the margin summary holds is the whole of its currency; other wallets stay as they are."""
    balances = (Balance("USD", D(wallet[0]), D(wallet[1])), Balance("BTC", D(1), D(0)))
    counted = with_collateral(balances, (margin(0, collateral=collateral),))
    assert counted == (Balance("USD", D(expected[0]), D(expected[1])), Balance("BTC", D(1), D(0)))
    assert with_collateral(balances, ()) == balances


@pytest.mark.parametrize(
    ("price", "size", "buffer", "expected"),
    [
        ("100", "2", "50", "75"),
        ("100", "-2", "50", "125"),
        ("100", "2", "500", None),
        ("100", "0", "50", None),
        (None, "2", "50", None),
        ("100", "2", None, None),
    ],
)
def test_a_liquidation_price_follows_from_the_buffer(
    price: str | None, size: str, buffer: str | None, expected: str | None
) -> None:
    """Where the position alone has used it up; none when nothing above zero would."""
    found = used_up_at(D(price) if price else None, D(size), D(buffer) if buffer else None)
    assert found == (D(expected) if expected else None)


def held(symbol: str, size: object, liquidation: object) -> VenuePosition:
    """The venue's word about a position."""
    return VenuePosition(symbol, D(str(size)), D(50_000), liquidation_price=D(str(liquidation)))


def test_a_position_near_its_liquidation_is_not_added_to() -> None:
    """Below 20 % by the venue's own price an entry is refused, at 20 % it is not; the exit always passes."""
    desk = make_desk(perp(), limits=wide(min_liquidation_buffer_pct=D("0.01")))
    trade(desk, BTC, Side.BUY, 100, at(1))
    desk.reconcile(snapshot(at(2), positions=(held(BTC, 100, 40_000),)), at(2))
    assert granted(desk, intent(BTC, Side.BUY, 1, at(2)), at(2)).size == 1
    desk.reconcile(snapshot(at(3), positions=(held(BTC, 100, 40_001),)), at(3))
    refusal = refused(desk, intent(BTC, Side.BUY, 1, at(3)), at(3))
    assert refusal.reason is Reason.LIQUIDATION_NEAR
    assert "by the venue's price" in refusal.text
    assert granted(desk, intent(BTC, Side.SELL, 100, at(3), reduce_only=True), at(3)).reducing


def test_a_liquidation_price_of_the_other_side_says_nothing() -> None:
    """Told for a short, while we are long by now: the venue has not seen the change yet."""
    desk = make_desk(perp())
    trade(desk, BTC, Side.BUY, 100, at(1))
    desk.state.venue_positions[BTC] = held(BTC, -100, 50_100)
    assert desk.state.liquidation_distance(BTC) is None
    desk.state.venue_positions[BTC] = held(BTC, 100, 60_000)
    assert desk.state.liquidation_distance(BTC) == 0, "beyond its price it is not far away again"


def test_free_margin_is_that_of_the_products_own_currency() -> None:
    """Dollars do not carry a product quoted in USDC."""
    desk = make_desk(perp(BTC), perp(ETH, quote="USDC"), limits=wide(entry_liquidation_buffer_pct=D("0.01")))
    reading = snapshot(at(1), margins=(margin(50_000), margin(1_000, "USDC")))
    desk.reconcile(replace(reading, balances=(*reading.balances, Balance("USDC", D(1_000), D(0)))), at(1))
    desk.on_tick(at(1))
    assert granted(desk, intent(BTC, Side.BUY, 40, at(1)), at(1)).size == 40
    cut = granted(desk, intent(ETH, Side.BUY, 40, at(1)), at(1))
    assert (cut.size, cut.binding_cap) == (D(2), "initial margin")


def funded(desk: RiskDesk, rate: str, hour: int) -> Any:
    """The product as the venue tells it when the payment of an hour is the next one."""
    instrument = desk.ledger.instruments[BTC]
    return replace(instrument, funding_rate=D(rate), funding_time=START_HOUR + HOUR * hour)


START_HOUR = at(0).market_time // HOUR * HOUR


def test_each_hour_is_paid_at_its_own_rate() -> None:
    """The venue tells the next rate as soon as an hour has begun; the hour's own one still applies to it."""
    desk = make_desk(perp())
    trade(desk, BTC, Side.BUY, 100, at(1))
    desk.accrue_funding(at(1))
    desk.update_instruments([funded(desk, "0.0001", 1)])
    desk.update_instruments([funded(desk, "0.0007", 2)])
    now = at(START_HOUR + HOUR + 5 - at(0).market_time)
    (payment,) = desk.accrue_funding(now)
    assert (payment.rate, payment.amount) == (D("0.0001"), D(-100 * 50_000) / 100 * D("0.0001"))
    assert desk.accrue_funding(now) == ()


def test_what_the_venue_paid_differently_is_booked_as_funding_not_as_a_transfer() -> None:
    """Seen twice, no larger than what was reckoned: a result. Anything larger is money paid in or out."""
    desk = make_desk(perp())
    trade(desk, BTC, Side.BUY, 100, at(1))
    desk.accrue_funding(at(1))
    desk.update_instruments([funded(desk, "0.0001", 1)])
    later = START_HOUR + HOUR + 5 - at(0).market_time
    alive(desk, at(later))
    (payment,) = desk.accrue_funding(at(later))
    assert payment.amount == -5
    positions = (held(BTC, 100, 1),)
    before = desk.state.funding_received()
    usd = desk.ledger.wallets["USD"] - D("0.75")
    desk.reconcile(snapshot(at(later + 1), usd, positions=positions), at(later + 1))
    result = desk.reconcile(snapshot(at(later + 4), usd, positions=positions), at(later + 4))
    assert [correction.amount for correction in result.funding] == [D("-0.75")]
    assert result.transfers == ()
    assert desk.state.funding_received() - before == D("-0.75")
    assert desk.ledger.wallets["USD"] == usd
    desk.reconcile(snapshot(at(later + 7), usd - 100, positions=positions), at(later + 7))
    result = desk.reconcile(snapshot(at(later + 10), usd - 100, positions=positions), at(later + 10))
    assert [transfer.amount for transfer in result.transfers] == [D(-100)]
    assert result.funding == ()


@pytest.mark.parametrize("changes", [{"contract_size": D(1)}, {"product_id": "BTC-PERP-CDE"}])
def test_a_symbol_that_becomes_another_product_is_reduce_only(changes: dict[str, Any]) -> None:
    """The books would mean something else: the old rules stay, and the symbol is told."""
    desk = make_desk(perp())
    trade(desk, BTC, Side.BUY, 100, at(1))
    other = replace(desk.ledger.instruments[BTC], **changes)
    desk.reconcile(snapshot(at(2), positions=(held(BTC, 100, 1),), instruments=(other,)), at(2))
    (found,) = [finding for finding in desk.on_tick(at(2)) if finding.guard == "product_changed"]
    assert (found.scope, found.level) == (BTC, Severity.REDUCE_ONLY)
    assert desk.ledger.instruments[BTC] != other


def test_a_debt_in_the_margin_currency_is_a_reading_all_the_same() -> None:
    """Losses may leave less than nothing; without derivatives a negative wallet is no sound reading."""
    desk = make_desk(perp())
    debt = (Balance("USD", D(-20), D(0)),)
    assert desk.reconcile(snapshot(at(1), balances=debt, margins=(margin(-20),)), at(1)).again_soon
    desk.reconcile(snapshot(at(4), balances=debt, margins=(margin(-20),)), at(4))
    assert desk.ledger.wallets["USD"] == -20
    desk.reconcile(snapshot(at(5), balances=(Balance("USD", D(-99), D(0)),)), at(5))
    desk.reconcile(snapshot(at(8), balances=(Balance("USD", D(-99), D(0)),)), at(8))
    assert desk.ledger.wallets["USD"] == -20


def test_a_payment_in_the_journal_is_not_reckoned_again_after_a_restart() -> None:
    """Killed between the payment's event and the next record: the event is booked, and its hour is over (D32)."""
    desk = make_desk(perp())
    trade(desk, BTC, Side.BUY, 100, at(1))
    desk.accrue_funding(at(1))
    desk.update_instruments([funded(desk, "0.0001", 1)])
    record = desk.snapshot(at(1))
    later = at(START_HOUR + HOUR + 5 - at(0).market_time)
    (payment,) = desk.accrue_funding(later)
    again = RiskDesk(dict(desk.ledger.instruments), wide(), desk.state.execution, None)
    again.restore(record, [], [], later)
    again.replay_funding(payment.symbol, payment.amount, later.market_time)
    alive(again, later)
    assert again.accrue_funding(later) == ()
    assert again.state.funding_received() == desk.state.funding_received() == payment.amount
    assert again.ledger.wallets == desk.ledger.wallets
