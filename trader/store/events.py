"""The event envelope, the catalogue of event names, and the port every journal offers.

Anyone above risk/ may import this. One fact is one event: `event` holds its dotted name, `code` its snake name or the
reason, `type` the group that `tail` filters by.
"""

from collections.abc import Callable, Collection, Iterator
from enum import StrEnum
from typing import Any, Final, Protocol

import msgspec

Payload = dict[str, str | int | bool | list[Any] | dict[str, Any] | None]


class EventType(StrEnum):
    """The groups of events, as people filter them."""

    TRADE = "trade"
    POSITION = "position"
    METRIC = "metric"
    ERROR = "error"
    ORDER = "order"
    RISK = "risk"
    MODE = "mode"
    START = "start"
    STRATEGY = "strategy"
    ACCOUNT = "account"
    CONFIG = "config"
    STORE = "store"


class EventName(StrEnum):
    """Every dotted name the system writes; readers must tolerate names they do not know."""

    ORDER_INTENT = "order.intent"
    ORDER_OUTCOME = "order.outcome"
    ORDER_REPORT = "order.report"
    ORDER_CANCEL = "order.cancel"
    TRADE_EXECUTED = "trade.executed"
    POSITION_UPDATED = "position.updated"
    RISK_REJECTED = "risk.rejected"
    DAILY_LOSS_BREACH = "risk.daily_loss_breach"
    LIQUIDATION_BUFFER_BREACH = "risk.liquidation_buffer_breach"
    STALE_MARK_PRICE = "risk.stale_mark_price"
    STRATEGY_SIGNAL = "strategy.signal"
    MODE_CHANGED = "mode.changed"
    HOLD_PLACED = "hold.placed"
    HOLD_ENDED = "hold.ended"
    FUNDING_ACCRUED = "funding.accrued"
    ACCOUNT_SNAPSHOT = "account.snapshot"
    CYCLE_METRICS = "cycle.metrics"
    SYSTEM_STARTED = "system.started"
    SYSTEM_STOPPED = "system.stopped"
    SYSTEM_ERROR = "system.error"
    CONFIG_CHANGED = "config.changed"
    OPERATOR_COMMAND = "operator.command"
    RECONCILE_ADJUSTED = "reconcile.adjusted"
    DAILY_BASELINE = "daily.baseline"
    LEDGER_CHECKPOINT = "ledger.checkpoint"
    STORE_CREATED = "store.created"
    STORE_REPAIRED = "store.repaired"
    STORE_DROPPED = "store.dropped"
    STORE_PRUNED = "store.pruned"
    KEY_ROTATED = "store.key_rotated"


TYPE_OF: Final[dict[EventName, EventType]] = {
    EventName.ORDER_INTENT: EventType.ORDER,
    EventName.ORDER_OUTCOME: EventType.ORDER,
    EventName.ORDER_REPORT: EventType.ORDER,
    EventName.ORDER_CANCEL: EventType.ORDER,
    EventName.TRADE_EXECUTED: EventType.TRADE,
    EventName.POSITION_UPDATED: EventType.POSITION,
    EventName.RISK_REJECTED: EventType.RISK,
    EventName.DAILY_LOSS_BREACH: EventType.METRIC,
    EventName.LIQUIDATION_BUFFER_BREACH: EventType.METRIC,
    EventName.STALE_MARK_PRICE: EventType.METRIC,
    EventName.STRATEGY_SIGNAL: EventType.STRATEGY,
    EventName.MODE_CHANGED: EventType.MODE,
    EventName.HOLD_PLACED: EventType.MODE,
    EventName.HOLD_ENDED: EventType.MODE,
    EventName.FUNDING_ACCRUED: EventType.METRIC,
    EventName.ACCOUNT_SNAPSHOT: EventType.ACCOUNT,
    EventName.CYCLE_METRICS: EventType.METRIC,
    EventName.SYSTEM_STARTED: EventType.START,
    EventName.SYSTEM_STOPPED: EventType.START,
    EventName.SYSTEM_ERROR: EventType.ERROR,
    EventName.CONFIG_CHANGED: EventType.CONFIG,
    EventName.OPERATOR_COMMAND: EventType.MODE,
    EventName.RECONCILE_ADJUSTED: EventType.RISK,
    EventName.DAILY_BASELINE: EventType.RISK,
    EventName.LEDGER_CHECKPOINT: EventType.ACCOUNT,
    EventName.STORE_CREATED: EventType.STORE,
    EventName.STORE_REPAIRED: EventType.STORE,
    EventName.STORE_DROPPED: EventType.STORE,
    EventName.STORE_PRUNED: EventType.STORE,
    EventName.KEY_ROTATED: EventType.STORE,
}

# The documents' snake names where they are not the dotted name with an underscore in place of the dot.
_SNAKE_NAMES: Final[dict[EventName, str]] = {
    EventName.RISK_REJECTED: "order_rejected",
    EventName.TRADE_EXECUTED: "order_filled",
    EventName.FUNDING_ACCRUED: "funding",
    EventName.DAILY_LOSS_BREACH: "daily_loss_breach",
    EventName.LIQUIDATION_BUFFER_BREACH: "liquidation_buffer_breach",
    EventName.STALE_MARK_PRICE: "stale_mark_price",
}
SNAKE_NAME: Final[dict[EventName, str]] = {
    name: _SNAKE_NAMES.get(name, name.value.replace(".", "_")) for name in EventName
}

# The documents' bot ids and the types each of them covers; None is everything.
BOT_TYPES: Final[dict[str, frozenset[str] | None]] = {
    "risk_engine": frozenset({EventType.RISK, EventType.METRIC, EventType.MODE, EventType.ERROR}),
    "coinbase_perps": None,
}


# What `make_event` stamps on every event of a name: type, name and snake name as plain text, looked up once.
_STAMPS: Final[dict[EventName, tuple[str, str, str]]] = {
    name: (TYPE_OF[name].value, name.value, SNAKE_NAME[name]) for name in EventName
}


class Event(msgspec.Struct, frozen=True, gc=False):
    """One fact. Times are UNIX seconds UTC; money in the payload is a string holding a Decimal, never a float."""

    sequence: int  # 0 until written; then 1, 2, 3 … without gaps over all segments
    utc_time: float  # the machine's UTC clock, stamped by the caller
    market_time: float
    profile: str
    type: str
    event: str
    code: str
    cause_id: str
    decision_id: str
    config_hash: str
    payload: Payload


class Committed(msgspec.Struct, frozen=True, gc=False):
    """The event is on the disk and will be there after a power cut."""

    sequence: int


class CommitFailed(msgspec.Struct, frozen=True, gc=False):
    """The event is not known to be on the disk: what it announces must not happen. The store stays failed."""

    reason: str


Done = Callable[[Committed | CommitFailed], None]


class Journal(Protocol):
    """What actors need of a journal: the encrypted store on disk, or the one in memory for stage and backtest."""

    def append(self, event: Event) -> None:
        """Write behind the durable events. Never blocks; nothing is reported."""

    def commit(self, event: Event, done: Done) -> None:
        """Write durably, then call `done` once. Never blocks; on disk `done` runs on the writer's thread."""

    def replay(self, types: Collection[str] | None = None, *, since: str = "") -> Iterator[Event]:
        """Every written event in order, or those of `types`; with `since`, from the newest event of that name on."""

    def tail(self, bot_id: str, limit: int = 100, types: Collection[str] | None = None) -> list[Event]:
        """The newest events of a bot id, oldest first."""


def make_event(
    name: EventName,
    payload: Payload,
    *,
    utc_time: float,
    market_time: float,
    profile: str,
    code: str = "",
    cause_id: str = "",
    decision_id: str = "",
    config_hash: str = "",
) -> Event:
    """An event with type and snake name filled in from the catalogue."""
    kind, written, snake = _STAMPS[name]
    return Event(
        0,
        utc_time,
        market_time,
        profile,
        kind,
        written,
        code or snake,
        cause_id,
        decision_id,
        config_hash,
        payload,
    )


def wanted_types(bot_id: str, profile: str, types: Collection[str] | None) -> frozenset[str] | None:
    """The types a `tail` shall show: those of the bot id, narrowed to `types`; None is everything.

    A profile's own name is a bot id that covers everything. Raises ValueError for an unknown bot id.
    """
    if bot_id != profile and bot_id not in BOT_TYPES:
        raise ValueError(f"unknown bot id {bot_id!r}: use {', '.join(sorted(BOT_TYPES))} or the profile's name")
    covered = BOT_TYPES.get(bot_id)
    if types is None:
        return covered
    return frozenset(types) if covered is None else covered & frozenset(types)


_HARMLESS: Final = frozenset({str, int, bool, type(None)})
"""Types a look at which proves that no float hides inside."""
_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Event)


def encode(event: Event) -> bytes:
    """The event as JSON. Raises TypeError for a payload that holds a float or anything JSON has no form for."""
    values = event.payload.values()
    if not _HARMLESS.issuperset(map(type, values)):
        for value in values:
            _refuse_floats(value)
    return _encoder.encode(event)


def decode(body: bytes, sequence: int) -> Event:
    """The event written as `body` under `sequence`. Raises msgspec.DecodeError (a ValueError) for foreign bytes."""
    event = _decoder.decode(body)
    msgspec.structs.force_setattr(event, "sequence", sequence)
    return event


def _refuse_floats(value: object) -> None:
    """Floats lose money silently: 0.1 is not 0.1. So none enters the log, at any depth."""
    if isinstance(value, float):
        raise TypeError(f"float {value!r} in an event's payload: write money as a string of a Decimal, times as int ms")
    if isinstance(value, dict):
        for inner in value.values():
            _refuse_floats(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            _refuse_floats(inner)
