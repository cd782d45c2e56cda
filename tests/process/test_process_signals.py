"""Signals to a real trader that trades every couple of seconds (issue 2 must-show 3, S18, issue 4 must-show 4)."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from decimal import Decimal
from typing import Any

from compared_books import signed
from trader_process import ROOT, Room, TraderProcess, clean_environment, until

MakeRoom = Callable[..., AbstractContextManager[Room]]
GRACE_S = 1.0


def wait_for_fills(where: Room, count: int, seconds: float = 20) -> None:
    """Wait until the exchange has filled so many orders of this room."""
    until(lambda: len(where.fills()) >= count, seconds, f"{count} fills")


def wait_for_position(where: Room, seconds: float = 20) -> None:
    """Wait until this room's trader holds something."""
    until(lambda: signed(where.fills(), "product_id"), seconds, "a position")


def growing(arrivals: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those requests that can grow a position: on spot every buy, and every sale of more than is held."""
    return [
        arrival for arrival in arrivals
        if arrival["side"] == "BUY" or Decimal(_size(arrival)) > Decimal(arrival["position_before"])
    ]  # fmt: skip


def _size(arrival: dict[str, Any]) -> str:
    (terms,) = arrival["configuration"].values()
    return str(terms["base_size"])


def command(where: Room, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a sub-command of `run.py` beside the trader."""
    return subprocess.run(
        [sys.executable, "run.py", *words, "--profile", where.profile],
        cwd=ROOT, env=clean_environment(EVENT_STORE_ROOT=str(where.data)), capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip


def dump(trader: TraderProcess, seconds: float) -> str:
    """Ask for a status dump and return it whole."""
    before = len(trader.stdout.lines)
    trader.send(signal.SIGUSR2)
    trader.see(r"^NEXT", seconds, after=before)
    return "\n".join(line for _, line in tuple(trader.stdout.lines)[before:])


def test_sigusr1_refuses_growth_within_a_second_and_keeps_exits(busy_room: MakeRoom) -> None:
    """The dump says REDUCE_ONLY and by whom; nothing the exchange receives later than 1 s grows; the position is left by exits."""
    with busy_room() as where:
        trader = where.start()
        trader.ready()
        wait_for_position(where)
        moment = trader.send(signal.SIGUSR1)
        seen, _ = trader.see("REDUCE_ONLY account by SIGUSR1", 5, stream="stderr")
        trader.send(signal.SIGUSR1)
        trader.see("REDUCE_ONLY already, nothing changes .SIGUSR1.", 5, stream="stderr")
        screen = until(
            lambda: (text := dump(trader, 5)) and "REDUCE_ONLY" in text and text, 5, "REDUCE_ONLY on the screen"
        )
        assert time.time() - moment < GRACE_S + 0.5, "the transition took too long"
        assert seen - moment < GRACE_S
        assert "by SIGUSR1" in screen
        until(lambda: not signed(where.fills(), "product_id"), 30, "exits that leave nothing")
        late = where.exchange.arrivals(since=moment + GRACE_S)
        assert not growing(late)
        until(lambda: trader.mode() == "REDUCE_ONLY", 5, "REDUCE_ONLY in the health file")
        trader.send(signal.SIGTERM)
        assert trader.wait(10) == 0
        _comes_up_reduce_only(where)


def _comes_up_reduce_only(where: Room) -> None:
    """The next start is REDUCE_ONLY, its first line says so and names the way out; after `resume` it trades again."""
    moment = time.time()
    trader = where.start()
    trader.ready()
    _, first = trader.stdout.lines[0]
    assert "REDUCE_ONLY" in first
    assert "run.py resume" in first
    until(lambda: trader.mode() == "REDUCE_ONLY", 10, "REDUCE_ONLY after the start")
    until(lambda: trader.told("status.json")["flow"]["orders_refused"] > 0, 20, "an entry refused")
    assert not growing(where.exchange.arrivals(since=moment))
    resumed = command(where, "resume")
    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    until(lambda: growing(where.exchange.arrivals(since=moment)), 20, "an entry after resume")
    trader.send(signal.SIGTERM)
    assert trader.wait(10) == 0


def test_ten_thousand_sigusr1_are_one_transition(busy_room: MakeRoom) -> None:
    """At full speed: no deadlock, one hold, one line that says so, and the trader still answers."""
    with busy_room() as where:
        trader = where.start()
        trader.ready()
        for _ in range(10_000):
            os.kill(trader.process.pid, signal.SIGUSR1)
        trader.see("REDUCE_ONLY account by SIGUSR1", 5, stream="stderr")
        assert "REDUCE_ONLY" in until(
            lambda: (t := dump(trader, 10)) and "REDUCE_ONLY" in t and t, 10, "a dump after the storm"
        )
        trader.send(signal.SIGTERM)
        assert trader.wait(10) == 0
        transitions = [line for _, line in trader.stderr.lines if "REDUCE_ONLY account by SIGUSR1" in line]
        assert len(transitions) == 1
        holds = json.loads((where.profile_folder / "holds.json").read_bytes())["holds"]
        assert [hold["cause"] for hold in holds] == ["operator"]


def test_sigterm_cancels_what_rests_and_ends_with_zero(busy_room: MakeRoom) -> None:
    """With an entry waiting in the book: within ten seconds exit 0, and the exchange shows no open order."""
    with busy_room(resting=True) as where:
        trader = where.start()
        trader.ready()
        until(where.exchange.open_orders, 20, "an order that rests")
        moment = trader.send(signal.SIGTERM)
        assert trader.wait(10) == 0
        assert time.time() - moment < 10
        assert not where.exchange.open_orders()


def test_a_second_signal_takes_the_cold_path(busy_room: MakeRoom) -> None:
    """Ctrl-C once is an orderly stop; again while it stops cancels through the path that shares nothing with the trader."""
    with busy_room(resting=True) as where:
        trader = where.start()
        trader.ready()
        until(where.exchange.open_orders, 20, "an order that rests")
        trader.send(signal.SIGINT)
        trader.see("stopping on SIGINT", 5, stream="stderr")
        trader.send(signal.SIGINT)
        code = trader.wait(25)
        assert "cold path" in trader.stderr.text
        assert code in {0, 10}
        assert not where.exchange.open_orders()
        if code == 0:
            assert "confirmed" in trader.stderr.text


def test_sigquit_dumps_every_thread_by_name_and_goes_on(busy_room: MakeRoom) -> None:
    """The stacks name the actors' threads; the trader still answers SIGUSR2 and ends in order."""
    with busy_room() as where:
        trader = where.start()
        trader.ready()
        trader.see("BTC-USD buy", 20, stream="stderr")
        trader.send(signal.SIGQUIT)
        _, names = trader.see("^threads: ", 5, stream="stderr")
        for name in ("risk#1", "broker#1", "BTC-USD#1", "supervisor#1"):
            assert name in names
        assert "VERDICT" in dump(trader, 5)
        trader.send(signal.SIGINT)
        assert trader.wait(10) == 0
