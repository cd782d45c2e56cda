"""`run.py config`: shows the configuration, or with `accept` confirms to a running profile what loosens. Only `run.py` imports this."""

from __future__ import annotations

from collections.abc import Sequence

from actors.control_client import send_command
from trader.arguments import CommandParser
from trader.config import command
from trader.store.running import chosen_folder


def main(arguments: Sequence[str]) -> int:
    """Run `config accept` or hand over to the command that reads the file."""
    if not arguments or arguments[0] != "accept":
        return command.main(arguments)
    about = "Judge the changed configuration file again and apply what loosens a limit, too."
    parser = CommandParser(prog="run.py config accept", description=about)
    parser.add_argument("--profile", help="dev, demo, canary, prod or spot (default: the one that runs)")
    options = parser.parse_args(arguments[1:])
    return send_command(chosen_folder(options.profile), "config-accept")
