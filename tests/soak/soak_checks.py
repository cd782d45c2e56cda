"""What must hold after any fault, judged from the exchange's ledger and the trader's journal. Imported by the tests of this folder."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any

from trader_process import Room, TraderProcess, until

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
