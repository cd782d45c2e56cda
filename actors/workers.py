"""Worker threads for calls that block on the network: a fixed number, most urgent job first.

One pool belongs to one incarnation of the broker. When that incarnation ends, jobs still queued are dropped (their approvals would
have expired; risk counts their orders as unknown) and jobs under way finish and report. Only `actors/` imports this.
"""

from __future__ import annotations

import itertools
import queue
import threading
from collections.abc import Callable
from enum import IntEnum

from loguru import logger

POLL_S = 0.5


class Urgency(IntEnum):
    """What goes first. Cancels and exits never wait behind entries or reads (I-19)."""

    CANCEL = 0
    EXIT = 1
    CANCEL_ALL = 2
    QUERY = 3
    ENTRY = 4
    ACCOUNT = 5
    HISTORY = 6


class WorkerPool:
    """Runs jobs on its own daemon threads. One of `threads` is kept for cancels and exits; one more is kept for cancelling
    everything, which takes many requests and must neither wait for anything nor hold up an exit.
    """

    def __init__(self, name: str, threads: int, stopped: Callable[[], bool]) -> None:
        self._stopped = stopped
        self._sequence = itertools.count()
        self._jobs: queue.PriorityQueue[tuple[int, int, Callable[[], None]]] = queue.PriorityQueue()
        self._urgent: queue.PriorityQueue[tuple[int, int, Callable[[], None]]] = queue.PriorityQueue()
        self._cancel_alls: queue.PriorityQueue[tuple[int, int, Callable[[], None]]] = queue.PriorityQueue()
        for number in range(threads + 1):
            source = {0: self._urgent, threads: self._cancel_alls}.get(number, self._jobs)
            threading.Thread(target=self._work, args=(source,), name=f"{name}:worker-{number}", daemon=True).start()

    def submit(self, urgency: Urgency, job: Callable[[], None]) -> None:
        """Queue a job; returns at once. Any thread."""
        lanes = {Urgency.CANCEL: self._urgent, Urgency.EXIT: self._urgent, Urgency.CANCEL_ALL: self._cancel_alls}
        lane = lanes.get(urgency, self._jobs)
        lane.put((urgency, next(self._sequence), job))

    def _work(self, source: queue.PriorityQueue[tuple[int, int, Callable[[], None]]]) -> None:
        while not self._stopped():
            try:
                _, _, job = source.get(timeout=POLL_S)
            except queue.Empty:
                continue
            if self._stopped():
                return
            try:
                job()
            except Exception:  # noqa: BLE001 - a bug in one job must not take the thread that cancels orders with it
                logger.opt(exception=True).error("a worker's job failed")
