"""Each benchmark is found by its name and runs; the figures themselves are nobody's business here."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.benchmarks.__main__ import HERE, benchmarks, main


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks", *arguments]
    return subprocess.run(command, cwd=HERE.parents[1], capture_output=True, text=True, check=False, timeout=60)


def test_without_a_name_every_benchmark_is_listed_with_what_it_measures(capsys: pytest.CaptureFixture[str]) -> None:
    """The command tells what there is; every file that has a main of its own is there."""
    assert main([]) == 0
    listed = capsys.readouterr().out
    assert {"backtest", "feed", "latency", "risk", "stage", "store", "strategy"} <= set(benchmarks())
    for name, told in benchmarks().items():
        assert f"  {name:<10} {told}" in listed
        assert len(told) > 20


def test_a_name_that_is_none_is_told_with_the_list(capsys: pytest.CaptureFixture[str]) -> None:
    """Wrong arguments end with 64, as those of the product do."""
    assert main(["backtset"]) == 64
    told = capsys.readouterr().err
    assert "no benchmark 'backtset'" in told
    assert "  backtest " in told


def test_a_benchmark_runs_with_its_own_flags() -> None:
    """The rest of the line is the benchmark's."""
    done = bench("strategy", "--bars", "200", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)


def test_the_benchmark_of_the_backtest_runs_by_the_documented_command() -> None:
    """Bars a second, orders and memory of this project, and one line for each peer that is not there."""
    done = bench("backtest", "--bars", "500")
    assert done.returncode == 0, done.stderr
    assert "500 bars" in done.stdout
    assert done.stdout.count("skipped") == 3
