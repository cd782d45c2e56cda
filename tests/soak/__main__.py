"""`python -m tests.soak --minutes 15 [--seed N]`: an hour of market time per quarter of an hour, ten symbols, faults at random.

Prints progress and a summary; exit code 1 with the seed when a limit was broken, the books differ, or the trader ended.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "process")]

from rich.console import Console  # noqa: E402
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: E402
from rich.table import Table  # noqa: E402
from soak_run import Soak, Summary  # noqa: E402

LINE_EVERY_S = 60.0


def main() -> int:
    """Run one soak."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=15.0, help="minutes of this clock (default 15)")
    parser.add_argument("--speed", type=float, default=4.0, help="market seconds per second (default 4)")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000))
    flags = parser.parse_args()
    console = Console()
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    said = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="soak-"))
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("soak", total=flags.minutes * 60)

        def told(summary: Summary, at_s: float) -> None:
            nonlocal said
            now = summary.samples[-1]
            line = f"{at_s / 60:.1f} min, {sum(summary.faults.values())} faults, {now.trader_mib:.0f} MiB, {now.threads} threads"
            bar.update(task, completed=at_s, description=line)
            if not console.is_terminal and time.monotonic() - said > LINE_EVERY_S:
                said = time.monotonic()
                console.print(line, dict(summary.modes), dict(summary.causes))

        try:
            summary = Soak(flags.minutes * 60, flags.seed, told, flags.speed).run(folder)
        except AssertionError as error:
            console.print(f"failed, seed {flags.seed}, everything is kept in {folder}: {error}", markup=False)
            return 1
    shutil.rmtree(folder)
    console.print(_table(summary))
    return 0


def _table(summary: Summary) -> Table:
    table = Table(
        title=f"soak, seed {summary.seed}: {summary.market_s / 60:.0f} minutes of market time, no limit broken"
    )
    for name in ("when", "trader MiB", "threads", "exchange MiB"):
        table.add_column(name, justify="right")
    for name, part in (("start", 0.0), ("middle", 0.5), ("end", 1.0)):
        stage = summary.stage(part)
        table.add_row(name, f"{stage.trader_mib:.1f}", str(stage.threads), f"{stage.exchange_mib:.1f}")
    table.caption = (
        f"{summary.orders} orders, {summary.fills} fills, {sum(summary.faults.values())} faults of {len(summary.faults)} kinds, "
        f"{summary.resumes} resumes ({dict(summary.causes)}), seconds by mode {dict(summary.modes)}"
    )
    return table


if __name__ == "__main__":
    sys.exit(main())
