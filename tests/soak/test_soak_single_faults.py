"""One fault at a time on the whole system: the real trader on the exchange, judged by the exchange's own ledger.

Each fault has fired, no order exists twice, every fill is in the trader's journal, nothing stays unproven, and trading goes on.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from busy_market import write_candles, write_config
from soak_board import Board
from soak_checks import QUICK, assert_nothing_lost
from trader_process import Room, TraderProcess, exchange_process, room, until

pytestmark = pytest.mark.campaign
"""Four minutes of whole processes: `python -m pytest -m campaign tests/soak`."""


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Room, TraderProcess]]:
    """One trader that trades every second or two, for every fault in turn; its books are compared when all are done."""
    folder = tmp_path_factory.mktemp("faults")
    with (
        exchange_process(*write_candles(folder)) as exchange,
        room(folder / "room", exchange, config=write_config(folder, extra=QUICK)) as where,
    ):
        trader = where.start()
        trader.ready()
        until(lambda: trader.mode() == "NORMAL", 10, "NORMAL")
        yield where, trader
        assert_nothing_lost(where, trader)
        trader.process.terminate()
        # 10 is truthful too: a stop may come before an order's absence is proven
        assert trader.wait(30) in {0, 10}, trader.words()


FAULTS: dict[str, tuple[str, dict[str, Any]]] = {
    "F-N01 accepted, no answer": ("F-N01", {}),
    "F-N02 lost, no answer": ("F-N02", {}),
    "F-N03 broken in the answer": ("F-N03", {"variant": "mid_body"}),
    "F-N06 too many requests, on orders": ("F-N06", {"method": "POST", "path": "/orders", "count": 2}),
    "F-N06 too many requests, on reads": ("F-N06", {"method": "GET", "path": "/accounts"}),
    "F-N07 one token refused": ("F-N07", {"variant": "401", "method": "GET", "path": "/accounts"}),
    "F-N08 done, and answered with 500": ("F-N08", {"variant": "done_500"}),
    "F-W03 a message of the user feed lost": ("F-W03", {"channel": "user"}),
    "F-W04 a fill never told": ("F-W04", {"count": 2}),
    "F-W08 disconnected": ("F-W08", {}),
    "F-O01 the fill before the answer": ("F-O01", {"value": 0.5}),
}


@pytest.mark.parametrize(("fault_id", "terms"), FAULTS.values(), ids=FAULTS)
def test_a_fault_loses_and_doubles_nothing(
    fault_id: str, terms: dict[str, Any], busy: tuple[Room, TraderProcess]
) -> None:
    """Armed, met, survived: and orders go on being sent afterwards."""
    where, trader = busy
    board = Board(where.exchange)
    before = board.fired(fault_id)
    board.arm(fault_id, **terms)
    try:
        until(lambda: board.fired(fault_id) > before, 20, f"{fault_id} has fired")
        sent = len(where.exchange.arrivals())
        assert_nothing_lost(where, trader)
        board.close()
        until(lambda: len(where.exchange.arrivals()) > sent, 20, "trading goes on")
        until(lambda: trader.mode() == "NORMAL", 20, "NORMAL")
    except AssertionError as error:
        raise AssertionError(f"{error}\n{trader.told()}\n{trader.words()}") from None


@pytest.fixture
def resting(tmp_path: Path) -> Iterator[tuple[Room, TraderProcess]]:
    """A trader of its own whose entries wait in the book."""
    quick = {
        "order_max_age_s = 5": "order_max_age_s = 3600",
        "supervision = {": "reconcile = { interval_s = 5 }\nsupervision = {",
    }
    with (
        exchange_process(*write_candles(tmp_path)) as exchange,
        room(tmp_path / "room", exchange, config=write_config(tmp_path, resting=True, extra=quick)) as where,
    ):
        trader = where.start()
        trader.ready()
        yield where, trader


@pytest.mark.parametrize("variant", ["partial", "full"])
def test_a_fill_that_overtakes_a_cancel_is_booked(variant: str, resting: tuple[Room, TraderProcess]) -> None:
    """F-O02: going reduce-only cancels what rests, the fill comes first, and is in the books (F-O02)."""
    where, trader = resting
    board = Board(where.exchange)
    board.arm("F-O02", variant=variant)
    until(where.exchange.open_orders, 20, "an order that rests")
    trader.send(signal.SIGUSR1)
    until(lambda: board.fired("F-O02"), 10, "a cancel that met a fill")
    until(lambda: not where.exchange.open_orders(), 10, "nothing rests in reduce-only")
    assert_nothing_lost(where, trader)
    board.close()
    trader.process.terminate()
    assert trader.wait(20) == 0, trader.words()


def test_a_revoked_key_halts_and_sends_nothing_more(resting: tuple[Room, TraderProcess]) -> None:
    """F-N07: HALTED within seconds, no order reaches the exchange from then on, and the exit code says so."""
    where, trader = resting
    board = Board(where.exchange)
    until(where.exchange.arrivals, 20, "an order")
    board.arm("F-N07", variant="revoked", count=-1)
    until(lambda: trader.mode() == "HALTED", 20, "HALTED")
    sent = len(where.exchange.arrivals())
    assert any(hold["cause"] == "auth_lost" for hold in trader.told()["latches"])
    board.close()
    trader.process.terminate()
    assert trader.wait(30) in {0, 10, 20, 21}
    assert len(where.exchange.arrivals()) == sent
