"""What a replay needs to make an actor anew, and what is said where that is missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from actors.messages import Began, Session
from actors.recording import CannotReplay, Heard, Recording
from actors.replay import relive
from tests.backtest.backtest_markets import settings, waves


def test_a_session_whose_strategy_file_is_not_here_cannot_be_lived_again(tmp_path: Path) -> None:
    """The file lay beside the configuration; typed elsewhere, the answer is a sentence with the path looked at."""
    chosen = settings(strategy__name="mine.py")
    session = Session("run", chosen.profile, chosen.config_hash, (waves(bars=2).instrument,))
    recording = Recording(session, (Heard("BTC-USD#1", 1.0, Began(1.0)),))
    with pytest.raises(CannotReplay, match=r"there is no file .*mine\.py"):
        relive(recording, chosen, "BTC-USD", tmp_path, ())
