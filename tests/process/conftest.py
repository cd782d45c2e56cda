"""One exchange with a busy market for the tests of a module, and a fresh room in it for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from busy_market import write_candles, write_config
from trader_process import ExchangeRecords, Room, exchange_process, room


@pytest.fixture(scope="module")
def busy_exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ExchangeRecords]:
    """An exchange whose averages cross every second or two, and which outlives every trader of a test."""
    with exchange_process(*write_candles(tmp_path_factory.mktemp("market"))) as exchange:
        yield exchange


@pytest.fixture
def busy_room(busy_exchange: ExchangeRecords, tmp_path: Path) -> Callable[..., AbstractContextManager[Room]]:
    """A maker of rooms: a data folder and a configuration that trades every cross."""

    def make(**config: Any) -> AbstractContextManager[Room]:
        return room(tmp_path / "room", busy_exchange, config=write_config(tmp_path, **config))

    return make
