"""`run.py config`: shows the configuration, or with `accept` confirms to a running profile what loosens. Only `run.py` imports this."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import NoReturn

from actors.control_client import send_command
from trader.config import command
from trader.exit_code import Ends, ExitCode
from trader.store.running import chosen_folder


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise Ends(ExitCode.USAGE, f"{self.prog}: {message}\nSee: python {self.prog} --help")


def main(arguments: Sequence[str]) -> int:
    """Run `config accept` or hand over to the command that reads the file."""
    if not arguments or arguments[0] != "accept":
        return command.main(arguments)
    about = "Judge the changed configuration file again and apply what loosens a limit, too."
    parser = _Parser(prog="run.py config accept", description=about, allow_abbrev=False)
    parser.add_argument("--profile", help="dev, demo, canary, prod or spot (default: the one that runs)")
    options = parser.parse_args(arguments[1:])
    return send_command(chosen_folder(options.profile), "config-accept")
