"""Orders a person has resting at the venue beside the bot's: what they may hold back, and what not."""

from decimal import Decimal

from desk_builders import START, alive, at, granted, hold, intent, make_desk, perp, send, spot, trade

from actors.flatten import CAUSE, Flattening
from trader.orders.order import OrderReport, OrderState, Side
from trader.orders.reason import Reason
from trader.risk.desk import RiskDesk
from trader.risk.holds import Level

D = Decimal
BTC, PERP = "BTC-USD", "BTC-PERP"


def by_hand(desk: RiskDesk, symbol: str, size: object) -> None:
    """A person's sale, far above the market."""
    told = OrderReport("", "v-hand", symbol, OrderState.OPEN, START, "user", Side.SELL, D(str(size)), D(200_000))
    desk.on_report(told, at(1))
    alive(desk, at(1))


def test_a_persons_resting_sale_of_coins_keeps_no_exit_back():
    """The bot's coins are its own: strategy, flatten and forced exit sell them, and what is sent passes the last look."""
    desk = make_desk(spot())
    trade(desk, BTC, Side.BUY, "0.01", at(0))
    by_hand(desk, BTC, 1)
    (flat,) = desk.flatten(at(1))
    assert flat.size == D("0.01")
    wish = intent(BTC, Side.SELL, "0.01", at(1), reduce_only=True, may_downsize=False)
    assert granted(desk, wish, at(1)).reducing
    order = send(desk, wish, at(1))
    assert desk.state.reduces(order)
    assert desk.state.closing_room(BTC) == 0


def test_two_own_exits_still_never_sell_the_same_coins():
    """A person's sale beside them frees nothing (I-11)."""
    desk = make_desk(spot())
    trade(desk, BTC, Side.BUY, "0.01", at(0))
    by_hand(desk, BTC, 1)
    send(desk, intent(BTC, Side.SELL, "0.006", at(1), reduce_only=True), at(1))
    assert granted(desk, intent(BTC, Side.SELL, "0.01", at(1), reduce_only=True), at(1)).size == D("0.004")


def test_a_persons_order_that_holds_a_derivative_position_is_named_by_flatten():
    """The venue nets them: closing twice would open the other side; who wants to be flat must know what to cancel."""
    desk = make_desk(perp())
    trade(desk, PERP, Side.BUY, 10, at(0))
    by_hand(desk, PERP, 10)
    assert desk.state.closing_room(PERP) == 0
    hold(desk, Level.REDUCE_ONLY, Reason.MODE_REDUCE_ONLY, cause=CAUSE)
    flattening = Flattening(desk)
    flattening.begin((PERP,), "r1")
    assert flattening.due(desk.state.holds, at(1)) == []
    assert "v-hand SELL 10" in flattening.trouble
