"""The README keeps its promises: generated tables are current, named files exist, and its commands are commands."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import run
from trader.config.handbook import handbook, profiles_table as current_profiles
from trader.exit_code import MEANING
from trader.report.reference import reference

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()


def generated(name: str) -> str:
    """Return what stands between a marker and its end."""
    match = re.search(rf"<!-- generated: {name} -->\n(.*?)<!-- end -->", README, re.DOTALL)
    assert match, f"the README has no block {name!r}"
    return match.group(1).strip()


def profiles_table() -> str:
    return current_profiles(ROOT / "config.toml").strip()


def exit_code_table() -> str:
    rows = [f"| {code.value} | {meaning} |" for code, meaning in MEANING.items()]
    return "\n".join(["| code | meaning |", "|---|---|", *rows])


def test_the_profiles_table_is_what_the_configuration_says() -> None:
    """Never typed by hand twice."""
    assert generated("profiles") == profiles_table()


def test_the_exit_codes_are_the_published_ones() -> None:
    """One table in code, one in the README."""
    assert generated("exit codes") == exit_code_table()


def test_the_handbook_of_keys_is_current() -> None:
    """docs/configuration.md is `run.py config --handbook`."""
    assert (ROOT / "docs" / "configuration.md").read_text().strip() == handbook(ROOT / "config.toml").strip()


def test_the_reference_of_codes_and_metrics_is_current() -> None:
    """docs/reference.md is `python -m trader.report.reference`."""
    assert (ROOT / "docs" / "reference.md").read_text() == reference()


@pytest.mark.parametrize("name", ["tests/strategy/example_strategy.py", "tests/strategy/test_example_strategy.py"])
def test_the_strategy_it_shows_is_the_file_that_is_tested(name: str) -> None:
    """A stranger copies what runs: the block is the file, about thirty lines."""
    source = (ROOT / name).read_text().strip()
    assert generated(name) == f"```python\n{source}\n```"
    assert len(source.splitlines()) <= 32


def test_every_linked_file_exists() -> None:
    """No link into nothing."""
    links = re.findall(r"\]\(([^)#]+)\)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_every_command_it_names_exists() -> None:
    """`python run.py X` is a row of the command table, or a flag."""
    named = set(re.findall(r"run\.py ([a-z-]+)", README)) - {"--profile", "--live"}
    commands = {name for name in named if not name.startswith("-")}
    assert commands - set(run.COMMANDS) == set()


def test_what_runs_on_every_commit_is_the_command_of_the_readme() -> None:
    """A stranger's test run and the one that guards the main branch are the same."""
    command = re.search(r"python (-m pytest.*)$", README, re.MULTILINE)
    assert command
    assert (ROOT / ".ci" / "run").read_text().rstrip().endswith(f'/bin/python" {command[1]}')


def test_a_coverage_run_counts_branches(tmp_path: Path) -> None:
    """`--cov` on the same command, here on one small file of tests."""
    name = "tests/strategy/test_example_strategy.py"
    command = [sys.executable, "-m", "pytest", "--cov=trader.strategy", "--cov-report=term", name]
    environment = os.environ | {"COVERAGE_FILE": str(tmp_path / "coverage")}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout
    assert re.search(r"Stmts +Miss +Branch +BrPart +Cover", done.stdout)
    assert re.search(r"example|strategy/signal_strategy\.py +\d+ +\d+ +\d+ +\d+ +\d+%", done.stdout)
