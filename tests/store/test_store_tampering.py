"""Nobody edits, cuts, reorders, deletes or rolls back the store unseen; what a crash leaves is repaired."""

import random
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from store_builders import NOON, commit_all, commit_singly, intent, intents_in, open_store
from store_tampering import RECORDS, bodies, build, files_of, judge, mutations, truncations

from trader.store.reader import EventReader
from trader.store.verdict import StoreRefused, Verdict
from trader.store.wal import read_wal

SAMPLE = 60


@pytest.fixture(scope="module", params=[True, False], ids=["closed", "killed"])
def image(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A 200-record store at rest."""
    return build(tmp_path_factory.mktemp("tampered"), orderly=request.param)


def places(size: int, seed: int) -> list[int]:
    """All places of a small file, a seeded sample of a large one."""
    return list(range(size)) if size <= SAMPLE else sorted(random.Random(seed).sample(range(size), SAMPLE))


def test_a_changed_byte_anywhere_is_refused_or_cost_nothing(image: Path) -> None:
    """In a closed store every byte counts; in a killed one a byte may lie where no record is, and then none is lost."""
    expected = bodies(image)
    assert len(expected) == RECORDS
    for path in files_of(image):
        for place in mutations(path, places(path.stat().st_size, seed=7), seed=8):
            verdict = judge(image, expected)
            assert not verdict.startswith("WRONG"), f"{path.name} byte {place}: {verdict}"
            if 'closed_sha256":""' not in (image / "store.head").read_text(errors="replace"):
                assert verdict == "refused" or path.name == "store.mark", f"{path.name} byte {place}: {verdict}"


def test_a_cut_at_any_length_is_refused_or_cost_nothing(image: Path) -> None:
    """Truncation of any file of the store never goes unseen when it took an acknowledged record along."""
    expected = bodies(image)
    for path in files_of(image):
        needed = read_wal(path).sound_bytes if path.name.endswith("-wal") else path.stat().st_size
        for length in truncations(path, places(path.stat().st_size, seed=9)):
            verdict = judge(image, expected)
            assert not verdict.startswith("WRONG"), f"{path.name} cut to {length}: {verdict}"
            if length < needed and path.name != "store.mark":
                assert verdict == "refused", f"{path.name} cut to {length}: {verdict}"


@pytest.mark.parametrize("length", [0, 1, 2, 511])
def test_a_segment_cut_to_nothing_is_refused_and_its_log_survives(tmp_path: Path, length: int) -> None:
    """SQLite deletes the log of an empty database as soon as one opens it, so nobody may."""
    image = build(tmp_path, orderly=False)
    segment = image / "store" / "segment-000001.sqlite3"
    segment.write_bytes(segment.read_bytes()[:length])
    wal = segment.with_name(segment.name + "-wal")
    before = wal.read_bytes()
    with pytest.raises(StoreRefused, match=f"cut to {length} bytes"):
        open_store(image)
    with pytest.raises(StoreRefused, match=f"cut to {length} bytes"):
        EventReader.open_readonly(image).tail("canary")
    assert wal.read_bytes() == before


def test_a_deleted_file_is_refused_whichever_it_is(image: Path, tmp_path: Path) -> None:
    """Segment, write-ahead log, anchor, mark, key: none may be missing, and no new store appears in its place."""
    for path in files_of(image):
        copy = tmp_path / path.name
        shutil.copytree(image, copy)
        next(found for found in copy.rglob(path.name)).unlink()
        before = sorted(copy.rglob("*"))
        with pytest.raises(StoreRefused) as refused:
            open_store(copy)
        assert refused.value.exit_code == 76
        assert [found for found in sorted(copy.rglob("*")) if not found.name.endswith("-shm")] == before


def test_a_deleted_store_is_not_replaced_by_an_empty_one(image: Path, tmp_path: Path) -> None:
    """With the folder gone, the key file and the anchor still know that there was a store."""
    copy = tmp_path / "copy"
    shutil.copytree(image, copy)
    shutil.rmtree(copy / "store")
    with pytest.raises(StoreRefused, match="deleted or moved"):
        open_store(copy)
    (copy / "store.head").unlink()
    (copy / "store.mark").unlink()
    with pytest.raises(StoreRefused, match="deleted or moved"):
        open_store(copy)
    assert not (copy / "store").exists()


def swap_sequences(connection: sqlite3.Connection) -> None:
    """Two records change places."""
    connection.execute("UPDATE records SET seq = -1 WHERE seq = 50")
    connection.execute("UPDATE records SET seq = 50 WHERE seq = 51")
    connection.execute("UPDATE records SET seq = 51 WHERE seq = -1")


def swap_bodies(connection: sqlite3.Connection) -> None:
    """Two records keep their place and mac but trade their contents."""
    rows = dict(connection.execute("SELECT seq, body FROM records WHERE seq IN (50, 51)").fetchall())
    connection.executemany("UPDATE records SET body = ? WHERE seq = ?", [(rows[51], 50), (rows[50], 51)])


def delete_one(connection: sqlite3.Connection) -> None:
    """A record disappears from the middle."""
    connection.execute("DELETE FROM records WHERE seq = 77")


def delete_last(connection: sqlite3.Connection) -> None:
    """The newest record disappears: only the witnesses can tell."""
    connection.execute("DELETE FROM records WHERE seq = ?", (RECORDS,))


def close_gap(connection: sqlite3.Connection) -> None:
    """A record is removed and all later ones move up."""
    connection.execute("DELETE FROM records WHERE seq = 77")
    connection.execute("UPDATE records SET seq = -(seq - 1) WHERE seq > 77")
    connection.execute("UPDATE records SET seq = -seq WHERE seq < 0")


def change_salt(connection: sqlite3.Connection) -> None:
    """The epoch's salt is replaced."""
    connection.execute("UPDATE epochs SET salt = randomblob(32)")


@pytest.mark.parametrize("edit", [swap_sequences, swap_bodies, delete_one, delete_last, close_gap, change_salt])
def test_edits_through_sqlite_itself_are_refused(edit: Callable[[sqlite3.Connection], None], tmp_path: Path) -> None:
    """A valid database with other contents does not pass: the chain and the witnesses decide, not SQLite."""
    image = build(tmp_path, orderly=False)
    connection = sqlite3.connect(image / "store" / "segment-000001.sqlite3", isolation_level=None)
    connection.execute("BEGIN")
    edit(connection)
    connection.execute("COMMIT")
    connection.close()
    with pytest.raises(StoreRefused) as refused:
        open_store(image)
    assert "segment-000001" in str(refused.value)


@pytest.mark.parametrize("name", ["store.head", "segment-000001.sqlite3"])
def test_an_older_copy_of_a_file_is_refused(name: str, tmp_path: Path) -> None:
    """Rolling back the anchor, or the segment, or the whole folder of segments does not go unseen."""
    root, kept = tmp_path / "canary", tmp_path / "kept"
    store = open_store(root)
    commit_all(store, [intent(number) for number in range(5)])
    store.close()
    shutil.copytree(root, kept)
    store = open_store(root)
    commit_all(store, [intent(number) for number in range(5, 10)])
    store.close()
    target = next(root.rglob(name))
    target.write_bytes(next(kept.rglob(name)).read_bytes())
    with pytest.raises(StoreRefused):
        open_store(root)


def test_an_older_copy_of_the_segments_folder_is_refused_after_a_crash(tmp_path: Path) -> None:
    """The witnesses lie outside the folder, so restoring only the folder from a backup is seen."""
    root, kept, image = tmp_path / "canary", tmp_path / "kept", tmp_path / "image"
    store = open_store(root)
    commit_singly(store, [intent(number) for number in range(5)])
    shutil.copytree(root / "store", kept)
    commit_singly(store, [intent(5)])
    shutil.copytree(root, image)
    store.close()
    shutil.rmtree(image / "store")
    shutil.copytree(kept, image / "store")
    with pytest.raises(StoreRefused, match="records 7 to 7 are missing at the end"):
        open_store(image)


def test_the_segment_of_another_store_under_the_same_name_is_refused(tmp_path: Path) -> None:
    """Two stores of the same account do not exchange records."""
    for name in ("one", "two"):
        store = open_store(tmp_path / name)
        commit_all(store, [intent(number) for number in range(5)])
        store.close()
    foreign = tmp_path / "two" / "store" / "segment-000001.sqlite3"
    (tmp_path / "one" / "store" / "segment-000001.sqlite3").write_bytes(foreign.read_bytes())
    with pytest.raises(StoreRefused):
        open_store(tmp_path / "one")


def test_a_write_cut_anywhere_before_its_acknowledgement_is_repaired_and_kept_aside(tmp_path: Path) -> None:
    """The exact prefix of acknowledged records survives; the unfinished bytes are preserved; trading may go on."""
    root = tmp_path / "live"
    store = open_store(root)
    commit_singly(store, [intent(number) for number in range(10)])
    acknowledged = tmp_path / "acknowledged"
    shutil.copytree(root, acknowledged)
    commit_singly(store, [intent(10)])
    wal_name = "segment-000001.sqlite3-wal"
    longer = (root / "store" / wal_name).read_bytes()
    store.close()
    sound = read_wal(acknowledged / "store" / wal_name).sound_bytes
    assert len(longer) > sound
    for cut in [*range(sound, len(longer), 997), len(longer)]:
        image = tmp_path / f"cut-{cut}"
        shutil.copytree(acknowledged, image, ignore=shutil.ignore_patterns("*-shm"))
        (image / "store" / wal_name).write_bytes(longer[:cut])
        store = open_store(image)
        complete = cut == len(longer)
        assert store.verdict is (Verdict.CLEAN if complete or cut == sound else Verdict.REPAIRED)
        assert intents_in(store) == [f"cb-{number}" for number in range(11 if complete else 10)]
        store.close()
        if store.verdict is Verdict.REPAIRED:
            (kept,) = (image / "store" / "aside").iterdir()
            assert kept.read_bytes() == longer[sound:cut]
            assert kept.stat().st_mode & 0o777 == 0o600


def test_a_repair_is_itself_recorded_and_the_next_open_is_clean(tmp_path: Path) -> None:
    """Years later the log tells that a write was torn and when."""
    store = open_store(tmp_path / "live")
    commit_singly(store, [intent(1)])
    image = tmp_path / "image"
    shutil.copytree(tmp_path / "live", image, ignore=shutil.ignore_patterns("*-shm"))
    store.close()
    with (image / "store" / "segment-000001.sqlite3-wal").open("ab") as file:
        file.write(b"half a frame")
    store = open_store(image, utc_clock=lambda: NOON + 5)
    assert store.verdict is Verdict.REPAIRED
    store.close()
    store = open_store(image)
    assert store.verdict is Verdict.CLEAN
    (repair,) = [event for event in store.replay(["store"]) if event.event == "store.repaired"]
    assert "12 bytes of an unfinished write" in str(repair.payload["notes"])
    store.close()
