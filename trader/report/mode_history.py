"""Folds the events of holds and modes into the rows of a report. Only history.py imports this.

A change of mode follows the holds that caused it at the same instant; it then stands in the row of the one it names.
"""

import msgspec

from trader.report.daybook import ModeRow
from trader.risk.holds import ACCOUNT, EPHEMERAL, Level
from trader.store.events import Event, EventName
from trader.store.payloads import text


class ModeHistory:
    """The rows so far, oldest first. Raises BadPayload for an event that lacks a field."""

    def __init__(self) -> None:
        self.rows: list[ModeRow] = []
        self._open: dict[str, int] = {}
        """Cause -> row of the account's holds changed since the last change of mode."""

    def take(self, event: Event) -> None:
        """Add a hold placed, a hold ended, or a changed mode."""
        cause, by = text(event, "cause"), str(event.payload.get("by") or "")
        if event.event == EventName.MODE_CHANGED:
            self._mode(event, cause, by)
        elif cause not in EPHEMERAL:
            scope = text(event, "scope")
            if scope == ACCOUNT:
                self._open[cause] = len(self.rows)
            placed = f"{cause} {text(event, 'level')}" if event.event == EventName.HOLD_PLACED else ""
            why = str(event.payload.get("text") or "")
            self.rows.append(ModeRow(event.market_time, scope, "", placed, "" if placed else cause, by, why))

    def _mode(self, event: Event, cause: str, by: str) -> None:
        mode, at = text(event, "mode"), self._open.get(cause)
        if at is not None and self.rows[at].time == event.market_time:
            self.rows[at] = msgspec.structs.replace(self.rows[at], mode=mode)
        else:
            rises = Level[mode] > Level[str(event.payload.get("was") or mode)]
            placed, lifted = (cause, "") if rises else ("", cause)
            self.rows.append(ModeRow(event.market_time, ACCOUNT, mode, placed, lifted, by, ""))
        self._open.clear()
