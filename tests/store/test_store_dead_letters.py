"""The dead letters: what was decided and never happened, and nothing that did."""

from __future__ import annotations

import io

from trader.store.events import Event, EventName, make_event
from trader.store.export import write_csv


def told(name: EventName, **payload: str) -> Event:
    return make_event(name, dict(payload), utc_time=1_795_132_800.0, market_time=0.0, profile="p", decision_id="d1")


def intent(coid: str) -> Event:
    return told(EventName.ORDER_INTENT, client_order_id=coid, symbol="BTC-USD", side="BUY", size="1", price="100")


def outcome(coid: str, what: str, why: str) -> Event:
    return told(EventName.ORDER_OUTCOME, client_order_id=coid, symbol="BTC-USD", outcome=what, text=why)


def report(coid: str, state: str, note: str = "") -> Event:
    return told(EventName.ORDER_REPORT, client_order_id=coid, symbol="BTC-USD", state=state, note=note)


def test_each_failure_is_one_row_with_its_reason_and_a_success_is_none() -> None:
    """Unknown until proven: an order found after all leaves the list."""
    events = [
        *(intent(coid) for coid in ("sent", "refused", "lost", "found", "expired")),
        outcome("sent", "sent", "BUY 1 sent"),
        report("refused", "REJECTED", "INSUFFICIENT_FUND"),
        outcome("lost", "unknown", "timed out"),
        outcome("lost", "absent", "proven absent"),
        outcome("found", "unknown", "timed out"),
        report("found", "FILLED"),
        outcome("expired", "released", "the approval has expired"),
    ]
    out = io.StringIO()
    assert write_csv("dead-letters", events, out) == 3
    rows = [line.split(",") for line in out.getvalue().splitlines()[1:]]
    assert [(row[1], row[-2], row[-1]) for row in rows] == [
        ("refused", "refused by the venue", "INSUFFICIENT_FUND"),
        ("lost", "absent", "proven absent"),
        ("expired", "released", "the approval has expired"),
    ]
    assert rows[0][2:7] == ["BTC-USD", "BUY", "1", "100", "d1"]
