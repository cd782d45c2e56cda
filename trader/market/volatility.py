"""Realized volatility: one definition for sizing, strategies and breakers.

Anyone may import this. The sample deviation (n - 1) of simple returns, times the square root of the samples per year.
The year has 365 days of 24 hours, because this market never closes; the factor of 252 trading days is wrong for it at
any bar length.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

SECONDS_PER_YEAR = 31_536_000


def annualized_volatility(prices: Sequence[int], sample_seconds: float) -> float | None:
    """Volatility as a fraction per year of positive prices `sample_seconds` apart, oldest first.

    None under three prices.

    A float: it is a statistic and never money. Costs O(prices).
    """
    count = len(prices) - 1
    if count < 2:
        return None
    moves = [now / before - 1.0 for before, now in pairwise(prices)]
    mean = math.fsum(moves) / count
    variance = math.fsum((move - mean) ** 2 for move in moves) / (count - 1)
    return math.sqrt(variance * SECONDS_PER_YEAR / sample_seconds)
