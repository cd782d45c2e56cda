"""What a person is told in an emergency when no trader runs and the environment holds no key."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from operator_desk import run_alone


@pytest.mark.parametrize("flags", [(), ("--profile", "canary")])
def test_cancel_all_without_a_key_says_which_variables_to_set(tmp_path: Path, flags: tuple[str, ...]) -> None:
    """Not a circle back to itself, and never as if something had been cancelled: 77, like every start without credentials."""
    done = run_alone("cancel-all", *flags, EVENT_STORE_ROOT=str(tmp_path))
    assert done.returncode == 77
    assert (
        "NOTHING WAS CANCELLED: no key in this environment. Set COINBASE_API_KEY and COINBASE_API_SECRET" in done.stderr
    )
    assert "run.py cancel-all" not in done.stderr
    assert "Errno" not in done.stderr


def test_a_command_to_a_stopped_profile_names_the_one_that_needs_no_trader(tmp_path: Path) -> None:
    """1, with the word that the profile does not run; the only profile there is needs no name."""
    (tmp_path / "perps_bot" / "canary").mkdir(parents=True)
    done = run_alone("kill", EVENT_STORE_ROOT=str(tmp_path))
    assert done.returncode == 1
    assert "profile canary does not run under" in done.stderr
    assert "With the live key in the environment, python run.py cancel-all" in done.stderr
    assert "Errno" not in done.stderr


def test_every_command_says_the_same_when_no_profile_is_there(tmp_path: Path) -> None:
    """One wording, 64, within a moment."""
    began = time.monotonic()
    for command in (("status",), ("health",), ("why", "BTC-USD"), ("events", "verify"), ("kill",)):
        done = run_alone(*command, EVENT_STORE_ROOT=str(tmp_path))
        assert done.returncode == 64, (command, done.stderr)
        assert done.stderr.startswith("no profile has run under "), (command, done.stderr)
    assert time.monotonic() - began < 60
