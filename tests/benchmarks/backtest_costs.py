"""What one bar of a backtest costs, piece by piece: window, cross, RSI, decision, quote at risk, ledger, checks, guards.

`python -m tests.benchmarks backtest --costs` prints this table; no part of the test run. Every piece is timed alone in a tight loop, the
best of five, caches warm: within a run each costs more, and sending and dispatch come on top, which is why the whole bar stands last.
What happens per order is also shown per bar at the share of bars that trade in the benchmark's market.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from decimal import Decimal

from tests.benchmarks import risk, strategy
from tests.benchmarks.strategy import REPEATS, Row
from trader.market.clock import Now
from trader.orders.account import AccountSnapshot, Balance
from trader.orders.ledger import Ledger
from trader.orders.order import OrderIntent, OrderReport, OrderState, Side
from trader.risk.desk import Granted, RiskDesk
from trader.risk.limits import ExecutionSettings
from trader.risk.reserve import make_order

SYMBOL = risk.SYMBOLS[0]
NOW = Now(1_700_000_000.0, 10_000.0)
ROUNDS = 2_000
BAR_S = 60.0


def desk_of_one() -> RiskDesk:
    """A desk with one symbol, an account that has been read, and one position."""
    desk = RiskDesk({SYMBOL: risk.instrument(SYMBOL)}, risk.WIDE, ExecutionSettings(), None)
    risk.renew(desk, NOW)
    desk.reconcile(
        AccountSnapshot(NOW.machine_time, NOW.market_time, (Balance("USD", Decimal(10**8), Decimal(0)),), ()), NOW
    )
    desk.on_tick(NOW)
    risk.place(desk, risk.wish(SYMBOL, Side.BUY, "1", NOW), NOW, OrderState.FILLED)
    return desk


def quotes_at_risk() -> float:
    """A quote a bar that moves the mark of a held position: mark, worth, sample of volatility and alarm."""
    desk = desk_of_one()
    moments = (Now(NOW.market_time + BAR_S * bar, NOW.machine_time + BAR_S * bar) for bar in range(ROUNDS))
    quotes = [risk.quote(SYMBOL, bar % 7, moment) for bar, moment in enumerate(moments)]

    def run() -> None:
        for each in quotes:
            desk.on_quote(each)
            desk.alarmed(SYMBOL)

    return _timed(run)


def marks_in_ledger() -> float:
    """The mark of a held position, and the equity read after it."""
    ledger = desk_of_one().ledger
    marks = [risk.MARK + Decimal(step % 7) / 100 for step in range(ROUNDS)]

    def run() -> None:
        for mark in marks:
            ledger.on_mark(SYMBOL, mark)
            assert ledger.equity

    return _timed(run)


def orders_in_ledger() -> float:
    """One order reserved, sent, filled: buys and sales in turn."""
    desk, ledger = desk_of_one(), Ledger({SYMBOL: risk.instrument(SYMBOL)})
    ledger.set_wallet("USD", Decimal(10**8))
    answer = _granted(desk, risk.wish(SYMBOL, Side.BUY, "0.02", NOW))
    wishes = [risk.wish(SYMBOL, side, "0.02", NOW) for side in Side]
    orders = [make_order(risk.instrument(SYMBOL), wishes[at % 2], answer, f"c{at}", NOW) for at in range(ROUNDS)]
    told = [
        OrderReport(
            one.client_order_id, f"v{at}", SYMBOL, OrderState.FILLED, NOW.market_time, "user",
            filled_size=one.size, filled_value=one.size * risk.MARK,
        )
        for at, one in enumerate(orders)
    ]  # fmt: skip

    def run() -> None:
        for order, report in zip(orders, told, strict=True):
            ledger.reserve(order)
            ledger.advance(order.client_order_id, OrderState.SENT, NOW.machine_time)
            ledger.book(report, NOW.machine_time)

    return _timed(run)


def checked(side: Side, *, leaves: bool) -> Callable[[], float]:
    """One decision of risk: every check that applies, granted."""

    def work() -> float:
        desk = desk_of_one()
        intent = risk.wish(SYMBOL, side, "0.02", NOW, leaves=leaves)
        _granted(desk, intent)
        return _timed(lambda: [desk.decide(intent, NOW) for _ in range(ROUNDS)])

    return work


def guards_once() -> float:
    """One round of all guards, as after a fill."""
    desk = desk_of_one()
    return _timed(lambda: [desk.on_tick(NOW) for _ in range(ROUNDS)])


PIECES: tuple[tuple[str, str, Callable[[], float]], ...] = (
    ("risk: one quote, position held", "bar", quotes_at_risk),
    ("ledger: one mark, position held, and equity", "bar", marks_in_ledger),
    ("ledger: one order reserved, sent, filled", "order", orders_in_ledger),
    ("checks: one entry", "order", checked(Side.BUY, leaves=False)),
    ("checks: one exit", "order", checked(Side.SELL, leaves=True)),
    ("guards: one round after a fill", "order", guards_once),
)


def table(bars: int, trading_share: float, whole_ns: float) -> list[str]:
    """Every row as text: nanoseconds each, and per bar where it is not the same; `whole_ns` is a measured bar with everything."""
    rows = strategy.measure(bars)
    rows += [Row(name, min(work() for _ in range(REPEATS)), per) for name, per, work in PIECES]
    rows.append(Row(f"a whole bar of the backtest, {trading_share:.1%} of bars trading", whole_ns, "bar"))
    return [
        f"{row.nanoseconds:>9.0f} ns per {row.per:<6} {row.name}"
        + (f"  ({row.nanoseconds * trading_share:.0f} ns per bar)" if row.per == "order" else "")
        for row in rows
    ]


def _timed(work: Callable[[], object]) -> float:
    """Nanoseconds of one of `ROUNDS` steps."""
    began = time.perf_counter_ns()
    work()
    return (time.perf_counter_ns() - began) / ROUNDS


def _granted(desk: RiskDesk, intent: OrderIntent) -> Granted:
    answer = desk.decide(intent, NOW)
    assert isinstance(answer, Granted), answer
    return answer
