"""The table of holds on disk: one small file, replaced whole, so that a mode outlives the process (S: latches persist).

Only `actors/system.py` and checks import this. A file that cannot be read is not an empty table: the start comes up HALTED and says why.
A table that cannot be written must not be forgotten either: a HALTED one is kept ready beside it and takes its place by a rename, which
also a full disk allows.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import msgspec

from trader.orders.reason import Reason
from trader.risk.holds import ACCOUNT, Hold, HoldTable, Level
from trader.store.atomic import sync_folder, write_atomically

_decoder = msgspec.json.Decoder(
    HoldTable
)  # made at import: msgspec's first look at a type must not happen in two threads at once

UNSAVED = HoldTable(
    (
        Hold(
            "unsaved_holds",
            Level.HALTED,
            ACCOUNT,
            Reason.MODE_HALTED,
            "the holds of the last run could not be written: give the disk room, look at what happened, then run.py resume",
            by="start-up",
        ),
    )
)
"""What a start finds after a run whose own holds could not be kept."""


class HoldFile:
    """Keeps the durable part of the table in `path`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._spare = path.with_name(f"{path.stem}.halted{path.suffix}")

    def load(self) -> HoldTable:
        """Return the saved table; an empty one when there is no file; a HALTED one when the file cannot be read."""
        try:
            return _decoder.decode(self._path.read_bytes())
        except FileNotFoundError:
            return HoldTable()
        except (OSError, msgspec.DecodeError) as error:
            text = f"{self._path.name} cannot be read ({error}); look at it, then run.py resume"
            hold = Hold("hold_file", Level.HALTED, ACCOUNT, Reason.MODE_HALTED, text, by="start-up")
            return HoldTable((hold,))

    def save(self, table: HoldTable) -> None:
        """Replace the file; returns when it is durable. Raises OSError, and then the next start comes up HALTED."""
        try:
            write_atomically(self._path, _bytes(table.durable()))
        except OSError:
            with suppress(OSError):
                self._spare.replace(self._path)
                sync_folder(self._path.parent)
            raise
        if not self._spare.exists():
            write_atomically(self._spare, _bytes(UNSAVED))


def _bytes(table: HoldTable) -> bytes:
    return msgspec.json.format(msgspec.json.encode(table))
