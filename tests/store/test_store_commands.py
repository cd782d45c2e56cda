"""`run.py events …`: answers on stdout, problems on stderr with the published exit codes."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from store_builders import DAY_S, NOON, commit_all, intent, open_store

from trader.exit_code import Ends
from trader.store.commands import main
from trader.store.layout import profile_folder, running_profiles
from trader.store.log import EventStore


@pytest.fixture
def data_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data root with a stopped canary of five days."""
    monkeypatch.setenv("EVENT_STORE_ROOT", str(tmp_path))
    store = open_store(profile_folder("canary"))
    for day in range(5):
        commit_all(store, [intent(day, NOON + day * DAY_S)])
    store.close()
    return tmp_path


@pytest.fixture
def running(data_root: Path) -> Iterator[EventStore]:
    """The same canary, running."""
    store = open_store(data_root / "perps_bot" / "canary", utc_clock=lambda: NOON + 5 * DAY_S)
    yield store
    store.close()


def test_tail_prints_the_newest_events_one_a_line(data_root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Time, number, type, name, code and the payload; JSON on request."""
    assert main(["tail", "--profile", "canary", "--limit", "2", "--types", "order"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("2024-10-07T12:00:00.000Z")
    assert "order.intent" in second
    assert '"client_order_id":"cb-4"' in second
    assert main(["tail", "--profile", "canary", "--limit", "1", "--json"]) == 0
    assert msgspec.json.decode(capsys.readouterr().out)["payload"]["client_order_id"] == "cb-4"
    assert main(["tail", "--profile", "canary", "--bot-id", "nobody"]) == 64
    assert "unknown bot id 'nobody'" in capsys.readouterr().err


def test_reading_commands_work_beside_a_running_system(
    running: EventStore, data_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without --profile the running one is meant; writing commands are turned away with 75."""
    commit_all(running, [intent(77, NOON + 5 * DAY_S)])
    assert running_profiles() == ["canary"]
    assert main(["verify"]) == 0
    assert "ok: 7 records from 1 in 6 segment(s), every one authentic" in capsys.readouterr().out
    assert main(["tail", "--limit", "1"]) == 0
    assert "cb-77" in capsys.readouterr().out
    assert main(["export"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 7
    for command in (["prune", "--keep-days", "2"], ["rotate-key"]):
        assert main(command) == 75
        assert "another process is writing this store" in capsys.readouterr().err


def test_the_only_profile_there_is_needs_no_name_and_two_do(
    data_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Guessing between two could show, or prune, the wrong one."""
    assert main(["tail", "--limit", "1"]) == 0
    assert "cb-4" in capsys.readouterr().out
    (data_root / "perps_bot" / "demo").mkdir()
    with pytest.raises(Ends, match=r"no profile runs \(there are: demo, canary\); name one with --profile") as end:
        main(["tail"])
    assert end.value.code == 64


def test_an_export_goes_to_stdout_or_to_a_new_private_file(data_root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file is 0600 and never overwritten."""
    assert main(["export", "--profile", "canary", "--format", "csv", "--table", "orders"]) == 0
    printed = capsys.readouterr().out
    assert len(printed.splitlines()) == 6
    out = data_root / "orders.csv"
    arguments = ["export", "--profile", "canary", "--format", "csv", "--table", "orders", "--out", str(out)]
    assert main(arguments) == 0
    assert out.read_text() == printed
    assert out.stat().st_mode & 0o777 == 0o600
    assert main(arguments) == 1
    assert f"{out} exists and is never overwritten; choose a new name" in capsys.readouterr().err


def test_prune_and_rotate_say_what_they_did(data_root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On a stopped store both work, and the store verifies afterwards."""
    assert main(["prune", "--profile", "canary", "--keep-days", "2", "--dry-run"]) == 0
    assert "would remove 4 segment(s), 5 records" in capsys.readouterr().out
    assert main(["prune", "--profile", "canary", "--keep-days", "2"]) == 0
    assert main(["rotate-key", "--profile", "canary"]) == 0
    assert "new records use key" in capsys.readouterr().out
    assert main(["verify", "--profile", "canary"]) == 0


def test_a_profile_that_has_never_run_ends_with_1_and_says_how_to_start_it(
    data_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is wrong with a store that never was; nothing is made."""
    assert main(["verify", "--profile", "demo"]) == 1
    told = capsys.readouterr().err
    assert "there is no event store, the profile has never run" in told
    assert "python run.py --profile demo" in told
    assert not (data_root / "perps_bot" / "demo").exists()


@pytest.mark.parametrize("left", ["store", "store.head", "store.mark", "store.key"])
def test_a_part_of_a_store_alone_is_refused_with_76(left: str, data_root: Path) -> None:
    """Removing the rest must not make a store that was look like one that never was."""
    folder = data_root / "perps_bot" / "canary"
    for part in folder.glob("store*"):
        if part.name != left:
            shutil.rmtree(part) if part.is_dir() else part.unlink()
    assert main(["verify", "--profile", "canary"]) == 76


def test_a_damaged_store_is_refused_with_76(data_root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The message names the file."""
    segment = data_root / "perps_bot" / "canary" / "store" / "segment-000003.sqlite3"
    content = bytearray(segment.read_bytes())
    place = content.rindex(b"\x00", 0, 8192) - 200
    content[place] ^= 0xFF
    segment.write_bytes(content)
    assert main(["verify", "--profile", "canary"]) == 76
    assert "segment-000003" in capsys.readouterr().err


def test_wrong_arguments_end_with_64(data_root: Path) -> None:
    """An unknown table or command is an error of usage."""
    for wrong in (["export", "--table", "nonsense"], ["shred"], [], ["tail", "--profile", "../canary"]):
        with pytest.raises(Ends) as end:
            main(wrong)
        assert end.value.code == 64
