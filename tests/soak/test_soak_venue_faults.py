"""Bad days of the venue's own making on the whole system: rules that change, doors that close, orders of nobody's, odd fills."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from busy_market import SYMBOLS, write_candles, write_config
from soak_board import Board
from soak_checks import QUICK, assert_nothing_lost
from trader_process import Room, TraderProcess, exchange_process, room, until

from trader.store.events import EventName
from trader.store.reader import EventReader


@pytest.fixture
def busy(tmp_path: Path) -> Iterator[tuple[Room, TraderProcess, Board]]:
    """A trader that trades every second or two; its books are compared at the end, its exit is in order."""
    with (
        exchange_process(*write_candles(tmp_path)) as exchange,
        room(tmp_path / "room", exchange, config=write_config(tmp_path, extra=QUICK)) as where,
    ):
        board = Board(exchange)
        trader = where.start()
        trader.ready()
        until(lambda: trader.mode() == "NORMAL", 10, "NORMAL")
        until(lambda: {row["product_id"] for row in where.fills()} == set(SYMBOLS), 30, "every symbol has traded")
        yield where, trader, board
        board.close()
        assert_nothing_lost(where, trader)
        trader.process.terminate()
        assert trader.wait(30) == 0, trader.words()


def accepted(where: Room, product: str, after: int) -> list[dict[str, Any]]:
    """Orders of a product that the exchange took after its `after` first arrivals."""
    rows = where.exchange.arrivals()[after:]
    return [row for row in rows if row["product_id"] == product and row["outcome"] == "accepted"]


def price(arrival: dict[str, Any]) -> Decimal:
    """An order's limit price."""
    (terms,) = arrival["configuration"].values()
    return Decimal(terms["limit_price"])


def test_a_coarser_tick_is_learned_from_the_refusals(busy: tuple[Room, TraderProcess, Board]) -> None:
    """F-V04: the old grid is refused, the rules are read again, and orders go out on the new one."""
    where, _, board = busy
    before = len(where.exchange.arrivals())
    board.arm("F-V04", variant="price", product_id="ETH-USD", value=100)
    until(lambda: accepted(where, "ETH-USD", before), 40, "an order on the new grid")
    assert all(price(row) % 1 == 0 for row in accepted(where, "ETH-USD", before))


def test_a_closed_door_stops_its_product_only_and_opens_again(busy: tuple[Room, TraderProcess, Board]) -> None:
    """F-V02: while SOL is disabled the others trade; afterwards it trades again."""
    where, trader, board = busy
    before = len(where.exchange.arrivals())
    board.arm("F-V02", variant="trading_disabled", product_id="SOL-USD", seconds=600)
    until(lambda: accepted(where, "BTC-USD", before) and accepted(where, "ETH-USD", before), 30, "the others trade on")
    assert not accepted(where, "SOL-USD", before)
    until(
        lambda: trader.told("status.json")["reasons"].get("SOL-USD", {}).get("PRODUCT_HALTED"),
        30,
        "SOL is known closed",
    )
    board.clear()
    until(lambda: accepted(where, "SOL-USD", before), 40, "SOL trades again")


def test_a_product_that_disappears_stops_alone(busy: tuple[Room, TraderProcess, Board]) -> None:
    """F-V03: its id is not listed any more; the account is still read, the others trade, the position stays in the books."""
    where, trader, board = busy
    until(lambda: Decimal(where.exchange.read()["holdings"]["SOL-USD"]), 30, "SOL held")
    board.arm("F-V03", variant="renamed", product_id="SOL-USD", seconds=600)
    before = len(where.exchange.arrivals())
    until(lambda: accepted(where, "BTC-USD", before) and accepted(where, "ETH-USD", before), 30, "the others trade on")
    read = until(lambda: trader.told("status.json").get("reconciled"), 20, "the account is read and agrees")
    assert read
    held = Decimal(where.exchange.read()["holdings"]["SOL-USD"])
    until(lambda: Decimal(trader.told()["positions"].get("SOL-USD", "0")) == held, 5, "the position in the books")
    assert not accepted(where, "SOL-USD", before)


def test_maintenance_ends_and_trading_goes_on(busy: tuple[Room, TraderProcess, Board]) -> None:
    """F-V01: everything answers 503 for three seconds; nothing is assumed, nothing is sent twice."""
    where, _, board = busy
    board.arm("F-V01", variant="gone", seconds=3)
    until(lambda: board.fired("F-V01"), 10, "maintenance")
    before = len(where.exchange.arrivals())
    until(lambda: len(where.exchange.arrivals()) > before + 1, 40, "orders after maintenance")


def test_a_foreign_order_makes_the_account_reduce_only_and_is_left_alone(
    busy: tuple[Room, TraderProcess, Board],
) -> None:
    """F-W12: somebody else's order counts as exposure and is reported; it is neither cancelled nor traded against."""
    where, trader, board = busy
    board.arm("F-W12", variant="resting", product_id="ETH-USD")
    until(lambda: any(hold["cause"] == "mismatch" for hold in trader.told()["latches"]), 20, "the mismatch is told")
    until(lambda: trader.mode() == "REDUCE_ONLY", 10, "REDUCE_ONLY")
    known = {event.payload["client_order_id"] for event in EventReader.open_readonly(where.profile_folder).replay()
             if event.event == EventName.ORDER_INTENT}  # fmt: skip
    foreign = [order for order in where.exchange.open_orders() if order["client_order_id"] not in known]
    assert len(foreign) == 1, "the order somebody else placed still rests"


def test_a_fee_charged_twice_is_booked_as_the_venue_says(busy: tuple[Room, TraderProcess, Board]) -> None:
    """F-O07: the report is the truth; the wallets agree and the account stays NORMAL."""
    where, trader, board = busy
    before = len(where.fills())
    board.arm("F-O07", variant="double_fee")
    until(lambda: len(where.fills()) > before + 1, 20, "an odd fill and another one")
    assert_nothing_lost(where, trader)
    until(lambda: trader.told("status.json").get("reconciled"), 20, "agreed with the venue")
    assert trader.mode() == "NORMAL"


def test_a_rejected_order_is_not_sent_again(busy: tuple[Room, TraderProcess, Board]) -> None:
    """F-O06: accepted and failed at once; the next order has another id and trading goes on."""
    where, _, board = busy
    board.arm("F-O06")
    until(lambda: board.fired("F-O06"), 20, "a rejection")
    before = len(where.exchange.arrivals())
    until(lambda: len(where.exchange.arrivals()) > before, 20, "another order")
    ids = [row["client_order_id"] for row in where.exchange.arrivals()]
    assert len(ids) == len(set(ids))
