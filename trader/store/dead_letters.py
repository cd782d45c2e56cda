"""The dead letters: orders that were decided and never did what they were meant to, with the reason. Only the export imports this.

Nothing is ever sent again from here: after a refusal, a loss or a proven absence the strategy decides anew (settled: no blind resend).
"""

from collections.abc import Iterable, Iterator
from typing import Any

from trader.store.events import Event, EventName
from trader.store.payloads import text
from trader.store.projections import utc_text

COLUMNS = ("utc_time", "client_order_id", "symbol", "side", "size", "price", "decision_id", "what", "why")
_FAILED_OUTCOMES = frozenset({"released", "unknown", "absent"})
_PROVEN_STATES = frozenset({"OPEN", "PENDING", "CANCEL_QUEUED", "FILLED", "CANCELLED", "EXPIRED"})


def dead_letters(events: Iterable[Event]) -> Iterator[dict[str, Any]]:
    """One row an order whose last word is a failure: refused, not sent, proven absent, or still unknown."""
    orders: dict[str, dict[str, Any]] = {}
    failed: dict[str, tuple[str, str, str]] = {}
    for event in events:
        if event.event == EventName.ORDER_INTENT:
            orders[text(event, "client_order_id")] = {**event.payload, "decision_id": event.decision_id}
        elif event.event == EventName.ORDER_OUTCOME:
            outcome = text(event, "outcome")
            if outcome in _FAILED_OUTCOMES:
                failed[text(event, "client_order_id")] = (
                    utc_text(event.utc_time),
                    outcome,
                    str(event.payload.get("text") or ""),
                )
        elif event.event == EventName.ORDER_REPORT:
            _judge(event, failed)
    for client_order_id, (when, what, why) in failed.items():
        known = orders.get(client_order_id, {})
        row = {column: known.get(column, "") for column in COLUMNS}
        yield row | {"utc_time": when, "client_order_id": client_order_id, "what": what, "why": why}


def _judge(event: Event, failed: dict[str, tuple[str, str, str]]) -> None:
    """A report of the venue's is the last word: a refusal is a failure, anything else that it lists is not."""
    client_order_id, state = text(event, "client_order_id"), text(event, "state")
    if state == "REJECTED":
        failed[client_order_id] = (
            utc_text(event.utc_time),
            "refused by the venue",
            str(event.payload.get("note") or ""),
        )
    elif state in _PROVEN_STATES:
        failed.pop(client_order_id, None)
