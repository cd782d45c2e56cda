"""The table of holds on disk: one small file, replaced whole, so that a mode outlives the process (S: latches persist).

Only `actors/system.py` imports this. A file that cannot be read is not an empty table: the start comes up HALTED and says why.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from trader.orders.reason import Reason
from trader.risk.holds import ACCOUNT, Hold, HoldTable, Level
from trader.store.atomic import write_atomically

_decoder = msgspec.json.Decoder(
    HoldTable
)  # made at import: msgspec's first look at a type must not happen in two threads at once


class HoldFile:
    """Keeps the durable part of the table in `path`."""

    def __init__(self, path: Path) -> None:
        self._path = path

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
        """Replace the file; returns when it is durable."""
        write_atomically(self._path, msgspec.json.format(msgspec.json.encode(table.durable())))
