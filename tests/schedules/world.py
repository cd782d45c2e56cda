"""One random life of the whole system on the stage: what happens to it is drawn from a seed, what must always hold is checked.

The live classes run unchanged: supervisor, risk, broker and symbols, with the real desk, checks, guards and bookkeeping. Drawn are the
order of turns, crashes of any actor at any message, hangs, lost mailboxes, the network's and the venue's misbehaviour, modes set and
lifted, process restarts. The venue's own books are the judge.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pykka

from actors.address import SUPERVISOR, AddressBook
from actors.broker import Broker
from actors.child import ChildSpec
from actors.eventlog import EventLog
from actors.messages import Escalate, Resume, Tick
from actors.policy import Role
from actors.risk import Risk
from actors.risk_base import RiskSettings
from actors.stage import Place, Stage, StageSurroundings
from actors.supervisor import Supervisor
from actors.symbol import Symbol
from actors.symbol_base import SymbolSettings
from actors.workers import Urgency
from tests.schedules.strategy import DrawnStrategy
from tests.schedules.venue import ScheduleVenue
from trader.market.instrument import Instrument, ProductKind
from trader.orders.order import OrderState, Side
from trader.orders.reason import Reason
from trader.risk.holds import ACCOUNT, Hold, HoldTable, Level
from trader.risk.limits import ExecutionSettings, RiskLimits, VolatilityLimits
from trader.store.events import Committed, Event, EventName
from trader.store.memory import MemoryJournal
from trader.venue import FeedEvent, FeedHeartbeat, FeedItem, FeedKind

SYMBOLS = ("AAA-PERP", "BBB-PERP", "CCC-PERP")
CAP_BASE = Decimal(5)
ACCOUNT_CAP_USD = Decimal(1_000)
TICK_S, QUOTE_S, HEARTBEAT_S = 0.5, 0.5, 1.0
FAULTS_S, CALM_S, QUIET_S, STILL_S = 20.0, 30.0, 25.0, 5.0
MIDNIGHT = 1_700_006_400.0 - 12.0
REACTION_S = 1.0


EVENTS = ("_outage", "_reduce_only", "_restart", "_hang", "_lose_mailbox", "_gap", "_slow_disk", "_broken_disk")


class Violated(AssertionError):
    """Something that must always hold did not."""


def instrument(symbol: str) -> Instrument:
    """Return a perpetual with coarse lots, so that limits are hit exactly."""
    return Instrument(
        symbol=symbol,
        product_id=symbol,
        kind=ProductKind.PERPETUAL,
        base=symbol[:3],
        quote="USD",
        price_increment=Decimal("0.01"),
        base_increment=Decimal("0.1"),
        base_min_size=Decimal("0.1"),
        base_max_size=Decimal(1_000),
        quote_min_size=Decimal(1),
        max_leverage=Decimal(5),
    )


LIMITS = RiskLimits(
    leverage_max=Decimal(5),
    max_position_usd=Decimal(10**6),
    max_position_base=dict.fromkeys(SYMBOLS, CAP_BASE),
    max_position_pct_per_symbol=Decimal(1),
    max_exposure_pct=ACCOUNT_CAP_USD / Decimal(100_000),
    max_order_notional_usd=Decimal(10**6),
    max_drawdown_pct=Decimal("0.5"),
    entry_slippage_bps=Decimal(200),
    slippage_guard_bps=Decimal(400),
    price_collar_pct=Decimal("0.02"),
    max_orders_per_minute=10**6,
    repeat_limit=10**6,
    duplicate_window_s=0.0,
    consecutive_losses=10**6,
    error_rate_min_samples=10**6,
    order_max_age_s=6.0,
    volatility=VolatilityLimits(warn=Decimal(10**6), reduce_only=Decimal(10**6), halt=Decimal(10**6)),
    max_correlation=Decimal(1),
)


class DurableJournal(MemoryJournal):
    """The journal that outlives processes; it knows which intents are durable."""

    __slots__ = ("decisions", "intents")

    def __init__(self, schedule: Callable[[Callable[[], None]], None]) -> None:
        super().__init__(schedule)
        self.intents: set[str] = set()
        self.decisions: dict[str, str] = {}

    def append(self, event: Event) -> None:
        """Keep a background event behind the durable ones, in order, as the store's one writer does."""
        self.commit(event, lambda _: None)

    def _write(self, event: Event) -> Any:
        result = super()._write(event)
        if isinstance(result, Committed) and event.event == EventName.ORDER_INTENT:
            coid = str(event.payload["client_order_id"])
            self.intents.add(coid)
            if event.decision_id in self.decisions:
                raise Violated(f"I-08: decision {event.decision_id} became a second order")
            self.decisions[event.decision_id] = coid
        return result


class StageWorkers:
    """The broker's workers: each job runs after a drawn delay, if its process still lives."""

    def __init__(self, world: World, stopped: Callable[[], bool]) -> None:
        self._world = world
        self._stopped = stopped

    def submit(self, urgency: Urgency, job: Callable[[], None]) -> None:
        """Run the job a little later; sometimes much later, when its approval is long dead."""
        draw = self._world.stage.random
        delay = draw.random() * 0.2 + (self._world.reading_s if urgency is Urgency.ACCOUNT else 0.0)
        if self._world.venue.faults and draw.random() < 0.04:
            self._world.seen["slow worker"] += 1
            delay = draw.random() * 40.0
        self._world.after(delay, lambda: None if self._stopped() else job())


class World:
    """See the module docstring. `run()` lives one life and raises Violated with what went wrong."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.stage = Stage(seed, market_start=MIDNIGHT)
        draw = self.stage.random
        self.seen: Counter[str] = Counter()
        self.venue = ScheduleVenue([instrument(symbol) for symbol in SYMBOLS], self.stage.time, draw)
        self.journal = DurableJournal(self._commit_later)
        self._queued: list[Callable[[], None]] = []
        self.disk_s = self.reading_s = 0.0
        self.saved = HoldTable()
        self.process = 0
        self.alive = False
        self.ended: str | None = None
        self.quiet = False
        self.resting = draw.random() < 0.4
        self.patience = draw.choice([1.0, 0.5, 0.0])
        self.crash_chance = draw.choice([0.0, 0.001, 0.003])
        self.restricted_since: float | None = None
        self.halted_since: float | None = None
        self.checked = -1
        self._ids = 0
        self.supervisor: pykka.ActorRef[Any] | None = None

    # --- ports of the system -----------------------------------------------------------------------------------------------

    dry_run = False
    shut = False

    def open_workers(self, name: str, stopped: Callable[[], bool]) -> StageWorkers:
        """Make the workers of one broker incarnation."""
        return StageWorkers(self, stopped)

    def open_feeds(self, name: str, deliver: Callable[[FeedItem], None], stopped: Callable[[], bool]) -> None:
        """Connect the venue's feed to one broker incarnation, a moment later."""

        def connect() -> None:
            if stopped():
                return
            self.venue.deliver = deliver
            for kind in FeedKind:
                deliver(FeedEvent(kind, up=True, machine_time=self.stage.time.machine_time))

        self.after(0.1, connect)

    def on_heartbeat(self, beat: FeedHeartbeat) -> None:
        """Hear the venue's clock: the stage has its own."""

    def load(self) -> HoldTable:
        """Read the holds that outlived the process."""
        return self.saved

    def save(self, table: HoldTable) -> None:
        """Keep the holds, and note since when they restrict."""
        self.saved = table.durable()

    def stopped(self, confirmed: bool, text: str) -> None:
        """Hear of an orderly stop; schedules do not ask for one."""
        self.ended = f"stopped: {text}"

    def cold(self, why: str) -> None:
        """Take the cold path: cancel everything at the venue and end the process."""
        self.seen["cold path"] += 1
        self.ended = why
        for order in self.venue.orders.values():
            self.venue._finish(order, OrderState.CANCELLED)

    @property
    def execution(self) -> ExecutionSettings:
        """How orders travel in this life."""
        if self.resting:
            return ExecutionSettings(order_type="limit", time_in_force="GTC")
        return ExecutionSettings()

    # --- processes ---------------------------------------------------------------------------------------------------------

    def after(self, delay: float, action: Callable[[], None]) -> None:
        """Do something later if the process that asked for it still lives."""
        process = self.process
        self.stage.time.after(delay, lambda: action() if process == self.process and self.alive else None)

    def _commit_later(self, write: Callable[[], None]) -> None:
        """Queue for the disk: one writer, in order; a kill loses what is still queued, never something in between."""
        self._queued.append(write)
        if len(self._queued) == 1:
            self.after(self.disk_s + self.stage.random.random() * 0.05, self._flush)

    def _flush(self) -> None:
        queued, self._queued = self._queued, []
        for write in queued:
            write()

    def _new_id(self) -> str:
        self._ids += 1
        return f"c{self._ids}"

    def start_process(self) -> None:
        """Start everything from nothing but the journal and the saved holds."""
        self.process += 1
        self.alive, self.ended = True, None
        book = AddressBook(SYMBOLS)
        events = EventLog(self.journal, "stage", "hash", lambda: self.stage.time.now().market_time)
        around = StageSurroundings(book, events, self.stage.time, self.stage.launch, self._new_id, f"p{self.process}")
        instruments = dict(self.venue.by_symbol)
        limits = RiskSettings(LIMITS, self.execution, None, 5.0, live=False)
        given = SymbolSettings(1, self.execution, LIMITS, Decimal(5))
        deps = ("risk", "broker")

        def symbol(name: str) -> ChildSpec:
            def make(number: int) -> pykka.ActorRef[Any]:
                return Symbol.start(name, number, around, instruments[name], given, lambda: DrawnStrategy(self))

            return ChildSpec(name, Role.SYMBOL, make, 3, 300.0, deps)

        specs = [
            ChildSpec("risk", Role.RISK, lambda n: Risk.start("risk", n, around, instruments, limits), 3, 600.0),
            ChildSpec(
                "broker",
                Role.BROKER,
                lambda n: Broker.start("broker", n, around, self, instruments, self.execution, 1),
                3,
                600.0,
            ),
            *(symbol(name) for name in SYMBOLS),
        ]
        self.around = around
        self.supervisor = Supervisor.start(SUPERVISOR, 1, around, specs, self, self, 5.0)
        book.supervisor.bind(self.supervisor)
        self._tick()
        self._quotes()
        self._heartbeats()

    def kill_process(self) -> None:
        """Kill -9: every actor, job, timer and message of the process is gone; the venue lives on."""
        self.seen["kill -9"] += 1
        self.alive = False
        self._queued.clear()
        self.venue.deliver = None
        for place in self.stage.places:
            place._alive = False
            pykka.ActorRegistry.unregister(place.actor.actor_ref)
        self.stage.places = []

    def _tick(self) -> None:
        if self.ended is None:
            self.around.addresses.supervisor.tell(Tick(self.stage.time.now()))
        self.after(TICK_S, self._tick)

    def _quotes(self) -> None:
        for symbol in SYMBOLS:
            quote, book = self.venue.move(symbol)
            if self.venue.deliver and not (self.venue.faults and self.stage.random.random() < 0.03):
                self.venue.deliver(quote)
                self.venue.deliver(book)
        self.after(QUOTE_S, self._quotes)

    def _heartbeats(self) -> None:
        now = self.stage.time.now()
        if self.venue.deliver and self.stage.time.machine_time >= self.venue.down_until:
            for kind in FeedKind:
                self.venue.deliver(FeedHeartbeat(kind, now.machine_time, now.market_time))
        self.after(HEARTBEAT_S, self._heartbeats)

    # --- what happens ------------------------------------------------------------------------------------------------------

    def run(self) -> World:
        """Live one life: faults, then calm, then quiet; every invariant after every turn."""
        with self.stage:
            self.stage.meddle = self._meddle
            self.start_process()
            self._draw_events()
            self.stage.run(FAULTS_S, self._check)
            self._calm()
            self.stage.run(FAULTS_S + CALM_S, self._check)
            self.quiet = True
            self.stage.run(FAULTS_S + CALM_S + QUIET_S - STILL_S, self._check)
            self.venue.still = True
            self.stage.run(FAULTS_S + CALM_S + QUIET_S, self._check)
            self._check_end()
        return self

    def _draw_events(self) -> None:
        draw = self.stage.random
        for _ in range(draw.randint(0, 4)):
            event: Callable[[], None] = getattr(self, draw.choice(EVENTS))
            self.stage.time.after(draw.random() * FAULTS_S, event)

    def _calm(self) -> None:
        """End the faults; a person looks, and resumes after a clean reconciliation."""
        self.venue.faults = False
        self.crash_chance = 0.0
        self.venue.down_until = 0.0
        self.disk_s = 0.0
        broken, self.journal.failure = self.journal.failure, ""
        if self.ended is not None or not self.alive or broken:
            if self.alive:
                self.kill_process()
            self.start_process()
        for delay in (8.0, 16.0, 24.0):
            self.stage.time.after(delay, lambda: self.around.addresses.supervisor.tell(Resume("", "operator")))

    def _slow_disk(self) -> None:
        """Let the disk take a second, or half a minute, for each commit (F-S07)."""
        self.seen["slow disk"] += 1
        self.disk_s = self.stage.random.choice([1.0, 30.0])
        self.stage.time.after(self.stage.random.random() * 8.0, lambda: setattr(self, "disk_s", 0.0))

    def _broken_disk(self) -> None:
        """Let every commit fail from now on; only a new process gets a working store (F-S01, F-S02)."""
        self.seen["broken disk"] += 1
        self.journal.failure = "disk full"

    def _outage(self) -> None:
        self.seen["outage"] += 1
        self.venue.down_until = self.stage.time.machine_time + self.stage.random.random() * 8.0

    def _reduce_only(self) -> None:
        self.seen["reduce-only"] += 1
        level = Level.HALTED if self.stage.random.random() < 0.2 else Level.REDUCE_ONLY
        hold = Hold("operator", level, ACCOUNT, Reason.MODE_REDUCE_ONLY, "drawn", "operator")
        self.around.addresses.supervisor.tell(Escalate(hold))

    def _restart(self) -> None:
        if not self.alive:
            return
        self.kill_process()
        self.stage.time.after(self.stage.random.random() * 5.0, lambda: None if self.alive else self.start_process())

    def _victim(self) -> Place | None:
        places = [p for p in self.stage.places if p.is_alive() and p.started and p.actor.name != SUPERVISOR]
        return self.stage.random.choice(places) if places else None

    def _hang(self) -> None:
        """Freeze an actor in a handler; when it wakes it finishes the message it was in, dead or not."""
        place = self._victim()
        if place is None or place.mailbox.empty():
            return
        self.seen[f"hang {self._kind(place)}"] += 1
        envelope = place.mailbox.take()
        assert envelope is not None
        place.frozen = True
        place.actor.vitals.busy_since = self.stage.time.machine_time
        place.actor.vitals.message = type(envelope.message).__name__

        def wake() -> None:
            place.frozen = False
            if place._alive:
                try:
                    place.actor.on_receive(envelope.message)
                except Exception:  # noqa: BLE001 - a zombie's last words
                    self.seen["zombie raised"] += 1

        left = max(FAULTS_S - self.stage.time.machine_time - 0.1, 0.0)
        self.after(min(self.stage.random.choice([1.0, 3.0, 12.0]), left), wake)

    def _lose_mailbox(self) -> None:
        place = self._victim()
        if place is not None and self._kind(place) != "broker":
            self.seen["lost mailbox"] += bool(place.mailbox.drop_all())

    def _gap(self) -> None:
        if self.venue.deliver:
            self.seen["feed gap"] += 1
            self.venue.deliver(
                FeedEvent(FeedKind.USER, up=True, machine_time=self.stage.time.machine_time, reason="drawn", gap=True)
            )

    @staticmethod
    def _kind(place: Place) -> str:
        return place.actor.name if place.actor.name in {"risk", "broker"} else "symbol"

    def _meddle(self, place: Place) -> None:
        """Let this turn's handler raise, before or after its work."""
        if not self.crash_chance or place.actor.name == SUPERVISOR or self.stage.random.random() >= self.crash_chance:
            return
        actor, draw = place.actor, self.stage.random
        self.seen[f"crash {self._kind(place)}"] += 1
        error = draw.choice([ValueError("drawn"), SystemExit(), KeyboardInterrupt()])
        work = actor.handle if draw.random() < 0.5 else None

        def handle(message: Any) -> None:
            if work:
                work(message)
            raise error

        actor.handle = handle  # type: ignore[method-assign]

    # --- what must hold ----------------------------------------------------------------------------------------------------

    def _check(self) -> None:
        now = self.stage.time.machine_time
        self._note_mode(now)
        if self.venue.version == self.checked:
            return
        self.checked = self.venue.version
        total = Decimal(0)
        for symbol in SYMBOLS:
            worst = self._worst(symbol)
            total += worst * self.venue.price(symbol)
            if worst > CAP_BASE:
                raise Violated(f"I-06: {symbol} may reach {worst}, limit {CAP_BASE}")
        if total > ACCOUNT_CAP_USD * Decimal("1.03"):
            raise Violated(f"I-06: the account may reach {total} USD, limit {ACCOUNT_CAP_USD}")
        if self.venue.seen["duplicate id received"]:
            raise Violated("I-07: a client order id was sent twice")
        for arrived in self.venue.arrivals[self._judged :]:
            self._judge(arrived)
        self._judged = len(self.venue.arrivals)

    _judged = 0

    def _worst(self, symbol: str) -> Decimal:
        """Return the largest |position| any fill sequence could lead to, by the venue's books and what is on its way."""
        position = self.venue.positions[symbol]
        sides = {Side.BUY: Decimal(0), Side.SELL: Decimal(0)}
        for order in self.venue.orders.values():
            if order.request.symbol == symbol:
                sides[order.request.side] += order.remaining
        for request in self.venue.in_flight.values():
            if request.symbol == symbol:
                sides[request.side] += request.size
        return max(abs(position + sides[Side.BUY]), abs(position - sides[Side.SELL]))

    def _note_mode(self, now: float) -> None:
        mode = self.saved.mode()
        self.restricted_since = (self.restricted_since or now) if mode >= Level.REDUCE_ONLY else None
        self.halted_since = (self.halted_since or now) if mode is Level.HALTED else None

    def _judge(self, arrived: Any) -> None:
        coid = arrived.request.client_order_id
        if coid not in self.journal.intents:
            raise Violated(f"I-05: {coid} was sent before it was durable")
        if (
            self.restricted_since is not None
            and arrived.posted_at > self.restricted_since + REACTION_S
            and arrived.was_growing
        ):
            raise Violated(
                f"I-11: {coid} can grow a position {arrived.posted_at - self.restricted_since:.1f} s into reduce-only"
            )
        if self.halted_since is not None and arrived.posted_at > self.halted_since + REACTION_S:
            raise Violated(f"I-13: {coid} was sent {arrived.posted_at - self.halted_since:.1f} s after HALTED")

    def _check_end(self) -> None:
        """Judge what must have come true once the faults were over (E-01, E-02, I-01, I-10)."""
        if self.ended is not None:
            raise Violated(f"E-04: the system ended although the faults were over: {self.ended}")
        place = self.stage.place_of("risk")
        if place is None:
            raise Violated("E-04: no risk actor lives")
        risk = place.actor
        assert isinstance(risk, Risk)
        if not risk.recovered:
            raise Violated("E-01: risk has not recovered")
        ledger = risk.desk.ledger
        for symbol in SYMBOLS:
            ours, theirs = ledger.positions[symbol].size, self.venue.positions[symbol]
            if ours != theirs:
                raise Violated(f"I-01: {symbol} is {ours} in our books, {theirs} in the venue's")
        live = {order.client_order_id: order for order in ledger.live_orders()}
        working = {o.request.client_order_id for o in self.venue.orders.values() if o.remaining > 0}
        if set(live) != working:
            raise Violated(f"E-01: live in our books {sorted(live)}, at the venue {sorted(working)}")
        unproven = [
            o.client_order_id
            for o in live.values()
            if o.state in {OrderState.UNKNOWN, OrderState.SENT, OrderState.RESERVED}
        ]
        if unproven:
            raise Violated(f"I-10: still unproven: {unproven}")
        ledger.audit()

    def digest(self) -> str:
        """Return the hash of everything that was journalled: equal lives have equal digests."""
        return self.journal.digest()
