"""When actors hang: the status still answers and names them, and kill still cancels (C-01, must show 3)."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from busy_market import write_candles, write_config
from operator_desk import OperatorDesk
from trader_process import ROOT, Room, exchange_process, room, until

CHILD = str(ROOT / "tests" / "process" / "sabotage_child.py")
EVERYBODY = ("supervisor", "risk", "broker", "BTC-USD", "ETH-USD", "SOL-USD")
Start = Callable[..., AbstractContextManager[OperatorDesk]]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """A trader whose actors hang when a file says so."""

    @contextmanager
    def begin(*, hang_s: float, resting: bool) -> Iterator[OperatorDesk]:
        with exchange_process(*write_candles(tmp_path)) as exchange:
            config = write_config(tmp_path, hang_s=hang_s, resting=resting)
            with room(tmp_path / "room", exchange, config=config) as where:
                trader = where.start(entry=(CHILD,), SABOTAGE=str(where.folder), METRICS_PORT="0")
                trader.ready()
                yield OperatorDesk(where, trader)
                trader.kill()

    return begin


def hang(where: Room, desk: OperatorDesk, *names: str) -> None:
    """Let each of these actors hang in its next message."""
    for name in names:
        (where.folder / f"hang-{name}").touch()
    for name in names:
        desk.trader.see(rf"hang {name}#", 10, stream="stderr")


def test_with_an_actor_hung_every_view_answers_and_names_it(start: Start) -> None:
    """SIGUSR2 within a second, health.json, /health and the socket: all say which actor, and in which message."""
    with start(hang_s=30, resting=False) as desk:
        hang(desk.room, desk, "risk")
        until(lambda: "risk" in str(desk.told().get("message")), 10, "the hung actor in health.json")
        seen = len(desk.trader.stdout.lines)
        sent = desk.trader.send(signal.SIGUSR2)
        when, _ = desk.trader.see(r"^ risk +busy", 3, after=seen)
        assert when - sent < 1.0
        screen = desk.ok("status")
        assert "Actor risk is silent" in screen
        assert "in " in next(line for line in screen.splitlines() if line.startswith(" risk"))
        assert json.loads(desk.get("/health")[1])["ok"] is False
        assert desk.type("health").returncode == 1
        assert desk.get("/live")[0] == 200


def test_kill_cancels_while_every_actor_hangs(start: Start) -> None:
    """The command has its own thread, client and connection: no resting order is left within five seconds, and the answer says so.

    What had filled meanwhile is booked by the next start.
    """
    with start(hang_s=30, resting=True) as desk:
        until(desk.room.exchange.open_orders, 30, "orders that rest")
        hang(desk.room, desk, *EVERYBODY[1:], EVERYBODY[0])
        before = time.time()
        with ThreadPoolExecutor(1) as console:
            typed = console.submit(desk.type, "kill")
            until(lambda: not desk.room.exchange.open_orders(), 6, "no open order")
            assert time.time() - before < 5.0
            done = typed.result(40)
        assert done.returncode == 1
        if "the trader ended" in done.stderr:  # on a slow machine the main loop was first: the same cold path, exit 30
            assert desk.trader.wait(20) == 30
        else:
            assert "confirms that none is open" in done.stderr
            assert "the supervisor has not answered" in done.stderr
        desk.trader.kill()
        successor = (
            desk.room.start()
        )  # what filled while everyone hung is booked by the next start; the room compares the books
        successor.ready()
        successor.send(signal.SIGTERM)
        assert successor.wait(30) == 0
