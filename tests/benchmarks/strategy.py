"""What the signal path costs: nanoseconds per mark and per bar for window, RSI, cross, stop, decision and entry.

Run as `python -m tests.benchmarks strategy [--json] [--bars N]`; no part of the test run. Every figure is the best of
five repeats of a tight loop (caches warm: a paced process is several times slower), and one run includes the cost of
the loop itself, shown in its own row. Rows add up: each one does what the row above did and one thing more, except
where it says so.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Callable
from decimal import Decimal
from typing import NamedTuple

from trader.market.instrument import Instrument, ProductKind
from trader.market.quote import BookTop, Quote
from trader.market.window import MarkWindow, WindowPlan
from trader.strategy.ma_cross import MovingAverageCross
from trader.strategy.protocol import FLAT, Context, PositionView
from trader.strategy.settings import FilterLimits, SizingSettings, StrategySettings

REPEATS = 5
SYMBOL = "BTC-USD"


class Row(NamedTuple):
    """One measured step."""

    name: str
    nanoseconds: float
    per: str


class Market(NamedTuple):
    """A seeded walk, one close per bar of five seconds, and a moment that passes every filter."""

    closes: list[int]
    context: Context


def make_market(bars: int) -> Market:
    """The same market every time; seed 1."""
    source, price, closes = random.Random(1), 10_000_000, []
    for _ in range(bars):
        price = max(1_000_000, price + source.randint(-2_000, 2_000))
        closes.append(price)
    spot = Instrument(
        SYMBOL, SYMBOL, ProductKind.SPOT, "BTC", "USD",
        Decimal("0.01"), Decimal("0.00000001"), Decimal("0.00001"), Decimal(3400), Decimal(1),
    )  # fmt: skip
    half = Decimal("0.5")
    quote = Quote(
        SYMBOL, 50_000 - half, 50_000 + half, Decimal(3), Decimal(3), 10_000_000, None, Decimal(10**6), 0.0, 0.0
    )
    asks = tuple((Decimal(50_001 + level), Decimal(1)) for level in range(10))
    book = BookTop(SYMBOL, asks, asks, 0.0, 0.0)
    return Market(closes, Context(spot, quote, Decimal(10_000), 0.0, 0.0, book))


def best(work: Callable[[], int]) -> float:
    """Nanoseconds per unit of work, the best of the repeats; `work` returns how many units it did."""
    timings = []
    for _ in range(REPEATS):
        began = time.perf_counter_ns()
        done = work()
        timings.append((time.perf_counter_ns() - began) / done)
    return min(timings)


def marks_only(market: Market) -> int:
    """Marks that close no bar."""
    window = MarkWindow(SYMBOL, 1e12, WindowPlan((5, 20)))
    for close in market.closes:
        window.add(close, 1.0)
    return len(market.closes)


def loop_only(market: Market) -> int:
    """The loop and a call of nothing, for comparison."""
    nothing: Callable[[int, float], None] = lambda close, moment: None  # noqa: E731
    for number, close in enumerate(market.closes):
        nothing(close, number * 5.0)
    return len(market.closes)


def bars_with(plan: WindowPlan) -> Callable[[Market], int]:
    """One mark per bar, every one closing the bar before it."""

    def run(market: Market) -> int:
        window = MarkWindow(SYMBOL, 5, plan)
        for number, close in enumerate(market.closes):
            window.add(close, number * 5.0)
        return len(market.closes)

    return run


def read_rsi(market: Market) -> int:
    """The index kept and read at every bar."""
    window = MarkWindow(SYMBOL, 5, WindowPlan((5, 20), 14))
    for number, close in enumerate(market.closes):
        if window.add(close, number * 5.0) is not None:
            _ = window.rsi
    return len(market.closes)


def strategy(**changes: object) -> MovingAverageCross:
    """The documents' 5/20 with a band of one basis point."""
    return MovingAverageCross(StrategySettings(**changes), FilterLimits(), SizingSettings())  # type: ignore[arg-type]


def read_cross(market: Market) -> int:
    """The signal alone at every bar."""
    cross, window = strategy(), MarkWindow(SYMBOL, 5, strategy().window_plan)
    for number, close in enumerate(market.closes):
        if window.add(close, number * 5.0) is not None and window.closed >= 21:
            cross.signal(window)
    return len(market.closes)


def decide(**changes: object) -> Callable[[Market], int]:
    """Window, signal and the whole order of an evaluation, entries with filters and sizing included."""

    def run(market: Market) -> int:
        one = strategy(**changes)
        window = MarkWindow(SYMBOL, 5, one.window_plan)
        for number, close in enumerate(market.closes):
            bar = window.add(close, number * 5.0)
            while bar is not None:
                one.on_bar(window, FLAT, market.context)
                bar = window.fill()
        return len(market.closes)

    return run


def follow_stop(market: Market) -> int:
    """The trailing stop of an open position on every mark; not added to the rows above."""
    one, held = strategy(trailing_stop_pct=Decimal("0.9")), PositionView(Decimal(1), Decimal(50_000), adds=1)
    for close in market.closes:
        one.on_mark(close, held, market.context)
    return len(market.closes)


def enter(market: Market) -> int:
    """One entry decision with filters, sizing and its text; not added to the rows above."""
    one = strategy(epsilon_bps=Decimal(0), short_ma_period=2, long_ma_period=10)
    window = MarkWindow(SYMBOL, 5, one.window_plan)
    for number in range(30):
        window.add(10_000_000 + (20_000 if number > 28 else 0), number * 5.0)
    window.advance(150.0)
    count = min(len(market.closes), 5_000)
    for _ in range(count):
        one.on_bar(window, FLAT, market.context)
    return count


STEPS: tuple[tuple[str, str, Callable[[Market], int]], ...] = (
    ("loop and an empty call", "bar", loop_only),
    ("mark that closes no bar", "mark", marks_only),
    ("window: close a bar, no sums", "bar", bars_with(WindowPlan())),
    ("window: with sums 5 and 20", "bar", bars_with(WindowPlan((5, 20)))),
    ("window: with RSI 14 as well, read", "bar", read_rsi),
    ("window and cross 5/20", "bar", read_cross),
    ("window and whole decision", "bar", decide()),
    ("window and whole decision, RSI required", "bar", decide(require_rsi_confirmation=True)),
    ("window and whole decision, 3 confirmation bars", "bar", decide(confirmation_bars=3)),
    ("trailing stop of an open position", "mark", follow_stop),
    ("one entry: filters, sizing, text", "entry", enter),
)


def measure(bars: int) -> list[Row]:
    """Run every step."""
    market = make_market(bars)
    return [Row(name, round(best(lambda work=work: work(market)), 1), per) for name, per, work in STEPS]  # type: ignore[misc]


def main(argv: list[str] | None = None) -> int:
    """Print the table, or JSON with --json."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--bars", type=int, default=100_000, help="bars per repeat")
    parser.add_argument("--json", action="store_true", help="machine-readable output")
    chosen = parser.parse_args(argv)
    rows = measure(chosen.bars)
    if chosen.json:
        sys.stdout.write(json.dumps([row._asdict() for row in rows], indent=2) + "\n")
    else:
        for row in rows:
            sys.stdout.write(f"{row.nanoseconds:>9.0f} ns per {row.per:<6} {row.name}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
