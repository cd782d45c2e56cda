"""What the exchange's own ledger says of the limits: the judge of the soak. Imported by the soak.

Worth is judged at the order's limit price or the fill's own price. Risk judged it at its mark of a moment before, so a
position may be a little dearer; `SLACK` is that much and no more.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Any

from soak_market import MAX_EXPOSURE, MAX_ORDER_USD, MAX_ORDERS_PER_MINUTE, MAX_POSITION_USD

SLACK = Decimal("1.02")
MINUTE_S = 60.0


def breaches(ledger: dict[str, Any]) -> list[str]:
    """Every limit the orders and fills of a session have broken, in words; empty when none."""
    return [
        *_twice(ledger["arrivals"]),
        *(text for arrival in ledger["arrivals"] for text in _arrival(arrival)),
        *_positions(ledger["fills"]),
        *_rate(ledger["arrivals"]),
    ]


def _twice(arrivals: Sequence[dict[str, Any]]) -> list[str]:
    """No client id became two orders, and none was sent again after it had been accepted."""
    sent = Counter(
        arrival["client_order_id"] for arrival in arrivals if arrival["outcome"] in {"accepted", "duplicate"}
    )
    return [f"{coid} was sent {count} times" for coid, count in sent.items() if count > 1]


def _arrival(arrival: dict[str, Any]) -> list[str]:
    """One order alone: its size, what it makes of the position, and that a sale never sells more than is held."""
    (terms,) = arrival["configuration"].values()
    size, price = Decimal(terms["base_size"]), Decimal(terms["limit_price"])
    held, name = Decimal(arrival["position_before"]), f"{arrival['side']} {size} {arrival['product_id']} at {price}"
    if arrival["side"] == "SELL":
        return [f"{name} sells more than the {held} held"] if size > held else []
    found = [f"{name}: an order of {size * price:.2f}"] if size * price > MAX_ORDER_USD * SLACK else []
    worth = (held + size) * price
    return [*found, f"{name}: a position of {worth:.2f}"] if worth > MAX_POSITION_USD * SLACK else found


def _positions(fills: Sequence[dict[str, Any]]) -> list[str]:
    """After each purchase: the position, and all positions together, at the last price each was traded at."""
    found: list[str] = []
    sizes: dict[str, Decimal] = defaultdict(Decimal)
    prices: dict[str, Decimal] = {}
    for fill in fills:
        product, price = fill["product_id"], Decimal(fill["price"])
        buying = fill["side"] == "BUY"
        sizes[product] += Decimal(fill["size"]) if buying else -Decimal(fill["size"])
        prices[product] = price
        if sizes[product] < 0:
            found.append(f"{product} is short by {-sizes[product]}")
        total = sum((size * prices[name] for name, size in sizes.items()), Decimal(0))
        if buying and sizes[product] * price > MAX_POSITION_USD * SLACK:
            found.append(f"{product} is worth {sizes[product] * price:.2f}, limit {MAX_POSITION_USD}")
        if buying and total > MAX_EXPOSURE * SLACK:
            found.append(f"all positions are worth {total:.2f}, limit {MAX_EXPOSURE}")
    return found


def _rate(arrivals: Sequence[dict[str, Any]]) -> list[str]:
    """Entries within any minute of the machine's clock."""
    times = sorted(arrival["machine_time"] for arrival in arrivals if arrival["side"] == "BUY")
    windows = zip(times, times[MAX_ORDERS_PER_MINUTE:], strict=False)
    late = [later for first, later in windows if later - first < MINUTE_S - 2]  # a post may wait two seconds on its way
    assert all(first <= later for first, later in pairwise(times))
    return [f"more than {MAX_ORDERS_PER_MINUTE} entries in the minute to {moment:.0f}" for moment in late]
