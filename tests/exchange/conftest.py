"""One exchange process for all read-mostly tests of a module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from exchange_process import Running, assert_books_balance, exchange


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    """An exchange over plain http with a hundred thousand dollars."""
    with exchange("--equity", "100000") as one:
        yield one


@pytest.fixture(scope="module")
def running_tls() -> Iterator[Running]:
    """An exchange over https, as the official SDK wants it."""
    with exchange("--tls", "--equity", "100000") as one:
        yield one


@pytest.fixture(scope="module")
def faulty() -> Iterator[Running]:
    """An exchange for faults; whatever was done to it, its books balance at the end."""
    with exchange("--equity", "1000000", "--usdc", "100000") as one:
        yield one
        assert_books_balance(one, {"USD": 1_000_000, "USDC": 100_000})


@pytest.fixture
def venue(faulty: Running) -> Iterator[Running]:
    """The same, with nothing armed before and after each test."""
    yield faulty
    faulty.call("DELETE", "/_exchange/faults", signed=False)
