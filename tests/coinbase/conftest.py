"""One embedded exchange per test module, its faults and a client on it."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from fault_world import Faults
from live_exchange import LiveExchange, running_exchange

from trader.coinbase.rest import CoinbaseVenue


@pytest.fixture(scope="module")
def live() -> Iterator[LiveExchange]:
    """An exchange with a hundred thousand dollars."""
    with running_exchange("--equity", "100000") as one:
        yield one


@pytest.fixture
def faults(live: LiveExchange) -> Iterator[Faults]:
    """The faults of this test only."""
    made = Faults(live)
    made.clear()
    yield made
    made.clear()
    made.close()


@pytest.fixture
def venue(live: LiveExchange) -> Iterator[CoinbaseVenue]:
    """A client with closed circuits, its market awake."""
    one = live.venue()
    one.instruments(["BTC-USD"])
    deadline = time.monotonic() + 5
    while not one.quotes(["BTC-USD"]) and time.monotonic() < deadline:
        time.sleep(0.02)
    yield one
    one.close()
