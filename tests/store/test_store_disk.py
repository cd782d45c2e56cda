"""A full, failing or slow disk: nothing is called durable that is not, nobody waits, and the reason is told."""

import os
import resource
import sqlite3
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from store_builders import DAY_S, DEADLINE_S, NOON, Answers, commit_all, intent, intents_in, open_store

from trader.store.events import CommitFailed, Committed
from trader.store.log import EventStore
from trader.store.segment import RealDisk
from trader.store.verdict import Verdict
from trader.store.writer import BACKGROUND_PENDING_MAX


class GatedDisk(RealDisk):
    """A disk that answers when the test opens the gate: a sync of one, thirty or any number of seconds."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.open.set()
        self.asked = threading.Event()

    def commit(self, connection: sqlite3.Connection) -> None:
        self.asked.set()
        assert self.open.wait(DEADLINE_S)
        super().commit(connection)


class FailingDisk(RealDisk):
    """A disk whose sync fails from a given call on."""

    def __init__(self, error: Exception, sound_calls: int) -> None:
        self.calls = 0
        self._error = error
        self._sound_calls = sound_calls

    def commit(self, connection: sqlite3.Connection) -> None:
        self.calls += 1
        if self.calls > self._sound_calls:
            raise self._error
        super().commit(connection)


def wait_until_settled(store: EventStore) -> None:
    """Until the writer has nothing in hand."""
    deadline = time.monotonic() + DEADLINE_S
    while store.health.pending:
        assert time.monotonic() < deadline
        os.sched_yield()


def test_while_the_disk_hangs_nothing_is_acknowledged_and_no_caller_waits(tmp_path: Path) -> None:
    """Commits return at once; the age of the oldest grows for the two-second rule; all come through afterwards."""
    disk, answers = GatedDisk(), Answers()
    store = open_store(tmp_path / "canary", disk=disk)
    commit_all(store, [intent(0)])
    disk.open.clear()
    disk.asked.clear()
    started = time.perf_counter()
    for number in range(1, 1001):
        store.commit(intent(number), answers)
    handed_over_s = time.perf_counter() - started
    assert disk.asked.wait(DEADLINE_S)
    first, second = store.health.oldest_pending_age_s, store.health.oldest_pending_age_s
    assert answers.results == []
    assert 0 < first < second
    assert store.health.pending == 1000
    assert store.health.failed == ""
    assert handed_over_s < 1.0
    disk.open.set()
    assert len(answers.wait(1000)) == 1000
    wait_until_settled(store)
    assert store.health.oldest_pending_age_s == 0.0
    store.close()


def test_a_failed_sync_is_final_and_never_tried_again(tmp_path: Path) -> None:
    """After EIO the pages may be gone: the commit and all later ones fail, and a reopen verifies what is there."""
    disk = FailingDisk(OSError(5, "Input/output error"), sound_calls=2)
    store = open_store(tmp_path / "canary", disk=disk)
    commit_all(store, [intent(1)])
    wait_until_settled(store)
    while disk.calls < 2:  # the store's own identity record may or may not have shared the first commit
        commit_all(store, [intent(2)])
    sound = store.health.records
    (result,) = commit_all(store, [intent(3)])
    assert isinstance(result, CommitFailed)
    assert "disk error ([Errno 5] Input/output error)" in result.reason
    calls = disk.calls
    (later,) = commit_all(store, [intent(4)])
    assert later == result
    assert disk.calls == calls
    assert store.health.failed == result.reason
    assert store.health.records == sound
    store.close()
    store = open_store(tmp_path / "canary")
    assert store.verdict is Verdict.CLEAN
    assert "cb-3" not in intents_in(store)
    assert isinstance(commit_all(store, [intent(5)])[0], Committed)
    store.close()


def test_background_events_are_dropped_and_counted_rather_than_eating_the_memory(tmp_path: Path) -> None:
    """A queue has an end, and what did not fit is told."""
    disk = GatedDisk()
    store = open_store(tmp_path / "canary", disk=disk)
    commit_all(store, [intent(0)])
    disk.open.clear()
    event = intent(1)
    for _ in range(BACKGROUND_PENDING_MAX + 600):
        store.append(event)
    health = store.health
    assert health.dropped >= 600 - 256  # one batch may already be in the writer's hands
    assert health.pending <= BACKGROUND_PENDING_MAX + 256
    disk.open.set()
    store.close(timeout_s=60)


def test_beyond_a_size_limit_commits_fail_and_what_was_acknowledged_stays(tmp_path: Path) -> None:
    """The file system refuses to grow a file: visible at once, and the store opens again with every acknowledged one."""
    store = open_store(tmp_path / "canary")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
    try:
        acknowledged = fill_up(store)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "restart" in store.health.failed
    store.close()
    store = open_store(tmp_path / "canary")
    assert store.verdict in {Verdict.CLEAN, Verdict.REPAIRED}
    assert intents_in(store)[:acknowledged] == [f"cb-{number}" for number in range(acknowledged)]
    store.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("no mount command on this system")
    if mounted.returncode:
        pytest.skip(f"cannot mount a small tmpfs here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_on_a_full_disk_commits_fail_with_the_reason_and_the_store_survives(small_disk: Path) -> None:
    """ENOSPC is named "disk full"; after making room, the store opens and has every acknowledged record."""
    store = open_store(small_disk / "canary")
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * 400_000)
    acknowledged = fill_up(store)
    assert "disk full" in store.health.failed
    assert "free space, then restart" in store.health.failed
    store.close()
    ballast.unlink()
    store = open_store(small_disk / "canary")
    assert intents_in(store)[:acknowledged] == [f"cb-{number}" for number in range(acknowledged)]
    assert isinstance(commit_all(store, [intent(9999)])[0], Committed)
    store.close()


def fill_up(store: EventStore) -> int:
    """Commit one by one until the first failure; returns how many were acknowledged."""
    for number in range(5000):
        (result,) = commit_all(store, [intent(number)])
        if isinstance(result, CommitFailed):
            assert isinstance(commit_all(store, [intent(number)])[0], CommitFailed)
            return number
    raise AssertionError("the disk never filled up")


def test_closing_gives_up_on_a_disk_that_does_not_answer(tmp_path: Path) -> None:
    """A shutdown has a deadline; the lock stays held until the process ends, so no second writer gets in."""
    disk = GatedDisk()
    store = open_store(tmp_path / "canary", disk=disk)
    commit_all(store, [intent(0)])
    disk.open.clear()
    answers = Answers()
    store.commit(intent(1), answers)
    store.close(timeout_s=0.05)
    assert "did not answer within 0.05 s" in store.health.failed
    disk.open.set()
    store.close()


def test_a_completion_that_raises_fails_the_store_closed_and_the_others_still_hear(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A caller's bug on the writer's thread is reported; no later commit is called durable."""
    reported: list[str] = []
    monkeypatch.setattr(threading, "excepthook", lambda args: reported.append(repr(args.exc_value)))
    disk, answers = GatedDisk(), Answers()
    store = open_store(tmp_path / "canary", disk=disk)
    commit_all(store, [intent(0)])
    disk.open.clear()

    def buggy(_: object) -> None:
        raise KeyError("reservation")

    for done in (answers, buggy, answers):
        store.commit(intent(1), done)
    disk.open.set()
    assert all(isinstance(result, Committed) for result in answers.wait(2)[:1])
    (later,) = commit_all(store, [intent(2)])
    assert later == CommitFailed("bug at the store's writer: KeyError('reservation')")
    assert reported == ["KeyError('reservation')"]
    store.close()


def test_a_reader_in_the_way_of_a_new_day_delays_the_segment_not_the_commits(tmp_path: Path) -> None:
    """With somebody's transaction open the day runs on in the old segment; it changes once the reader has left."""
    store = open_store(tmp_path / "canary")
    commit_all(store, [intent(1)])
    reader = sqlite3.connect(f"file:{tmp_path}/canary/store/segment-000001.sqlite3?mode=ro", uri=True)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM records").fetchone()
    commit_all(store, [intent(2, NOON + DAY_S), intent(3, NOON + DAY_S)])
    assert store.health.segments == 1
    reader.close()
    commit_all(store, [intent(4, NOON + DAY_S + 60)])
    assert store.health.segments == 2
    assert intents_in(store) == ["cb-1", "cb-2", "cb-3", "cb-4"]
    store.close()
    store = open_store(tmp_path / "canary")
    assert store.verdict is Verdict.CLEAN
    store.close()


def test_a_commit_after_close_is_answered_as_failed(tmp_path: Path) -> None:
    """A late message during a shutdown gets its answer and breaks nothing."""
    store = open_store(tmp_path / "canary")
    store.close()
    store.close()
    assert commit_all(store, [intent(1)]) == [CommitFailed("the store is closed")]
