"""The ledger: worst case, wallets, late and foreign fills, as narrated steps; every step is audited."""

from decimal import Decimal

import pytest

from trader.market.instrument import Instrument, ProductKind
from trader.orders.ledger import Booking, Ledger
from trader.orders.order import Order, OrderReport, OrderState, OrderType, Side, TimeInForce

D = Decimal
BTC = Instrument(
    "BTC-USD", "BTC-USD", ProductKind.SPOT, "BTC", "USD", D("0.01"), D("0.0001"), D("0.0001"), D(100), D(1)
)
FUT = Instrument(
    "BTC-FUT", "BIT-1", ProductKind.FUTURE, "BTC", "USD", D(5), D(1), D(1), D(1000), D(0), contract_size=D("0.01")
)


@pytest.fixture
def ledger() -> Ledger:
    """Spot and a future, 1,000 USD, marks at 100."""
    books = Ledger({"BTC-USD": BTC, "BTC-FUT": FUT})
    books.set_wallet("USD", D(1000))
    for symbol in books.instruments:
        books.on_mark(symbol, D(100))
    return books


def order(name: str, side: Side, size: object, symbol: str = "BTC-USD") -> Order:
    """A reservation."""
    return Order(
        name, symbol, symbol, side, D(str(size)), D(101), OrderType.LIMIT, TimeInForce.GTC, False, OrderState.RESERVED
    )


def told(
    ledger: Ledger, name: str, state: OrderState, filled: object = 0, price: object = 100, fee: object = 0
) -> Booking:
    """Book a report and audit the books."""
    size = D(str(filled))
    known = ledger.find(name)
    booking = ledger.book(
        OrderReport(
            name,
            f"v-{name}",
            known.symbol if known else "BTC-USD",
            state,
            1.0,
            "user",
            filled_size=size,
            filled_value=size * D(str(price)),
            fees=D(str(fee)),
        ),
        0.0,
    )
    ledger.audit()
    return booking


def test_a_reservation_counts_in_the_worst_case_until_its_end_is_proven(ledger):
    """Reserved, sent, unknown, open: the exposure is the same; only the end frees it."""
    ledger.reserve(order("a", Side.BUY, 2))
    for state in (OrderState.SENT, OrderState.UNKNOWN):
        ledger.advance("a", state, 0.0)
        assert ledger.exposure("BTC-USD") == 200
    told(ledger, "a", OrderState.OPEN, "0.5")
    assert ledger.exposure("BTC-USD") == 200
    told(ledger, "a", OrderState.CANCELLED, "0.5")
    assert ledger.exposure("BTC-USD") == 50


def test_an_order_counts_before_its_first_mark_as_after_a_restart():
    """A restarted risk knows its orders from the journal before any quote: they must not be worth nothing (I-06)."""
    fresh = Ledger({"BTC-USD": BTC})
    fresh.reserve(order("a", Side.BUY, 2))
    assert fresh.exposure("BTC-USD") == 202


def test_opposite_orders_do_not_hide_each_other(ledger):
    """The worst case of each side is taken apart: a sell resting beside a buy frees no room."""
    ledger.reserve(order("a", Side.BUY, 3))
    ledger.reserve(order("b", Side.SELL, 1))
    assert (ledger.worst_long("BTC-USD"), ledger.worst_short("BTC-USD")) == (3, -1)
    assert ledger.exposure("BTC-USD") == 300


def test_a_fill_before_the_acknowledgement_is_booked_and_the_acknowledgement_changes_nothing(ledger):
    """F-O01."""
    ledger.reserve(order("a", Side.BUY, 1))
    ledger.advance("a", OrderState.SENT, 0.0)
    assert told(ledger, "a", OrderState.FILLED, 1, 100, "0.5").fill is not None
    assert told(ledger, "a", OrderState.PENDING).fill is None
    assert ledger.positions["BTC-USD"].size == 1
    assert ledger.wallets["USD"] == D("899.5")
    assert ledger.equity == D("999.5")


def test_a_fill_after_the_cancel_is_booked_and_called_late(ledger):
    """F-O02: money follows the venue's truth, the order stays finished."""
    ledger.reserve(order("a", Side.BUY, 2))
    told(ledger, "a", OrderState.CANCELLED, 1)
    booking = told(ledger, "a", OrderState.OPEN, 2)
    assert booking.late
    assert ledger.positions["BTC-USD"].size == 2
    assert ledger.remaining("BTC-USD", Side.BUY) == 0


def test_an_overfill_is_booked_as_reported_and_named(ledger):
    """F-O07."""
    ledger.reserve(order("a", Side.BUY, 1))
    assert told(ledger, "a", OrderState.FILLED, "1.5").overfill
    assert ledger.positions["BTC-USD"].size == D("1.5")


def test_a_future_moves_its_wallet_by_profit_and_not_by_its_notional(ledger):
    """Ten contracts of a hundredth of a coin: margin products pay only what was won or lost."""
    ledger.reserve(order("a", Side.SELL, 10, "BTC-FUT"))
    told(ledger, "a", OrderState.FILLED, 10, 100, "0.2")
    assert ledger.wallets["USD"] == D("999.8")
    ledger.on_mark("BTC-FUT", D(90))
    assert ledger.equity == D("1000.8")
    ledger.reserve(order("b", Side.BUY, 15, "BTC-FUT"))
    told(ledger, "b", OrderState.FILLED, 15, 90, "0.3")
    assert ledger.positions["BTC-FUT"].size == 5
    assert ledger.wallets["USD"] == D("1000.5")
    ledger.audit()


def test_a_client_id_names_one_order_for_ever(ledger):
    """I-07: the second use is a bug, and a crash."""
    ledger.reserve(order("a", Side.BUY, 1))
    with pytest.raises(AssertionError, match="one order"):
        ledger.reserve(order("a", Side.BUY, 1))


def test_an_order_found_at_the_venue_counts_and_its_spot_fills_are_not_ours(ledger):
    """C-20 and the spot inventory rule: exposure yes, our coins no."""
    found = OrderReport(
        "", "v9", "BTC-USD", OrderState.OPEN, 1.0, "user", Side.BUY, D(4), D(99), filled_size=D(1), filled_value=D(99)
    )
    adopted = ledger.adopt(found, 0.0)
    assert adopted.foreign
    assert ledger.exposure("BTC-USD") == 300
    later = OrderReport("", "v9", "BTC-USD", OrderState.FILLED, 2.0, "user", filled_size=D(4), filled_value=D(396))
    booking = ledger.book(later, 0.0)
    assert booking.fill is not None
    assert booking.effect is None
    assert ledger.positions["BTC-USD"].size == 0
    assert ledger.exposure("BTC-USD") == 0
    ledger.audit()


def test_an_adjustment_is_an_explicit_fill(ledger):
    """The venue wins by an event that can be read later, and equity does not jump by it."""
    before = ledger.equity
    fill = ledger.adjust("BTC-FUT", D(-3), D(100), 5.0, "test")
    assert fill is not None
    assert (fill.side, fill.size, fill.client_order_id) == (Side.SELL, 3, "adjust:test")
    assert ledger.equity == before
    assert ledger.adjust("BTC-FUT", D(-3), D(100), 6.0, "test") is None
    ledger.audit()


def test_unknown_equity_is_none_and_not_zero():
    """Nothing is known of the account before it has been read."""
    assert Ledger({"BTC-USD": BTC}).equity is None
