"""Real processes: kill -9 at any moment loses nothing acknowledged; readers beside the writer see a sound chain."""

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from store_builders import DAY_S, NOON, commit_all, intent, intents_in, open_store

from trader.store import active
from trader.store.events import CommitFailed
from trader.store.reader import EventReader
from trader.store.verdict import Verdict

CHILD = Path(__file__).with_name("store_child.py")
ROUNDS = 6


def run_child(root: Path, begin: int, acknowledgements: int) -> tuple[str, list[int]]:
    """Let a child commit until so many numbers were acknowledged, then kill -9; its verdict and every number it told."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, str(CHILD), str(root), str(begin)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as child:
        assert child.stdout is not None
        verdict = child.stdout.readline().strip()
        told = [int(child.stdout.readline()) for _ in range(acknowledgements)]
        child.send_signal(signal.SIGKILL)
        rest = child.stdout.read()
    told += [int(line) for line in rest.splitlines(keepends=True) if line.endswith("\n")]
    return verdict, told


def test_kill_minus_nine_at_any_moment_loses_no_acknowledged_event(tmp_path: Path) -> None:
    """Over several kills of one store: every acknowledged number is there once, in order, and the verdict is sound."""
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    choose, root = random.Random(seed), tmp_path / "canary"
    acknowledged: list[int] = []
    for round_number in range(ROUNDS):
        begin = round_number * 1_000_000
        verdict, told = run_child(root, begin, choose.randrange(1, 600))
        assert verdict in ({Verdict.CREATED} if round_number == 0 else {Verdict.CLEAN, Verdict.REPAIRED})
        assert told == list(range(begin, begin + len(told)))
        acknowledged += told
    store = open_store(root)
    present = [int(str(event.payload["client_order_id"])[3:]) for event in store.replay(["order"])]
    store.close()
    assert present == sorted(set(present))
    assert set(acknowledged) <= set(present)


def test_a_reader_beside_the_writer_verifies_while_it_grows(tmp_path: Path) -> None:
    """tail and verify from another process see an authentic prefix each time and do not disturb the writer."""
    root = tmp_path / "canary"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, str(CHILD), str(root), "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as child:
        assert child.stdout is not None
        assert child.stdout.readline().strip() == Verdict.CREATED
        seen = 0
        for _ in range(5):
            for _ in range(400):
                last = int(child.stdout.readline())
            reader = EventReader.open_readonly(root)
            records = reader.verify().records
            assert records > last
            assert records > seen
            seen = records
            newest = reader.tail("canary", 3, ["order"])
            assert int(str(newest[-1].payload["client_order_id"])[3:]) >= last
        child.send_signal(signal.SIGKILL)
        child.stdout.read()
    store = open_store(root)
    assert store.verdict in {Verdict.CLEAN, Verdict.REPAIRED}
    store.close()


def test_a_crash_in_the_middle_of_a_segment_change_is_continued(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old segment is complete, the new one empty and not yet known: the next start goes on with the old one."""
    store = open_store(tmp_path / "canary")
    commit_all(store, [intent(1)])
    with monkeypatch.context() as patch:

        def power_cut(*_: object) -> None:
            raise OSError(5, "power cut")

        patch.setattr(active, "write_anchor", power_cut)
        (result,) = commit_all(store, [intent(2, NOON + DAY_S)])
        assert isinstance(result, CommitFailed)
        store.close()
    assert (tmp_path / "canary" / "store" / "segment-000002.sqlite3").exists()
    store = open_store(tmp_path / "canary")
    assert store.verdict is Verdict.CLEAN
    commit_all(store, [intent(3, NOON + DAY_S)])
    assert intents_in(store) == ["cb-1", "cb-3"]
    assert store.health.segments == 2
    store.close()
    store = open_store(tmp_path / "canary")
    assert intents_in(store) == ["cb-1", "cb-3"]
    store.close()
