"""The parser of every command's flags: what cannot be understood ends with 64 and says where to read more. Any command may import this."""

from __future__ import annotations

import argparse
from typing import Any, NoReturn

from trader.exit_code import Ends, ExitCode


class CommandParser(argparse.ArgumentParser):
    """Takes no abbreviated flags: `--dry` must not mean `--dry-run` today and something else tomorrow. `prog` is what a person types."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**{"allow_abbrev": False} | given)

    def error(self, message: str) -> NoReturn:
        """Raise Ends with one sentence; argparse alone would print its usage and exit with 2."""
        raise Ends(ExitCode.USAGE, f"{self.prog}: {message}\nSee: python {self.prog} --help")
