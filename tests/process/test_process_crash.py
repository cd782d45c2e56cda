"""A handful of rounds of the crash campaign (issue 3 must-show 1); `python -m tests.process.crash --rounds 200` runs many."""

from __future__ import annotations

import random
import secrets
from pathlib import Path

from busy_market import write_config
from crash import Death, Tally, finish, one_round
from trader_process import ExchangeRecords, room

CHOSEN = (
    Death("batch-durable", 4),
    Death("post-in-flight", 2),
    Death("start-up", after_s=0.7),
)


def test_kill_minus_nine_at_chosen_points_loses_and_doubles_nothing(
    busy_exchange: ExchangeRecords, tmp_path: Path
) -> None:
    """Between durable intent and post, during a post, before a booking, in a start-up: the venue's truth within 30 s."""
    seed = secrets.randbelow(1 << 30)
    print(f"seed {seed}")
    choose, tally = random.Random(seed), Tally()
    with room(tmp_path / "room", busy_exchange, config=write_config(tmp_path)) as where:
        for death in (*CHOSEN, Death.draw(choose)):
            one_round(where, death, choose, tally)
        finish(where, tally)
    assert tally.rounds == len(CHOSEN) + 1
    assert tally.fills > 0
    print(f"recovered in at most {max(tally.converged_s):.1f} s")
