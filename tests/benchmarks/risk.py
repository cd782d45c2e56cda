"""What a risk decision costs: ten symbols, a hundred open orders, positions in every symbol, all checks on.

Run as `python -m tests.benchmarks risk [--json] [--decisions N] [--pace-ms M]`; no part of the test run. Decisions are timed one by
one, back to back and paced (one per M ms, caches cold), since a live system decides seldom. Quotes are timed in a tight loop.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from decimal import Decimal

from trader.market.clock import Now
from trader.market.instrument import Instrument, ProductKind
from trader.market.quote import BookTop, Quote
from trader.orders.account import AccountSnapshot, Balance
from trader.orders.order import OrderIntent, OrderReport, OrderState, OrderType, Side, TimeInForce
from trader.risk.desk import Granted, RiskDesk
from trader.risk.limits import ExecutionSettings, RiskLimits
from trader.venue import FeedKind

D = Decimal
SYMBOLS = [f"{base}-USD" for base in ("BTC", "ETH", "SOL", "XRP", "LTC", "ADA", "DOGE", "BCH", "AVAX", "LINK")]
MARK = D(50_000)
WIDE = RiskLimits(
    max_position_usd=D(10**9),
    max_position_pct_per_symbol=D(1),
    max_order_notional_usd=D(10**9),
    max_open_orders=1_000,
    max_open_orders_per_symbol=100,
    max_orders_per_minute=10**6,
    repeat_limit=10**6,
    duplicate_window_s=0.0,
    notional_caps_usd={symbol: D(10**8) for symbol in SYMBOLS},
    max_position_base={symbol: D(10**6) for symbol in SYMBOLS},
)


def instrument(symbol: str) -> Instrument:
    """One spot pair."""
    return Instrument(
        symbol, symbol, ProductKind.SPOT, symbol.split("-")[0], "USD",
        D("0.01"), D("0.00000001"), D("0.00001"), D(10_000), D(1),
    )  # fmt: skip


def quote(symbol: str, tick: int, now: Now) -> Quote:
    """A quote that moves by a cent per tick."""
    bid = MARK + D(tick) / 100
    ask = bid + D("0.01")
    return Quote(
        symbol, bid, ask, D(3), D(3), int((bid + ask) * 100), None, D(10**6), now.market_time, now.machine_time
    )


def wish(symbol: str, side: Side, size: str, now: Now, limit: object = None, *, leaves: bool = False) -> OrderIntent:
    """A market wish, or a resting one at `limit`."""
    return OrderIntent(
        decision_id="b",
        symbol=symbol,
        side=side,
        size=D(size),
        order_type=OrderType.MARKET if limit is None else OrderType.LIMIT,
        time_in_force=TimeInForce.IOC if limit is None else TimeInForce.GTC,
        reduce_only=leaves,
        reason="benchmark",
        mark=MARK,
        market_time=now.market_time,
        machine_time=now.machine_time,
        limit_price=None if limit is None else D(str(limit)),
    )


def desk_at(now: Now) -> RiskDesk:
    """A desk with a position and ten resting orders in each of ten symbols, and a full window of samples."""
    desk = RiskDesk({s: instrument(s) for s in SYMBOLS}, WIDE, ExecutionSettings(), None)
    for minute in range(40, 0, -1):
        then = Now(now.market_time - 60 * minute, now.machine_time - 60 * minute)
        for step, symbol in enumerate(SYMBOLS):
            desk.on_quote(quote(symbol, (minute * (step + 3)) % 17, then))
    renew(desk, now)
    desk.reconcile(AccountSnapshot(now.machine_time, now.market_time, (Balance("USD", D(10**8), D(0)),), ()), now)
    for symbol in SYMBOLS:
        place(desk, wish(symbol, Side.BUY, "1", now), now, OrderState.FILLED)
        for step in range(10):
            place(desk, wish(symbol, Side.BUY, "0.01", now, 49_900 - step), now, OrderState.OPEN)
    return desk


def renew(desk: RiskDesk, now: Now) -> None:
    """Fresh marks, books and heartbeats."""
    for kind in FeedKind:
        desk.on_heartbeat(kind, now)
    bids = tuple((MARK - n, D(5)) for n in range(10))
    asks = tuple((MARK + n + 1, D(5)) for n in range(10))
    for symbol in SYMBOLS:
        desk.on_quote(quote(symbol, 0, now))
        desk.on_book(BookTop(symbol, bids, asks, now.market_time, now.machine_time))


def place(desk: RiskDesk, intent: OrderIntent, now: Now, state: OrderState) -> None:
    """Take one order through to the venue's word."""
    answer = desk.decide(intent, now)
    assert isinstance(answer, Granted), answer
    name = f"b{len(desk.ledger.orders)}"
    order = desk.reserve(intent, answer, name, now)
    desk.approve(name, now)
    filled = order.size if state is OrderState.FILLED else D(0)
    desk.on_report(
        OrderReport(
            name,
            f"v{name}",
            order.symbol,
            state,
            now.market_time,
            "user",
            filled_size=filled,
            filled_value=filled * MARK,
        ),
        now,
    )


def timed_decisions(desk: RiskDesk, count: int, pace_s: float, now: Now, *, leaves: bool) -> list[float]:
    """Microseconds of each of `count` granted decisions."""
    took = []
    for number in range(count):
        side = Side.SELL if leaves else Side.BUY
        intent = wish(SYMBOLS[number % 10], side, "0.02", now, 50_100 if leaves else None, leaves=leaves)
        if pace_s:
            time.sleep(pace_s)
        started = time.perf_counter()
        answer = desk.decide(intent, now)
        took.append((time.perf_counter() - started) * 1e6)
        assert isinstance(answer, Granted), answer
    return sorted(took)


def nanoseconds_per_quote(desk: RiskDesk, count: int, now: Now) -> float:
    """A quote that moves the mark of a held position, in a tight loop; building the quote is not counted."""
    quotes = [quote(SYMBOLS[number % 10], number % 50, now) for number in range(count)]
    started = time.perf_counter()
    for each in quotes:
        desk.on_quote(each)
    return (time.perf_counter() - started) / count * 1e9


def main(argv: list[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks risk", description="What a risk decision costs.")
    parser.add_argument("--decisions", type=int, default=5_000)
    parser.add_argument("--pace-ms", type=float, default=5.0)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args(argv)
    now = Now(1_700_000_000.0, 10_000.0)
    desk = desk_at(now)
    live = sum(1 for _ in desk.live_orders())
    rows: dict[str, dict[str, float]] = {}
    for name, count, pace_s, leaves in (
        ("entry, back to back", args.decisions, 0.0, False),
        ("exit, back to back", args.decisions, 0.0, True),
        (f"entry, one per {args.pace_ms:g} ms", min(args.decisions, 500), args.pace_ms / 1000, False),
    ):
        took = timed_decisions(desk, count, pace_s, now, leaves=leaves)
        rows[name] = {"p50_us": took[len(took) // 2], "p99_us": took[int(len(took) * 0.99)], "max_us": took[-1]}
    started = time.perf_counter()
    for _ in range(200):
        desk.on_tick(now)
    tick_us = (time.perf_counter() - started) / 200 * 1e6
    quote_ns = min(nanoseconds_per_quote(desk, 100_000, now) for _ in range(3))
    if args.json:
        print(json.dumps({"live_orders": live, "decisions": rows, "tick_us": tick_us, "quote_ns": quote_ns}))
        return 0
    print(f"ten symbols, ten positions, {live} live orders; microseconds per decision")
    for name, figures in rows.items():
        print(f"  {name:24} p50 {figures['p50_us']:7.1f}   p99 {figures['p99_us']:7.1f}   max {figures['max_us']:8.1f}")
    print(f"  all guards, one tick     {tick_us:9.1f} us")
    print(f"  one quote                {quote_ns:9.0f} ns")
    return 0


if __name__ == "__main__":
    sys.exit(main())
