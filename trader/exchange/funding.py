"""Funding of the perpetual-style products: hourly, on the hour of market time.

Pure; imported by engine.py and the renderers.
"""

from __future__ import annotations

from decimal import Decimal

from trader.exchange import noise
from trader.exchange.listing import Listing

INTERVAL_S = 3600
_BASE_MILLIONTHS = 12  # 0.0000012 would be a quiet hour; 12 millionths is about ten percent a year
_SPREAD_MILLIONTHS = 30


def funding_rate(listing: Listing, hour: int) -> Decimal:
    """The fraction of notional that longs pay shorts for the hour that ends at `hour` (UNIX hours); negative when
    shorts pay.
    """
    lean = noise.smooth(noise.seed_of(0, listing.product_id + "/funding"), 1, hour / 8.0)
    return Decimal(round(_BASE_MILLIONTHS + _SPREAD_MILLIONTHS * lean)) / Decimal(1_000_000)


def next_hour(now: float) -> int:
    """The UNIX hour at which the next payment falls due."""
    return int(now // INTERVAL_S) + 1
