"""The event store as the trading process sees it: open, append, commit, replay, tail, close.

actors/ and run.py import this. One process per store may open it; readers beside it use trader/store/reader.py.
"""

import os
import sqlite3
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Final

from trader.store import birth
from trader.store.active import ActiveLog, sqlite_reason
from trader.store.anchor import Anchor
from trader.store.atomic import private_folder, write_atomically
from trader.store.events import Done, Event, EventName, Payload, encode, make_event
from trader.store.keys import MasterKeys
from trader.store.layout import Layout, lock_store
from trader.store.reader import EventReader
from trader.store.seal import fingerprint
from trader.store.segment import Disk, RealDisk
from trader.store.verdict import StoreHealth, StoreRefused, Verdict
from trader.store.verify import Finding, examine
from trader.store.writer import Writer

CLOSE_TIMEOUT_S: Final = 15.0
SETTLE_TIMEOUT_S: Final = 2.0


class EventStore:
    """An open store. Every method may be called from any thread; only `close` waits."""

    def __init__(self, layout: Layout, keys: MasterKeys, profile: str, lock: int, verdict: Verdict, log: ActiveLog):
        self.verdict = verdict
        self._layout = layout
        self._keys = keys
        self._profile = profile
        self._lock = lock
        self._log = log
        self._writer = Writer(log)

    @classmethod
    def open(
        cls,
        root: Path,
        *,
        profile: str,
        account: str,
        key_file: Path | None = None,
        disk: Disk | None = None,
        utc_clock: Callable[[], float] = time.time,
    ) -> "EventStore":
        """Open the store of a profile's folder `root`, verify all of it, and start its writer thread.

        Without any trace of an earlier store a new one is made, with its key file. `account` names the account the
        store belongs to; only a fingerprint of it is kept. Narrows the process's umask to 077.
        Raises StoreRefused (exit code 76) or StoreBusy (75), naming file and remedy; a refused store is not changed.
        """
        os.umask(0o077)
        layout = Layout.of(root, key_file)
        try:
            private_folder(root)
            birth.check_not_lost(layout)
            private_folder(layout.folder)
            lock = lock_store(layout)
            try:
                return cls._open_locked(layout, profile, account, lock, disk or RealDisk(), utc_clock)
            except BaseException:
                os.close(lock)
                raise
        except (sqlite3.Error, OSError) as error:
            raise StoreRefused(root, sqlite_reason(error), "Nothing was traded.") from error

    @classmethod
    def _open_locked(
        cls,
        layout: Layout,
        profile: str,
        account: str,
        lock: int,
        disk: Disk,
        utc_clock: Callable[[], float],
    ) -> "EventStore":
        keys = birth.keys_for(layout)
        if keys.state == "creating" and not layout.head_file.exists():
            birth.create(layout, keys, profile, account, utc_clock())
        keys = birth.finish(layout, keys)
        finding = examine(layout, keys)
        _check_identity(layout, keys, finding.anchor, profile, account)
        _keep_aside(layout, finding, utc_clock())
        created = finding.head.sequence == 0
        verdict = Verdict.CREATED if created else finding.verdict
        log = ActiveLog(layout, keys, finding.anchor, finding.head, disk, utc_clock)
        store = cls(layout, keys, profile, lock, verdict, log)
        store._record_opening(created, account, finding.notes, utc_clock())
        return store

    def append(self, event: Event) -> None:
        """Write in the background, behind durable events. Never waits; raises TypeError for a float in the payload."""
        self._writer.append(encode(event), event.utc_time)

    def commit(self, event: Event, done: Done) -> None:
        """Write durably, then call `done(Committed | CommitFailed)` once on the writer's thread. Never waits.

        `done` must be quick and must not raise: every other committer waits for it. An event whose commit failed may
        still be found by a later replay; what it announced has then not happened.
        """
        self._writer.commit(encode(event), event.utc_time, done)

    def replay(self, types: Collection[str] | None = None, *, since: str = "") -> Iterator[Event]:
        """Every event handed over so far, in order, or those of `types`; each is verified again.

        With `since`, from the newest event of that name on (all of them when there is none): a restart reads from
        `ledger.checkpoint`. Waits up to 2 s for the disk, so that a new incarnation sees what the old one handed over;
        what is not durable then is missing. Raises StoreRefused at damage.
        """
        self._writer.settle(SETTLE_TIMEOUT_S)
        reader = self._reader()
        return reader.replay(types, after=reader.newest(since) - 1 if since else 0)

    def tail(self, bot_id: str, limit: int = 100, types: Collection[str] | None = None) -> list[Event]:
        """The newest durable events of a bot id, oldest first. Raises ValueError for an unknown bot id."""
        return self._reader().tail(bot_id, limit, types)

    def close(self, timeout_s: float = CLOSE_TIMEOUT_S) -> None:
        """Write what is queued, anchor the head and release the store; gives up on a disk that hangs."""
        if self._lock < 0:
            return
        if self._writer.close(timeout_s):
            os.close(self._lock)
            self._lock = -1

    @property
    def sequence(self) -> int:
        """Sequence of the newest event on the disk; 0 in a new store."""
        return self._writer.head.sequence

    @property
    def health(self) -> StoreHealth:
        """The store now. Reads published values only, so it answers while the disk hangs."""
        writer, anchor = self._writer, self._log.anchor
        last = writer.last_commit_machine_time
        return StoreHealth(
            records=writer.head.sequence - anchor.base_sequence,
            bytes=writer.file_bytes,
            wal_bytes=writer.wal_bytes,
            segments=len(anchor.sealed) + 1,
            pending=writer.pending,
            dropped=writer.dropped,
            last_commit_age=None if last is None else time.monotonic() - last,
            oldest_pending_age_s=writer.oldest_pending_age_s,
            failed=writer.failed,
            verdict=self.verdict,
            head=str(writer.head),
        )

    def _reader(self) -> EventReader:
        return EventReader(self._layout, self._keys, self._log.anchor)

    def _record_opening(self, created: bool, account: str, notes: tuple[str, ...], utc_time: float) -> None:
        """The identity record of a new store; the reasons of a repair."""
        if created:
            print_of_account = fingerprint(self._first_key(), self._keys.store_id, account)
            self._note(
                EventName.STORE_CREATED, utc_time, {"store_id": self._keys.store_id.hex(), "account": print_of_account}
            )
        elif notes:
            self._note(EventName.STORE_REPAIRED, utc_time, {"notes": list(notes)})

    def _first_key(self) -> bytes:
        first = self._keys.master(self._keys.names()[0])
        assert first is not None
        return first

    def _note(self, name: EventName, utc_time: float, payload: Payload) -> None:
        self.append(make_event(name, payload, utc_time=utc_time, market_time=utc_time, profile=self._profile))


def _check_identity(layout: Layout, keys: MasterKeys, anchor: Anchor, profile: str, account: str) -> None:
    """The store is this profile's and this account's: mixing two accounts' orders would make both books wrong."""
    first = keys.master(keys.names()[0])
    assert first is not None
    if anchor.profile != profile:
        problem = f"the store belongs to profile {anchor.profile!r}, not {profile!r}"
        raise StoreRefused(layout.root, problem, "Use that profile's folder.")
    if anchor.account != fingerprint(first, keys.store_id, account):
        problem = "the store belongs to another account"
        raise StoreRefused(layout.root, problem, "Use another EVENT_STORE_ROOT for this account.")


def _keep_aside(layout: Layout, finding: Finding, utc_time: float) -> None:
    """Preserve an unfinished write before SQLite overwrites it."""
    if finding.torn_tail:
        private_folder(layout.aside)
        write_atomically(layout.aside / f"wal-tail-{int(utc_time * 1000)}.bin", finding.torn_tail)
