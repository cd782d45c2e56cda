"""Kill the trader again and again, start it again, and hold its books against the exchange's (issue 3, E-01).

`python -m tests.process.crash --rounds 200 [--seed N]`; a handful of rounds run in the tests. In each round a trader that
trades every couple of seconds dies by SIGKILL at a labelled point of its code or at a random moment, start-up included.
The next one must know, within thirty seconds of its start, every order the exchange received and every fill of it, with
no order the journal does not know, none twice, and the same position. Exit code 1 and the seed when a round fails.
"""

from __future__ import annotations

import argparse
import random
import secrets
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from statistics import median
from typing import Any

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[2])]  # also as `-m`

from busy_market import write_candles, write_config  # noqa: E402
from compared_books import signed  # noqa: E402
from crash_child import POINTS  # noqa: E402
from trader_process import Room, TraderProcess, exchange_process, room, until  # noqa: E402

from trader.store.events import EventName  # noqa: E402
from trader.store.reader import EventReader  # noqa: E402
from trader.store.verdict import StoreRefused  # noqa: E402

CONVERGE_S = 30.0
GROUP = 20
CHILD = str(Path(__file__).with_name("crash_child.py"))
NEVER_REACHED_S = 12.0
RARE = {"checkpoint-begun": 1, "books-restored": 1, "holds-saved": 3, "account-read": 2, "cancel-in-flight": 2}


@dataclass(frozen=True)
class Death:
    """How one trader dies: at a labelled point, or so many seconds after its start or its first reconciliation."""

    label: str
    passage: int = 0
    after_s: float = 0.0

    @classmethod
    def draw(cls, choose: random.Random) -> Death:
        """Draw one: two of three at a labelled point."""
        if choose.random() < 0.67:
            label = choose.choice(sorted(POINTS))
            return cls(label, choose.randint(1, RARE.get(label, 6)))
        if choose.random() < 0.4:
            return cls("start-up", after_s=choose.uniform(0.05, 2.5))
        return cls("trading", after_s=choose.uniform(0.0, 3.0))


@dataclass
class Tally:
    """What a campaign has seen."""

    rounds: int = 0
    deaths: Counter[str] = field(default_factory=Counter)
    converged_s: list[float] = field(default_factory=list)
    orders: int = 0
    fills: int = 0
    resting: int = 0
    unreached: int = 0
    held: Counter[str] = field(default_factory=Counter)


class Books:
    """What the journal of a profile says, read beside the running trader."""

    def __init__(self, folder: Path) -> None:
        self.intents: dict[str, str] = {}
        self.filled: dict[str, Decimal] = {}
        self.finished: set[str] = set()
        for event in EventReader.open_readonly(folder).replay():
            payload = event.payload
            coid = str(payload.get("client_order_id", ""))
            if event.event == EventName.ORDER_INTENT:
                assert coid not in self.intents, f"two intents under one id: {coid}"
                self.intents[coid] = event.decision_id
            elif event.event == EventName.TRADE_EXECUTED:
                self.filled[coid] = self.filled.get(coid, Decimal(0)) + Decimal(str(payload["size"]))
            elif event.event == EventName.ORDER_REPORT and payload["state"] in {
                "FILLED",
                "CANCELLED",
                "EXPIRED",
                "REJECTED",
            }:
                self.finished.add(coid)


def books_of(folder: Path) -> Books | None:
    """Read the journal; None while there is none yet or its newest record is only half there."""
    try:
        return Books(folder)
    except StoreRefused:
        return None


def run_until_death(where: Room, death: Death, choose: random.Random) -> bool:
    """Start a trader and let it die; False when the labelled point was never reached and it was killed from outside."""
    if death.label in POINTS:
        trader = where.start(entry=(CHILD,), CRASH_AT=f"{death.label}:{death.passage}")
        try:
            trader.process.wait(NEVER_REACHED_S + choose.random())
        except Exception:  # noqa: BLE001 - TimeoutExpired of a passage that did not come
            trader.kill()
            return False
        code = trader.wait(5)
        assert code == -9, f"ended with {code} instead of dying:\n{trader.words()}"
        return True
    trader = where.start()
    if death.label == "trading":
        trader.ready()
    time.sleep(death.after_s)
    trader.kill()
    return True


def missing(books: Books, truth: dict[str, Any]) -> str:
    """What of the exchange's truth the journal lacks; "" when nothing."""
    filled: dict[str, Decimal] = {}
    for fill in truth["fills"]:
        filled[fill["client_order_id"]] = filled.get(fill["client_order_id"], Decimal(0)) + Decimal(fill["size"])
    lost = [coid for coid, size in filled.items() if books.filled.get(coid, Decimal(0)) < size]
    return f"{len(lost)} fills not booked: {lost[:3]}" if lost else ""


def check_arrivals(books: Books, truth: dict[str, Any]) -> None:
    """No order without a durable intent, none twice under one id, and at most one order from one decision (I-05, I-08)."""
    accepted = [arrival["client_order_id"] for arrival in truth["arrivals"]]
    orphans = [coid for coid in accepted if coid not in books.intents]
    assert not orphans, f"orders without an intent in the journal: {orphans}"
    twice = [coid for coid, count in Counter(accepted).items() if count > 1]
    assert not twice, f"orders sent twice under one id: {twice}"
    decisions = Counter(books.intents[coid] for coid in accepted)
    again = [decision for decision, count in decisions.items() if count > 1]
    assert not again, f"one decision sent more than one order: {again}"


def converge(where: Room, truth: dict[str, Any], tally: Tally) -> TraderProcess:
    """Start again and wait until the journal holds the venue's truth of the moment of the death."""
    trader = where.start()
    started = time.monotonic()
    trader.ready(CONVERGE_S)

    def agreed() -> bool:
        books = books_of(where.profile_folder)
        return books is not None and not missing(books, truth)

    until(agreed, CONVERGE_S - (time.monotonic() - started), "the venue's truth in the journal")
    known = {order["client_id"] for order in trader.told("status.json").get("orders", ())}

    def claimed() -> bool:
        """Every order that is open at the exchange is one the trader knows to be open."""
        nonlocal known
        known = {order["client_id"] for order in trader.told("status.json").get("orders", ())}
        return {order["client_order_id"] for order in where.exchange.open_orders()} <= known

    until(claimed, CONVERGE_S - (time.monotonic() - started), "an open order the trader does not know")
    tally.converged_s.append(time.monotonic() - started)
    return trader


def one_round(where: Room, death: Death, choose: random.Random, tally: Tally) -> None:
    """One death, one recovery, every comparison; the recovered trader dies too, so that no round begins clean."""
    reached = run_until_death(where, death, choose)
    tally.unreached += not reached
    tally.deaths[death.label] += 1
    truth = where.exchange.read()
    tally.resting += sum(order["status"] == "OPEN" for order in truth["orders"])
    trader = converge(where, truth, tally)
    for hold in trader.told().get("latches", ()):
        tally.held[hold["cause"]] += 1
    trader.kill()
    truth = where.exchange.read()
    books = books_of(where.profile_folder)
    assert books is not None, "the journal of a killed trader can be read"
    check_arrivals(books, truth)
    tally.rounds += 1


def finish(where: Room, tally: Tally) -> None:
    """The last trader of a group ends in order; the room then compares positions, Decimal for Decimal."""
    trader = where.start("--reduce-only")
    trader.ready()
    until(lambda: proven(trader), CONVERGE_S, "every unproven order resolved")
    trader.process.terminate()
    code = trader.wait(20)
    assert code == 0, f"ended with {code}:\n{trader.words()}"
    assert not where.exchange.open_orders(), "an order is open after an orderly stop"
    truth = where.exchange.read()
    holdings = {name: Decimal(size) for name, size in truth["holdings"].items() if Decimal(size)}
    assert holdings == signed(truth["fills"], "product_id")
    tally.orders += len(truth["arrivals"])
    tally.fills += len(truth["fills"])


def proven(trader: TraderProcess) -> bool:
    """Whether the trader's own last word is that no order is open or unproven; an absence takes fifteen seconds to prove."""
    told = trader.told("status.json") if trader.mode() else {}
    return bool(told.get("reconciled")) and not told["orders"] and told["unknown_orders"] == 0


def campaign(rounds: int, seed: int, folder: Path, told: Callable[[Tally, str], None]) -> Tally:
    """Run so many rounds, a fresh exchange and data folder for every twenty; raises AssertionError at the first failure."""
    choose, tally = random.Random(seed), Tally()
    for group, size in enumerate(_groups(rounds)):
        here = folder / f"group-{group}"
        here.mkdir(parents=True)
        resting = group % 2 == 0
        with (
            exchange_process(*write_candles(here)) as exchange,
            room(here / "room", exchange, config=write_config(here, resting=resting)) as where,
        ):
            for _ in range(size):
                death = Death.draw(choose)
                told(tally, f"{death.label} {death.passage or f'{death.after_s:.2f} s'}")
                one_round(where, death, choose, tally)
            finish(where, tally)
    return tally


def _groups(rounds: int) -> Iterator[int]:
    while rounds > 0:
        yield min(rounds, GROUP)
        rounds -= GROUP


def main() -> int:
    """The campaign as a command, with a progress bar."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    parser = argparse.ArgumentParser(prog="python -m tests.process.crash", description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=None, help="repeat a campaign's draws")
    parser.add_argument("--keep", type=Path, default=None, help="work in this folder and leave it there")
    options = parser.parse_args()
    seed = secrets.randbelow(1 << 30) if options.seed is None else options.seed
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with tempfile.TemporaryDirectory(prefix="crash-") as temporary, Progress(*columns) as progress:
        bar = progress.add_task(f"seed {seed}", total=options.rounds)
        began = time.monotonic()
        try:
            tally = campaign(
                options.rounds,
                seed,
                options.keep or Path(temporary),
                lambda tally, what: progress.update(bar, completed=tally.rounds, description=f"seed {seed}: {what}"),
            )
        except AssertionError as error:
            progress.stop()
            sys.stdout.write(f"FAILED with seed {seed}: {error}\n")
            return 1
    sys.stdout.write(report(tally, seed, time.monotonic() - began))
    return 0


def report(tally: Tally, seed: int, took_s: float) -> str:
    """The figures of a campaign that found nothing."""
    deaths = ", ".join(f"{label} {count}" for label, count in sorted(tally.deaths.items()))
    return (
        f"{tally.rounds} rounds, seed {seed}, {took_s / 60:.1f} min: 0 lost, 0 twice, 0 orphans, positions equal\n"
        f"recovered in {median(tally.converged_s):.1f} s (median), {max(tally.converged_s):.1f} s at most\n"
        f"{tally.orders} orders, {tally.fills} fills, {tally.resting} orders open at a death\n"
        f"deaths: {deaths}; labelled point not reached in {tally.unreached}\n"
        f"holds seen after a recovery: {dict(tally.held) or 'none'}\n"
    )


if __name__ == "__main__":
    sys.exit(main())
