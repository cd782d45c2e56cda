"""Builders for desks, quotes, intents and reports: one line per fact in a test. Imported by the tests of this folder only."""

from __future__ import annotations

from decimal import Decimal

from trader.market.clock import Now
from trader.market.instrument import Instrument, ProductKind
from trader.market.quote import BookTop, Quote
from trader.orders.account import AccountSnapshot, Balance
from trader.orders.order import (
    Order,
    OrderIntent,
    OrderReport,
    OrderState,
    OrderType,
    Side,
    TimeInForce,
)
from trader.risk.desk import Granted, Refusal, RiskDesk
from trader.risk.finding import Finding
from trader.risk.holds import ACCOUNT, Hold, HoldTable, Level
from trader.risk.limits import ExecutionSettings, RiskLimits
from trader.risk.window import TradingWindow
from trader.venue import FeedKind

D = Decimal
START = 1_700_000_000.0
DAY = 86_400.0


def spot(symbol: str = "BTC-USD", **changes: object) -> Instrument:
    """A spot pair with the venue's usual grids."""
    base, quote = symbol.split("-")[:2]
    fields: dict[str, object] = {
        "symbol": symbol,
        "product_id": symbol,
        "kind": ProductKind.SPOT,
        "base": base,
        "quote": quote,
        "price_increment": D("0.01"),
        "base_increment": D("0.00000001"),
        "base_min_size": D("0.00001"),
        "base_max_size": D("10000"),
        "quote_min_size": D(1),
    }
    return Instrument(**(fields | changes))  # type: ignore[arg-type]


def perp(symbol: str = "BTC-PERP", **changes: object) -> Instrument:
    """A perpetual in contracts of a hundredth of a coin, funded hourly."""
    fields: dict[str, object] = {
        "symbol": symbol,
        "product_id": symbol + "-INTX",
        "kind": ProductKind.PERPETUAL,
        "base": symbol.split("-")[0],
        "quote": "USD",
        "price_increment": D("0.5"),
        "base_increment": D(1),
        "base_min_size": D(1),
        "base_max_size": D(100000),
        "quote_min_size": D(0),
        "contract_size": D("0.01"),
        "max_leverage": D(10),
    }
    return Instrument(**(fields | changes))  # type: ignore[arg-type]


def at(seconds: float) -> Now:
    """Both clocks `seconds` after the start of the test."""
    return Now(START + seconds, 1_000.0 + seconds)


def quote(instrument: Instrument, price: object, now: Now, tainted: str = "", size: object = 1000) -> Quote:
    """A quote one tick wide on either side of `price`."""
    mid, tick = D(str(price)), instrument.price_increment
    bid, ask = mid - tick, mid + tick
    half_ticks = instrument.half_ticks(bid, ask)
    depth = D(str(size))
    return Quote(
        instrument.symbol, bid, ask, depth, depth, half_ticks, mid, D(10**6), now.market_time, now.machine_time, tainted
    )


def book(instrument: Instrument, price: object, now: Now, size: object = 1000) -> BookTop:
    """Ten levels a side, one tick apart, `size` on each."""
    mid, tick, depth = D(str(price)), instrument.price_increment, D(str(size))
    bids = tuple((mid - tick * (n + 1), depth) for n in range(10))
    asks = tuple((mid + tick * (n + 1), depth) for n in range(10))
    return BookTop(instrument.symbol, bids, asks, now.market_time, now.machine_time)


def intent(symbol: str, side: Side, size: object, now: Now, **changes: object) -> OrderIntent:
    """A market intent decided now; `mark` defaults to 50,000."""
    fields: dict[str, object] = {
        "decision_id": f"d{now.machine_time}",
        "symbol": symbol,
        "side": side,
        "size": D(str(size)),
        "order_type": OrderType.MARKET,
        "time_in_force": TimeInForce.IOC,
        "reduce_only": False,
        "reason": "test",
        "mark": D(50000),
        "market_time": now.market_time,
        "machine_time": now.machine_time,
    }
    return OrderIntent(**(fields | changes))  # type: ignore[arg-type]


def wide(**changes: object) -> RiskLimits:
    """Limits that bind nothing, except what a test names."""
    fields: dict[str, object] = {
        "max_position_usd": D(10**9),
        "max_position_pct_per_symbol": D(1),
        "max_exposure_pct": D(1),
        "max_order_notional_usd": D(10**9),
        "leverage_max": D(5),
        "max_orders_per_minute": 10_000,
        "repeat_limit": 10_000,
        "duplicate_window_s": 0.0,
        "max_open_orders": 10_000,
        "max_open_orders_per_symbol": 10_000,
        "max_daily_loss_pct": D(1),
        "max_drawdown_pct": D(1),
        "entry_slippage_bps": D(500),
        "slippage_guard_bps": D(500),
    }
    return RiskLimits(**(fields | changes))  # type: ignore[arg-type]


def snapshot(now: Now, usd: object = 100_000, **changes: object) -> AccountSnapshot:
    """A complete reading of an account with `usd` and nothing else."""
    fields: dict[str, object] = {
        "asked_at": now.machine_time,
        "market_time": now.market_time,
        "balances": (Balance("USD", D(str(usd)), D(0)),),
        "open_orders": (),
    }
    return AccountSnapshot(**(fields | changes))  # type: ignore[arg-type]


def make_desk(
    *instruments: Instrument,
    limits: RiskLimits | None = None,
    usd: object = 100_000,
    price: object = 50_000,
    execution: ExecutionSettings | None = None,
    window: TradingWindow | None = None,
) -> RiskDesk:
    """A desk that has read its account, hears its feeds and has a fresh mark, at second 0."""
    chosen = instruments or (spot(),)
    desk = RiskDesk({i.symbol: i for i in chosen}, limits or wide(), execution or ExecutionSettings(), window)
    alive(desk, at(0), price)
    desk.reconcile(snapshot(at(0), usd), at(0))
    desk.on_tick(at(0))
    return desk


def alive(desk: RiskDesk, now: Now, price: object = 50_000) -> None:
    """Beat both hearts and renew every mark and book."""
    desk.on_heartbeat(FeedKind.MARKET, now)
    desk.on_heartbeat(FeedKind.USER, now)
    for instrument in desk.ledger.instruments.values():
        desk.on_quote(quote(instrument, price, now))
        desk.on_book(book(instrument, price, now))


def granted(desk: RiskDesk, wish: OrderIntent, now: Now) -> Granted:
    """Decide, and fail the test with the refusal's own words if it is one."""
    answer = desk.decide(wish, now)
    assert isinstance(answer, Granted), answer
    return answer


def refused(desk: RiskDesk, wish: OrderIntent, now: Now) -> Refusal:
    """Decide, and fail the test if it is granted."""
    answer = desk.decide(wish, now)
    assert isinstance(answer, Refusal), answer
    return answer


def send(desk: RiskDesk, wish: OrderIntent, now: Now, client_order_id: str = "") -> Order:
    """Decide, reserve, check again and approve: the order as it goes to the broker."""
    name = client_order_id or f"c{len(desk.ledger.orders)}"
    desk.reserve(wish, granted(desk, wish, now), name, now)
    assert desk.recheck(name, now) is None
    desk.approve(name, now)
    return desk.ledger.orders[name]


def report(
    order: Order, state: OrderState, now: Now, filled: object = 0, price: object = 50_000, fee: object = 0
) -> OrderReport:
    """The venue's word about an order: `filled` in total at an average `price`, with `fee` in total."""
    size = D(str(filled))
    return OrderReport(
        client_order_id=order.client_order_id,
        order_id=order.order_id or f"v-{order.client_order_id}",
        symbol=order.symbol,
        state=state,
        market_time=now.market_time,
        source="user",
        side=order.side,
        size=order.size,
        limit_price=order.limit_price,
        filled_size=size,
        filled_value=size * D(str(price)),
        fees=D(str(fee)),
    )


def trade(
    desk: RiskDesk, symbol: str, side: Side, size: object, now: Now, price: object = 50_000, fee: object = 0
) -> Order:
    """Send an order and have it filled whole."""
    order = send(desk, intent(symbol, side, size, now, mark=desk.ledger.marks[symbol]), now)
    desk.on_report(report(order, OrderState.FILLED, now, order.size, price, fee), now)
    return desk.ledger.orders[order.client_order_id]


def hold(desk: RiskDesk, level: Level, reason: object, cause: str = "operator", scope: str = ACCOUNT) -> None:
    """Put one hold in force."""
    desk.set_holds(HoldTable((Hold(cause, level, scope, reason, "test", "test", START),)))  # type: ignore[arg-type]


def told(desk, now, guard: str) -> list[Finding]:
    """The findings of one guard at this tick."""
    return [finding for finding in desk.on_tick(now) if finding.guard == guard]


def put(desk, finding: Finding, now) -> None:
    """Do what the supervisor does with a finding."""
    placed = finding.hold(now.market_time)
    assert placed is not None
    desk.set_holds(desk.state.holds.place(placed))


def move(desk, price: object, second: float) -> None:
    """A new market price, in steps small enough to be believed at once."""
    mark = desk.ledger.marks[next(iter(desk.ledger.instruments))]
    target = D(str(price))
    while abs(target - mark) > mark / 20:
        mark += mark / 20 if target > mark else -mark / 20
        mark = mark.quantize(D(1))
        alive(desk, at(second), mark)
    alive(desk, at(second), target)
