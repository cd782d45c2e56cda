"""Export of the decrypted log: JSON lines, and CSV tables whose totals tie to the ledger.

Only commands.py and report/ import this.

Everything is written to a stream as it is read; nothing is kept on disk by this module. All tables use the ledger's own
arithmetic (trader/orders/position.py), so that "realized" in a table is "realized" on the screen.
"""

import csv
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from typing import Any, Final, TextIO

import msgspec

from trader.orders.position import Position, apply_fill
from trader.store.dead_letters import COLUMNS as DEAD_LETTER_COLUMNS, dead_letters
from trader.store.events import Event, EventName
from trader.store.payloads import fill_of, money, text
from trader.store.projections import Positions, readable, utc_text
from trader.store.taxlots import TAX_COLUMNS, TaxLots

ZERO: Final = Decimal(0)
Row = dict[str, Any]


def write_jsonl(events: Iterable[Event], out: TextIO) -> int:
    """One JSON object a line, in order; returns how many."""
    count = 0
    for count, event in enumerate(events, 1):  # noqa: B007  the last value is the answer
        out.write(msgspec.json.encode(readable(event)).decode() + "\n")
    return count


def write_csv(kind: str, events: Iterable[Event], out: TextIO) -> int:
    """One table, of `KINDS`, with a header; returns its rows. Raises BadPayload, KeyError for an unknown kind."""
    columns, rows = KINDS[kind]
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(f"{column}_usd" if column in _USD else column for column in columns)
    count = 0
    for count, row in enumerate(rows(events), 1):  # noqa: B007  the last value is the answer
        writer.writerow(_cell(column, row.get(column, "")) for column in columns)
    return count


def _cell(column: str, cell: object) -> object:
    """Digits without an exponent, true and false, and no text that a spreadsheet would run as a formula."""
    if column in _NUMBERS and isinstance(cell, str) and "E" in cell:
        cell = Decimal(cell)  # a payload holds its numbers as text
    if isinstance(cell, Decimal):
        digits = f"{cell:f}" if cell else "0"
        return digits.rstrip("0").rstrip(".") if "." in digits else digits
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, str) and cell[:1] in {"=", "@", "+", "\t", "\r"}:
        return "'" + cell
    return cell


def fills(events: Iterable[Event]) -> Iterator[Row]:
    """One row a fill, with the position and the money it left. `cash` is minus for buying, fees not included."""
    positions = Positions()
    for event in events:
        before = positions.by_symbol.get(str(event.payload.get("symbol")))
        positions.apply(event)
        if event.event != EventName.TRADE_EXECUTED:
            continue
        fill, held = fill_of(event), positions.by_symbol[text(event, "symbol")]
        yield {
            **_stamp(event),
            **{field: getattr(fill, field) for field in ("symbol", "size", "price", "fee", "liquidity")},
            "side": fill.side.value,
            "value": fill.exact_value * held.contract_size,
            "contract_size": held.contract_size,
            "trade_id": fill.fill_id,
            "order_id": fill.order_id,
            "client_order_id": fill.client_order_id,
            "realized_pnl": held.realized - (before.realized if before else ZERO),
            "position_after": held.size,
            "entry_after": held.entry_price,
            "realized_total": held.realized,
        }


def fees(events: Iterable[Event]) -> Iterator[Row]:
    """One row a fee, with the running total of its symbol. A negative fee is a rebate."""
    totals: dict[str, Decimal] = {}
    for event in events:
        if event.event == EventName.TRADE_EXECUTED:
            symbol, fee = text(event, "symbol"), money(event, "fee")
            totals[symbol] = totals.get(symbol, ZERO) + fee
            liquidity = event.payload.get("liquidity", "")
            yield {**_stamp(event), "symbol": symbol, "trade_id": text(event, "trade_id"), "fee": fee} | {
                "liquidity": liquidity,
                "fees_total": totals[symbol],
            }


def funding(events: Iterable[Event]) -> Iterator[Row]:
    """One row a funding payment (positive was received), with the running total of its symbol."""
    totals: dict[str, Decimal] = {}
    for event in events:
        if event.event == EventName.FUNDING_ACCRUED:
            symbol, paid = text(event, "symbol"), money(event, "amount")
            totals[symbol] = totals.get(symbol, ZERO) + paid
            yield {**_stamp(event), "symbol": symbol, "amount": paid, "funding_total": totals[symbol]}


def orders(events: Iterable[Event]) -> Iterator[Row]:
    """One row an order, in the order they were decided, with the last that is known of it."""
    known: dict[str, Row] = {}
    for event in events:
        if event.event not in _ORDER_EVENTS:
            continue
        row = known.setdefault(text(event, "client_order_id"), {**_stamp(event), "filled": ZERO, "fees_paid": ZERO})
        row["decision_id"] = event.decision_id or row.get("decision_id", "")
        if event.event == EventName.TRADE_EXECUTED:
            row["filled"] += money(event, "size")
            row["fees_paid"] += money(event, "fee")
            row["symbol"], row["side"] = event.payload["symbol"], event.payload["side"]
        else:
            row.update(
                {key: value for key, value in event.payload.items() if key in ORDER_COLUMNS and value is not None}
            )
        row["last_event"], row["last_utc_time"] = event.event, utc_text(event.utc_time)
    yield from known.values()


def decisions(events: Iterable[Event]) -> Iterator[Row]:
    """One row a decision: signals, intents and refusals, each with its reason code and what it was decided on."""
    for event in events:
        if event.event in _DECISION_EVENTS:
            yield {
                **_stamp(event),
                "symbol": event.payload.get("symbol", ""),
                "event": event.event,
                "code": event.code,
                "decision_id": event.decision_id,
                "cause_id": event.cause_id,
                "config_hash": event.config_hash,
                "detail": msgspec.json.encode(event.payload).decode(),
            }


def tax(events: Iterable[Event]) -> Iterator[Row]:
    """One row a disposal of a lot, first in first out; fees are part of basis and proceeds."""
    lots = TaxLots()
    for event in events:
        if event.event == EventName.TRADE_EXECUTED:
            yield from lots.book(fill_of(event), money(event, "contract_size", Decimal(1)))


def totals(events: Iterable[Event]) -> Iterator[Row]:
    """One row a symbol and one for all: the figures of the ledger, and the equity change they explain.

    `settled` = realized + funding - fees; at a mark, equity has changed by settled + position x mark - cost.
    """
    positions = Positions()
    for event in events:
        positions.apply(event)
    everything = [_total_row(held) for _, held in sorted(positions.by_symbol.items())]
    yield from everything
    money_columns = ("cash", "realized", "fees", "funding", "settled", "open_cost")
    yield {"symbol": "TOTAL", **{name: sum((row[name] for row in everything), ZERO) for name in money_columns}}


def days(events: Iterable[Event]) -> Iterator[Row]:
    """One row a UTC day of the market's clock and symbol: realized, fees and funding of that day alone."""
    held: dict[str, Position] = {}
    rows: dict[tuple[str, str], Row] = {}
    for event in events:
        if event.event not in {EventName.TRADE_EXECUTED, EventName.FUNDING_ACCRUED}:
            continue
        symbol, day = text(event, "symbol"), utc_text(event.market_time)[:10]
        row = rows.setdefault((day, symbol), {"day": day, "symbol": symbol} | dict.fromkeys(_DAY_SUMS, ZERO))
        if event.event == EventName.FUNDING_ACCRUED:
            row["funding"] += money(event, "amount")
        else:
            before = held.get(symbol) or Position(symbol, money(event, "contract_size", Decimal(1)))
            effect = apply_fill(before, fill_of(event))
            held[symbol] = effect.position
            row["fills"] += 1
            row["realized"] += effect.realized_delta
            row["fees"] += money(event, "fee")
        row["settled"] = row["realized"] + row["funding"] - row["fees"]
    yield from (rows[key] for key in sorted(rows))


def _total_row(held: Position) -> Row:
    return {
        "symbol": held.symbol,
        "position": held.size,
        "entry_price": held.entry_price,
        "contract_size": held.contract_size,
        "cash": held.cash,
        "realized": held.realized,
        "fees": held.fees,
        "funding": held.funding,
        "settled": held.settled,
        "open_cost": held.cost,
    }


def _stamp(event: Event) -> Row:
    return {"sequence": event.sequence, "utc_time": utc_text(event.utc_time)}


_USD: Final = frozenset(
    {"value", "fee", "fees_paid", "fees_total", "fees", "amount", "funding", "funding_total", "cash", "realized"}
    | {"realized_pnl", "realized_total", "settled", "open_cost", "proceeds", "cost_basis", "gain"}
)
"""Columns of money: their header ends with its unit."""
_NUMBERS: Final = frozenset({"size", "price"})
_STAMP: Final = ("sequence", "utc_time")
_DAY_SUMS: Final = ("fills", "realized", "fees", "funding", "settled")
_ORDER_EVENTS: Final = frozenset(
    {EventName.ORDER_INTENT, EventName.ORDER_OUTCOME, EventName.ORDER_REPORT, EventName.ORDER_CANCEL}
    | {EventName.TRADE_EXECUTED}
)
_DECISION_EVENTS: Final = frozenset({EventName.STRATEGY_SIGNAL, EventName.ORDER_INTENT, EventName.RISK_REJECTED})
ORDER_COLUMNS: Final = (
    *_STAMP,
    "client_order_id",
    "order_id",
    "decision_id",
    "symbol",
    "side",
    "size",
    "price",
    "order_type",
    "time_in_force",
    "reduce_only",
    "reason",
    "outcome",
    "state",
    "filled",
    "fees_paid",
    "last_event",
    "last_utc_time",
)
_FILL_COLUMNS: Final = (
    *(*_STAMP, "symbol", "side", "size", "price", "value", "contract_size", "fee", "liquidity", "trade_id", "order_id"),
    *("client_order_id", "realized_pnl", "position_after", "entry_after", "realized_total"),
)
_TOTAL_COLUMNS: Final = (
    *("symbol", "position", "entry_price", "contract_size", "cash", "realized", "fees", "funding", "settled"),
    "open_cost",
)
KINDS: Final[dict[str, tuple[tuple[str, ...], Callable[[Iterable[Event]], Iterator[Row]]]]] = {
    "fills": (_FILL_COLUMNS, fills),
    "orders": (ORDER_COLUMNS, orders),
    "fees": ((*_STAMP, "symbol", "trade_id", "fee", "liquidity", "fees_total"), fees),
    "funding": ((*_STAMP, "symbol", "amount", "funding_total"), funding),
    "decisions": ((*_STAMP, "symbol", "event", "code", "decision_id", "cause_id", "config_hash", "detail"), decisions),
    "tax": (TAX_COLUMNS, tax),
    "totals": (_TOTAL_COLUMNS, totals),
    "days": (("day", "symbol", *_DAY_SUMS), days),
    "dead-letters": (DEAD_LETTER_COLUMNS, dead_letters),
}
