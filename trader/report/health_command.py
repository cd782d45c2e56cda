"""`run.py health`: one line and exit 0 or 1 from the health file, ready for a container's HEALTHCHECK. Only run.py imports this.

Judges the file's age and whether its writer still lives as well as its words, needs no running system and no key, and touches
nothing.
"""

import sys
import time
from collections.abc import Sequence
from pathlib import Path

from trader.arguments import CommandParser
from trader.exit_code import ExitCode
from trader.report.files import HEALTH_FILE
from trader.report.state_files import HEALTH_MAX_AGE_S, Judgement, judge_health
from trader.store.running import chosen_folder, is_running


def main(argv: Sequence[str]) -> int:
    """Run the command; returns 0 when the system is healthy, 1 when not, raises Ends for wrong arguments."""
    parser = CommandParser(prog="run.py health", description="Say in one line whether a profile runs well.")
    parser.add_argument("--profile", help="the profile; without it the one that runs, else the only one there is")
    parser.add_argument(
        "--max-age", type=float, default=HEALTH_MAX_AGE_S, metavar="SECONDS", help="oldest believable file"
    )
    options = parser.parse_args(argv)
    told = health_of(chosen_folder(options.profile), time.time(), options.max_age)
    sys.stdout.write(told.line + "\n")
    return ExitCode.OK if told.ok else ExitCode.NEGATIVE


def health_of(folder: Path, utc_time: float, max_age_s: float = HEALTH_MAX_AGE_S) -> Judgement:
    """Judge the health file of a profile's folder at this moment; without a process that runs it, it is not ok at once."""
    path = folder / HEALTH_FILE
    try:
        content, written_at = path.read_bytes(), path.stat().st_mtime
    except OSError:
        return judge_health(None, 0.0)
    return judge_health(content, max(0.0, utc_time - written_at), max_age_s, running=is_running(folder))
