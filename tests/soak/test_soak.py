"""The soak, short, and its judge."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from soak_judge import breaches
from soak_run import Soak


def test_half_a_minute_of_faults_breaks_no_limit(tmp_path: Path) -> None:
    """Ten symbols, faults at random: the books agree, nothing is open, every limit held, threads and memory are flat."""
    summary = Soak(22.0, 20_251, lambda _summary, _at_s: None).run(tmp_path)
    assert summary.orders >= 10
    assert summary.fills >= 10
    assert sum(summary.faults.values()) >= 4
    start, end = summary.stage(0.2), summary.stage(1.0)
    assert end.threads <= start.threads + 2
    assert end.trader_mib <= start.trader_mib + 10


def arrival(**changes: Any) -> dict[str, Any]:
    """An order as the exchange notes it, 500 USD of ether on an empty account."""
    terms = {"limit_limit_gtd": {"base_size": "0.2", "limit_price": "2500"}}
    told = {"client_order_id": "a", "product_id": "ETH-USD", "side": "BUY", "configuration": terms}
    return {**told, "position_before": "0", "outcome": "accepted", "machine_time": 0.0} | changes


def fill(side: str, size: str, product: str = "ETH-USD") -> dict[str, Any]:
    """A fill at 2500 USD."""
    return {"product_id": product, "side": side, "size": size, "price": "2500"}


@pytest.mark.parametrize(
    ("arrivals", "fills", "word"),
    [
        ([arrival()], [fill("BUY", "0.2")], ""),
        ([arrival(), arrival()], [], "sent 2 times"),
        ([arrival(configuration={"k": {"base_size": "0.5", "limit_price": "2500"}})], [], "an order of"),
        ([arrival(position_before="0.5")], [], "a position of"),
        ([arrival(side="SELL", position_before="0.1")], [], "sells more"),
        ([], [fill("BUY", "0.7")], "limit 1500"),
        ([], [fill("SELL", "0.1")], "short by"),
        ([], [fill("BUY", "0.5", f"P{number}") for number in range(9)], "all positions"),
        ([arrival(client_order_id=str(number)) for number in range(41)], [], "entries in the minute"),
    ],
)
def test_the_judge_sees_every_breach(arrivals: list[dict[str, Any]], fills: list[dict[str, Any]], word: str) -> None:
    """A ledger with one limit broken, and one with none."""
    found = breaches({"arrivals": arrivals, "fills": fills})
    assert bool(found) == bool(word)
    assert all(word in text for text in found)
