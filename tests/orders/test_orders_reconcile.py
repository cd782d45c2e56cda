"""Books against venue: what a reading explains, what it proves, and what it does not."""

from decimal import Decimal

from trader.market.instrument import Instrument, ProductKind
from trader.orders.account import AccountSnapshot, Balance, VenuePosition
from trader.orders.ledger import Ledger
from trader.orders.order import Fill, Order, OrderReport, OrderState, OrderType, Side, TimeInForce
from trader.orders.reconcile import DifferenceKind, differences, fill_reports, unlisted_orders

D = Decimal
BTC = Instrument("BTC-USD", "BTC-USD", ProductKind.SPOT, "BTC", "USD", D("0.01"), D("0.1"), D("0.1"), D(100), D(1))
FUT = Instrument("FUT", "F-1", ProductKind.FUTURE, "BTC", "USD", D(5), D(1), D(1), D(1000), D(0))


def books() -> Ledger:
    """One BTC bought at 100 of a wallet of 1,000."""
    ledger = Ledger({"BTC-USD": BTC, "FUT": FUT})
    ledger.set_wallet("USD", D(1000))
    ledger.apply(Fill("f", "c0", "v0", "BTC-USD", Side.BUY, D(1), D(100), D(1), 1.0))
    return ledger


def reading(usd: object = 899, btc: object = 1, **changes: object) -> AccountSnapshot:
    """A complete reading of these balances, asked for at machine second 100."""
    fields: dict[str, object] = {
        "asked_at": 100.0,
        "market_time": 1.0,
        "balances": (Balance("USD", D(str(usd)), D(0)), Balance("BTC", D(str(btc)), D(0))),
        "open_orders": (),
    }
    return AccountSnapshot(**(fields | changes))  # type: ignore[arg-type]


def found(ledger: Ledger, snapshot: AccountSnapshot) -> list[tuple[DifferenceKind, str, Decimal]]:
    """The differences as short rows."""
    return [(row.kind, row.subject, row.amount) for row in differences(ledger, snapshot)]


def test_agreement_and_coins_held_before_are_no_difference():
    """Coins beyond our own position were there before; they are never ours and never a mismatch."""
    assert found(books(), reading()) == []
    assert found(books(), reading(btc=7)) == []


def test_coins_of_ours_that_are_gone_are_a_difference():
    """The venue's balance must cover the position."""
    assert found(books(), reading(btc="0.4")) == [(DifferenceKind.COINS, "BTC-USD", D("-0.6"))]


def test_money_in_or_out_shows_in_the_wallet_from_a_cent_on():
    """A deposit is a difference; half a cent of the venue's rounding is not."""
    assert found(books(), reading(usd=1899)) == [(DifferenceKind.WALLET, "USD", D(1000))]
    assert found(books(), reading(usd="899.005")) == []


def test_a_derivative_position_is_the_venues():
    """Netted at the venue, so ours must equal it; a missing row means flat."""
    told = reading(positions=(VenuePosition("FUT", D(-2), D(50)),))
    assert found(books(), told) == [(DifferenceKind.POSITION, "FUT", D(-2))]
    ledger = books()
    ledger.apply(Fill("g", "c1", "v1", "FUT", Side.BUY, D(3), D(50), D(0), 1.0))
    assert found(ledger, reading()) == [(DifferenceKind.POSITION, "FUT", D(-3))]


def test_an_incomplete_reading_proves_no_absence():
    """F-N13, and a failed read is never an empty account."""
    told = reading(usd=0, btc=0, complete=False)
    assert found(books(), told) == []
    assert unlisted_orders(books(), told) == []


def order(state: OrderState) -> Order:
    """One own order."""
    return Order(
        "c9",
        "FUT",
        "F-1",
        Side.BUY,
        D(2),
        D(50),
        OrderType.LIMIT,
        TimeInForce.GTC,
        False,
        state,
        order_id="v9",
    )


def test_a_symbol_with_an_unproven_order_is_not_judged():
    """Its position may be either; the wallets may be either."""
    ledger = books()
    ledger.reserve(order(OrderState.UNKNOWN))
    assert found(ledger, reading(usd=0, positions=(VenuePosition("FUT", D(2), D(50)),))) == []


def test_an_open_order_the_reading_does_not_list_is_told_and_its_symbol_not_judged():
    """It may have filled: its position and the wallets prove nothing until it has been looked up."""
    ledger = books()
    ledger.reserve(order(OrderState.OPEN))
    told = reading(usd=0, positions=(VenuePosition("FUT", D(2), D(50)),))
    assert [o.client_order_id for o in unlisted_orders(ledger, told)] == ["c9"]
    assert found(ledger, told) == []
    listed = OrderReport("c9", "v9", "FUT", OrderState.OPEN, 1.0, "rest")
    assert unlisted_orders(ledger, reading(open_orders=(listed,))) == []


def test_missed_fills_come_back_from_the_fill_list_once():
    """The venue's fills, repeated across pages, become one cumulative report (E-03)."""
    ledger = books()
    ledger.reserve(order(OrderState.OPEN))
    one = Fill("t1", "", "v9", "FUT", Side.BUY, D(1), D(50), D("0.1"), 5.0)
    two = Fill("t2", "", "v9", "FUT", Side.BUY, D(1), D(51), D("0.1"), 6.0)
    made = fill_reports(ledger, reading(fills=(one, two, one)))
    assert [(r.state, r.filled_size, r.filled_value, r.fees) for r in made] == [
        (OrderState.FILLED, 2, 101, D("0.2")),
    ]
    ledger.book(made[0], 0.0)
    assert fill_reports(ledger, reading(fills=(one, two))) == []
