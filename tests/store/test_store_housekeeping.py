"""Pruning and key rotation: on a stopped store, never losing what recovery needs, safe at every interruption."""

import shutil
from decimal import Decimal
from pathlib import Path

import pytest
from store_builders import DAY_S, NOON, commit_all, intent, intents_in, open_store

from trader.orders.order import Fill, Side
from trader.store import housekeeping
from trader.store.events import Event, EventName, make_event
from trader.store.housekeeping import prune, rotate_key
from trader.store.keys import load_keys
from trader.store.layout import Layout
from trader.store.payloads import fill_payload
from trader.store.reader import EventReader
from trader.store.verdict import StoreBusy, StoreRefused, Verdict

DAYS = 6


def fill(day: int, side: Side) -> Event:
    """One coin traded on a day."""
    time_s = NOON + day * DAY_S
    booked = Fill(f"t{day}", f"cb-{day}", "", "BTC-USD", side, Decimal(1), Decimal(100), Decimal(0), time_s)
    payload = fill_payload(booked, contract_size=Decimal(1), realized_pnl=Decimal(0))
    return make_event(EventName.TRADE_EXECUTED, payload, utc_time=time_s, market_time=time_s, profile="canary")


def store_of(root: Path, events: list[Event]) -> None:
    """A closed store, one segment a day."""
    store = open_store(root)
    for event in events:
        commit_all(store, [event])
    store.close()


def later() -> float:
    """The clock of the operator: noon after the last day."""
    return NOON + DAYS * DAY_S


def test_old_segments_go_and_the_rest_still_verifies(tmp_path: Path) -> None:
    """The chain begins where pruning ended; numbers are not reused; the pruning is on record."""
    root = tmp_path / "canary"
    store_of(root, [intent(day, NOON + day * DAY_S) for day in range(DAYS)])
    result = prune(root, keep_days=3, utc_clock=later)
    assert (result.segments, result.kept_because) == (3, "")
    names = sorted(path.name for path in (root / "store").glob("*.sqlite3"))
    assert names == [f"segment-00000{number}.sqlite3" for number in (4, 5, 6, 7)]
    verified = EventReader.open_readonly(root).verify()
    assert verified.first == 5
    store = open_store(root, utc_clock=later)
    assert store.verdict is Verdict.CLEAN
    assert intents_in(store) == ["cb-3", "cb-4", "cb-5"]
    (note,) = [event for event in store.replay(["store"]) if event.event == "store.pruned"]
    assert note.payload == {"up_to": 4, "segments": 3}
    commit_all(store, [intent(99, later())])
    assert intents_in(store)[-1] == "cb-99"
    assert len(store.tail("canary", 1000)) == store.health.records
    store.close()


def test_a_dry_run_changes_nothing(tmp_path: Path) -> None:
    """It tells what would go."""
    root = tmp_path / "canary"
    store_of(root, [intent(day, NOON + day * DAY_S) for day in range(DAYS)])
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    assert prune(root, keep_days=3, dry_run=True, utc_clock=later).segments == 3
    assert {path: path.read_bytes() for path in root.rglob("*") if path.is_file()} == before


def test_fills_of_an_open_position_are_kept_until_it_is_flat_or_a_checkpoint_holds_it(tmp_path: Path) -> None:
    """The position is the sum of its fills: pruning the purchase would lose the coin."""
    open_since_day_1 = [
        intent(0, NOON),
        fill(1, Side.BUY),
        *[intent(day, NOON + day * DAY_S) for day in range(2, DAYS)],
    ]
    store_of(tmp_path / "open", open_since_day_1)
    result = prune(tmp_path / "open", keep_days=2, utc_clock=later)
    assert (result.segments, result.records) == (1, 2)
    assert "open position" in result.kept_because
    closed_on_day_3 = [*open_since_day_1[:3], fill(3, Side.SELL), *open_since_day_1[4:]]
    store_of(tmp_path / "closed", closed_on_day_3)
    assert prune(tmp_path / "closed", keep_days=2, utc_clock=later).segments == 4
    time_s = NOON + 4 * DAY_S
    checkpoint = make_event(
        EventName.LEDGER_CHECKPOINT, {"positions": []}, utc_time=time_s, market_time=time_s, profile="canary"
    )
    store_of(tmp_path / "held", [*open_since_day_1[:4], checkpoint, *open_since_day_1[4:]])
    assert prune(tmp_path / "held", keep_days=2, utc_clock=later).segments == 4


def test_neither_runs_beside_a_writing_process(tmp_path: Path) -> None:
    """Both take the store's lock."""
    store = open_store(tmp_path / "canary")
    with pytest.raises(StoreBusy):
        prune(tmp_path / "canary", keep_days=3)
    with pytest.raises(StoreBusy):
        rotate_key(tmp_path / "canary")
    store.close()
    with pytest.raises(ValueError, match="keep at least 2 days"):
        prune(tmp_path / "canary", keep_days=1)


def test_after_a_rotation_old_and_new_records_are_readable_and_the_old_key_alone_is_not_enough(tmp_path: Path) -> None:
    """New records use the new key; the copy of the key file from before no longer opens the store."""
    root = tmp_path / "canary"
    store_of(root, [intent(0)])
    shutil.copy(root / "store.key", tmp_path / "old.key")
    name = rotate_key(root)
    keys = load_keys(Layout.of(root))
    assert keys.current == name
    assert len(keys.names()) == 2
    store = open_store(root)
    commit_all(store, [intent(1)])
    store.close()
    store = open_store(root)
    assert intents_in(store) == ["cb-0", "cb-1"]
    store.close()
    with pytest.raises(StoreRefused, match="does not hold key"):
        EventReader.open_readonly(root, key_file=tmp_path / "old.key")


def test_a_rotation_interrupted_after_the_key_file_leaves_a_working_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key file is the one step; what follows merely begins to use it."""
    root = tmp_path / "canary"
    store_of(root, [intent(0)])

    def cut(*_: object) -> None:
        raise OSError("power cut")

    monkeypatch.setattr(housekeeping, "ActiveLog", cut)
    with pytest.raises(OSError, match="power cut"):
        rotate_key(root)
    store = open_store(root)
    assert store.verdict is Verdict.CLEAN
    commit_all(store, [intent(1)])
    assert intents_in(store) == ["cb-0", "cb-1"]
    store.close()


def test_a_pruning_interrupted_before_the_files_went_is_finished_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The anchor forgets first, so left-over files are known to be old and do not stop a start."""
    root = tmp_path / "canary"
    store_of(root, [intent(day, NOON + day * DAY_S) for day in range(DAYS)])
    with monkeypatch.context() as patch:
        patch.setattr(housekeeping, "remove_segment", lambda *_: None)
        prune(root, keep_days=4, utc_clock=later)
    assert (root / "store" / "segment-000001.sqlite3").exists()
    open_store(root, utc_clock=later).close()
    prune(root, keep_days=3, utc_clock=later)
    assert not (root / "store" / "segment-000001.sqlite3").exists()


def test_a_backup_of_the_folder_restores_elsewhere_and_continues(tmp_path: Path) -> None:
    """Copy the profile's folder while stopped; the copy opens, verifies and goes on from the same record."""
    root, restored = tmp_path / "canary", tmp_path / "new-machine" / "canary"
    store_of(root, [intent(day, NOON + day * DAY_S) for day in range(3)])
    shutil.copytree(root, restored)
    shutil.rmtree(root)
    store = open_store(restored, utc_clock=later)
    assert store.verdict is Verdict.CLEAN
    commit_all(store, [intent(3, later())])
    assert intents_in(store) == ["cb-0", "cb-1", "cb-2", "cb-3"]
    store.close()
