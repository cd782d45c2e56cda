"""Faults drawn at random for the soak: bad days that a trader must live through without a person.

Imported by the soak. Left out are those that rightly end trading until a person has looked: a revoked key, orders and fills of
somebody else's making, products that become others.
"""

from __future__ import annotations

import random
from typing import Any

# id, variants, fields every draw of the row carries
ROWS: tuple[tuple[str, tuple[str, ...], dict[str, Any]], ...] = (
    ("F-N01", ("",), {}),
    ("F-N02", ("",), {}),
    ("F-N03", ("",), {}),
    ("F-N04", ("",), {"seconds": 5}),
    ("F-N05", ("create", "cancel"), {}),
    ("F-N06", ("",), {"count": 2}),
    ("F-N08", ("",), {}),
    ("F-N09", ("",), {"method": "GET", "path": "/orders/historical"}),
    ("F-N10", ("huge",), {"method": "GET", "path": "/accounts"}),
    ("F-N12", ("latency",), {"seconds": 3}),
    ("F-N12", ("outage",), {"seconds": 2}),
    ("F-N13", ("missing", "repeated", "loop"), {}),
    ("F-N14", ("",), {"seconds": 5}),
    ("F-N15", ("number", "exponent", "decimals"), {"method": "GET"}),
    ("F-W01", ("",), {"count": 3}),
    ("F-W02", ("",), {}),
    ("F-W03", ("",), {"channel": "user"}),
    ("F-W03", ("",), {"channel": "l2_data"}),
    ("F-W04", ("",), {}),
    ("F-W05", ("",), {}),
    ("F-W06", ("",), {"seconds": 5}),
    ("F-W08", ("abrupt", "polite"), {}),
    ("F-W10", ("",), {}),
    ("F-W11", ("",), {}),
    ("F-O01", ("",), {}),
    ("F-O02", ("partial", "full"), {}),
    ("F-O03", ("unknown", "done"), {}),
    ("F-O04", ("",), {"seconds": 8}),
    ("F-O06", ("",), {}),
    ("F-V01", ("kept",), {"seconds": 3}),
    ("F-V02", ("",), {"seconds": 10}),
    ("F-V06", ("",), {}),
    ("F-V08", ("crossed", "wide"), {"seconds": 3}),
    ("F-V09", ("stale",), {"seconds": 5}),
)
_OF_A_PRODUCT = ("F-V02", "F-V08", "F-V09")


def draw(choose: random.Random, products: list[str]) -> dict[str, Any]:
    """Draw one fault as the control endpoint takes it."""
    fault_id, variants, fields = choose.choice(ROWS)
    fault = {"id": fault_id, **fields}
    if variant := choose.choice(variants):
        fault["variant"] = variant
    if fault_id in _OF_A_PRODUCT:
        fault["product_id"] = choose.choice(products)
    return fault
