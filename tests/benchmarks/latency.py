"""How long a signal, and a crash, take in a real trader: `python -m tests.benchmarks latency [--rounds N]`.

Two figures (issue 4 must-show 6), measured on real processes against the embedded exchange, with every symbol's strategy
burning CPU on each mark. From `kill -USR1` to the first cancel on the wire: the moment `os.kill` is called, to the moment the
first cancel is handed to the HTTP session, for a resting entry that would grow a position (goal: median below 100 ms). From a
symbol's crash to its `Ready` with a window warm from the broker's ring (goal: median below 50 ms). The points are marked by
wrappers in `tests/process/`, none in the product. Exit code 1 when a goal is missed.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "process"), str(ROOT)]

from busy_market import write_candles, write_config  # noqa: E402
from trader_process import ExchangeRecords, Room, TraderProcess, exchange_process, room, until  # noqa: E402

CHILD = str(ROOT / "tests" / "process" / "sabotage_child.py")
BURN_S = 0.004
CANCEL_GOAL_MS, READY_GOAL_MS = 100.0, 50.0
BUDGET = 20
SPEED = 60
RING_FULL_S = 20.0
"""Slower than the tests' market: six bars a second, so that the broker's ring has no hole while the strategies burn."""


def start(where: Room) -> TraderProcess:
    """Start a trader whose strategies burn CPU."""
    trader = where.start(entry=(CHILD,), SABOTAGE=str(where.folder), SABOTAGE_BURN_S=str(BURN_S))
    trader.ready()
    return trader


def moment_of(line: str) -> float:
    """The moment (UTC) a wrapper has told."""
    return float(line.split()[1])


def signal_to_cancel_s(where: Room) -> float:
    """One trader, one resting entry, one SIGUSR1; seconds to the first cancel on the wire. An entry filled meanwhile does not count."""
    while True:
        trader = start(where)
        trader.see("buy .* sent", 60, stream="stderr")
        until(lambda: where.exchange.open_orders(), 60, "an entry that rests")
        so_far = len(trader.stderr.lines)
        begin = trader.send(signal.SIGUSR1)
        trader.see("REDUCE_ONLY account by SIGUSR1", 10, stream="stderr")
        until(lambda: not where.exchange.open_orders(), 10, "the cancel")
        trader.send(signal.SIGTERM)
        trader.wait(15)
        (where.profile_folder / "holds.json").unlink()
        found = trader.stderr.find(r"^sabotage \S+ cancel", so_far)
        if found is not None:
            return moment_of(found[1]) - begin


def crash_to_ready_s(where: Room, rounds: int) -> list[float]:
    """Crash each symbol of so many traders once; seconds to its successor's Ready, its window warm from the broker's ring."""
    took = []
    for _ in range(rounds):
        trader = start(where)
        until(lambda t=trader: t.told("status.json").get("up_s", 0) > RING_FULL_S, 60, "a full ring")
        for symbol in ("BTC-USD", "ETH-USD", "SOL-USD"):
            trader.see(f"{symbol} filled", 60, stream="stderr")
            (where.folder / f"crash-{symbol}").touch()
            _, crashed = trader.see(rf"^sabotage \S+ crash {symbol}#1", 10, stream="stderr")
            _, ready = trader.see(rf"^sabotage \S+ ready {symbol}#2", 10, stream="stderr")
            if "ring" not in ready:
                source = ready.partition("#2")[2].strip() or "marks"
                print(f"  {symbol}: {1000 * (moment_of(ready) - moment_of(crashed)):.0f} ms, window from {source}")
            took.append(moment_of(ready) - moment_of(crashed))
        trader.send(signal.SIGTERM)
        trader.wait(15)
    return took


def measure(folder: Path, rounds: int, say: Callable[[str], None]) -> bool:
    """Run both and print the figures; True when both goals are met."""
    say(f"3 symbols, each strategy burning {BURN_S * 1000:g} ms of CPU per mark, {os.cpu_count()} cores")
    with exchange_process(*write_candles(folder, speed=SPEED)) as exchange:
        cancels = _measured(
            folder / "resting", exchange, resting=True, take=lambda w: [signal_to_cancel_s(w) for _ in range(rounds)]
        )
        good = _told("kill -USR1 to the first cancel on the wire", cancels, CANCEL_GOAL_MS, say)
        crashes = _measured(
            folder / "busy", exchange, resting=False, take=lambda w: crash_to_ready_s(w, max(rounds // 3, 1))
        )
        return _told("crash of a symbol to Ready, window from the ring", crashes, READY_GOAL_MS, say) and good


def _measured(
    folder: Path, exchange: ExchangeRecords, *, resting: bool, take: Callable[[Room], list[float]]
) -> list[float]:
    folder.mkdir()
    with room(folder / "room", exchange, config=write_config(folder, resting=resting, restarts=BUDGET)) as where:
        return take(where)


def _told(what: str, seconds: list[float], goal_ms: float, say: Callable[[str], None]) -> bool:
    sorted_ms = sorted(1000 * value for value in seconds)
    middle = median(sorted_ms)
    verdict = "met" if middle < goal_ms else "MISSED"
    spread = f"{sorted_ms[0]:.1f} to {sorted_ms[-1]:.1f} ms"
    say(f"{what}: median {middle:.1f} ms, {spread}, {len(sorted_ms)} times; goal {goal_ms:g} ms {verdict}")
    return middle < goal_ms


def main() -> int:
    """The benchmark as a command."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks latency", description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory(prefix="latency-") as folder:
        return 0 if measure(Path(folder), rounds, lambda text: print(text, flush=True)) else 1


if __name__ == "__main__":
    sys.exit(main())
