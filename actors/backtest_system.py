"""The actors of a backtest on a stage: the live supervisor, risk, broker and symbols with a venue, a journal and holds in memory.

Only `actors/backtest.py` and tests import this. Everything runs on one thread in virtual time.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Protocol, TypeVar

from actors.address import SUPERVISOR, Address, AddressBook
from actors.backtest_venue import InProcessVenue
from actors.base import Running, SupervisedActor
from actors.child import ChildState
from actors.children import child_specs
from actors.eventlog import EventLog
from actors.messages import FeedState, Tick
from actors.reports import RiskReport, SupervisorReport
from actors.stage import StageSurroundings, VirtualTime
from actors.straight import StageError
from actors.supervisor import Supervisor
from actors.workers import Urgency
from trader.config import Settings
from trader.market.instrument import Instrument
from trader.risk.holds import Hold, HoldTable
from trader.store.events import Committed, Done, Event, encode
from trader.venue import FeedEvent, FeedHeartbeat, FeedItem, FeedKind, Venue

START_TICK_S = 0.25
START_TICKS_MAX = 80
RUN_ID = "backtest"
HASHED_AT_ONCE = 256
CENT = Decimal("0.01")
T = TypeVar("T")


class DrivenStage(Protocol):
    """What a backtest needs of a stage; the straight one is fast, the seeded one shuffles."""

    time: VirtualTime

    def addresses(self, symbols: tuple[str, ...]) -> AddressBook:
        """Make the address book."""
        ...

    def launch(self, actor: SupervisedActor) -> Running:
        """Take an actor in."""
        ...

    def seal(self) -> None:
        """Treat dead letters as errors from now on."""
        ...

    def deliver(self, address: Address, message: object) -> None:
        """Hand one message over and handle all that follows; nothing may be waiting."""
        ...

    def drain(self) -> None:
        """Handle everything that waits, and what that leads to."""
        ...


class DigestJournal:
    """A journal that keeps a running hash and counts of its events instead of the events: equal runs have equal digests.

    `keep` holds the events as well, for tests.
    """

    def __init__(self, *, keep: bool = False) -> None:
        self.counts: Counter[str] = Counter()
        self.events: list[Event] | None = [] if keep else None
        self._hash = hashlib.sha256()
        self._unhashed: list[bytes] = []
        self._sequence = 0

    def append(self, event: Event) -> None:
        """Take one event."""
        self._sequence += 1
        self._unhashed.append(encode(event))
        if len(self._unhashed) == HASHED_AT_ONCE:
            self._hash_all()
        self.counts[event.event] += 1
        if self.events is not None:
            self.events.append(event)

    def commit(self, event: Event, done: Done) -> None:
        """Take one event; it is durable at once."""
        self.append(event)
        done(Committed(self._sequence))

    def replay(self, types: Collection[str] | None = None, *, since: str = "") -> Iterator[Event]:
        """A backtest begins without a past."""
        return iter(())

    def tail(self, bot_id: str, limit: int = 100, types: Collection[str] | None = None) -> list[Event]:
        """Return the newest kept events."""
        return (self.events or [])[-limit:]

    @property
    def digest(self) -> str:
        """SHA-256 over all events as the store would write them."""
        self._hash_all()
        return self._hash.hexdigest()

    def _hash_all(self) -> None:
        self._hash.update(b"".join(self._unhashed))
        self._unhashed.clear()


class HoldsInMemory:
    """Where the holds of a backtest are kept; `placed` is every hold that ever was, `changed` hears of each new table."""

    def __init__(self) -> None:
        self.table = HoldTable()
        self.placed: list[Hold] = []
        self.changed: Callable[[HoldTable], None] = lambda _table: None

    def load(self) -> HoldTable:
        """A backtest begins without holds."""
        return HoldTable()

    def save(self, table: HoldTable) -> None:
        """Keep the table and note what is new in it."""
        self.placed += table.durable().beyond(self.table.durable())
        self.table = table
        self.changed(table)

    def next_end(self) -> float:
        """Market time at which the next hold ends by itself."""
        return min((hold.ends_at for hold in self.table.holds if hold.ends_at is not None), default=float("inf"))


class _Inline:
    """Workers that do the job at once, on the stage's only thread."""

    def submit(self, urgency: Urgency, job: Callable[[], None]) -> None:
        """Run the job now."""
        job()


class BacktestPorts:
    """The outside of the broker: the in-process venue, inline workers, and a feed that is always up."""

    dry_run = False
    shut = False

    def __init__(self, venue: InProcessVenue, time: VirtualTime) -> None:
        self.venue: Venue = venue
        self._market = venue
        self._time = time

    def open_workers(self, name: str, stopped: Callable[[], bool]) -> _Inline:
        """Return the inline workers."""
        return _Inline()

    def open_feeds(self, name: str, deliver: Callable[[FeedItem], None], stopped: Callable[[], bool]) -> None:
        """Connect the venue's reports and say that both feeds are up."""
        self._market.deliver = deliver
        for kind in FeedKind:
            deliver(FeedEvent(kind, up=True, machine_time=self._time.machine_time))

    def on_heartbeat(self, beat: FeedHeartbeat) -> None:
        """The driver holds the clock."""


class _NoEnding:
    """A backtest is never stopped from within: whatever asks for it is an error."""

    def stopped(self, confirmed: bool, text: str) -> None:
        """Refuse."""
        raise StageError(f"the system stopped itself: {text}")

    def cold(self, why: str) -> None:
        """Refuse."""
        raise StageError(why)


class BacktestSystem:
    """The actors on their stage, and the few ways in: ticks, the feed's sign of life, reports."""

    def __init__(
        self,
        stage: DrivenStage,
        settings: Settings,
        instruments: dict[str, Instrument],
        venue: InProcessVenue,
        journal: DigestJournal,
        folder: Path,
        *,
        candles: bool = True,
    ) -> None:
        self.stage = stage
        self.time = stage.time
        self.venue = venue
        self.journal = journal
        self.holds = HoldsInMemory()
        self.addresses = stage.addresses(tuple(instruments))
        self._made = 0
        self._is_up = False
        events = EventLog(journal, settings.profile, settings.config_hash, lambda: self.time.market_time)
        self.surroundings = StageSurroundings(self.addresses, events, self.time, stage.launch, self._new_id, RUN_ID)
        ports = BacktestPorts(venue, self.time)
        specs = child_specs(settings, self.surroundings, ports, instruments, folder=folder, candles=candles)
        supervisor = Supervisor.start(
            SUPERVISOR, 1, self.surroundings, specs, self.holds, _NoEnding(), settings.supervision.hang_s
        )
        self.addresses.supervisor.bind(supervisor)

    def start(self) -> None:
        """Tick until every actor is ready and the account is reconciled; StageError when that does not happen."""
        for _ in range(START_TICKS_MAX):
            self.time.machine_time += START_TICK_S
            self.venue.market_time = self.time.now().market_time
            self.tick()
            report = self.report(SUPERVISOR, SupervisorReport)
            if all(child.state == ChildState.OK for child in report.children) and not report.holds.has("starting"):
                self._is_up = True
                self.stage.seal()
                return
        children = self.report(SUPERVISOR, SupervisorReport).children
        states = ", ".join(f"{child.name} {child.state} {child.trouble}".rstrip() for child in children)
        raise StageError(f"the system did not get ready: {states}")

    def beat(self) -> None:
        """Say to risk that both feeds live: what the broker repeats on its ticks."""
        now = self.time.machine_time
        self.stage.deliver(self.addresses.risk, FeedState(True, True, now, now))

    def tick(self) -> None:
        """Let both clocks be seen by everyone, and handle what follows."""
        if self._is_up:
            self.beat()
        self.stage.deliver(self.addresses.supervisor, Tick(self.time.now()))

    def report(self, name: str, kind: type[T]) -> T:
        """Return an actor's last report."""
        found = self.surroundings.board.read(name)
        assert found is not None, f"{name} has reported"
        assert isinstance(found[0], kind), f"{name} reports {kind.__name__}"
        return found[0]

    def check_books(self) -> RiskReport:
        """Compare risk's equity with the venue's own; StageError when they differ by a cent."""
        report = self.report("risk", RiskReport)
        if report.equity is None or abs(report.equity - self.venue.equity()) >= CENT:
            raise StageError(f"risk's books say {report.equity} USD, the venue's {self.venue.equity()}")
        return report

    def _new_id(self) -> str:
        self._made += 1
        return f"backtest-{self._made}"
