"""One fault at a time on the whole system: the real trader on the exchange, judged by the exchange's own ledger.

Each fault has fired, no order exists twice, every fill is in the trader's journal, nothing stays unproven, and trading goes on.
"""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import requests
from busy_market import write_candles, write_config
from trader_process import ExchangeRecords, Room, TraderProcess, exchange_process, room, until

from trader.store.events import EventName
from trader.store.reader import EventReader
from trader.store.verdict import StoreRefused

# Shorter than in production, so that an absence is proven within a test: post deadline, visibility delay, reconciliation. With a
# fault every few seconds the share of failed calls would rightly end trading; here it is not judged.
QUICK = {
    "error_rate_pct = 1": "error_rate_pct = 1\nerror_rate_min_samples = 1000",
    'time_in_force = "IOC" }': 'time_in_force = "IOC", post_deadline_s = 2, visibility_delay_s = 1 }',
    "supervision = {": "reconcile = { interval_s = 5 }\nsupervision = {",
}
PROVEN_S = 25.0


class Board:
    """The exchange's control endpoint of faults."""

    def __init__(self, exchange: ExchangeRecords) -> None:
        self._url = f"{exchange.ready['rest_url']}/_exchange/faults"
        self._session = requests.Session()
        self._session.trust_env = False

    def arm(self, fault_id: str, **terms: Any) -> None:
        """Arm one fault."""
        answer = self._session.post(self._url, json={"id": fault_id, **terms}, timeout=10)
        assert answer.status_code == 200, answer.text

    def fired(self, fault_id: str) -> int:
        """How often a fault has acted."""
        return int(self._session.get(self._url, timeout=10).json()["fired"].get(fault_id, 0))

    def close(self) -> None:
        """Disarm everything."""
        self._session.delete(self._url, timeout=10)
        self._session.close()


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
        assert trader.wait(30) == 0, trader.words()


def booked(where: Room) -> dict[str, Decimal] | None:
    """Filled size by client id in the trader's journal; None while its newest record is half written."""
    sizes: dict[str, Decimal] = {}
    try:
        for event in EventReader.open_readonly(where.profile_folder).replay():
            if event.event == EventName.TRADE_EXECUTED:
                coid = str(event.payload["client_order_id"])
                sizes[coid] = sizes.get(coid, Decimal(0)) + Decimal(str(event.payload["size"]))
    except StoreRefused:
        return None
    return sizes


def filled(fills: list[dict[str, Any]]) -> dict[str, Decimal]:
    """Filled size by client id at the exchange."""
    sizes: dict[str, Decimal] = {}
    for fill in fills:
        sizes[fill["client_order_id"]] = sizes.get(fill["client_order_id"], Decimal(0)) + Decimal(fill["size"])
    return sizes


def assert_nothing_lost(where: Room, trader: TraderProcess) -> None:
    """Every fill of this moment gets into the journal, nothing stays unproven, and no id became two orders."""
    truth = filled(where.fills())

    def all_there() -> bool:
        ours = booked(where)
        return ours is not None and all(ours.get(coid, 0) >= size for coid, size in truth.items())

    until(all_there, PROVEN_S, "every fill in the journal")
    until(lambda: trader.told("status.json").get("unknown_orders") == 0, PROVEN_S, "nothing unproven")
    arrivals = Counter(row["client_order_id"] for row in where.exchange.arrivals() if row["outcome"] == "accepted")
    assert max(arrivals.values(), default=1) == 1
    orders = Counter(order["client_order_id"] for order in where.exchange.read()["orders"])
    assert max(orders.values(), default=1) == 1


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
