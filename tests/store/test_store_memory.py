"""The journal in memory behaves as the one on disk, in virtual time."""

from collections.abc import Callable

from store_builders import intent

from trader.store.events import CommitFailed, Committed
from trader.store.memory import MemoryJournal


def test_completions_come_at_once_or_when_the_scheduler_runs_them() -> None:
    """Without a scheduler a commit is complete on return; with one, nothing is written before it runs."""
    results: list[Committed | CommitFailed] = []
    MemoryJournal().commit(intent(1), results.append)
    assert results == [Committed(1)]
    later: list[Callable[[], None]] = []
    journal = MemoryJournal(later.append)
    journal.commit(intent(1), results.append)
    assert list(journal.replay()) == []
    later.pop()()
    assert results[1:] == [Committed(1)]
    assert [event.sequence for event in journal.replay()] == [1]


def test_a_failing_journal_fails_every_commit_and_keeps_nothing() -> None:
    """Setting a failure plays the broken disk."""
    journal, results = MemoryJournal(), list[Committed | CommitFailed]()
    journal.failure = "disk full"
    journal.commit(intent(1), results.append)
    journal.append(intent(2))
    assert results == [CommitFailed("disk full")]
    assert list(journal.replay()) == []


def test_equal_runs_have_equal_digests_and_a_different_event_another() -> None:
    """The digest covers content and order."""
    one, two, three = MemoryJournal(), MemoryJournal(), MemoryJournal()
    for journal, numbers in ((one, (1, 2)), (two, (1, 2)), (three, (2, 1))):
        for number in numbers:
            journal.append(intent(number))
    assert one.digest() == two.digest() != three.digest()


def test_a_counting_journal_numbers_events_without_holding_them() -> None:
    """A long backtest needs completions, not memory."""
    journal, results = MemoryJournal(keep=False), list[Committed | CommitFailed]()
    journal.append(intent(1))
    journal.commit(intent(2), results.append)
    assert results == [Committed(2)]
    assert list(journal.replay()) == []
    assert journal.health.records == 2


def test_replay_since_begins_at_the_newest_event_of_that_name() -> None:
    """The same as on disk; without such an event everything."""
    journal = MemoryJournal()
    for number in range(3):
        journal.append(intent(number))
    assert [event.sequence for event in journal.replay(since="order.intent")] == [3]
    assert len(list(journal.replay(since="ledger.checkpoint"))) == 3


def test_tail_filters_by_bot_id_and_type() -> None:
    """The same query as on disk."""
    journal = MemoryJournal(profile="canary")
    for number in range(5):
        journal.append(intent(number))
    assert [event.sequence for event in journal.tail("canary", 2, ["order"])] == [4, 5]
    assert journal.tail("risk_engine") == []
