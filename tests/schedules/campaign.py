"""Many lives, one after another or on several cores, and what came of them. Used by the command and by the tests."""

from __future__ import annotations

import multiprocessing
from collections import Counter
from collections.abc import Iterable, Iterator

import msgspec
from loguru import logger

from tests.schedules.mutations import mutated
from tests.schedules.world import World


class Life(msgspec.Struct, frozen=True):
    """What came of one seed: "" when nothing was violated, what was seen, how many turns it took."""

    seed: int
    violated: str
    seen: dict[str, int]
    turns: int


def live(seed: int, mutation: str = "") -> Life:
    """Live one life; a violation is a result, not an error."""
    logger.disable("actors")
    world = World(seed)
    violated = ""
    with mutated(mutation):
        try:
            world.run()
        except AssertionError as error:
            violated = f"{type(error).__name__}: {error}"[:300]
    return Life(seed, violated, dict(world.seen + world.venue.seen), world.stage.turns)


def lives(seeds: Iterable[int], jobs: int, mutation: str = "") -> Iterator[Life]:
    """Live many lives, in any order of completion."""
    if jobs == 1:
        yield from (live(seed, mutation) for seed in seeds)
        return
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        yield from pool.imap_unordered(_live, ((seed, mutation) for seed in seeds), chunksize=20)


def _live(given: tuple[int, str]) -> Life:
    return live(*given)


def total(found: Iterable[Life]) -> Counter[str]:
    """Add up what was seen in all lives."""
    seen: Counter[str] = Counter()
    for one in found:
        seen.update(one.seen)
    return seen
