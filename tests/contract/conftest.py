"""Both venues of the contract suite; every test of this folder runs against each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from contract_worlds import BacktestWorld, World, exchange_world


@pytest.fixture(scope="module", params=["coinbase client on the exchange", "in-process venue"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    """One venue for a module; orders of one test never rest into the next."""
    if request.param == "in-process venue":
        yield BacktestWorld()
        return
    with exchange_world() as one:
        yield one
