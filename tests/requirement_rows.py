"""What the tables of requirements share: the names of all tests, the rows of sections, and the rows that a document names.

Imported by each room's `test_*_requirements.py`. A row's tests are names without their prefix, separated by blanks.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

TESTS = Path(__file__).parent
DIFFERENCES = TESTS.parent / "docs" / "differences.md"


@cache
def names_of_tests() -> frozenset[str]:
    """The names of all tests of the project, without their prefix."""
    return frozenset(
        node.name.removeprefix("test_")
        for path in TESTS.rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    )


def rows_of(last: Mapping[str, int]) -> set[str]:
    """Every row of the sections, from the number of each one's last row."""
    return {f"{name}-{number:02d}" for name, end in last.items() for number in range(1, end + 1)}


def rows_named_different(sections: Mapping[str, int]) -> set[str]:
    """The rows of these sections that docs/differences.md names, alone or within a range."""
    text = DIFFERENCES.read_text(encoding="utf-8")
    section = rf"\b(?:{'|'.join(sections)})"
    named = set(re.findall(rf"{section}-\d\d\b", text))
    for first, last in re.findall(rf"({section}-\d\d) to ({section}-\d\d)\b", text):
        group, begin, end = first[:-2], int(first[-2:]), int(last[-2:])
        named |= {f"{group}{number:02d}" for number in range(begin, end + 1)}
    return named
