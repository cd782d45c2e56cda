"""Series shared by the tests of the market room."""

from __future__ import annotations

import random

import pytest


@pytest.fixture
def random_walk() -> list[int]:
    """600 closes in half ticks; seed 7."""
    source, price, closes = random.Random(7), 5_000_000, []
    for _ in range(600):
        price += source.randint(-3_000, 3_000)
        closes.append(price)
    return closes
