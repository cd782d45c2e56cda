"""Backtests in tests are silent: what they log is in their events."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from loguru import logger


@pytest.fixture(autouse=True)
def silent_log() -> Iterator[None]:
    """Turn the actors' log off, as the backtest's command does."""
    logger.disable("actors")
    yield
    logger.enable("actors")
