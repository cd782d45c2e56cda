"""`run.py replay`: the actors of the last recorded session decide again, and what they say and write is compared with the record.

Takes the flags the session was started with. 0 when everything is the same, 1 with every difference, or with the reason why this
session cannot be replayed. Reads beside a running system, but compares only what has ended: stop the profile first.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from loguru import logger

from actors.options import parse
from actors.recording import CannotReplay, read_recording
from actors.replay import Parity, compare
from actors.trade_command import load, profile_folder
from trader.exit_code import Ends, ExitCode
from trader.store.reader import EventReader
from trader.store.verdict import NoStore, StoreRefused


def main(arguments: Sequence[str]) -> int:
    """Run the command and print one paragraph. Raises Ends for wrong arguments and a store that cannot be read."""
    options = parse(arguments)
    settings = load(options)
    folder = profile_folder(settings)
    logger.remove()  # what the actors log was logged when it happened
    try:
        recording = read_recording(folder / "inputs")
        events = EventReader.open_readonly(folder).replay()
        parity = compare(recording, settings, events, options.config.parent)
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
