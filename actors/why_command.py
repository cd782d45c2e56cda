"""`run.py why`: the command of `trader/report/why_command.py`, whose what-if may live the last recorded session again."""

from __future__ import annotations

from collections.abc import Sequence

from actors.what_if import look_further
from trader.report import why_command


def main(arguments: Sequence[str]) -> int:
    """Run the command. Raises Ends."""
    return why_command.main(arguments, look_further)
