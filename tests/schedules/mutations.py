"""The safety rules, each as something that can be taken away: a schedule suite that passes without them proves nothing.

Each mutation replaces one rule of the live code for the length of a `with` block. Only schedule tests use them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any
from unittest import mock

from actors.bookkeeping import Bookkeeper
from trader.orders.ledger import Ledger
from trader.risk.approval import Approval
from trader.risk.care import OrderCare
from trader.risk.state import DeskState
from trader.store.events import Committed


def _send_before_durable(
    self: Bookkeeper, order: Any, granted: Any, intent: Any, now: Any, done: Callable[[Any], None]
) -> None:
    done(Committed(0))


def _immediately_absent(self: OrderCare, client_order_id: str, asked_at: float) -> bool:
    order = self._state.ledger.orders.get(client_order_id)
    return order is not None and order.is_live and not order.order_id


def _whole_position(self: DeskState, symbol: str) -> Decimal:
    return abs(self.ledger.positions[symbol].size)


def _opposite_side(self: DeskState, order: Any) -> bool:
    size = self.ledger.positions[order.symbol].size
    return bool(size) and (size > 0) != (order.side.sign > 0)


def _only_the_position(self: Ledger, symbol: str) -> Decimal:
    return self.positions[symbol].size


_RULES: dict[str, tuple[tuple[Any, str, Any], ...]] = {
    "no write-ahead": ((Bookkeeper, "intent", _send_before_durable),),
    "no approval life": ((Approval, "is_live", lambda self, machine_time: True),),
    "no release wait": ((OrderCare, "absent", _immediately_absent),),
    "no quantity in reduce-only": (
        (DeskState, "closing_room", _whole_position),
        (DeskState, "reduces", _opposite_side),
    ),
    "split books": ((Ledger, "worst_long", _only_the_position), (Ledger, "worst_short", _only_the_position)),
}
MUTATIONS = tuple(_RULES)


@contextmanager
def mutated(name: str) -> Iterator[None]:
    """Take one rule away for the length of the block; "" takes none."""
    patches = [
        mock.patch.object(owner, attribute, replacement) for owner, attribute, replacement in _RULES.get(name, ())
    ]
    for patch in patches:
        patch.start()
    try:
        yield
    finally:
        for patch in patches:
            patch.stop()
