"""A check-up as rows: what was looked at, how it is, and what to do. Pure; the commands `check` and `validate` fill and print it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum

import msgspec

NAME_WIDTH = 18


class Finding(StrEnum):
    """How one thing is. Only FAIL makes the whole fail; SKIP says why it could not be looked at."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    SKIP = "skip"


class Row(msgspec.Struct, frozen=True):
    """One line. `remedy` is what to do about it, "" where nothing is to do."""

    finding: Finding
    name: str
    text: str
    remedy: str = ""

    def line(self) -> str:
        """Return the row as one or two lines for a person."""
        first = f"{self.finding:<5} {self.name:<{NAME_WIDTH}} {self.text}"
        return f"{first}\n{'':<6}{'':<{NAME_WIDTH}} -> {self.remedy}" if self.remedy else first


def ok(name: str, text: str) -> Row:
    """Return a row that says all is well."""
    return Row(Finding.OK, name, text)


def warn(name: str, text: str, remedy: str) -> Row:
    """Return a row about something that works and should be looked at."""
    return Row(Finding.WARN, name, text, remedy)


def fail(name: str, text: str, remedy: str) -> Row:
    """Return a row about something that must be put right first."""
    return Row(Finding.FAIL, name, text, remedy)


def skip(name: str, why: str) -> Row:
    """Return a row about something that was not looked at."""
    return Row(Finding.SKIP, name, why)


def passed(rows: Iterable[Row]) -> bool:
    """Return whether no row failed."""
    return all(row.finding is not Finding.FAIL for row in rows)


def summary(rows: Sequence[Row]) -> str:
    """Count the rows by finding, in one line."""
    counts = ", ".join(f"{sum(row.finding is kind for row in rows)} {kind}" for kind in Finding)
    return f"{'passed' if passed(rows) else 'FAILED'}: {counts}"
