"""One embedded exchange per test module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from live_exchange import LiveExchange, running_exchange


@pytest.fixture(scope="module")
def live() -> Iterator[LiveExchange]:
    """An exchange with a hundred thousand dollars."""
    with running_exchange("--equity", "100000") as one:
        yield one
