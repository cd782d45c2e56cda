"""`run.py why` after a real session: the what-if lives it again with another limit and says what each moment would have come to."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager

from trader_process import ROOT, Room

MakeRoom = Callable[..., AbstractContextManager[Room]]


def test_the_what_if_counts_the_later_checks_too(busy_room: MakeRoom) -> None:
    """Every entry lacks volume; at the volume there was, all would have passed that gate, and most or all the checks behind it."""
    with busy_room(extra={"min_volume_1m_usd = 0": "min_volume_1m_usd = 90000000"}) as where:
        trader = where.start("--duration", "25")
        assert trader.wait(60) == 0
        typed = subprocess.run(
            [sys.executable, str(ROOT / "run.py"), "why", "BTC-USD", "--profile", "dev", "--since", "2d"],
            env=os.environ | {"EVENT_STORE_ROOT": str(where.data)},
            capture_output=True,
            text=True,
            check=True,
        )
    sentence = r"min_volume_1m_usd = [\d.]+, (\d+) of (\d+) VOLUME_LOW would have passed this gate: (.*)\."
    told = re.search(sentence, typed.stdout)
    assert told, typed.stdout
    passed, moments = int(told[1]), int(told[2])
    assert 0 < passed <= moments
    answers = [int(count) for count in re.findall(r"(\d+) would", told[3])]
    assert sum(answers) == passed
    assert told[3].endswith("would have been sent, each judged on its own")
