"""A configuration that changes under a running trader: tightening at once, loosening by a person's word, rubbish never (F-C01)."""

from __future__ import annotations

import signal
import time
import tomllib
from pathlib import Path

import pytest
from operator_desk import OperatorDesk
from trader_process import until


@pytest.fixture
def file(calm: OperatorDesk) -> Path:
    """The trader's configuration file, put back afterwards."""
    assert calm.room.config is not None
    return calm.room.config


def put(file: Path, old: str, new: str) -> str:
    """Replace a piece of the file as an editor does, whole; return what it was."""
    before = file.read_text()
    assert old in before, old
    edited = file.with_suffix(".new")
    edited.write_text(before.replace(old, new))
    edited.replace(file)
    return before


def config_hash(desk: OperatorDesk) -> str:
    """The configuration in force, from a status that is younger than this call."""
    asked = time.time()
    status = until(lambda: told if (told := desk.told("status.json"))["utc_time"] > asked else None, 5, "a new status")
    return str(status["config_hash"])


def test_tightening_applies_at_once_and_loosening_waits_for_a_person(calm: OperatorDesk, file: Path) -> None:
    """Saved, then seen by the status, the log, the store and the kept copy; the way back needs `config accept`."""
    seen = len(calm.trader.stderr.lines)
    before = config_hash(calm)
    original = put(file, "max_open_orders = 200", "max_open_orders = 20")
    calm.trader.see(r"risk\.max_open_orders: 200 -> 20 \(tightening\): applied", 10, after=seen, stream="stderr")
    until(lambda: config_hash(calm) != before, 5, "another configuration in the status")
    kept = sorted((calm.room.profile_folder / "config").glob("*.toml"))
    assert tomllib.loads(kept[-1].read_text())["defaults"]["risk"]["max_open_orders"] == 20

    file.write_text(original)
    calm.trader.see(r"max_open_orders: 20 -> 200 \(loosening\): needs", 10, after=seen, stream="stderr")
    assert config_hash(calm) != before
    assert "applied" in calm.ok("config", "accept")
    until(lambda: config_hash(calm) == before, 5, "the first configuration again")
    assert any("max_open_orders" in str(event.payload["changes"]) for event in calm.events("config.changed"))


def test_a_wrong_file_changes_nothing_and_says_every_error(calm: OperatorDesk, file: Path) -> None:
    """Half-written, negative, a thousand times too large, unknown keys, gone: the old configuration stays in force."""
    before, original = config_hash(calm), file.read_text()
    wrong = [
        original[: len(original) // 2],
        original.replace("max_open_orders = 200", "max_open_orders = -1"),
        original.replace("max_position_usd = 1000000", "max_position_usd = 1000000000"),
        original.replace("max_open_orders = 200", "max_oopen_orders = 200"),
    ]
    for text in wrong:
        file.write_text(text)
        seen = len(calm.trader.stderr.lines)
        calm.trader.send(signal.SIGHUP)
        calm.trader.see("configuration refused", 10, after=seen, stream="stderr")
        assert "configuration refused" in calm.no("config", "accept")
    file.unlink()
    assert "configuration refused" in calm.no("config", "accept")
    file.write_text(original)
    assert "unchanged" in calm.ok("config", "accept")
    assert config_hash(calm) == before
    assert calm.told()["mode"] == "NORMAL"


def test_a_file_anybody_can_write_is_not_believed(calm: OperatorDesk, file: Path) -> None:
    """Its limits are not taken, whatever they say, and the remedy is named."""
    original = put(file, "max_open_orders = 200", "max_open_orders = 30")
    file.chmod(0o666)
    assert "chmod o-w" in calm.no("config", "accept")
    file.write_text(original)
    file.chmod(0o600)


def test_a_limit_that_applies_at_once_is_the_one_that_acts(calm: OperatorDesk, file: Path) -> None:
    """The strategy obeys the new value: no entry follows the switch, and entries come back with the person's word."""
    original = put(file, "max_adds = 3", "max_adds = 3, disable_new_entries = true")
    seen = len(calm.trader.stderr.lines)
    calm.trader.see("strategy.disable_new_entries: false -> true", 10, after=seen, stream="stderr")
    calm.ok("flatten")
    calm.ok("resume")
    count = len(calm.room.exchange.arrivals())
    decided = sum(calm.told("status.json")["reasons"].get("BTC-USD", {}).values())
    until(lambda: sum(calm.told("status.json")["reasons"]["BTC-USD"].values()) > decided + 20, 20, "twenty evaluations")
    assert len(calm.room.exchange.arrivals()) == count
    file.write_text(original)
    calm.ok("config", "accept")
    until(lambda: len(calm.room.exchange.arrivals()) > count, 30, "an entry again")


def test_a_key_of_the_next_start_is_answered_so(calm: OperatorDesk, file: Path) -> None:
    """The restart's keys are named, not silently ignored."""
    original = put(file, "long_ma_period = 10", "long_ma_period = 12")
    assert "strategy.long_ma_period: 10 -> 12 (neutral): next start" in calm.ok("config", "accept")
    file.write_text(original)
    calm.ok("config", "accept")
