"""Parity: what a paper session decided, its recorded inputs decide again, byte for byte."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from actors.options import parse
from actors.recording import CannotReplay, Recording, read_recording
from actors.replay import compare
from actors.trade_command import load
from tests.backtest.backtest_markets import ROOT
from trader.config import Settings
from trader.store.events import Event
from trader.store.reader import EventReader
from trader.strategy.settings import StrategySettings

SYMBOLS = ("BTC-USD", "ETH-USD", "SOL-USD")
ARGUMENTS = (
    "--profile",
    "spot",
    "--interval",
    "1",
    "--seed",
    "7",
    "--config",
    str(ROOT / "config.toml"),
    "--symbols",
    *SYMBOLS,
)
SECONDS = "40"


def typed(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Type a command of run.py on this data root."""
    return subprocess.run(
        [sys.executable, str(ROOT / "run.py"), *arguments],
        env=os.environ | {"EVENT_STORE_ROOT": str(root)},
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> tuple[Recording, Settings, list[Event]]:
    """A real paper session of three symbols: processes, sockets, store and recorder as an operator runs them."""
    root = tmp_path_factory.mktemp("parity")
    done = typed(root, *ARGUMENTS, "--duration", SECONDS)
    assert done.returncode == 0, done.stderr[-2000:] + done.stdout[-2000:]
    settings = load(parse(ARGUMENTS))
    folder = root / "perps_bot" / "spot"
    return read_recording(folder / "inputs"), settings, list(EventReader.open_readonly(folder).replay())


def test_every_decision_of_a_session_is_made_again(session: tuple[Recording, Settings, list[Event]]) -> None:
    """Intents, refusals, positions, counts of reasons and events of risk and three symbols are equal to the byte."""
    recording, settings, events = session
    parity = compare(recording, settings, events)
    assert parity.differences == ()
    assert parity.decisions > 60
    assert parity.messages > 100
    assert parity.inputs > 2_000


def test_another_strategy_does_not_pass_for_the_same(session: tuple[Recording, Settings, list[Event]]) -> None:
    """The comparison has teeth: averages of other lengths decide otherwise, and it says where."""
    recording, settings, events = session
    strategy = msgspec.structs.replace(settings.strategy, short_ma_period=2, long_ma_period=10)
    assert isinstance(strategy, StrategySettings)
    other = msgspec.structs.replace(settings, strategy=strategy)
    assert compare(recording, other, events).differences


def test_a_replay_under_another_configuration_is_refused(session: tuple[Recording, Settings, list[Event]]) -> None:
    """The session names its configuration; comparing with another would prove nothing."""
    recording, settings, events = session
    with pytest.raises(CannotReplay, match="the session ran with configuration"):
        compare(recording, msgspec.structs.replace(settings, config_hash="0" * 64), events)


def test_a_session_that_goes_on_from_a_store_decides_the_same_again(tmp_path: Path) -> None:
    """`run.py replay`: risk restores its books from what the store held then, with the configuration that its start kept."""
    for seconds in ("12", "8"):
        done = typed(tmp_path, *ARGUMENTS, "--duration", seconds)
        assert done.returncode == 0, done.stderr[-2000:]
    again = typed(tmp_path, "replay")
    assert again.returncode == 0, again.stdout + again.stderr
    assert again.stdout.endswith(": all the same\n")
    for kept in (tmp_path / "perps_bot" / "spot" / "config").iterdir():
        kept.unlink()
    without = typed(tmp_path, "replay", "--profile", "spot")
    assert without.returncode == 1
    assert "of that session is not among the copies" in without.stderr
