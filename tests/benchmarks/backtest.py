"""Bars per second of the backtest with every check and guard on, about 3 % of the bars trading, beside its peers.

    python -m tests.benchmarks backtest [--bars 100000 1000000] [--peers DIR] [--profile | --costs]

Each size runs in a process of its own, so that memory is that run's. Peers run in virtual environments `DIR/<name>` (or
$BACKTEST_PEERS), made by hand; a peer that is not there is skipped and said so.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import os
import pstats
import resource
import subprocess
import sys
import time
from pathlib import Path

from loguru import logger

from actors.backtest import run_backtest
from tests.backtest.backtest_markets import CHEAP, history, settings, waves
from tests.benchmarks.backtest_costs import table

PEERS = {"nautilus": "nautilus_trader", "backtrader": "backtrader", "backtesting": "backtesting"}
HERE = Path(__file__).parent


def measure(bars: int, *, profiled: bool = False) -> dict[str, float]:
    """Run once and return the figures of this process."""
    logger.remove()
    market = history(waves(bars=bars))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    chosen = settings()
    profile = cProfile.Profile() if profiled else None
    began, cpu = time.perf_counter(), time.process_time()
    outcome = profile.runcall(run_backtest, chosen, market, CHEAP) if profile else run_backtest(chosen, market, CHEAP)
    spent, cpu = time.perf_counter() - began, time.process_time() - cpu
    if profile:
        pstats.Stats(profile).sort_stats("tottime").print_stats(45)
    return {
        "bars": outcome.bars,
        "bars_per_s": outcome.bars / spent,
        "bars_per_cpu_s": outcome.bars / cpu,
        "orders": outcome.executions,
        "trading_share": outcome.executions / outcome.bars,
        "events": sum(outcome.events.values()),
        "rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "data_mib": before / 1024,
    }


def main() -> int:
    """Print one line per size, then one per peer and size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bars", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument(
        "--peers", type=Path, default=os.environ.get("BACKTEST_PEERS"), help="folder with one environment per peer"
    )
    parser.add_argument("--profile", action="store_true", help="profile the first size instead")
    parser.add_argument("--costs", action="store_true", help="show what the pieces of a bar cost instead")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.profile:
        measure(options.bars[0], profiled=True)
        return 0
    if options.costs:
        found = measure(options.bars[0])
        print("\n".join(table(options.bars[0], found["trading_share"], 1e9 / found["bars_per_cpu_s"])))
        return 0
    if options.one:
        print(json.dumps(measure(options.one)))
        return 0
    for bars in options.bars:
        found = _child([sys.executable, "-m", "tests.benchmarks.backtest", "--one", str(bars)])
        print(_line("this project", found))
    for name, module in PEERS.items():
        python = Path(options.peers) / name / "bin" / "python" if options.peers else None
        if python is None or not python.exists():
            print(f"{name:<14} skipped: no environment with {module} (see --peers)")
            continue
        for bars in options.bars:
            print(_line(name, _child([str(python), str(HERE / "backtest_peers.py"), name, str(bars)])))
    return 0


def _child(command: list[str]) -> dict[str, float]:
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=HERE.parents[1])
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-3000:]}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _line(name: str, found: dict[str, float]) -> str:
    return (
        f"{name:<14} {found['bars']:>9,.0f} bars  {found['bars_per_s']:>9,.0f} bars/s  {found['orders']:>7,.0f} orders "
        f"({found['trading_share']:.1%})  {found['rss_mib']:>6.0f} MiB"
    )


if __name__ == "__main__":
    sys.exit(main())
