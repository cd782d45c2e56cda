"""Replay of a recorded session: the inputs of risk and of each symbol, fed to fresh actors, must lead to the same decisions.

What an actor told its peers is known from the peers' own recorded inputs, and what it wrote from the event store, so nothing is
compared with a copy of itself. What the store held before a session is what risk began from. Good for sessions in which no actor
restarted and no setting changed; anything else is said, never skipped. Imported by `run.py replay`, the what-if of `why`, and tests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec
import pykka

from actors.address import BROKER, RISK, SUPERVISOR, Address, AddressBook
from actors.base import Board, Recorder, Running, SupervisedActor, Vitals
from actors.children import child_specs
from actors.eventlog import EventLog
from actors.messages import (
    Began,
    CommitFailed,
    Committed,
    Evaluations,
    Hello,
    IntentRefused,
    PositionUpdate,
    StopPeak,
)
from actors.recording import CannotReplay, Heard, Recording
from actors.straight import Forever
from trader.config import Settings
from trader.orders.order import OrderIntent
from trader.store.events import Event, EventName
from trader.store.memory import MemoryJournal
from trader.strategy.registry import StrategyError

TO_RISK = (OrderIntent, Evaluations, StopPeak, Hello)
TO_SYMBOL = (IntentRefused, PositionUpdate)
OF_SYMBOLS = frozenset({EventName.STRATEGY_SIGNAL.value})
OF_RISK = frozenset(
    {
        EventName.ORDER_INTENT.value,
        EventName.ORDER_OUTCOME.value,
        EventName.ORDER_REPORT.value,
        EventName.TRADE_EXECUTED.value,
        EventName.POSITION_UPDATED.value,
        EventName.RISK_REJECTED.value,
        EventName.DAILY_LOSS_BREACH.value,
        EventName.LIQUIDATION_BUFFER_BREACH.value,
        EventName.FUNDING_ACCRUED.value,
        EventName.RECONCILE_ADJUSTED.value,
    }
)
FIXED = (SUPERVISOR, RISK, BROKER)
_encode = msgspec.msgpack.Encoder().encode


class Told(msgspec.Struct, frozen=True):
    """One message a replayed actor told, and to whom."""

    to: str
    message: Any


class Parity(msgspec.Struct, frozen=True):
    """What a comparison looked at, and every place where the two sides differ."""

    inputs: int
    messages: int
    events: int
    decisions: int
    differences: tuple[str, ...]


class _ListeningAddress(Address):
    """An address of the replay: notes what is told from `since` on; before that nobody is behind it.

    A symbol is bound to its address a moment after its actor began, and what risk told it before was lost. `since` is the machine time
    of the telling that the recorded actor heard first of all; what was told too early for it is kept as `lost`.
    """

    __slots__ = ("clock", "lost", "since", "told")

    def __init__(self, name: str, told: list[Told], clock: Callable[[], float]) -> None:
        super().__init__(name)
        self.told = told
        self.clock = clock
        self.since = float("-inf")
        self.lost: list[tuple[float, bytes]] = []

    def tell(self, message: Any) -> bool:
        """Note the message; False while nobody is there to hear it."""
        now = self.clock()
        if now >= self.since:
            self.told.append(Told(self.name, message))
            return True
        self.lost.append((now, _encode(message)))
        return False


class _ReplaySurroundings:
    """What a replayed actor is given: the recorded clock, the recorded ids, addresses that only listen."""

    def __init__(
        self, recording: Recording, settings: Settings, symbols: tuple[str, ...], before: Sequence[Event]
    ) -> None:
        self.told: list[Told] = []
        self.clock = 0.0
        self.listening = [_ListeningAddress(name, self.told, self.machine_time) for name in (*FIXED, *symbols)]
        by_name = {address.name: address for address in self.listening}
        self.addresses = AddressBook(symbols, by_name.__getitem__)
        self.board = Board()
        self.vitals: dict[str, Vitals] = {}
        self.recorder: Recorder | None = None
        self.journal = MemoryJournal(profile=settings.profile)
        for event in before:
            self.journal.append(event)
        self.events = EventLog(self.journal, settings.profile, settings.config_hash, self.machine_time)
        self.run_id = recording.session.run_id
        self.made: SupervisedActor | None = None
        self._ids = (
            heard.message.client_order_id
            for heard in recording.of(RISK)
            if isinstance(heard.message, Committed | CommitFailed)
        )

    def machine_time(self) -> float:
        """Return the machine time of the input being replayed."""
        return self.clock

    def new_id(self) -> str:
        """Return the id that risk drew here: intents are made durable in the order they are reserved."""
        return next(self._ids, "never committed")

    def launch(self, name: str, loop: Callable[[], None]) -> Running:
        """Keep the actor; the replay runs it."""
        self.made = loop.__self__  # type: ignore[attr-defined]
        return Forever()

    def wake_clock(self) -> None:
        """Nobody waits."""


def replay(
    recording: Recording, settings: Settings, name: str, folder: Path = Path(), before: Sequence[Event] = ()
) -> tuple[list[Told], list[Event]]:
    """Feed one actor its recorded inputs; return what it told and what it wrote. Whatever the actor raises is raised.

    `before` is what the store held when the session began.

    Risk runs twice: first to nobody, to learn which of its first tellings each symbol had been there to hear.
    """
    if settings.config_hash != recording.session.config_hash:
        ran, given = recording.session.config_hash[:12], settings.config_hash[:12]
        raise CannotReplay(f"the session ran with configuration {ran}, not {given}")
    since: dict[str, float] = {}
    if name == RISK:
        symbols = [one.symbol for one in recording.session.instruments]
        deaf = relive(recording, settings, name, folder, before, since=dict.fromkeys(symbols, float("inf")))
        since = {address.name: _bound_at(recording, address) for address in deaf.listening if address.name in symbols}
    ran_as = relive(recording, settings, name, folder, before, since=since)
    return ran_as.told, list(ran_as.journal.replay())[len(before) :]


def _bound_at(recording: Recording, address: _ListeningAddress) -> float:
    """Return the machine time of the telling that a symbol heard first: the last equal one before it was handled."""
    heard = next((h for h in recording.of(address.name) if isinstance(h.message, TO_SYMBOL)), None)
    if heard is None:
        return float("inf")
    first = _encode(heard.message)
    return max((at for at, told in address.lost if told == first and at <= heard.machine_time), default=float("-inf"))


def relive(
    recording: Recording,
    settings: Settings,
    name: str,
    folder: Path,
    before: Sequence[Event],
    *,
    since: Mapping[str, float] = MappingProxyType({}),
    look: Callable[[Any, Heard], None] = lambda _actor, _heard: None,
) -> _ReplaySurroundings:
    """Make the actor anew and let it handle everything it once handled; `look` sees it before each message and changes nothing.

    Raises CannotReplay where the actor cannot be made, and whatever it raises when it handles a message.
    """
    instruments = {one.symbol: one for one in recording.session.instruments}
    inputs = recording.of(name)
    if not inputs or not isinstance(inputs[0].message, Began):
        raise CannotReplay(f"{name} has no recorded beginning")
    surroundings = _ReplaySurroundings(recording, settings, tuple(instruments), before)
    for address in surroundings.listening:
        address.since = since.get(address.name, float("-inf"))
    surroundings.clock = inputs[0].message.made_at
    specs = child_specs(settings, surroundings, _NoPorts(), instruments, folder=folder)
    pykka.ActorRegistry.unregister(next(spec for spec in specs if spec.name == name).make(1))
    actor = surroundings.made
    assert actor is not None, "an actor that starts asks to be launched"
    try:
        actor.prepare()
    except StrategyError as error:
        raise CannotReplay(str(error)) from error
    for heard in inputs[1:]:
        surroundings.clock = heard.machine_time
        look(actor, heard)
        actor.handle(heard.message)
    return surroundings


class _NoPorts:
    """Only the broker has an outside, and brokers are not replayed."""

    dry_run = False
    shut = False

    def __getattr__(self, name: str) -> Any:
        raise CannotReplay(f"nothing in a replay asks for {name}")


def compare(recording: Recording, settings: Settings, events: Iterable[Event], folder: Path = Path()) -> Parity:
    """Replay risk and every symbol and compare, byte for byte, what they told each other and what they wrote.

    `events` is the whole store, from its beginning or where it was pruned to the session's end.
    """
    before, session = parted(recording, events)
    found: list[str] = []
    messages = written = 0
    symbols = [one.symbol for one in recording.session.instruments]
    said: dict[str, list[Told]] = {}
    wrote: dict[str, list[Event]] = {}
    for name in (RISK, *symbols):
        said[name], wrote[name] = replay(recording, settings, name, folder, before)
    for symbol in symbols:
        to_risk = [told.message for told in said[symbol] if told.to == RISK and isinstance(told.message, TO_RISK)]
        heard = [h.message for h in recording.of(RISK) if isinstance(h.message, TO_RISK) and h.message.symbol == symbol]
        messages += _same(f"{symbol} told risk", to_risk, heard, found)
        to_symbol = [told.message for told in said[RISK] if told.to == symbol and isinstance(told.message, TO_SYMBOL)]
        answered = [h.message for h in recording.of(symbol) if isinstance(h.message, TO_SYMBOL)]
        messages += _same(f"risk told {symbol}", to_symbol, answered, found)
        mine = [event for event in wrote[symbol] if event.event in OF_SYMBOLS]
        stored = [event for event in session if event.event in OF_SYMBOLS and event.payload["symbol"] == symbol]
        written += _same(f"{symbol} wrote", _facts(mine), _facts(stored), found)
    for kind in sorted(OF_RISK):
        mine = [event for event in wrote[RISK] if event.event == kind]
        stored = [event for event in session if event.event == kind]
        written += _same(f"risk wrote {kind}", _facts(mine), _facts(stored), found)
    decisions = sum(count for told in _last_counts(recording) for _, count in told.counts)
    return Parity(len(recording.inputs), messages, written, decisions, tuple(found))


def parted(recording: Recording, events: Iterable[Event]) -> tuple[list[Event], list[Event]]:
    """Part a whole store into what it held when the session began, and what the session wrote."""
    stored = list(events)
    before = [event for event in stored if event.sequence <= recording.session.stored]
    return before, stored[len(before) :]


def _last_counts(recording: Recording) -> Iterator[Evaluations]:
    """The last counts of evaluations each symbol told: every decision of the session by its reason."""
    last: dict[str, Evaluations] = {}
    for heard in recording.of(RISK):
        if isinstance(heard.message, Evaluations):
            last[heard.message.symbol] = heard.message
    yield from last.values()


def _facts(events: Sequence[Event]) -> list[tuple[Any, ...]]:
    """What an event says, without the sequence and the UTC stamp that only the store's own run can give."""
    return [(e.event, e.code, e.decision_id, e.cause_id, e.market_time, e.payload) for e in events]


def _same(what: str, replayed: Sequence[Any], recorded: Sequence[Any], found: list[str]) -> int:
    """Compare two sequences as bytes; note the first difference. The last words of a stopping actor may not have been handled."""
    for at, (one, other) in enumerate(zip(replayed, recorded, strict=False)):
        if _encode(one) != _encode(other):
            found.append(f"{what}, number {at + 1}: replayed {one!r}, recorded {other!r}"[:1000])
            return at
    if len(replayed) < len(recorded) or len(replayed) > len(recorded) + 2:
        found.append(f"{what}: {len(replayed)} replayed, {len(recorded)} recorded")
    return len(recorded)
