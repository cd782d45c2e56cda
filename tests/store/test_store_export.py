"""From the export alone positions, money and the day's result can be recomputed, and they are the ledger's."""

import csv
import io
import random
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from store_builders import DAY_S, NOON, Answers, intent, open_store

from trader.market.instrument import Instrument, ProductKind
from trader.orders.ledger import Ledger
from trader.orders.order import Fill, Side
from trader.store.events import Event, EventName, make_event
from trader.store.export import KINDS, write_csv, write_jsonl
from trader.store.payloads import BadPayload, fill_of, fill_payload

ZERO = Decimal(0)
D = Decimal
START_USD = D("10000")
INSTRUMENTS = {
    symbol: Instrument(symbol, symbol, kind, base, "USD", D("0.01"), D("0.0001"), D("0.0001"), D(100), D(1), contract)
    for symbol, kind, base, contract in [
        ("BTC-USD", ProductKind.SPOT, "BTC", D(1)),
        ("ETH-USD", ProductKind.SPOT, "ETH", D(1)),
        ("BIP-20DEC30-CDE", ProductKind.PERPETUAL, "BTC", D("0.01")),
    ]
}


def trading(seed: int, count: int = 300) -> tuple[Ledger, list[Event]]:
    """Two days of random fills and funding, booked by the real ledger and told as events."""
    choose = random.Random(seed)
    ledger, events = Ledger(INSTRUMENTS), list[Event]()
    ledger.set_wallet("USD", START_USD)
    for number in range(count):
        symbol, time_s = choose.choice(list(INSTRUMENTS)), NOON + number * DAY_S / count
        held = ledger.positions[symbol]
        if held.size and number % 7 == 0 and ledger.instruments[symbol].is_derivative:
            paid = D(choose.randrange(-500, 500)) / 1000
            ledger.pay_funding(symbol, paid)
            events.append(told(EventName.FUNDING_ACCRUED, {"symbol": symbol, "amount": str(paid)}, time_s))
            continue
        spot_exit = not ledger.instruments[symbol].is_derivative and choose.random() < 0.5 and held.size > 0
        side = Side.SELL if spot_exit or (ledger.instruments[symbol].is_derivative and number % 2) else Side.BUY
        size = min(held.size, D("0.7")) if spot_exit else D(choose.randrange(1, 9)) / 10
        price, fee = D(choose.randrange(90_000, 110_000)) / 100, D(choose.randrange(-3, 40)) / 100
        fill = Fill(f"t{number}", f"cb-{number}", f"o{number}", symbol, side, size, price, fee, time_s, "TAKER")
        effect = ledger.apply(fill)
        ledger.on_mark(symbol, price)
        payload = fill_payload(fill, contract_size=held.contract_size, realized_pnl=effect.realized_delta)
        events.append(told(EventName.TRADE_EXECUTED, payload, time_s))
    ledger.audit()
    return ledger, events


def told(name: EventName, payload: dict[str, str], time_s: float) -> Event:
    """An event of the canary."""
    return make_event(name, payload, utc_time=time_s, market_time=time_s, profile="canary")


def table(kind: str, events: Iterable[Event]) -> list[dict[str, str]]:
    """An exported table, read back as a spreadsheet would."""
    out = io.StringIO()
    count = write_csv(kind, events, out)
    rows = list(csv.DictReader(io.StringIO(out.getvalue())))
    assert len(rows) == count
    return [{name.removesuffix("_usd"): cell for name, cell in row.items()} for row in rows]


@pytest.mark.parametrize("seed", range(5))
def test_positions_and_equity_recomputed_from_the_fills_table_are_the_ledgers(seed: int, tmp_path: Path) -> None:
    """Through the encrypted store and back: sums of the table's columns alone give every position and the equity."""
    ledger, events = trading(seed)
    store, answers = open_store(tmp_path / "canary"), Answers()
    for event in events:
        store.commit(event, answers)
    answers.wait(len(events))
    fills, funding = table("fills", store.replay()), table("funding", store.replay())
    totals = {row["symbol"]: row for row in table("totals", store.replay())}
    store.close()
    equity = START_USD + sum((D(row["amount"]) for row in funding), ZERO)
    for symbol, held in ledger.positions.items():
        mine = [row for row in fills if row["symbol"] == symbol]
        sign = {"BUY": 1, "SELL": -1}
        size = sum((sign[row["side"]] * D(row["size"]) for row in mine), ZERO)
        cash = -sum((sign[row["side"]] * D(row["value"]) for row in mine), ZERO)
        fees = sum((D(row["fee"]) for row in mine), ZERO)
        assert (size, cash, fees) == (held.size, held.cash, held.fees)
        assert D(totals[symbol]["realized"]) == held.realized
        assert sum((D(row["realized_pnl"]) for row in mine), ZERO) == held.realized
        if mine:
            assert D(mine[-1]["position_after"]) == held.size
            assert D(mine[-1]["entry_after"]) == held.entry_price
        equity += cash - fees + size * ledger.marks.get(symbol, ZERO) * held.contract_size
    assert equity == ledger.equity
    explained = START_USD + D(totals["TOTAL"]["settled"])
    open_profit = sum((h.unrealized(ledger.marks[s]) for s, h in ledger.positions.items() if h.size), ZERO)
    assert explained + open_profit == ledger.equity


def test_the_days_result_recomputed_from_the_days_table_is_the_ledgers() -> None:
    """Each UTC day's settled result is the difference of the ledger's totals between its two midnights."""
    ledger, events = trading(seed=11)
    at_midnight = Ledger(INSTRUMENTS)
    for event in events:
        if event.market_time < NOON + DAY_S / 2 and event.event == EventName.TRADE_EXECUTED:
            at_midnight.apply(fill_of(event))
        elif event.market_time < NOON + DAY_S / 2:
            at_midnight.pay_funding(str(event.payload["symbol"]), D(str(event.payload["amount"])))
    days = {(row["day"], row["symbol"]): D(row["settled"]) for row in table("days", events)}
    assert {day for day, _ in days} == {"2024-10-04", "2024-10-05"}
    for symbol, held in ledger.positions.items():
        before = at_midnight.positions[symbol].settled
        assert days["2024-10-04", symbol] == before
        assert days["2024-10-05", symbol] == held.settled - before


@pytest.mark.parametrize("seed", range(5))
def test_the_tax_tables_gains_are_the_realized_result_after_fees_once_flat(seed: int) -> None:
    """First in first out, fees inside basis and proceeds: for a flat position the gains are the ledger's, exactly."""
    ledger, events = trading(seed)
    for number, (symbol, held) in enumerate(list(ledger.positions.items())):
        if held.size:
            side = Side.SELL if held.size > 0 else Side.BUY
            fill = Fill(
                f"x{number}", f"cx-{number}", "", symbol, side, abs(held.size), D("1000"), D("0.1"), NOON + DAY_S
            )
            effect = ledger.apply(fill)
            payload = fill_payload(fill, contract_size=held.contract_size, realized_pnl=effect.realized_delta)
            events.append(told(EventName.TRADE_EXECUTED, payload, NOON + DAY_S))
    rows = table("tax", events)
    for symbol, held in ledger.positions.items():
        mine = [row for row in rows if row["symbol"] == symbol]
        assert held.size == 0
        assert sum((D(row["gain"]) for row in mine), ZERO) == held.realized - held.fees
        assert all(D(row["gain"]) == D(row["proceeds"]) - D(row["cost_basis"]) for row in mine)
        assert all(row["acquired"] <= row["disposed"] for row in mine if row["direction"] == "long")


def test_one_purchase_sold_in_two_years_has_two_tax_rows_with_their_dates() -> None:
    """The worked example: 2 bought at 100 (fee 1), 0.5 sold at 120 (fee 0.6), 1.5 sold at 80 (fee 1.2) a year later."""
    year = 366 * DAY_S
    told_fills = [
        ("BUY", "2", "100", "1", 0.0),
        ("SELL", "0.5", "120", "0.6", DAY_S),
        ("SELL", "1.5", "80", "1.2", year),
    ]
    events = []
    for number, (side, size, price, fee, later) in enumerate(told_fills):
        fill = Fill(f"t{number}", "cb", "", "BTC-USD", Side(side), D(size), D(price), D(fee), NOON + later)
        events.append(
            told(EventName.TRADE_EXECUTED, fill_payload(fill, contract_size=D(1), realized_pnl=ZERO), NOON + later)
        )
    first, second = table("tax", events)
    assert (D(first["proceeds"]), D(first["cost_basis"]), D(first["gain"])) == (D("59.4"), D("50.25"), D("9.15"))
    assert (D(second["proceeds"]), D(second["cost_basis"])) == (D("118.8"), D("150.75"))
    assert (first["held_days"], second["held_days"]) == ("1", "366")


def test_each_order_has_one_row_with_its_last_state() -> None:
    """Intent, report and fills of one client order id are joined."""
    fill = Fill("t1", "cb-1", "v9", "BTC-USD", Side.BUY, D("0.001"), D("91000"), D("0.5"), NOON)
    report = {"client_order_id": "cb-1", "order_id": "v9", "symbol": "BTC-USD", "state": "FILLED"}
    events = [
        intent(1),
        told(EventName.TRADE_EXECUTED, fill_payload(fill, contract_size=D(1), realized_pnl=ZERO), NOON + 1),
        told(EventName.ORDER_REPORT, report, NOON + 2),
        intent(2),
    ]
    first, second = table("orders", events)
    assert (first["client_order_id"], second["client_order_id"]) == ("cb-1", "cb-2")
    assert (first["state"], first["filled"], first["fees_paid"]) == ("FILLED", "0.001", "0.5")
    assert (first["decision_id"], first["order_id"], first["last_event"]) == ("d-1", "v9", "order.report")
    assert second["filled"] == "0"


def test_decisions_carry_reason_and_detail_and_cannot_run_as_formulas() -> None:
    """Signals, intents and refusals in order; a text that a spreadsheet would execute is made harmless."""
    refused = {"symbol": "=cmd()", "side": "BUY", "size": "1", "reason": "MAX_POSITION"}
    rows = table("decisions", [intent(1), told(EventName.RISK_REJECTED, refused, NOON)])
    assert [row["code"] for row in rows] == ["order_intent", "order_rejected"]
    assert rows[1]["symbol"] == "'=cmd()"
    assert msgspec.json.decode(rows[1]["detail"])["reason"] == "MAX_POSITION"


def test_json_lines_hold_every_event_with_readable_times() -> None:
    """The audit form: one object a line, nothing left out."""
    out = io.StringIO()
    assert write_jsonl([intent(1), intent(2)], out) == 2
    lines = [msgspec.json.decode(line) for line in out.getvalue().splitlines()]
    assert lines[0]["utc_time"] == "2024-10-04T12:00:00.000Z"
    assert lines[1]["payload"]["client_order_id"] == "cb-2"


def test_an_event_without_its_numbers_stops_the_export() -> None:
    """A table that silently skips a fill would not tie."""
    broken = told(EventName.TRADE_EXECUTED, {"symbol": "BTC-USD", "side": "BUY", "size": "NaN"}, NOON)
    with pytest.raises(BadPayload, match=r"event 0 \(trade.executed\)"):
        table("fills", [broken])


def test_numbers_are_plain_and_headers_of_money_name_their_unit() -> None:
    """No exponent, no Python word, whichever way a number came into the log."""
    fill = Fill("t1", "cb-1", "v9", "BTC-USD", Side.BUY, D("1E-8"), D("91000"), D("0E-8"), NOON)
    filled = told(EventName.TRADE_EXECUTED, fill_payload(fill, contract_size=D(1), realized_pnl=ZERO), NOON)
    asked = make_event(
        EventName.ORDER_INTENT,
        {"client_order_id": "cb-1", "symbol": "BTC-USD", "size": "1E-8", "reduce_only": False},
        utc_time=NOON, market_time=NOON, profile="canary",
    )  # fmt: skip
    [row] = table("fills", [filled])
    assert (row["size"], row["fee"], row["value"]) == ("0.00000001", "0", "0.00091")
    [order] = table("orders", [asked])
    assert (order["size"], order["reduce_only"]) == ("0.00000001", "false")
    out = io.StringIO()
    write_csv("fills", [], out)
    assert {"value_usd", "fee_usd", "realized_pnl_usd", "realized_total_usd", "size"} <= set(
        out.getvalue().strip().split(",")
    )


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_table_of_an_empty_log_is_a_header(kind: str) -> None:
    """Nothing traded is an empty table (or a total of zeros), not an error."""
    rows = table(kind, [])
    assert rows == [] or rows[0]["realized"] == "0"
