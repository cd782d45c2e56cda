"""Readable views folded from the events: risk_events.json and orders/ (last_state.json is the status's, see report/).

report/, actors/ and the export import this. Views are caches for people and scripts: they may be deleted, and nothing
ever reads them back. Fold and files belong to one thread.
"""

import datetime as dt
from collections import deque
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import msgspec

from trader.orders.position import Position, apply_fill
from trader.store.atomic import private_folder, write_atomically
from trader.store.events import Event, EventName, EventType
from trader.store.payloads import fill_of, money, text

RISK_EVENTS_KEPT: Final = 500
_RISK_TYPES: Final = frozenset({EventType.RISK.value, EventType.MODE.value})
_RISK_NAMES: Final = frozenset(
    {EventName.DAILY_LOSS_BREACH, EventName.LIQUIDATION_BUFFER_BREACH, EventName.STALE_MARK_PRICE}
)
_ORDER_NAMES: Final = frozenset(
    {EventName.ORDER_INTENT, EventName.ORDER_OUTCOME, EventName.ORDER_REPORT, EventName.ORDER_CANCEL}
)


class Positions:
    """Positions of the bot, from its own fills and funding alone, with the ledger's own arithmetic."""

    def __init__(self) -> None:
        self.by_symbol: dict[str, Position] = {}

    def apply(self, event: Event) -> None:
        """Book one event; others are ignored. Raises BadPayload."""
        if event.event == EventName.TRADE_EXECUTED:
            symbol = text(event, "symbol")
            held = self.by_symbol.get(symbol) or Position(symbol, money(event, "contract_size", Decimal(1)))
            self.by_symbol[symbol] = apply_fill(held, fill_of(event)).position
        elif event.event == EventName.FUNDING_ACCRUED:
            symbol = text(event, "symbol")
            held = self.by_symbol.get(symbol) or Position(symbol)
            funding = held.funding + money(event, "amount")
            self.by_symbol[symbol] = msgspec.structs.replace(held, funding=funding)

    @property
    def flat(self) -> bool:
        """Whether nothing is open."""
        return not any(position.size for position in self.by_symbol.values())


class Projections:
    """Folds events and refreshes the files that changed. Feed it a replay first: files of today are written anew."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._risk_events: deque[dict[str, Any]] = deque(maxlen=RISK_EVENTS_KEPT)
        self._orders: dict[str, dict[str, dict[str, Any]]] = {}  # UTC day -> client order id -> order
        self._day_of_order: dict[str, str] = {}
        self._changed_days: set[str] = set()
        self._risk_changed = False
        self._appliers: dict[str, Callable[[Event], None]] = {
            EventName.TRADE_EXECUTED: self._order,
            **dict.fromkeys(_ORDER_NAMES, self._order),
        }

    def apply(self, event: Event) -> None:
        """Fold one event. Raises BadPayload for an event whose payload lacks what its name promises."""
        apply = self._appliers.get(event.event)
        if apply is not None:
            apply(event)
        if event.type in _RISK_TYPES or event.event in _RISK_NAMES:
            self._risk_events.append(readable(event))
            self._risk_changed = True

    def write(self) -> None:
        """Replace the files whose contents changed since the last call. Raises OSError."""
        private_folder(self._folder)
        if self._risk_changed:
            _write_json(self._folder / "risk_events.json", list(self._risk_events))
            self._risk_changed = False
        while self._changed_days:
            day = self._changed_days.pop()
            private_folder(self._folder / "orders")
            _write_json(self._folder / "orders" / f"{day}.json", list(self._orders[day].values()))
        self._forget_old_days()

    def _order(self, event: Event) -> None:
        """An order stays in the file of the day it was decided on."""
        client_order_id = text(event, "client_order_id")
        day = self._day_of_order.setdefault(client_order_id, utc_text(event.utc_time)[:10])
        order = self._orders.setdefault(day, {}).setdefault(client_order_id, {"fills": []})
        if event.event == EventName.TRADE_EXECUTED:
            order["fills"].append(dict(event.payload))
        else:
            order.update(event.payload)
        order.update(last_event=event.event, last_utc_time=utc_text(event.utc_time))
        self._changed_days.add(day)

    def _forget_old_days(self) -> None:
        """Two days stay in memory; an older file is finished, but for orders that are still worked on."""
        for day in sorted(self._orders)[:-2]:
            for client_order_id in self._orders.pop(day):
                del self._day_of_order[client_order_id]


def readable(event: Event) -> dict[str, Any]:
    """An event as a flat JSON object with readable times, for files and exports."""
    fields = msgspec.structs.asdict(event)
    return {**fields, "utc_time": utc_text(event.utc_time), "market_time": utc_text(event.market_time)}


def utc_text(unix_s: float) -> str:
    """UNIX seconds as ISO 8601 in UTC with milliseconds and a Z."""
    moment = dt.datetime.fromtimestamp(unix_s, dt.UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _write_json(path: Path, content: object) -> None:
    write_atomically(path, msgspec.json.format(msgspec.json.encode(content), indent=1) + b"\n")
