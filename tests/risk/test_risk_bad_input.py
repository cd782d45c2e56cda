"""Bad input into every public call of the desk: refused with a reason, never passed, never a crash (issue 6, item 6)."""

from decimal import Decimal

import msgspec
import pytest
from desk_builders import alive, at, intent, make_desk, perp, quote, refused, report, send, snapshot, spot, trade
from hypothesis import given, strategies as st

from trader.market.clock import Now
from trader.market.quote import BookTop
from trader.orders.account import Balance
from trader.orders.order import OrderState, OrderType, Side, TimeInForce
from trader.orders.reason import Reason
from trader.risk.desk import Granted, Refusal

D = Decimal
NONSENSE = ["NaN", "sNaN", "Infinity", "-Infinity", "0", "-1", "1e999", "1e-999", "-0"]
FIELDS = ["size", "mark", "leverage", "limit_price", "stop_price"]


@pytest.mark.parametrize("text", NONSENSE)
@pytest.mark.parametrize("field", FIELDS)
def test_a_number_that_is_none_is_refused_as_bad_input(field, text):
    """NaN, infinities, zero, negative and absurd numbers in every number of an intent."""
    kind = {"limit_price": OrderType.LIMIT, "stop_price": OrderType.STOP_LIMIT}.get(field, OrderType.MARKET)
    changes: dict[str, object] = {"order_type": kind, "mark": D(50000), "leverage": D(1)}
    if kind is not OrderType.MARKET:
        changes["limit_price"] = D(50000)
    changes[field] = D(text)
    size = changes.pop("size", D("0.1"))
    wish = msgspec.structs.replace(intent("BTC-USD", Side.BUY, "0.1", at(1), **changes), size=size)
    no = refused(make_desk(), wish, at(1))
    assert no.reason is Reason.BAD_INPUT
    assert field in no.text


@pytest.mark.parametrize(
    "changes",
    [
        {"symbol": "NO-SUCH"},
        {"symbol": ""},
        {"side": "BUY "},
        {"order_type": "iceberg"},
        {"time_in_force": "DAY"},
        {"market_time": float("nan")},
        {"machine_time": float("inf")},
        {"order_type": OrderType.LIMIT},
        {"limit_price": D(50000)},
        {"stop_price": D(50000)},
        {"post_only": True},
        {"size": 0.1},
        {"size": "0.1"},
        {"size": None},
        {"leverage": D("0.5")},
        {
            "order_type": OrderType.LIMIT,
            "limit_price": D(50000),
            "post_only": True,
            "time_in_force": TimeInForce.IOC,
        },
    ],
)
def test_words_and_combinations_that_make_no_sense_are_refused(changes):
    """Unknown symbols and enums, missing or superfluous prices, floats for money."""
    wish = msgspec.structs.replace(intent("BTC-USD", Side.BUY, "0.1", at(1)), **changes)
    assert refused(make_desk(), wish, at(1)).reason is Reason.BAD_INPUT


def test_a_decision_without_a_time_is_refused():
    """NaN never compares as young."""
    wish = intent("BTC-USD", Side.BUY, "0.1", at(1))
    for broken in (Now(float("nan"), 1.0), Now(1.0, float("inf"))):
        assert refused(make_desk(), wish, broken).reason is Reason.BAD_INPUT


decimals = st.one_of(st.decimals(allow_nan=True, allow_infinity=True), st.sampled_from([D(text) for text in NONSENSE]))


@given(decimals, decimals, decimals, st.sampled_from(list(OrderType)), st.sampled_from(list(Side)), st.booleans())
def test_no_number_whatever_crashes_a_decision(size, price, mark, kind, side, reduce_only):
    """Any Decimal there is, in every place: the answer is a value, and a grant is on the grid and sane."""
    desk = make_desk(spot(), perp())
    for symbol in desk.ledger.instruments:
        wish = msgspec.structs.replace(
            intent(symbol, side, 1, at(1), order_type=kind, reduce_only=reduce_only),
            size=size,
            mark=mark,
            limit_price=None if kind is OrderType.MARKET else price,
            stop_price=price if kind is OrderType.STOP_LIMIT else None,
        )
        answer = desk.decide(wish, at(1))
        assert isinstance(answer, Granted | Refusal)
        if isinstance(answer, Granted):
            assert desk.ledger.instruments[symbol].round_size(answer.size) == answer.size > 0


@pytest.mark.parametrize("bid", NONSENSE)
@pytest.mark.parametrize("ask", ["50001", "NaN", "Infinity", "0", "-1"])
def test_a_broken_quote_never_becomes_the_mark(bid, ask):
    """Non-finite, non-positive and crossed quotes leave the last good mark and make entries wait (I-12)."""
    desk = make_desk()
    good = quote(spot(), 50_000, at(1))
    desk.on_quote(msgspec.structs.replace(good, bid=D(bid), ask=D(ask)))
    assert desk.ledger.marks["BTC-USD"] == 50_000
    no = refused(desk, intent("BTC-USD", Side.BUY, "0.1", at(1)), at(1))
    assert no.reason in (Reason.BOOK_CROSSED, Reason.DATA_GAP)


def test_a_crossed_or_locked_quote_is_called_crossed():
    """Bid at or above ask is no price."""
    for bid in ("50001", "50002"):
        desk = make_desk()
        desk.on_quote(msgspec.structs.replace(quote(spot(), 50_000, at(1)), bid=D(bid), ask=D("50001")))
        assert refused(desk, intent("BTC-USD", Side.BUY, "0.1", at(1)), at(1)).reason is Reason.BOOK_CROSSED


@pytest.mark.parametrize("text", NONSENSE)
def test_a_broken_book_level_is_left_out(text):
    """An empty or broken book refuses the entry instead of pricing it."""
    desk = make_desk()
    now = at(1)
    level = ((D(text), D(text)),)
    desk.on_book(BookTop("BTC-USD", level, level, now.market_time, now.machine_time))
    answer = desk.decide(intent("BTC-USD", Side.BUY, "0.1", now), now)
    assert isinstance(answer, Refusal)


def test_quotes_and_books_of_unknown_symbols_are_ignored():
    """A symbol mix-up between channels changes nothing (F-V10)."""
    desk = make_desk()
    desk.on_quote(quote(spot("ETH-USD"), 3_000, at(1)))
    desk.on_book(BookTop("ETH-USD", (), (), 1.0, 1.0))
    assert "ETH-USD" not in desk.ledger.marks


@pytest.mark.parametrize("text", ["NaN", "sNaN", "Infinity", "-1", "1e999"])
@pytest.mark.parametrize("field", ["filled_size", "filled_value", "fees", "size", "limit_price"])
def test_a_broken_report_changes_nothing_and_says_why(field, text):
    """F-N09: state untouched, the problem told. A negative fee is a rebate and no problem."""
    desk = make_desk()
    order = send(desk, intent("BTC-USD", Side.BUY, "0.1", at(1)), at(1))
    told = msgspec.structs.replace(report(order, OrderState.OPEN, at(2)), **{field: D(text)})
    booked = desk.on_report(told, at(2))
    if field == "fees" and text == "-1":
        assert not booked.problem
        return
    assert booked.problem
    assert booked.order is None
    assert desk.order(order.client_order_id).state is OrderState.SENT
    desk.ledger.audit()


def test_fills_for_nothing_and_states_of_ours_are_no_venue_words():
    """A quantity without a value, and a state only we may set, are refused."""
    desk = make_desk()
    order = send(desk, intent("BTC-USD", Side.BUY, "0.1", at(1)), at(1))
    half = msgspec.structs.replace(report(order, OrderState.OPEN, at(2)), filled_size=D("0.1"))
    assert desk.on_report(half, at(2)).problem
    assert desk.on_report(report(order, OrderState.RELEASED, at(2)), at(2)).problem
    timeless = msgspec.structs.replace(report(order, OrderState.OPEN, at(2)), market_time=float("nan"))
    assert desk.on_report(timeless, at(2)).problem


def test_a_broken_account_reading_is_no_empty_account():
    """Non-finite balances make the whole reading incomplete: nothing is adjusted, nothing becomes known."""
    desk = make_desk()
    trade(desk, "BTC-USD", Side.BUY, 1, at(1))
    for text in ("NaN", "Infinity", "-5"):
        for second in (10, 20):
            broken = snapshot(at(second), balances=(Balance("USD", D(text), D(0)), Balance("BTC", D(text), D(0))))
            result = desk.reconcile(broken, at(second))
            assert not result.clean
            assert result.again_soon
            assert (result.adjustments, result.transfers, result.mismatches) == ((), (), ())
    assert desk.ledger.positions["BTC-USD"].size == 1
    assert desk.ledger.wallets["USD"] == 50_000


def test_an_empty_desk_answers():
    """No quote, no account, no feed: every public question has an answer."""
    desk = make_desk()
    fresh = type(desk)({"BTC-USD": spot()}, desk.state.limits, desk.state.execution, None)
    assert refused(fresh, intent("BTC-USD", Side.BUY, "0.1", at(1)), at(1)).reason is Reason.DATA_STALE
    assert fresh.on_tick(at(1)) == ()
    assert (fresh.cancels_due(at(1)), fresh.queries_due(at(1)), fresh.forced_exits(at(1))) == ((), (), ())
    assert (fresh.accrue_funding(at(1)), fresh.flatten(at(1))) == ((), ())
    assert fresh.position_view("BTC-USD").equity is None
    assert fresh.absent("nobody", 99.0, at(1)) is False
    fresh.on_quote(quote(spot(), 50_000, at(1)))
    assert refused(fresh, intent("BTC-USD", Side.BUY, "0.1", at(1)), at(1)).reason is Reason.FEED_DOWN
    alive(fresh, at(1))
    assert refused(fresh, intent("BTC-USD", Side.BUY, "0.1", at(1)), at(1)).reason is Reason.NOT_RECONCILED
