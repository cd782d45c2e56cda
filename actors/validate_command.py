"""`run.py validate perps-client|ws|strategy|e2e|all`: the documents' validation scripts against the embedded exchange or the venue.

They run only with RUN_SANDBOX_VALIDATIONS=1, as the documents gate them. By default they use the embedded exchange; with
USE_REAL_ADAPTER=1 the live venue, where everything that would send an order is skipped. Exit 0 when nothing failed, 1 otherwise.
Only `run.py` imports this.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from actors.check_client import perps_client_rows, ws_rows
from actors.check_command import settings_for
from actors.check_exchange import client_for
from actors.check_runs import e2e_rows, strategy_rows
from actors.check_venue import Client
from trader.arguments import CommandParser
from trader.exit_code import Ends, ExitCode
from trader.report.checkup import Row, passed, summary

GATE, REAL = "RUN_SANDBOX_VALIDATIONS", "USE_REAL_ADAPTER"
PARTS: dict[str, Callable[[Client], Iterator[Row]]] = {
    "perps-client": perps_client_rows,
    "ws": ws_rows,
    "strategy": strategy_rows,
    "e2e": e2e_rows,
}


def main(arguments: Sequence[str]) -> int:
    """Run the parts asked for; raises Ends for wrong arguments and where the gate is closed."""
    about = f"Validate parts of the system. Wants {GATE}=1; {REAL}=1 uses the live venue, where no order is ever sent."
    parser = CommandParser(prog="run.py validate", description=about)
    add = parser.add_argument
    add("part", choices=[*PARTS, "all"], help="what to validate")
    add("--profile", default="dev", help="dev, demo, canary, prod or spot (default: dev)")
    add("--config", type=Path, default=Path("config.toml"), help="the configuration file (default: config.toml)")
    add("--exchange", type=Path, metavar="READY.json", help="attach to an embedded exchange that already runs")
    options = parser.parse_args(arguments)
    if os.environ.get(GATE) != "1":
        raise Ends(ExitCode.USAGE, f"validations run only with {GATE}=1; set it and run this again. Nothing was done.")
    options.live = os.environ.get(REAL) == "1"
    if options.live and options.profile == "dev":
        options.profile = "demo"
    rows: list[Row] = []
    with client_for(settings_for(options), options.exchange) as client:
        for name in PARTS if options.part == "all" else (options.part,):
            sys.stdout.write(f"{name}\n")
            for row in PARTS[name](client):
                rows.append(row)
                sys.stdout.write("  " + row.line().replace("\n", "\n  ") + "\n")
                sys.stdout.flush()
    sys.stdout.write(summary(rows) + "\n")
    return ExitCode.OK if passed(rows) else ExitCode.NEGATIVE
