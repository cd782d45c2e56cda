"""A number that is none is told with an example, never with a name out of the program."""

from __future__ import annotations

import importlib

import pytest

from actors.options import parse
from run import COMMANDS
from trader.exit_code import Ends, ExitCode
from trader.report import report_command


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--duration", "abc"], "'abc' is not a number above 0, for example 60"),
        (["--duration", "-1"], "'-1' is not a number above 0, for example 60"),
        (["--speed", "nan"], "'nan' is not a number above 0, for example 60"),
        (["--seed", "x"], "'x' is not a whole number, for example 7"),
    ],
)
def test_a_number_that_is_none_is_told_with_an_example(arguments: list[str], told: str) -> None:
    """64, the flag, what was typed, what would be right."""
    with pytest.raises(Ends) as ended:
        parse(arguments)
    assert ended.value.code is ExitCode.USAGE
    assert told in ended.value.sentence


def test_a_day_that_is_none_is_told_with_an_example() -> None:
    """`report --day`."""
    with pytest.raises(Ends) as ended:
        report_command.main(["--day", "yesterday"])
    assert ended.value.code is ExitCode.USAGE
    assert "'yesterday' is no day; write it like 2026-11-20" in ended.value.sentence


@pytest.mark.parametrize("name", COMMANDS)
def test_wrong_arguments_end_every_command_with_64(name: str) -> None:
    """No command leaves it to the parser's own code."""
    place, _, entry = COMMANDS[name][0].partition(":")
    command = getattr(importlib.import_module(place), entry or "main")
    try:
        code = command(["--no-such-flag"])
    except Ends as end:
        code = end.code
    assert code == ExitCode.USAGE
