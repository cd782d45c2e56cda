"""Keeps the console from repeating itself: the third warning of one kind within an hour stays in the log file and is counted.

Only `trader/report/logs.py` imports this. Two warnings are of one kind when they differ in numbers, ids and symbols only. What a
person must hear each time (a change of mode, a page) never comes here. Pure: it is told the machine's time; one thread at a time.
"""

from __future__ import annotations

import re

WINDOW_S = 3600.0
SHOWN = 2
KINDS_KEPT = 500

_VARIES = re.compile(
    r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){0,3}(?:-[0-9a-f]{12})?\b|\b[A-Z0-9]{2,12}(?:-[A-Z0-9]{2,12})+\b|\d+(?:\.\d+)?"
)


class Echo:
    """What has been said within the hour, by kind."""

    def __init__(self) -> None:
        self._said: dict[str, tuple[float, int]] = {}

    def hear(self, text: str, now: float) -> str:
        """Return what to show of a warning; "" when two of its kind were shown within the hour."""
        kind = _VARIES.sub("#", text)
        since, count = self._said.pop(kind, (now, 0))
        earlier = 0
        if now - since >= WINDOW_S:
            earlier, since, count = max(count - SHOWN, 0), now, 0
        count += 1
        if len(self._said) >= KINDS_KEPT:
            del self._said[next(iter(self._said))]
        self._said[kind] = (since, count)
        if count > SHOWN:
            return ""
        if count == SHOWN:
            return f"{text} (more like it within the hour: in the log file)"
        return f"{text} ({earlier} like it in the log file before)" if earlier else text
