"""Stress and value at risk: what-if figures that add up with the books."""

from decimal import Decimal

from desk_builders import alive, at, make_desk, perp, spot, trade, wide

from trader.orders.order import Side
from trader.risk.desk import RiskDesk
from trader.risk.limits import ExecutionSettings
from trader.risk.stress import stress, value_at_risk

D = Decimal


def test_a_shock_reprices_every_position_and_names_the_limits_it_trips():
    """Long one BTC and short half of one: the net of 25,000 USD moves with the market."""
    desk = make_desk(spot(), perp(), limits=wide(max_daily_loss_usd=D(1000), max_drawdown_pct=D("0.05")))
    trade(desk, "BTC-USD", Side.BUY, 1, at(1))
    trade(desk, "BTC-PERP", Side.SELL, 50, at(1))
    rows = {row.shock: row for row in stress(desk.state)}
    assert rows[D("-0.10")].change == -2500
    assert rows[D("-0.10")].trips == ("daily_loss",)
    assert rows[D("-0.30")].trips == ("daily_loss", "drawdown")
    assert rows[D("0.05")].trips == ()
    for second in (2, 6):
        alive(desk, at(second), 45_000)
    assert desk.equity == rows[D("-0.10")].equity


def test_value_at_risk_is_a_quantile_of_what_happened():
    """Thirty minutes, one of them a fall of one percent: at 99 % that minute is the figure."""
    desk = make_desk()
    trade(desk, "BTC-USD", Side.BUY, 1, at(0))
    assert value_at_risk(desk.state) is None
    for minute in range(31):
        alive(desk, at(60 * minute), 50_000 if minute != 15 else 49_500)
    measured = value_at_risk(desk.state)
    assert measured is not None
    assert abs(measured - 500) < D("0.01")
    assert value_at_risk(desk.state, D("0.9")) == 0


def test_an_unknown_account_has_no_stress():
    """Unknown is not zero."""
    desk = RiskDesk({"BTC-USD": spot()}, wide(), ExecutionSettings(), None)
    alive(desk, at(0))
    assert stress(desk.state) == ()
    assert value_at_risk(desk.state) is None
