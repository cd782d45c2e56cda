"""One exchange process for all read-mostly tests of a module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from exchange_process import Running, exchange


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
