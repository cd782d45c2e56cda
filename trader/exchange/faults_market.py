"""What faults do to prices, books and tapes. Imported by faults.py. Each returns how to undo it."""

from __future__ import annotations

from collections.abc import Callable

from trader.exchange.armed import Armed
from trader.exchange.market import Market
from trader.exchange.refusals import BadRequestError
from trader.exchange.rest import Desk

_CRASH, _GAP, _FAR = 0.7, 0.9, 0.95
_WIDE_CELLS, _CROSSED_CELLS = 700, -3  # levels are about half a basis point apart: 700 a side are six to seven percent


def _markets(fault: Armed, desk: Desk) -> list[Market]:
    """The named product's market, or all."""
    if not fault.product_id:
        return list(desk.exchange.markets.values())
    if fault.product_id not in desk.exchange.listings:
        raise BadRequestError(f"fault {fault.id}: product_id {fault.product_id!r} is not listed")
    return [desk.exchange.market(fault.product_id)]


def _set(fault: Armed, desk: Desk, **changes: object) -> Callable[[], None]:
    markets = _markets(fault, desk)
    before = [{name: getattr(market.disturbance, name) for name in changes} for market in markets]
    for market in markets:
        for name, value in changes.items():
            setattr(market.disturbance, name, value)

    def undo() -> None:
        for market, old in zip(markets, before, strict=True):
            for name, value in old.items():
                setattr(market.disturbance, name, value)

    return undo


def flash_crash(fault: Armed, desk: Desk) -> Callable[[], None]:
    """The price falls to `value` (0.7) of itself and comes back when the fault ends."""
    return _set(fault, desk, price_factor=fault.number(_CRASH))


def gap(fault: Armed, desk: Desk) -> Callable[[], None]:
    """The price jumps to `value` (0.9) of itself in one step and stays."""
    return _set(fault, desk, price_factor=fault.number(_GAP))


def odd_book(fault: Armed, desk: Desk) -> Callable[[], None]:
    """A spread of several percent, or bids above asks; `value` sets the levels moved a side."""
    default = _WIDE_CELLS if fault.variant == "wide" else _CROSSED_CELLS
    return _set(fault, desk, gap_cells=int(fault.number(default)))


def odd_tape(fault: Armed, desk: Desk) -> Callable[[], None]:
    """No prints while the book lives on, or prints at `value` (0.95) of the touch."""
    if fault.variant == "stale":
        return _set(fault, desk, silent_tape=True)
    return _set(fault, desk, print_factor=fault.number(_FAR))


def empty_side(fault: Armed, desk: Desk) -> Callable[[], None] | None:
    """One side of the book is empty; the other variants of this row spoil frames instead."""
    if not fault.variant.startswith("empty_"):
        return None
    return _set(fault, desk, empty_side=fault.variant.removeprefix("empty_"))
