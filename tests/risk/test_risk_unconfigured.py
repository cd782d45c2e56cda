"""Symbols left out of the configuration: their positions and orders are kept, told, counted in the equity and given back."""

from decimal import Decimal

from desk_builders import START, alive, at, intent, make_desk, report, send, snapshot, spot, trade, wide

from trader.orders.account import Balance
from trader.orders.order import OrderState, OrderType, Side, TimeInForce
from trader.risk.desk import RiskDesk
from trader.risk.finding import Severity
from trader.risk.holds import HoldTable
from trader.risk.limits import ExecutionSettings
from trader.risk.memory import RiskMemory

D = Decimal
BTC, ETH = "BTC-USD", "ETH-USD"


def with_ether() -> RiskDesk:
    """A desk that has bought half an ether for 25,000 USD of 100,000 and paid 10 USD of fees."""
    desk = make_desk(spot(BTC), spot(ETH))
    trade(desk, ETH, Side.BUY, "0.5", at(1), fee=10)
    return desk


def restarted(memory: RiskMemory, *symbols: str, second: float, orders=(), reports=()) -> RiskDesk:
    """A new process with these symbols, from the record as the disk gives it back."""
    desk = RiskDesk({s: spot(s) for s in symbols}, wide(), ExecutionSettings(), None)
    desk.restore(RiskMemory.from_bytes(memory.to_bytes()), orders, reports, at(second))
    desk.ledger.audit()
    alive(desk, at(second))
    return desk


def told(desk: RiskDesk, second: float) -> dict[str, str]:
    """REDUCE_ONLY findings about unconfigured symbols: cause and text."""
    found = [f for f in desk.on_tick(at(second)) if f.guard.startswith("unconfigured:")]
    assert all(f.level is Severity.REDUCE_ONLY for f in found)
    return {f.guard: f.text for f in found}


def test_a_position_survives_any_number_of_restarts_without_its_symbol():
    """A start with fewer symbols must not make coins of ours into coins that were there before."""
    first = with_ether()
    second = restarted(first.snapshot(at(2)), BTC, second=10)
    third = restarted(second.snapshot(at(11)), BTC, second=20)
    back = restarted(third.snapshot(at(21)), BTC, ETH, second=30)
    assert back.ledger.positions == first.ledger.positions
    assert back.equity == first.equity
    assert told(back, 30) == {}


def test_an_open_position_without_its_symbol_is_reduce_only_until_a_person_accepts_it():
    """It is told by name, again while its hold does not stand, and no more once the hold was lifted."""
    desk = restarted(with_ether().snapshot(at(2)), BTC, second=10)
    assert "0.5" in told(desk, 10)["unconfigured:ETH-USD"]
    (finding,) = [f for f in desk.on_tick(at(11)) if f.guard.startswith("unconfigured:")]
    desk.set_holds(HoldTable((finding.hold(START),)))
    assert told(desk, 12) == {}
    desk.set_holds(HoldTable())
    assert told(desk, 13) == {}


def test_a_position_without_its_symbol_is_no_loss_of_the_day():
    """It counts in the equity at its last mark; fees and funding stay those of the account."""
    first = with_ether()
    alive(first, at(2), 52_000)
    first.on_tick(at(2))
    desk = restarted(first.snapshot(at(3)), BTC, second=10)
    held = (Balance("USD", D(74_990), D(0)), Balance("ETH", D("0.5"), D(0)))
    assert desk.reconcile(snapshot(at(10), balances=held), at(10)).clean
    assert desk.equity == 100_990
    result = desk.state.day_result()
    assert (result.total, result.fees, result.loss) == (990, -10, 0)


def test_an_open_order_without_its_symbol_is_kept_and_told():
    """It may fill while nobody looks: it is named, and when the symbol is back its fills are read from where they stopped."""
    first = make_desk(spot(BTC), spot(ETH))
    wish = intent(
        ETH, Side.BUY, "0.1", at(1), order_type=OrderType.LIMIT, time_in_force=TimeInForce.GTC, limit_price=D(49_900)
    )
    order = send(first, wish, at(1))
    first.on_report(report(order, OrderState.OPEN, at(1)), at(1))
    desk = restarted(first.snapshot(at(2)), BTC, second=10)
    assert order.client_order_id[:8] in told(desk, 10)["unconfigured:ETH-USD"]
    desk.reconcile(snapshot(at(10)), at(10))
    back = restarted(desk.snapshot(at(500)), BTC, ETH, second=600)
    assert [o.client_order_id for o in back.live_orders()] == [order.client_order_id]
    assert back.state.unread_since[ETH] == at(2).market_time
    back.reconcile(snapshot(at(600)), at(600))
    assert ETH not in back.state.unread_since


def test_reports_after_the_last_record_are_booked_when_the_symbol_is_back():
    """The journal is read from the newest record on, so what came before it must be in the record."""
    first = make_desk(spot(BTC), spot(ETH))
    memory = first.snapshot(at(1))
    order = send(first, intent(ETH, Side.BUY, "0.5", at(2)), at(2))
    filled = report(order, OrderState.FILLED, at(3), "0.5", 50_000, 10)
    desk = restarted(memory, BTC, second=10, orders=(order,), reports=(filled,))
    assert "0.5 filled and not booked" in told(desk, 10)["unconfigured:ETH-USD"]
    assert desk.state.entries_sent == 1
    back = restarted(desk.snapshot(at(11)), BTC, ETH, second=20)
    assert (back.ledger.positions[ETH].size, back.ledger.positions[ETH].fees) == (D("0.5"), 10)
    assert back.state.entries_sent == 1
    assert told(back, 20) == {}


def test_what_is_finished_and_flat_is_kept_in_silence():
    """A symbol that was traded once and is flat needs nobody's attention; its totals stay in the record."""
    first = with_ether()
    trade(first, ETH, Side.SELL, "0.5", at(2))
    desk = restarted(first.snapshot(at(3)), BTC, second=10)
    assert told(desk, 10) == {}
    assert desk.snapshot(at(11)).positions == first.snapshot(at(3)).positions
