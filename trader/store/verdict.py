"""What opening a store can find, and what a running store tells about itself. Anyone above risk/ may import this."""

from enum import StrEnum
from pathlib import Path
from typing import ClassVar

import msgspec


class Verdict(StrEnum):
    """The result of opening or verifying a store."""

    CREATED = "created"  # there was none, and no trace of one
    CLEAN = "clean"  # every acknowledged record is there and authentic
    REPAIRED = "repaired"  # the same, after an unfinished write was put aside; nothing acknowledged is lost
    REFUSED = "refused"  # a record was changed, moved, removed, or the store is not this account's


class StoreRefused(Exception):
    """The store cannot be trusted or not be opened. Nothing was written. The message names file, problem and remedy."""

    exit_code: ClassVar[int] = 76

    def __init__(self, path: Path, problem: str, remedy: str) -> None:
        super().__init__(f"{path}: {problem}. {remedy}")
        self.path = path
        self.problem = problem
        self.remedy = remedy


class NoStore(StoreRefused):
    """There is no store and no trace of one: the profile has never run. Nothing is wrong, and nothing can be read."""

    exit_code: ClassVar[int] = 1


class StoreBusy(StoreRefused):
    """Another process has this store open for writing."""

    exit_code: ClassVar[int] = 75


class StoreHealth(msgspec.Struct, frozen=True, gc=False):
    """A store seen at one moment. Ages are seconds of the monotonic clock; None is "none yet"."""

    records: int  # readable records, pruned ones not counted
    bytes: int  # on disk, as of the last checkpoint
    wal_bytes: int  # of the write-ahead log; grows while a reader stays in one transaction: alarm above 64 MiB
    segments: int
    pending: int  # handed over, not yet durable
    dropped: int  # background events refused because the queue was full
    last_commit_age: float | None
    oldest_pending_age_s: float
    failed: str  # "" while the store works; else the reason, and it stays until a restart
    verdict: Verdict
    head: str  # "sequence:mac" of the last durable record; what a log line or a person can compare
