"""`run.py replay`: the actors of the last recorded session decide again, and what they say and write is compared with the record.

The session's configuration is the copy its start kept. 0 when everything is the same, 1 with every difference, or with the reason why
this session cannot be replayed. Reads beside a running system, but compares only what has ended: stop the profile first.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from loguru import logger

from actors.recording import CannotReplay, read_recording, settings_of
from actors.replay import Parity, compare
from trader.arguments import CommandParser
from trader.exit_code import Ends, ExitCode
from trader.store.reader import EventReader
from trader.store.running import chosen_folder
from trader.store.verdict import NoStore, StoreRefused


def main(arguments: Sequence[str]) -> int:
    """Run the command and print one paragraph. Raises Ends for wrong arguments and a store that cannot be read."""
    parser = CommandParser(prog="run.py replay", description="Let the last recorded session decide again.")
    parser.add_argument("--profile", help="the profile; without it the one that runs, else the only one there is")
    parser.add_argument(
        "--strategies", type=Path, default=Path(), metavar="FOLDER", help="where a strategy file of yours lies"
    )
    options = parser.parse_args(arguments)
    folder = chosen_folder(options.profile)
    logger.remove()  # what the actors log was logged when it happened
    try:
        recording = read_recording(folder / "inputs")
        reader = EventReader.open_readonly(folder)
        settings = settings_of(folder, recording, paper=reader.belongs_to(f"paper:{folder.name}"))
        parity = compare(recording, settings, reader.replay(), options.strategies)
    except (CannotReplay, NoStore) as error:
        raise Ends(ExitCode.NEGATIVE, f"run.py replay: {error}") from error
    except StoreRefused as error:
        raise Ends(ExitCode.STORE_REFUSED, f"run.py replay: {error}") from error
    sys.stdout.write(_told(recording.session.run_id, parity))
    return ExitCode.NEGATIVE if parity.differences else ExitCode.OK


def _told(run_id: str, parity: Parity) -> str:
    """The verdict, then every difference."""
    looked_at = (
        f"run {run_id}: {parity.inputs:,} inputs, {parity.decisions:,} decisions, {parity.messages:,} messages between risk and"
        f" symbols, {parity.events:,} events"
    )
    if not parity.differences:
        return f"{looked_at}: all the same\n"
    return "\n".join([f"{looked_at}: {len(parity.differences)} differences", *parity.differences]) + "\n"
