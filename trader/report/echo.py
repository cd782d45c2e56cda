"""Keeps the console from repeating what lasts: a guard's third finding of one kind within an hour stays in the log file.

Guards look at everything every tick and say again what has not passed ("stale_mark: ETH-USD mark is 30 s old"); two findings are of
one kind when they differ in numbers and symbols only. Everything else is said each time. Only `trader/report/logs.py` imports this.
Pure: it is told the machine's time; one thread at a time.
"""

from __future__ import annotations

import re

WINDOW_S = 3600.0
SHOWN = 2
KINDS_KEPT = 500

_FINDING = re.compile(r"[a-z]+(?:_[a-z]+)*: ")
_VARIES = re.compile(r"\b[A-Z0-9]{2,12}(?:-[A-Z0-9]{2,12})+\b|\d+(?:\.\d+)?")


class Echo:
    """What has been said within the hour, by kind."""

    def __init__(self) -> None:
        self._said: dict[str, tuple[float, int]] = {}

    def hear(self, text: str, now: float) -> str:
        """Return what to show of a warning; "" when two of its kind were shown within the hour."""
        if not _FINDING.match(text):
            return text
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
