"""A campaign of schedules: `python -m tests.schedules --seeds 20000 --jobs 2`, or one seed again: `--seed 7`."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter

from rich.progress import Progress

from tests.schedules.campaign import lives
from tests.schedules.mutations import MUTATIONS
from tests.schedules.world import World


def main() -> int:
    """Run a campaign with progress and a summary; 1 when anything was violated."""
    parser = argparse.ArgumentParser(prog="python -m tests.schedules")
    parser.add_argument("--seeds", type=int, default=500, help="how many seeds")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--seed", type=int, help="live one seed again, with its traceback and log")
    parser.add_argument("--mutation", default="", choices=["", *MUTATIONS], help="remove one safety rule")
    options = parser.parse_args()
    if options.seed is not None:
        world = World(options.seed).run()
        sys.stdout.write(f"seed {options.seed}: nothing violated; {world.stage.turns} turns, digest {world.digest()}\n")
        return 0
    return _campaign(options)


def _campaign(options: argparse.Namespace) -> int:
    started, seen, turns, violated = time.monotonic(), Counter[str](), 0, []
    seeds = range(options.first, options.first + options.seeds)
    with Progress() as progress:
        task = progress.add_task("schedules", total=options.seeds)
        for life in lives(seeds, options.jobs, options.mutation):
            seen.update(life.seen)
            turns += life.turns
            if life.violated:
                violated.append(life)
                progress.console.print(
                    f"seed {life.seed}: {life.violated}\n  again: python -m tests.schedules --seed {life.seed}"
                )
            progress.advance(task)
    spent = time.monotonic() - started
    for what, count in seen.most_common():
        sys.stdout.write(f"{count:>9}  {what}\n")
    sys.stdout.write(f"{options.seeds} seeds, {len(violated)} violated, {turns} turns in {spent:.0f} s\n")
    return 1 if violated else 0


if __name__ == "__main__":
    sys.exit(main())
