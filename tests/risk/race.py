"""Ten symbols race one account limit: the venue's worst case never exceeds it, whatever is lost, late or restarted.

Marks stand still, so the limit in USD must hold at every moment and not only when an order is granted. Each seed is one schedule.

    python -m tests.risk.race --seeds 2000
"""

from __future__ import annotations

import argparse
import sys
import time
from decimal import Decimal
from random import Random

try:
    from desk_builders import alive, at, intent, make_desk, report, spot, wide
except ModuleNotFoundError:  # started by `python -m`, where this folder is not on the path
    from tests.risk.desk_builders import alive, at, intent, make_desk, report, spot, wide
from trader.orders.order import Order, OrderReport, OrderState, Side
from trader.risk.desk import Granted, RiskDesk
from trader.risk.memory import RiskMemory

D = Decimal
SYMBOLS = [f"{base}-USD" for base in ("BTC", "ETH", "SOL", "XRP", "LTC", "ADA", "DOGE", "BCH", "AVAX", "LINK")]
EQUITY, SHARE, MARK = D(100_000), D("0.3"), D(50_000)
LIMIT = EQUITY * SHARE
LIMITS = wide(max_exposure_pct=SHARE)
STEPS = 80


class Race:
    """One seed's schedule: a desk, the orders under way, and what the venue really has."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.instruments = [spot(symbol) for symbol in SYMBOLS]
        self.desk = make_desk(*self.instruments, limits=LIMITS, usd=EQUITY)
        self.second = 0.0
        self.reserved: list[str] = []
        self.on_wire: list[str] = []
        self.at_venue: dict[str, Decimal] = {}
        self.intents: list[Order] = []
        self.reports: list[OrderReport] = []
        self.record = self.desk.snapshot(at(0)).to_bytes()
        self.granted = self.restarts = self.unknown = 0
        self.highest = D(0)

    def step(self) -> None:
        """One random happening, then the check."""
        self.second += self.random.choice((0.01, 0.3, 6.0))
        alive(self.desk, at(self.second), MARK)
        happenings = (
            self.wish,
            self.wish,
            self.wish,
            self.commit,
            self.commit,
            self.post,
            self.post,
            self.fill,
            self.look_up,
        )
        self.random.choice(happenings)()
        if self.random.random() < 0.02:
            self.restart()
        worst = sum((self.worst_of(symbol) for symbol in SYMBOLS), D(0)) * MARK
        self.highest = max(self.highest, worst)
        assert worst <= LIMIT, f"the venue could hold {worst} USD, limit {LIMIT}"

    def wish(self) -> None:
        """A symbol wants to buy or to leave."""
        symbol, now = self.random.choice(SYMBOLS), at(self.second)
        leaving = self.random.random() < 0.3
        side = Side.SELL if leaving else Side.BUY
        size = D(self.random.randint(1, 400)) / 1000
        wanted = intent(symbol, side, size, now, mark=MARK, reduce_only=leaving)
        answer = self.desk.decide(wanted, now)
        if isinstance(answer, Granted):
            self.granted += 1
            name = f"c{self.granted}"
            self.intents.append(self.desk.reserve(wanted, answer, name, now))
            self.reserved.append(name)

    def commit(self) -> None:
        """A reservation becomes durable and is approved, or has grown too old."""
        if not self.reserved:
            return
        name = self.reserved.pop(self.random.randrange(len(self.reserved)))
        if self.desk.recheck(name, at(self.second)) is None:
            self.desk.approve(name, at(self.second))
            self.on_wire.append(name)
        else:
            self.desk.release(name, "too old", at(self.second))

    def post(self) -> None:
        """A post arrives with or without an answer, or vanishes with or without a word."""
        if not self.on_wire:
            return
        name = self.on_wire.pop(self.random.randrange(len(self.on_wire)))
        arrives, answered = self.random.random() < 0.8, self.random.random() < 0.6
        if arrives:
            self.at_venue[name] = D(0)
        if answered and arrives:
            self.hear(name, OrderState.OPEN)
        elif answered:
            self.desk.release(name, "connection refused", at(self.second))
        else:
            self.unknown += 1
            self.desk.unknown(name, at(self.second))

    def fill(self) -> None:
        """The venue fills something, and the desk hears of it or not."""
        if not self.at_venue:
            return
        name = self.random.choice(sorted(self.at_venue))
        order = self.desk.ledger.orders[name]
        if self.at_venue[name] < order.size:
            self.at_venue[name] = order.size if self.random.random() < 0.5 else order.size / 2
            if self.random.random() < 0.6:
                self.hear(name, OrderState.OPEN)

    def hear(self, name: str, state: OrderState) -> None:
        """The desk hears the truth about one order."""
        order, filled = self.desk.ledger.orders[name], self.at_venue[name]
        said = report(order, OrderState.FILLED if filled == order.size else state, at(self.second), filled, MARK)
        self.desk.on_report(said, at(self.second))
        self.reports.append(said)

    def look_up(self) -> None:
        """Every due question is answered by the truth."""
        for order in self.desk.queries_due(at(self.second)):
            name = order.client_order_id
            if name in self.at_venue:
                self.hear(name, OrderState.OPEN)
            elif name not in self.on_wire:
                self.desk.absent(name, at(self.second).machine_time, at(self.second))

    def restart(self) -> None:
        """Everything in memory is gone; what was on the wire arrives after all."""
        self.restarts += 1
        state = self.desk.state
        self.desk = RiskDesk({i.symbol: i for i in self.instruments}, LIMITS, state.execution, None)
        self.desk.restore(RiskMemory.from_bytes(self.record), self.intents, self.reports, at(self.second))
        self.desk.state.reconciled = True
        alive(self.desk, at(self.second), MARK)
        for name in self.on_wire:
            self.at_venue[name] = D(0)
        self.on_wire, self.reserved = [], []

    def worst_of(self, symbol: str) -> Decimal:
        """The largest position the venue could reach in one symbol with all it has or may still get."""
        long = short = D(0)
        for name in [*self.at_venue, *self.on_wire]:
            order = self.desk.ledger.orders[name]
            if order.symbol == symbol:
                filled, rest = self.at_venue.get(name, D(0)), D(0)
                rest = order.size - filled
                sign = order.side.sign
                long += filled * sign + (rest if sign > 0 else 0)
                short += filled * sign - (rest if sign < 0 else 0)
        return max(abs(long), abs(short))


def run_seed(seed: int) -> Race:
    """Run one schedule to its end; an AssertionError names what broke."""
    race = Race(seed)
    for _ in range(STEPS):
        race.step()
    return race


def main(argv: list[str] | None = None) -> int:
    """The command of the module docstring."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.risk.race", description="Ten symbols race one account limit."
    )
    parser.add_argument("--seeds", type=int, default=2_000)
    args = parser.parse_args(argv)
    started, granted, restarts, unknown, highest = time.perf_counter(), 0, 0, 0, D(0)
    for seed in range(args.seeds):
        race = run_seed(seed)
        granted, restarts, unknown = granted + race.granted, restarts + race.restarts, unknown + race.unknown
        highest = max(highest, race.highest)
    took = time.perf_counter() - started
    print(
        f"{args.seeds} seeds, {args.seeds * STEPS} steps, {took:.0f} s: {granted} orders granted, {unknown} unknown, "
    )
    print(f"{restarts} restarts; highest worst case {highest:.2f} of {LIMIT} USD: the limit was never exceeded")
    return 0


if __name__ == "__main__":
    sys.exit(main())
