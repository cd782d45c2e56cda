"""`run.py check`: everything that must be right before trading, as rows with their remedies; no order can leave to a live venue.

Exit 0 without a failed row, 1 with one; a wrong configuration ends with 78 as a start does. Only `run.py` imports this.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from actors.check_exchange import client_for
from actors.check_local import local_rows
from actors.check_venue import as_json, keyless_rows, venue_rows
from actors.trade_command import profile_folder
from trader.arguments import CommandParser
from trader.config import ConfigErrors, Settings, flag_overrides, load_settings
from trader.exit_code import Ends, ExitCode
from trader.report.checkup import Row, fail, passed, summary

KEY_VARIABLES = ("COINBASE_API_KEY", "COINBASE_API_SECRET")


def main(arguments: Sequence[str]) -> int:
    """Print each row as it is known; return 0 when none failed."""
    about = "Check this machine, the configuration, the store and the venue."
    parser = CommandParser(prog="run.py check", description=about)
    add = parser.add_argument
    add("--profile", default="canary", help="dev, demo, canary, prod or spot (default: canary)")
    add("--config", type=Path, default=Path("config.toml"), help="the configuration file (default: config.toml)")
    add("--symbols", nargs="+", metavar="SYMBOL", help="check these instead of the profile's")
    add("--live", action="store_true", help="look at the live venue with the environment's key; sends no order")
    add("--exchange", type=Path, metavar="READY.json", help="attach to an embedded exchange that already runs")
    add("--json", action="store_true", help="all rows as JSON")
    options = parser.parse_args(arguments)
    os.umask(0o077)
    settings = settings_for(options)
    rows = []
    for row in _rows(settings, options):
        rows.append(row)
        if not options.json:
            sys.stdout.write(row.line() + "\n")
            sys.stdout.flush()
    sys.stdout.write((as_json(rows) if options.json else summary(rows)) + "\n")
    return ExitCode.OK if passed(rows) else ExitCode.NEGATIVE


def settings_for(options: argparse.Namespace) -> Settings:
    """Read the configuration; raises Ends with every error at once."""
    loaded = load_settings(
        options.config,
        options.profile,
        paper=not options.live,
        overrides=flag_overrides(vars(options)),
        environ=os.environ,
    )
    if isinstance(loaded, ConfigErrors):
        raise Ends(ExitCode(loaded.exit_code), str(loaded))
    return loaded


def _rows(settings: Settings, options: argparse.Namespace) -> Iterator[Row]:
    yield from local_rows(settings, profile_folder(settings))
    try:
        with client_for(settings, options.exchange) as client:
            yield from venue_rows(client)
    except Ends as end:
        if end.code is ExitCode.USAGE:
            raise
        if end.code is ExitCode.CREDENTIALS_REFUSED:
            yield from keyless_rows(settings, _key_problem(end.sentence))
        else:
            yield fail(
                "venue", end.sentence, "the exchange could not be started: read its words; python run.py exchange"
            )


def _key_problem(sentence: str) -> Row:
    """Why there is no client of the live venue: no key in this environment, or one that cannot be one."""
    missing = [name for name in KEY_VARIABLES if not os.environ.get(name)]
    if missing:
        remedy = f"set {' and '.join(missing)} in this shell, or check without --live"
        return fail("key", f"{' and '.join(missing)} not set in this environment", remedy)
    return fail("key", sentence, "put it right in the environment; the venue was not asked about the key")
