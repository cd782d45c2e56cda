"""The store's one writing thread: takes what is queued, writes it in one transaction, reports, repeats.

Only trader/store/log.py imports this. A committer wakes the thread at once; background events alone wait up to 50 ms
for company. Events are written in the order they were handed over; only when more background events are waiting than
one batch takes do durable ones overtake them. The first disk error is final: a disk that failed an fsync may have
dropped the pages, so trying again would be pretending.
"""

import itertools
import math
import sqlite3
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final, NamedTuple

from trader.store.active import ActiveLog, sqlite_reason
from trader.store.events import CommitFailed, Committed, Done

BATCH_DURABLE_MAX: Final = 256
BATCH_BACKGROUND_MAX: Final = 256
BACKGROUND_PENDING_MAX: Final = 100_000  # about 100 MB; beyond, background events are dropped and counted
COMPANY_WAIT_S: Final = 0.05
_SETTLE_LOOK_S: Final = 0.001
ANCHOR_INTERVAL_S: Final = 10.0
WAL_BYTES_BEFORE_CHECKPOINT: Final = 4 << 20


class _Item(NamedTuple):
    arrival: int
    body: bytes
    utc_time: float
    machine_time: float
    done: Done | None


class Writer:
    """Owns the chain from construction on. `append`, `commit` and the properties serve any thread and never wait."""

    def __init__(self, log: ActiveLog, machine_clock: Callable[[], float] = time.monotonic) -> None:
        self.failed = ""
        self.dropped = 0
        self.head = log.head
        self.file_bytes = log.file_bytes
        self.wal_bytes = 0
        self.last_commit_machine_time: float | None = None
        self._log = log
        self._clock = machine_clock
        self._arrivals = itertools.count()
        self._durable: deque[_Item] = deque()
        self._background: deque[_Item] = deque()
        self._in_flight: list[_Item] = []
        self._wake = threading.Event()
        self._dozing = False
        self._closing = False
        self._anchor_due = machine_clock() + ANCHOR_INTERVAL_S
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()

    def append(self, body: bytes, utc_time: float) -> None:
        """Queue a background event. Beyond the limit it is dropped and counted: a slow disk must not eat the memory."""
        if len(self._background) >= BACKGROUND_PENDING_MAX or self.failed:
            self.dropped += 1
            return
        self._background.append(_Item(next(self._arrivals), body, utc_time, self._clock(), None))
        if self._dozing:
            self._wake.set()

    def commit(self, body: bytes, utc_time: float, done: Done) -> None:
        """Queue a durable event. After `close` nothing answers any more, so the caller's thread is told at once."""
        if self._closing and not self._thread.is_alive():
            done(CommitFailed(self.failed or "the store is closed"))
            return
        self._durable.append(_Item(next(self._arrivals), body, utc_time, self._clock(), done))
        self._wake.set()

    @property
    def pending(self) -> int:
        """Events handed over and not yet durable."""
        return len(self._durable) + len(self._background) + len(self._in_flight)

    @property
    def oldest_pending_age_s(self) -> float:
        """Seconds the oldest event has been waiting; also true while the thread hangs in an fsync."""
        oldest = self._clock()
        now = oldest
        for queue in (self._in_flight, self._durable, self._background):
            try:
                oldest = min(oldest, queue[0].machine_time)
            except IndexError:  # emptied by the writer between two looks
                continue
        return now - oldest

    def settle(self, timeout_s: float) -> bool:
        """Wait until all that was handed over before this call is written or failed; False when the disk was slower."""
        if threading.current_thread() is self._thread:
            return False
        mine, deadline = next(self._arrivals), self._clock() + timeout_s
        while self._oldest_arrival() < mine:
            if self._clock() >= deadline or not self._thread.is_alive():
                return False
            self._wake.set()  # background events need not wait for company now
            time.sleep(_SETTLE_LOOK_S)
        return True

    def _oldest_arrival(self) -> float:
        """The smallest number among what is queued or being written."""
        oldest = math.inf
        for queue in (self._background, self._durable):
            try:
                oldest = min(oldest, queue[0].arrival)
            except IndexError:  # emptied by the writer between two looks
                continue
        # looked at last: an item enters here before it leaves its queue
        return min(oldest, min((item.arrival for item in tuple(self._in_flight)), default=math.inf))

    def close(self, timeout_s: float) -> bool:
        """Write what is queued, anchor, release. False when the disk did not answer in time; it stays failed then."""
        self._closing = True
        self._wake.set()
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            self.failed = self.failed or f"the disk did not answer within {timeout_s:g} s at close"
            return False
        return True

    def _run(self) -> None:
        while not (self._closing and not self._durable and not self._background):
            try:
                self._turn()
            except (sqlite3.Error, OSError) as error:
                self._fail(sqlite_reason(error))
            except BaseException as error:  # noqa: BLE001  a bug: fail closed, keep answering, let the hook report it
                self._report_bug(error)
        self._finish()

    def _turn(self) -> None:
        self._wait()
        batch = self._take()
        if self.failed:
            self._answer_failed(batch)
        elif batch:
            self._write(batch)
            self._look_after(idle=not self._durable)
        else:
            self._look_after(idle=True)

    def _wait(self) -> None:
        """Sleep until there is work; a background event alone waits a little for others."""
        self._dozing = True  # set before looking: an append that sees it unset has been seen by this look
        if not self._durable and not self._background and not self._closing:
            due = None if self.failed or not self._log.dirty else max(0.0, self._anchor_due - self._clock())
            self._wake.wait(due)
        self._dozing = False
        self._wake.clear()
        if not self._durable and self._background and not self._closing:
            self._wake.wait(COMPANY_WAIT_S)
            self._wake.clear()

    def _take(self) -> list[_Item]:
        """The next batch, in the order of arrival; every item is seen in its queue or in flight, by any thread."""
        taken = self._in_flight = []
        for queue, limit in ((self._durable, BATCH_DURABLE_MAX), (self._background, BATCH_BACKGROUND_MAX)):
            for _ in range(min(limit, len(queue))):
                taken.append(queue[0])
                queue.popleft()
        self._in_flight = batch = sorted(taken)  # the arrival number is unique and comes first
        return batch

    def _write(self, batch: list[_Item]) -> None:
        first = self._log.write([item.body for item in batch], batch[0].utc_time)
        self.head = self._log.head
        self.last_commit_machine_time = self._clock()
        self._in_flight = []
        for sequence, item in enumerate(batch, first):
            if item.done is not None:
                self._answer(item.done, Committed(sequence))

    def _look_after(self, *, idle: bool) -> None:
        """Checkpoint and anchor when due; preferably while nobody waits."""
        late_s = self._clock() - self._anchor_due
        if self._log.uncheckpointed_bytes > WAL_BYTES_BEFORE_CHECKPOINT * (1 if idle else 2):
            self._log.checkpoint()
        elif self._log.dirty and (late_s >= 0 if idle else late_s > ANCHOR_INTERVAL_S / 2):
            self._log.anchor_head()
        else:
            return
        self.file_bytes, self.wal_bytes = self._log.file_bytes, self._log.wal_bytes
        self._anchor_due = self._clock() + ANCHOR_INTERVAL_S

    def _fail(self, reason: str) -> None:
        if not self.failed:
            self.failed = reason
        batch, self._in_flight = self._in_flight, []
        self._answer_failed(batch)

    def _answer_failed(self, batch: list[_Item]) -> None:
        self._in_flight = []
        for item in batch:
            if item.done is not None:
                self._answer(item.done, CommitFailed(self.failed))
            else:
                self.dropped += 1

    def _answer(self, done: Done, result: Committed | CommitFailed) -> None:
        try:
            done(result)
        except BaseException as error:  # noqa: BLE001  one caller's bug fails the store, and the others still hear
            self._report_bug(error)

    def _report_bug(self, error: BaseException) -> None:
        """Nothing is trusted after a bug: every later commit fails, and the process's hook tells about it."""
        self._fail(f"bug at the store's writer: {error!r}")
        threading.excepthook(threading.ExceptHookArgs((*sys.exc_info(), self._thread)))

    def _finish(self) -> None:
        try:
            if self.failed:
                self._log.abandon()
            else:
                self._log.close()
                self.file_bytes = self._log.file_bytes
        except (sqlite3.Error, OSError) as error:
            self._fail(sqlite_reason(error))
