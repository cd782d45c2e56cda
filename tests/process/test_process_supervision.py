"""Crashes and hangs of single actors in a real trader: real threads, the real exchange, the published exit codes.

Issue 2 must-show 4 and issue 4 must-show 4. The hooks are in `sabotage_child.py`, none in the product.
"""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from busy_market import SPEED
from trader_process import Room, TraderProcess, until

from trader.store.events import EventName
from trader.store.reader import EventReader

MakeRoom = Callable[..., AbstractContextManager[Room]]
CHILD = str(Path(__file__).with_name("sabotage_child.py"))
LEARNED_S = 4.0
FRESH_S = 4.0
"""Two seconds a price may be old when it is heard, and two an approval may live."""
SAID = re.compile(r"^sabotage ([0-9.]+) (.*)$")


def start(where: Room, *flags: str, wait_for: str = "BTC-USD filled") -> TraderProcess:
    """Start a trader that obeys files in the room's folder, and wait until it has traded."""
    trader = where.start(*flags, entry=(CHILD,), SABOTAGE=str(where.folder))
    trader.ready()
    trader.see(wait_for, 20, stream="stderr")
    return trader


def sabotage(where: Room, trader: TraderProcess, what: str, name: str) -> float:
    """Make one actor crash or hang with its next message; return when it did (UTC)."""
    so_far = len(trader.stderr.lines)
    (where.folder / f"{what}-{name}").touch()
    _, line = trader.see(rf"^sabotage \S+ {what} {name}#", 10, stream="stderr", after=so_far)
    found = SAID.match(line)
    assert found is not None
    return float(found[1])


def actor(trader: TraderProcess, name: str) -> dict[str, Any]:
    """Return one row of the status's actors."""
    rows = trader.told("status.json").get("actors", ())
    return next((dict(row) for row in rows if row["name"] == name), {})


def arrivals_of(where: Room, symbol: str, since: float) -> list[dict[str, Any]]:
    """Order requests of one symbol that the exchange received after a moment."""
    return [arrival for arrival in where.exchange.arrivals(since=since) if arrival["product_id"] == symbol]


def stop(trader: TraderProcess, code: int = 0) -> None:
    """End the trader in order."""
    trader.send(signal.SIGTERM)
    assert trader.wait(12) == code, trader.words()


def told_counts(trader: TraderProcess) -> dict[str, int]:
    """The eight counters as metrics.json tells them; empty before an entry was accepted."""
    counts: dict[str, int] = trader.told("metrics.json").get("rejection_counts") or {}
    return counts if counts.get("entries_accepted") else {}


def test_a_crashed_symbol_comes_back_as_incarnation_two_warm_from_the_ring_and_trades_on(busy_room: MakeRoom) -> None:
    """Same name, incarnation 2, its window from the broker's ring; it trades again, and the mode stays NORMAL."""
    with busy_room() as where:
        trader = start(where)
        until(lambda: actor(trader, "BTC-USD").get("state") == "ok", 10, "a warm symbol")
        before = until(lambda: told_counts(trader), 20, "an entry that is counted")
        crashed = sabotage(where, trader, "crash", "BTC-USD")
        _, line = trader.see(r"^sabotage \S+ ready BTC-USD#2", 10, stream="stderr")
        assert "the broker's ring" in line
        ready = float(line.split()[1])
        print(f"crash to Ready {1000 * (ready - crashed):.0f} ms")
        assert ready - crashed < 5
        until(lambda: arrivals_of(where, "BTC-USD", ready), 20, "an order of the second incarnation")
        until(lambda: actor(trader, "BTC-USD").get("incarnation") == 2, 5, "the status's incarnation")
        assert all(told_counts(trader)[name] >= count for name, count in before.items())
        assert trader.mode() == "NORMAL"
        stop(trader)


def test_more_crashes_than_the_budget_quarantine_the_symbol_and_bring_reduce_only(busy_room: MakeRoom) -> None:
    """The third death within the window: quarantine, REDUCE_ONLY, no further order of it, while others still exit."""
    with busy_room(restarts=2) as where:
        trader = start(where)
        for incarnation in (1, 2):
            sabotage(where, trader, "crash", "BTC-USD")
            trader.see(rf"^sabotage \S+ ready BTC-USD#{incarnation + 1}", 15, stream="stderr")
        last = sabotage(where, trader, "crash", "BTC-USD")
        trader.see("BTC-USD is quarantined", 5, stream="stderr")
        until(lambda: trader.mode() == "REDUCE_ONLY", 5, "REDUCE_ONLY")
        until(lambda: {"ETH-USD", "SOL-USD"}.isdisjoint(trader.told()["positions"]), 30, "exits of the others")
        late = where.exchange.arrivals(since=last + 1.0)
        assert not [arrival for arrival in late if arrival["side"] == "BUY" or arrival["product_id"] == "BTC-USD"]
        until(lambda: actor(trader, "BTC-USD").get("state") == "quarantined", 5, "the quarantine in the status")
        stop(trader)


def test_a_hung_symbol_gets_a_successor_and_its_zombie_is_harmless(busy_room: MakeRoom) -> None:
    """Past the hang limit a second incarnation trades while the first still hangs; when it wakes it handles nothing more."""
    with busy_room(hang_s=1) as where:
        trader = start(where)
        hung = sabotage(where, trader, "hang", "BTC-USD")
        _, line = trader.see(r"^sabotage \S+ ready BTC-USD#2", 10, stream="stderr")
        ready = float(line.split()[1])
        assert 0.9 < ready - hung < 5
        until(lambda: arrivals_of(where, "BTC-USD", ready), 20, "an order of the successor")
        assert arrivals_of(where, "ETH-USD", hung) or arrivals_of(where, "SOL-USD", hung), "the others traded on"
        (where.folder / "hung-BTC-USD#1").unlink()
        trader.see(r"^sabotage \S+ awake BTC-USD#1", 5, stream="stderr")
        awake = time.time()
        until(lambda: arrivals_of(where, "BTC-USD", awake), 20, "one more order of the successor")
        until(lambda: actor(trader, "BTC-USD").get("incarnation") == 2, 5, "the status's incarnation")
        stop(trader)


def test_a_crashed_risk_actor_recovers_from_the_journal_and_trading_goes_on(busy_room: MakeRoom) -> None:
    """The books come back from the store and the venue; orders leave again; nothing is lost (the room compares)."""
    with busy_room() as where:
        trader = start(where)
        crashed = sabotage(where, trader, "crash", "risk")
        trader.see(r"^sabotage \S+ ready risk#2", 15, stream="stderr")
        until(lambda: where.exchange.arrivals(since=crashed + 1), 20, "an order after the recovery")
        assert trader.mode() == "NORMAL"
        stop(trader)


def test_a_crashed_broker_comes_back_and_trading_goes_on(busy_room: MakeRoom) -> None:
    """What was sent and unanswered is unknown until the venue says otherwise; then orders leave again."""
    with busy_room() as where:
        trader = start(where)
        crashed = sabotage(where, trader, "crash", "broker")
        trader.see(r"^sabotage \S+ ready broker#2", 15, stream="stderr")
        until(lambda: where.exchange.arrivals(since=crashed + 1), 20, "an order after the recovery")
        until(
            lambda: trader.told("status.json").get("unknown_orders") == 0,
            30,
            "everything proven, or the stop ends with 10",
        )
        stop(trader)


@pytest.mark.parametrize("name", ["risk", "broker"])
def test_a_hung_owner_of_trading_halts_through_the_cold_path(busy_room: MakeRoom, name: str) -> None:
    """No sibling for what may trade: HALTED, every order cancelled and verified, exit 20; the next start comes up HALTED."""
    with busy_room(resting=True, hang_s=1) as where:
        trader = start(where, wait_for="buy .* sent")
        until(where.exchange.open_orders, 20, "an order that rests")
        hung = sabotage(where, trader, "hang", name)
        seen, _ = trader.see("HALTED", 6, stream="stderr")
        assert seen - hung < 3
        assert trader.wait(30) == 20, trader.words()
        assert not where.exchange.open_orders()
        ended = time.time()
        again = where.start()
        again.ready()
        assert "HALTED" in again.stdout.lines[0][1]
        until(lambda: again.mode() == "HALTED", 10, "HALTED in the next run")
        again.send(signal.SIGTERM)
        code = again.wait(12)
        assert code == 0 or (code == 10 and "unproven" in again.stderr.text), again.words()
        assert not where.exchange.arrivals(since=ended)


@pytest.mark.parametrize("what", ["crash", "hang"])
def test_without_its_supervisor_the_process_cancels_everything_and_ends_with_30(busy_room: MakeRoom, what: str) -> None:
    """The main thread notices within five seconds, takes the cold path and ends (F-P11)."""
    with busy_room(resting=True) as where:
        trader = start(where, wait_for="buy .* sent")
        until(where.exchange.open_orders, 20, "an order that rests")
        lost = sabotage(where, trader, what, "supervisor")
        seen, _ = trader.see("cold path: cancelling", 10, stream="stderr")
        assert seen - lost < 6.0
        assert trader.wait(30) == 30, trader.words()
        assert not where.exchange.open_orders()


def _pause(where: Room, seconds: float) -> None:
    """Stop and continue a trader; every order after it was decided on a price that was fresh when the order arrived."""
    trader = start(where)
    until(
        lambda: trader.told("status.json").get("up_s", 0) > LEARNED_S, 20, "a clock that has learned the market's speed"
    )
    trader.send(signal.SIGSTOP)
    time.sleep(seconds)  # the pause itself is what is tested
    begin = trader.send(signal.SIGCONT)
    until(lambda: len(where.exchange.arrivals(since=begin)) >= 3, 60, "trading after the pause")
    assert trader.process.poll() is None
    assert not [row for row in trader.told("status.json")["actors"] if row["incarnation"] > 1], "a pause is no hang"
    until(lambda: trader.mode() == "NORMAL", 10, "NORMAL after the pause")
    arrivals = where.exchange.arrivals(since=begin)
    stop(trader)
    old = {
        arrival["client_order_id"]: age for arrival in arrivals if (age := _decided_before_s(where, arrival)) > FRESH_S
    }
    assert not old, f"orders decided on old prices: {old}"


def _decided_before_s(where: Room, arrival: dict[str, Any]) -> float:
    """Machine seconds between the price a decision was made on and the arrival of its order, both by the market's clock."""
    events = list(EventReader.open_readonly(where.profile_folder).replay())
    decision = next(e.decision_id for e in events
                    if e.event == EventName.ORDER_INTENT and e.payload["client_order_id"] == arrival["client_order_id"])  # fmt: skip
    decided = next(e for e in events if e.event == EventName.STRATEGY_SIGNAL and e.decision_id == decision)
    return float((arrival["market_time"] - decided.market_time) / SPEED)


def test_a_stopped_process_goes_on_without_a_burst(busy_room: MakeRoom) -> None:
    """SIGSTOP for six seconds, longer than any hang limit, then CONT: nobody is judged for it, and trading goes on."""
    with busy_room() as where:
        _pause(where, 6)


@pytest.mark.campaign
def test_a_process_stopped_for_half_a_minute_goes_on_without_a_burst(busy_room: MakeRoom) -> None:
    """The same over thirty seconds (F-P16)."""
    with busy_room() as where:
        _pause(where, 30)
