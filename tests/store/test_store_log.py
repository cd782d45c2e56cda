"""The store as its users see it: durable commits, order, replay, tail, identity, health."""

import os
import threading
from pathlib import Path

import pytest
from store_builders import DAY_S, NOON, Answers, commit_all, commit_singly, intent, intents_in, open_store

from trader.store.events import Committed, Event, EventName, make_event
from trader.store.verdict import StoreBusy, StoreRefused, Verdict


def test_what_was_committed_is_there_after_a_reopen_with_every_field(tmp_path: Path) -> None:
    """Replay returns the very events, numbered without gaps, in the order they were handed over."""
    written = [intent(number) for number in range(20)]
    store = open_store(tmp_path / "canary")
    assert store.verdict is Verdict.CREATED
    assert all(isinstance(result, Committed) for result in commit_all(store, written))
    store.close()
    store = open_store(tmp_path / "canary")
    assert store.verdict is Verdict.CLEAN
    replayed = list(store.replay(["order"]))
    store.close()
    fields = [name for name in Event.__struct_fields__ if name != "sequence"]
    assert [[getattr(e, f) for f in fields] for e in replayed] == [[getattr(e, f) for f in fields] for e in written]
    assert [event.sequence for event in replayed] == list(range(replayed[0].sequence, replayed[0].sequence + 20))


def test_the_first_record_says_whose_store_it_is_without_naming_the_account(tmp_path: Path) -> None:
    """Record 1 carries the store's id and a fingerprint of the account, not the account."""
    store = open_store(tmp_path / "canary", account="portfolio-secret")
    store.close()
    store = open_store(tmp_path / "canary", account="portfolio-secret")
    first = next(store.replay())
    store.close()
    assert (first.sequence, first.event) == (1, EventName.STORE_CREATED)
    assert len(str(first.payload["account"])) == 64
    assert "portfolio-secret" not in repr(first)


def test_sequences_are_reported_in_order_from_many_threads_and_none_is_lost(tmp_path: Path) -> None:
    """Eight threads committing at once get every sequence once; each thread's own events stay in its order."""
    store, answers = open_store(tmp_path / "canary"), Answers()

    def work(base: int) -> None:
        for number in range(base, base + 50):
            store.commit(intent(number), answers)

    threads = [threading.Thread(target=work, args=(base,)) for base in range(0, 400, 50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    results = answers.wait(400)
    sequences = [result.sequence for result in results if isinstance(result, Committed)]
    assert sequences == sorted(set(sequences))
    assert len(sequences) == 400
    order = [int(name[3:]) for name in intents_in(store)]
    store.close()
    assert all([n for n in order if n // 50 == base] == list(range(base * 50, base * 50 + 50)) for base in range(8))


def test_a_background_event_is_written_without_being_asked_for_and_before_a_later_commit(tmp_path: Path) -> None:
    """An append handed over before a commit has a lower sequence, and closing writes appends nobody waited for."""
    store = open_store(tmp_path / "canary")
    store.append(intent(1))
    commit_all(store, [intent(2)])
    store.append(intent(3))
    store.close()
    store = open_store(tmp_path / "canary")
    assert intents_in(store) == ["cb-1", "cb-2", "cb-3"]
    store.close()


def test_a_float_in_a_payload_is_refused_at_any_depth(tmp_path: Path) -> None:
    """Money as a float is a bug of the caller and is told to the caller, before anything is queued."""
    store = open_store(tmp_path / "canary")
    event = make_event(
        EventName.ACCOUNT_SNAPSHOT, {"a": [{"equity": 1.5}]}, utc_time=NOON, market_time=NOON, profile="canary"
    )
    with pytest.raises(TypeError, match=r"float 1\.5"):
        store.commit(event, lambda _: None)
    with pytest.raises(TypeError, match=r"float 1\.5"):
        store.append(event)
    store.close()


def test_tail_gives_the_newest_of_a_type_across_segments_oldest_first(tmp_path: Path) -> None:
    """The documents' query: bot id, limit, types; it looks back over several days of segments."""
    store = open_store(tmp_path / "canary")
    for day in range(3):
        commit_all(store, [intent(day * 10 + number, NOON + day * DAY_S) for number in range(10)])
    assert store.health.segments == 3
    newest = store.tail("coinbase_perps", 25, ["order"])
    assert [event.payload["client_order_id"] for event in newest] == [f"cb-{number}" for number in range(5, 30)]
    assert store.tail("coinbase_perps", 0) == []
    assert store.tail("risk_engine", 10) == []
    with pytest.raises(ValueError, match="unknown bot id 'nobody': use coinbase_perps, risk_engine"):
        store.tail("nobody")
    store.close()


def test_a_new_utc_day_seals_the_segment_and_the_chain_goes_on(tmp_path: Path) -> None:
    """Each day has its file; replay runs over all of them after a reopen."""
    store = open_store(tmp_path / "canary")
    for day in range(4):
        commit_singly(store, [intent(day, NOON + day * DAY_S)])
    store.close()
    names = sorted(os.listdir(tmp_path / "canary" / "store"))
    assert names == [f"segment-00000{number}.sqlite3" for number in range(1, 5)]
    store = open_store(tmp_path / "canary")
    assert store.verdict is Verdict.CLEAN
    assert intents_in(store) == [f"cb-{day}" for day in range(4)]
    store.close()


def test_a_second_writer_is_turned_away_with_its_own_exit_code(tmp_path: Path) -> None:
    """While one process writes, another cannot open the store; afterwards it can."""
    store = open_store(tmp_path / "canary")
    with pytest.raises(StoreBusy) as refused:
        open_store(tmp_path / "canary")
    assert refused.value.exit_code == 75
    store.close()
    open_store(tmp_path / "canary").close()


@pytest.mark.parametrize(
    ("option", "value", "word"), [("account", "portfolio-2", "account"), ("profile", "prod", "profile")]
)
def test_another_accounts_or_profiles_store_is_refused(tmp_path: Path, option: str, value: str, word: str) -> None:
    """Two accounts' orders never meet in one book."""
    open_store(tmp_path / "canary").close()
    with pytest.raises(StoreRefused, match=word) as refused:
        open_store(tmp_path / "canary", **{option: value})
    assert refused.value.exit_code == 76


def test_every_file_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    """While open (with SQLite's side files) and at rest, files are 0600 and folders 0700, under any umask before."""
    before = os.umask(0o000)
    root = tmp_path / "canary"
    store = open_store(root)
    commit_all(store, [intent(1)])
    modes = {path.name: path.stat().st_mode & 0o777 for path in root.rglob("*")}
    store.close()
    os.umask(before)
    assert modes.pop("store") == 0o700
    assert set(modes.values()) == {0o600}
    assert any(name.endswith("-wal") for name in modes)


def test_health_tells_the_last_record_and_survives_close(tmp_path: Path) -> None:
    """Records, head and ages are those of the last durable commit."""
    store = open_store(tmp_path / "canary")
    commit_all(store, [intent(number) for number in range(5)])
    health = store.health
    assert health.records == 6
    assert health.head.startswith("6:")
    assert health.failed == ""
    assert health.last_commit_age is not None
    assert 0 <= health.last_commit_age < 20
    store.close()
    assert store.health.pending == 0


def test_the_write_ahead_log_is_moved_into_the_segment_now_and_then_not_at_every_commit(tmp_path: Path) -> None:
    """Its size stays bounded under a flood, and the costly checkpoints with their anchors stay rare."""
    store = open_store(tmp_path / "canary")
    before = store._log.anchor.generation
    for _ in range(6):
        commit_all(store, [intent(number) for number in range(5000)])
    health = store.health
    written = store._log.anchor.generation - before
    store.close()
    assert 1 <= written <= 12
    assert health.wal_bytes < 32 << 20
    assert health.records == 30_001


def test_a_replay_holds_what_was_handed_over_before_it_although_nobody_waited(tmp_path: Path) -> None:
    """A new incarnation must see what the old one had only just handed over, in both lanes."""
    store, answers = open_store(tmp_path / "canary"), Answers()
    for number in range(0, 200, 2):
        store.append(intent(number))
        store.commit(intent(number + 1), answers)
        assert len(intents_in(store)) == number + 2
    store.close()


def test_a_replay_since_a_checkpoint_begins_at_the_newest_one(tmp_path: Path) -> None:
    """A restart reads the last record and what follows it, in any segment; without one it reads everything."""
    store = open_store(tmp_path / "canary")
    for day in range(4):
        commit_all(store, [intent(day * 2, NOON + day * DAY_S)])
        if day:
            time_s = NOON + day * DAY_S
            commit_all(
                store,
                [
                    make_event(
                        EventName.LEDGER_CHECKPOINT, {"day": day}, utc_time=time_s, market_time=1, profile="canary"
                    )
                ],
            )
        commit_all(store, [intent(day * 2 + 1, NOON + day * DAY_S)])
    newest, *after = store.replay(since=EventName.LEDGER_CHECKPOINT)
    assert newest.payload == {"day": 3}
    assert [event.payload["client_order_id"] for event in after] == ["cb-7"]
    assert after[0].sequence == newest.sequence + 1 == store.health.records
    assert len(list(store.replay(since=EventName.SYSTEM_STOPPED))) == store.health.records
    store.close()


def test_nothing_written_is_readable_without_the_key(tmp_path: Path) -> None:
    """No file holds an order's words in the clear, neither the segment nor SQLite's log."""
    root = tmp_path / "canary"
    store = open_store(root)
    commit_all(store, [intent(number) for number in range(50)])
    live = b"".join(path.read_bytes() for path in root.rglob("*") if path.is_file())
    store.close()
    rest = b"".join(path.read_bytes() for path in root.rglob("*") if path.is_file())
    for word in (b"cb-1", b"BTC-USD", b"91204", b"order.intent", b"portfolio-1"):
        assert word not in live
        assert word not in rest
