"""How much a trader says in a quiet hour and in an hour without its venue; imported by `python -m tests.quiet` and by its tests.

Every limit on what is said again counts seconds of the machine's clock, so an hour here is an hour. A healthy hour is a trader
left alone on the synthetic market; in the other the venue cuts every connection and answers nobody, with positions open.
"""

from __future__ import annotations

import os
import re
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from trader_process import ExchangeRecords, Room, TraderProcess, exchange_process, room, until

HOUR_S = 3600.0
HEALTHY_LINES, HEALTHY_LINES_A_MINUTE, OUTAGE_LINES = 60, 10, 20
EQUITY = {"dev": "100000", "canary": "1000"}
RECOVERS_S = 180.0
SETTLES_S = 15.0

_SPOKEN = re.compile(r"^\d\d:\d\d:\d\d (INFO|WARNING|ERROR|CRITICAL) ")
_EXEMPT = re.compile(
    r" sent \([0-9a-f]+\)$| filled (buy|sell) | not sent: | never reached the venue| outcome unknown "
    r"| (REDUCE_ONLY|HALTED) \S+ by |hold \S+ \(\S+\) ended by "
)


@dataclass(frozen=True)
class Figures:
    """What one trader said: all lines of INFO and above, those that are no order, fill or change of mode, and their fullest minute."""

    name: str
    seconds: float
    lines: tuple[str, ...]
    counted: tuple[str, ...]
    fullest_minute: int

    @staticmethod
    def exempt(line: str) -> bool:
        """Whether a line is of an order, a fill or a change of mode."""
        return _EXEMPT.search(line) is not None

    @property
    def sentence(self) -> str:
        """The figures in words."""
        return (
            f"{self.name}: {self.seconds / 60:.0f} min, {len(self.lines)} lines of INFO and above, {len(self.counted)} without "
            f"orders, fills and changes of mode, at most {self.fullest_minute} of these in a minute"
        )


def spoken(name: str, trader: TraderProcess, since: float, to: float) -> Figures:
    """Count what a trader said on stderr between two moments (UTC)."""
    heard = [(at, line) for at, line in tuple(trader.stderr.lines) if since <= at < to and _SPOKEN.match(line)]
    counted = [(at, line) for at, line in heard if not Figures.exempt(line)]
    minutes = Counter(int((at - since) // 60) for at, _ in counted)
    return Figures(
        name,
        to - since,
        tuple(line for _, line in heard),
        tuple(line for _, line in counted),
        max(minutes.values(), default=0),
    )


def healthy(folder: Path, profile: str, seconds: float) -> Figures:
    """A profile as it is shipped, on its own market, left alone once it has started."""
    with exchange_process("--seed", "7", "--equity", EQUITY[profile]) as exchange:
        return _healthy_in(folder, exchange, profile, seconds)


def _healthy_in(folder: Path, exchange: ExchangeRecords, profile: str, seconds: float) -> Figures:
    with room(folder, exchange, profile=profile) as where:
        trader = _started(where)
        began = time.time()
        _alive_for(trader, seconds)
        figures = spoken(f"healthy, {profile}", trader, began, time.time())
        _end(trader)
    return figures


def outage(folder: Path, profile: str, seconds: float, how: str) -> tuple[Figures, Figures]:
    """A trader that holds something when its venue is `cut` off or falls `silent`: the outage, and then its end until both agree."""
    with (
        exchange_process("--seed", "7", "--equity", EQUITY[profile]) as exchange,
        room(folder, exchange, profile) as where,
    ):
        trader = _started(where)
        until(lambda: trader.told().get("positions"), 120, "a position")
        began = time.time()
        back = OUTAGES[how](exchange, seconds)
        _alive_for(trader, seconds)
        ended = time.time()
        back()
        until(lambda: _agrees(trader), RECOVERS_S, "agreed with the venue again")
        _alive_for(trader, SETTLES_S)
        during = spoken(f"outage, {profile}, {how}", trader, began, ended)
        after = spoken(f"its end, {profile}, {how}", trader, ended, time.time())
        _end(trader)
    return during, after


def _started(where: Room) -> TraderProcess:
    trader = where.start()
    trader.ready()
    until(lambda: trader.mode() == "NORMAL", 20, "NORMAL")
    return trader


def _cut(exchange: ExchangeRecords, seconds: float) -> Callable[[], None]:
    """Every connection is let in and cut, for so long."""
    exchange.arm("F-N12", variant="outage", seconds=seconds)
    return lambda: None


def _silence(exchange: ExchangeRecords, _seconds: float) -> Callable[[], None]:
    """The venue's process stands still: connections are taken and nothing is answered; ends with what is returned."""
    os.kill(exchange.ready["pid"], signal.SIGSTOP)
    return lambda: os.kill(exchange.ready["pid"], signal.SIGCONT)


OUTAGES = {"cut": _cut, "silent": _silence}


def _alive_for(trader: TraderProcess, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert trader.process.poll() is None, f"the trader ended:\n{trader.words()}"
        time.sleep(min(1.0, max(end - time.monotonic(), 0)))


def _agrees(trader: TraderProcess) -> bool:
    told = trader.told("status.json")
    feeds = told.get("feeds", {})
    return bool(told.get("reconciled") and feeds.get("market_up") and feeds.get("user_up"))


def _end(trader: TraderProcess) -> None:
    trader.process.terminate()
    # 10 is truthful too: a stop may come before an order's absence is proven
    assert trader.wait(30) in {0, 10}, trader.words()
