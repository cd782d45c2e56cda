"""The key file: made on first use, private, and never a reason to begin a new store beside an old one."""

import shutil
from pathlib import Path

import pytest
from store_builders import commit_all, intent, intents_in, open_store

from trader.store.events import Committed
from trader.store.keys import fresh_keys, load_keys, save_keys
from trader.store.layout import Layout
from trader.store.reader import EventReader
from trader.store.verdict import StoreRefused, Verdict


def make_store(root: Path, **options: object) -> None:
    """A closed store with three intents."""
    store = open_store(root, **options)
    assert all(isinstance(result, Committed) for result in commit_all(store, [intent(number) for number in range(3)]))
    store.close()


def contents(root: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_a_missing_key_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    """No new store beside the old, no new key over the lost one; exit code 76 with file and remedy."""
    make_store(tmp_path / "canary")
    (tmp_path / "canary" / "store.key").unlink()
    before = contents(tmp_path)
    with pytest.raises(StoreRefused, match="key file is missing but its store exists") as refused:
        open_store(tmp_path / "canary")
    assert refused.value.exit_code == 76
    assert "Restore the key file" in str(refused.value)
    assert contents(tmp_path) == before


def test_another_stores_key_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    """A wrong key is told as a wrong key."""
    make_store(tmp_path / "one")
    make_store(tmp_path / "two")
    shutil.copy(tmp_path / "two" / "store.key", tmp_path / "one" / "store.key")
    before = contents(tmp_path)
    with pytest.raises(StoreRefused, match="does not hold key") as refused:
        open_store(tmp_path / "one")
    assert refused.value.exit_code == 76
    assert contents(tmp_path) == before


def test_the_key_may_lie_elsewhere_and_must_be_given_again(tmp_path: Path) -> None:
    """With the key on another volume the folder alone tells nothing; forgetting the option is refused."""
    key = tmp_path / "elsewhere" / "canary.key"
    make_store(tmp_path / "canary", key_file=key)
    assert not (tmp_path / "canary" / "store.key").exists()
    with pytest.raises(StoreRefused, match="missing"):
        open_store(tmp_path / "canary")
    store = open_store(tmp_path / "canary", key_file=key)
    assert intents_in(store) == ["cb-0", "cb-1", "cb-2"]
    store.close()


def test_one_variable_puts_the_keys_of_all_profiles_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With EVENT_STORE_KEY_FOLDER each profile has its own key file there, and a backup of the data holds none."""
    monkeypatch.setenv("EVENT_STORE_KEY_FOLDER", str(tmp_path / "keys"))
    for profile in ("canary", "prod"):
        make_store(tmp_path / "data" / profile, profile=profile)
    assert sorted(path.name for path in (tmp_path / "keys").iterdir()) == ["canary.key", "prod.key"]
    assert not list((tmp_path / "data").rglob("*.key"))
    assert EventReader.open_readonly(tmp_path / "data" / "prod").verify().records == 4


@pytest.mark.parametrize("name", ["store.key", "store.head", "store.mark", "store/segment-000001.sqlite3", "store"])
def test_files_others_may_read_are_refused_with_the_command_that_helps(tmp_path: Path, name: str) -> None:
    """Loose permissions mean somebody may have read the key or written the log."""
    make_store(tmp_path / "canary")
    (tmp_path / "canary" / name).chmod(0o755 if name == "store" else 0o644)
    with pytest.raises(StoreRefused, match="Run `chmod"):
        open_store(tmp_path / "canary")


def test_a_symbolic_link_in_place_of_the_key_is_refused(tmp_path: Path) -> None:
    """A link could be redirected after the check."""
    make_store(tmp_path / "canary")
    key = tmp_path / "canary" / "store.key"
    key.rename(tmp_path / "real.key")
    key.symlink_to(tmp_path / "real.key")
    with pytest.raises(StoreRefused, match="symbolic link"):
        open_store(tmp_path / "canary")


def test_a_first_start_killed_between_key_and_store_is_simply_started_again(tmp_path: Path) -> None:
    """The key file says "creating" until the store exists, so a half-made store is no lost store."""
    root = tmp_path / "canary"
    root.mkdir(mode=0o700)
    save_keys(Layout.of(root), fresh_keys())
    store = open_store(root)
    assert store.verdict is Verdict.CREATED
    store.close()
    assert load_keys(Layout.of(root)).state == "ready"


def test_keys_do_not_show_in_their_repr(tmp_path: Path) -> None:
    """Logging the keys by accident shows names, not bytes."""
    keys = fresh_keys()
    master = keys.master(keys.current)
    assert master is not None
    assert master.hex() not in repr(keys)
    assert repr(master) not in repr(keys)
