"""The journal without a disk, for the stage, backtests and tests of actors: same methods, same order, no encryption.

actors/ and tests import this. One thread. Completion is synchronous, or goes through a scheduler, so that the stage can
let a commit take virtual time, fail, or stay open.
"""

import hashlib
from collections.abc import Callable, Collection, Iterator

import msgspec

from trader.store.events import CommitFailed, Committed, Done, Event, encode, wanted_types
from trader.store.verdict import StoreHealth, Verdict

Schedule = Callable[[Callable[[], None]], None]


class MemoryJournal:
    """Keeps events in a list. `schedule` receives each completion to run later; without it they run at once."""

    __slots__ = ("_events", "_profile", "_schedule", "failure")

    def __init__(self, schedule: Schedule | None = None, *, profile: str = "", keep: bool = True) -> None:
        self.failure = ""  # set to a reason: from then on every commit fails with it, as on a broken disk
        self._events: list[Event] | _Counted = [] if keep else _Counted()
        self._schedule = schedule
        self._profile = profile

    def append(self, event: Event) -> None:
        """Keep a background event."""
        if not self.failure:
            self._events.append(event)

    def commit(self, event: Event, done: Done) -> None:
        """Keep a durable event and complete it, now or when the scheduler says so."""
        if self._schedule is not None:
            self._schedule(lambda: done(self._write(event)))
        else:
            done(self._write(event))

    def replay(self, types: Collection[str] | None = None, *, since: str = "") -> Iterator[Event]:
        """The kept events in order, or those of `types`; with `since`, from the newest event of that name on."""
        first = 1
        if since:
            first = max((at for at, event in enumerate(self._events, 1) if event.event == since), default=1)
        for sequence, event in enumerate(self._events, 1):
            if sequence >= first and (types is None or event.type in types):
                yield msgspec.structs.replace(event, sequence=sequence)

    def tail(self, bot_id: str, limit: int = 100, types: Collection[str] | None = None) -> list[Event]:
        """The newest kept events of a bot id, oldest first. Raises ValueError for an unknown bot id."""
        wanted = wanted_types(bot_id, self._profile, types)
        found = list(self.replay(wanted))
        return found[-limit:] if limit > 0 else []

    def digest(self) -> str:
        """SHA-256 over all kept events as the store would write them: equal runs have equal digests."""
        total = hashlib.sha256()
        for event in self._events:
            total.update(encode(event) + b"\n")
        return total.hexdigest()

    @property
    def health(self) -> StoreHealth:
        """The same record the store on disk publishes."""
        count = len(self._events)
        return StoreHealth(count, 0, 0, 1, 0, 0, None, 0.0, self.failure, Verdict.CREATED, f"{count}:memory")

    def close(self) -> None:
        """Nothing to release."""

    def _write(self, event: Event) -> Committed | CommitFailed:
        if self.failure:
            return CommitFailed(self.failure)
        self._events.append(event)
        return Committed(len(self._events))


class _Counted:
    """Events counted and forgotten: a backtest of a million bars need not hold them."""

    __slots__ = ("_count",)

    def __init__(self) -> None:
        self._count = 0

    def append(self, _event: Event) -> None:
        self._count += 1

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Event]:
        return iter(())
