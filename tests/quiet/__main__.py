"""`python -m tests.quiet [--minutes 60]`: the lines of a healthy hour and of an hour's outage, side by side in real time.

Prints each line that counts and the figures; exit code 1 when more is said than promised.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "process")]

from quiet_hour import HEALTHY_LINES, HEALTHY_LINES_A_MINUTE, OUTAGE_LINES, Figures, healthy, outage  # noqa: E402


def main() -> int:
    """Run all of them at once."""
    parser = argparse.ArgumentParser(prog="python -m tests.quiet", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0, help="minutes of this clock (default 60)")
    seconds = parser.parse_args().minutes * 60
    with tempfile.TemporaryDirectory(prefix="quiet-") as name, ThreadPoolExecutor(5) as hours:
        folder = Path(name)
        quiet = [hours.submit(healthy, folder / profile, profile, seconds) for profile in ("canary", "dev")]
        cut = [hours.submit(outage, folder / f"{profile}-{how}", profile, seconds, how)
               for profile, how in (("canary", "cut"), ("canary", "silent"), ("dev", "cut"))]  # fmt: skip
        calm = [one.result() for one in quiet]
        loud = [figures for one in cut for figures in one.result()]
    for figures in (*calm, *loud):
        _show(figures)
    within = all(
        len(figures.counted) <= HEALTHY_LINES and figures.fullest_minute <= HEALTHY_LINES_A_MINUTE for figures in calm
    )
    return 0 if within and all(len(figures.counted) <= OUTAGE_LINES for figures in loud) else 1


def _show(figures: Figures) -> None:
    sys.stdout.write("\n".join([figures.sentence, *(f"  {line}" for line in figures.counted), ""]))


if __name__ == "__main__":
    sys.exit(main())
