"""`run.py status`: the last status of a profile, from the file it writes each second; works when the bot is down, and says so."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

from trader.arguments import CommandParser
from trader.exit_code import Ends, ExitCode
from trader.report.files import read_last_status
from trader.store.running import chosen_folder, is_running


def main(arguments: Sequence[str]) -> int:
    """Print the screen or the JSON; 0 when the profile runs, 1 when what is shown is old."""
    parser = CommandParser(prog="run.py status", description="Print the last status of a profile.")
    parser.add_argument(
        "--profile", help="dev, demo, canary, prod or spot (default: the one that runs, else the only one there is)"
    )
    parser.add_argument("--json", action="store_true", help="everything as JSON")
    options = parser.parse_args(arguments)
    folder = chosen_folder(options.profile)
    last = read_last_status(folder, time.time(), running=is_running(folder))
    if last is None:
        raise Ends(ExitCode.NEGATIVE, f"profile {folder.name} has not run here yet: no status in {folder}")
    sys.stdout.write(last.content.decode() if options.json else last.screen.rstrip() + "\n")
    return ExitCode.OK if last.fresh else ExitCode.NEGATIVE
