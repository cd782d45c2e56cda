"""The readable views of the events (orders/, risk_events.json), kept up to date beside trading.

Actors' events are offered from any thread; the main thread folds and writes them every few seconds. The views are caches for people:
when they cannot be written, trading goes on. Only `actors/system.py` makes one.
"""

from __future__ import annotations

import queue
from collections.abc import Iterable
from pathlib import Path

from loguru import logger

from trader.store.events import Event
from trader.store.payloads import BadPayload
from trader.store.projections import Projections

WRITE_EVERY_S = 5.0


class Projector:
    """Folds what has been offered. `offer` is safe from any thread; the rest is the main thread's."""

    def __init__(self, folder: Path, past: Iterable[Event]) -> None:
        self._views = Projections(folder)
        self._offered: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._next = 0.0
        for event in past:
            self._fold(event)

    def offer(self, event: Event) -> None:
        """Take one event to fold later."""
        self._offered.put(event)

    def on_tick(self, machine_time: float) -> None:
        """Fold what has come, every few seconds."""
        if machine_time >= self._next:
            self._next = machine_time + WRITE_EVERY_S
            self.write()

    def write(self) -> None:
        """Fold what has come and replace the files that changed."""
        while not self._offered.empty():
            self._fold(self._offered.get())
        try:
            self._views.write()
        except OSError as error:
            logger.warning("the views of orders and risk events cannot be written: {}; trading goes on", error)

    def _fold(self, event: Event) -> None:
        try:
            self._views.apply(event)
        except BadPayload as error:
            logger.warning("an event was left out of the views: {}", error)
