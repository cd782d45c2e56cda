"""The whole live system on the stage: fixed seeds in every test run, and proof that the suite notices missing rules.

A longer campaign: `python -m tests.schedules --seeds 20000 --jobs 2`. One life again: `python -m tests.schedules --seed N`.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.schedules.campaign import Life, live, total
from tests.schedules.mutations import MUTATIONS
from tests.schedules.world import World

SEEDS = 500
SEEDS_FOR_A_MUTATION = 200
SOMETIMES = (
    "answer lost after acceptance",
    "post arrives late",
    "post lost",
    "call failed",
    "user report doubled",
    "user report lost",
    "slow worker",
    "crash symbol",
    "crash risk",
    "crash broker",
    "hang symbol",
    "lost mailbox",
    "feed gap",
    "outage",
    "reduce-only",
    "kill -9",
    "slow disk",
    "broken disk",
    "cold path",
)


@pytest.fixture(scope="module")
def lives() -> list[Life]:
    """The fixed seeds, lived once for all tests of this module."""
    return [live(seed) for seed in range(SEEDS)]


def test_no_seed_violates_an_invariant(lives: list[Life]) -> None:
    """Limits, write-ahead, reduce-only, halts, single orders and convergence hold in every life."""
    violated = [
        f"seed {one.seed}: {one.violated}; python -m tests.schedules --seed {one.seed}" for one in lives if one.violated
    ]
    assert not violated, "\n".join(violated)


def test_every_kind_of_fault_was_reached(lives: list[Life]) -> None:
    """A campaign that never meets a fault proves little about it."""
    seen = total(lives)
    assert [what for what in SOMETIMES if not seen[what]] == []


def test_the_same_seed_is_the_same_life_byte_for_byte() -> None:
    """Twice in this process: equal journals."""
    digests = {World(11).run().digest() for _ in range(2)}
    assert len(digests) == 1


def test_the_same_seed_is_the_same_life_under_another_hash_seed() -> None:
    """Nothing depends on the order of a set or on the interpreter's hashing."""
    outputs = set()
    for hash_seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-m", "tests.schedules", "--seed", "12"],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        outputs.add(done.stdout)
    assert len(outputs) == 1
    assert "digest" in outputs.pop()


@pytest.mark.parametrize("reading_s", [1.6, 6.0])
def test_slow_account_readings_are_taken_in_all_the_same(reading_s: float) -> None:
    """A reading slower than the next question once meant that none was ever believed: no start, and no reconciliation."""
    for seed in range(5):
        world = World(seed)
        world.reading_s = reading_s
        world.run()


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_the_suite_notices_a_missing_rule(mutation: str) -> None:
    """Without write-ahead, approval life, release wait, the quantity rule or one set of books, some seed is violated."""
    for seed in range(SEEDS_FOR_A_MUTATION):
        if live(seed, mutation).violated:
            return
    pytest.fail(f"{SEEDS_FOR_A_MUTATION} seeds did not notice: {mutation}")
