"""The user handler and the REST records: the venue's words become cumulative reports and exact fills."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, strategies as st
from samples import decoded, raw, spot

from trader.coinbase.bodies import FILLS, ONE_ORDER
from trader.coinbase.frames import read_frame
from trader.coinbase.reports import STATES, fill_of, plain_value, report_of, state_of
from trader.coinbase.sequence import Order, Sighting
from trader.coinbase.user_frames import SNAPSHOT_BATCH, UserHandler
from trader.coinbase.wire import BadPayload
from trader.market.instrument import Instrument, ProductKind
from trader.orders.order import Order as OurOrder, OrderReport, OrderState, OrderType, Side, TimeInForce, merge

IN_ORDER = Sighting(Order.NEXT, 0)
CDE = spot(
    "BTC-PERP", "5", "1", product_id="BIP-20DEC30-CDE", kind=ProductKind.PERPETUAL, contract_size=Decimal("0.01")
)


def handler(*instruments: Instrument) -> UserHandler:
    """A handler on an open connection."""
    made = UserHandler(instruments or (spot(),))
    made.opened(0.0)
    return made


def reports(name: str) -> list[OrderReport]:
    """The reports of one documented frame."""
    items = handler().frame(read_frame(raw(name)), IN_ORDER, 0.0)  # type: ignore[arg-type]
    return [item for item in items if isinstance(item, OrderReport)]


LIFE = [
    ("ws_recv_user_update_pending", OrderState.PENDING, "0", "0"),
    ("ws_recv_user_update_open", OrderState.OPEN, "0", "0"),
    ("ws_recv_user_update_partial_fill", OrderState.OPEN, "0.004", "389"),
    ("ws_recv_user_update_filled", OrderState.FILLED, "0.01", "972.5"),
]


@pytest.mark.parametrize(("name", "state", "filled", "value"), LIFE)
def test_each_step_of_an_order_is_told_whole(name: str, state: OrderState, filled: str, value: str) -> None:
    """State, cumulative size and value; the size while it can be known."""
    (report,) = reports(name)
    assert (report.state, report.filled_size, report.filled_value) == (state, Decimal(filled), Decimal(value))
    assert report.size == Decimal("0.01")
    assert report.side is Side.BUY
    assert report.source == "user"


@given(st.lists(st.sampled_from([name for name, *_ in LIFE]), max_size=12))
def test_reports_joined_in_any_order_end_alike(names: list[str]) -> None:
    """Lost, repeated and swapped: the order ends in the most advanced state told, its fills summing to the cumulative size."""
    first = reports("ws_recv_user_update_pending")[0]
    order = OurOrder(
        first.client_order_id,
        "BTC-USD",
        "BTC-USD",
        Side.BUY,
        Decimal("0.01"),
        Decimal(97250),
        OrderType.LIMIT,
        TimeInForce.GTC,
        reduce_only=False,
        state=OrderState.SENT,
    )
    filled = fees = Decimal(0)
    for name in [*names, "ws_recv_user_update_filled", *names]:
        order, fill = merge(order, reports(name)[0], 0.0)
        if fill is not None:
            filled, fees = filled + fill.size, fees + fill.fee
    assert order.state is OrderState.FILLED
    assert (filled, fees) == (Decimal("0.01"), reports("ws_recv_user_update_filled")[0].fees)


def test_endings_carry_their_reason() -> None:
    """Cancelled, failed; a size told as zero rest is not taken for the order's size."""
    (cancelled,) = reports("ws_recv_user_update_cancelled")
    assert (cancelled.state, cancelled.reason, cancelled.size) == (OrderState.CANCELLED, "User requested cancel", None)
    (failed,) = reports("ws_recv_user_update_failed")
    assert (failed.state, failed.reason) == (OrderState.REJECTED, "HOLD_FAILURE")


def test_every_documented_status_has_a_state_and_others_are_unknown() -> None:
    """The table is complete, and a new word is data."""
    documented = [
        "PENDING",
        "OPEN",
        "FILLED",
        "CANCELLED",
        "EXPIRED",
        "FAILED",
        "QUEUED",
        "CANCEL_QUEUED",
        "EDIT_QUEUED",
    ]
    assert set(documented) == set(STATES)
    assert state_of("UNKNOWN_ORDER_STATUS") is OrderState.UNKNOWN
    assert state_of("LEVITATING") is OrderState.UNKNOWN


def _batch(count: int, kind: str = "snapshot") -> Any:
    order = decoded("ws_recv_user_update_open")["events"][0]["orders"][0]
    events = [{"type": kind, "orders": [order | {"order_id": f"o-{n}"} for n in range(count)]}]
    text = {"channel": "user", "timestamp": "2026-11-20T19:00:00Z", "sequence_num": 1, "events": events}
    return read_frame(json.dumps(text).encode())


@pytest.mark.parametrize(
    ("batches", "ready"), [([0], True), ([3], True), ([50], False), ([50, 50, 0], True), ([50, 7], True)]
)
def test_the_first_batch_shorter_than_fifty_ends_the_snapshot(batches: list[int], ready: bool) -> None:
    """Also the empty one; updates in between do not count (F-W09)."""
    made, told = handler(), 0
    for count in batches:
        told += len(made.frame(_batch(count), IN_ORDER, 0.0))
        if count == SNAPSHOT_BATCH:
            made.frame(_batch(1, "update"), IN_ORDER, 0.0)
            assert not made.is_ready()
    assert made.is_ready() is ready
    assert told == sum(batches)
    made.opened(1.0)
    assert not made.is_ready()


@pytest.mark.parametrize("order", list(Order))
def test_user_events_are_never_dropped(order: Order) -> None:
    """Late or repeated, the report is cumulative."""
    items = handler().frame(read_frame(raw("ws_recv_user_update_filled")), Sighting(order, 9), 0.0)  # type: ignore[arg-type]
    assert len(items) == 1


def test_an_order_without_id_is_bad() -> None:
    """Nothing can be said about it."""
    text = raw("ws_recv_user_update_open").replace(b"3c7e4fa1-2d85-4fa0-a144-506f7e8d9cab", b"")
    with pytest.raises(BadPayload):
        handler().frame(read_frame(text), IN_ORDER, 0.0)  # type: ignore[arg-type]


def test_older_frames_without_a_filled_value_are_valued_by_their_average() -> None:
    """Captures before 2024 lack the field."""
    frame = decoded("ws_recv_user_update_partial_fill")
    del frame["events"][0]["orders"][0]["filled_value"]
    (report,) = handler().frame(read_frame(json.dumps(frame).encode()), IN_ORDER, 0.0)  # type: ignore[arg-type]
    assert isinstance(report, OrderReport)
    assert report.filled_value == Decimal(389)


@given(st.integers(1, 1000), st.integers(1, 200_000))
def test_a_futures_value_is_price_times_contracts_whichever_way_it_is_told(contracts: int, price: int) -> None:
    """With or without the contract size inside, ours is without."""
    size, average, contract = Decimal(contracts), Decimal(price), Decimal("0.01")
    plain = size * average
    assert plain_value(plain, average, size, contract) == plain
    assert plain_value(plain * contract, average, size, contract) == plain
    assert plain_value(Decimal(5), Decimal(5), Decimal(1), Decimal(1)) == 5


REST_ORDERS = {
    "rest_get_order_open": OrderState.OPEN,
    "rest_get_order_partially_filled": OrderState.OPEN,
    "rest_get_order_filled_market": OrderState.FILLED,
    "rest_get_order_cancelled": OrderState.CANCELLED,
    "rest_get_order_expired": OrderState.EXPIRED,
    "rest_get_order_failed": OrderState.REJECTED,
    "rest_get_order_stop_pending": OrderState.OPEN,
    "rest_get_order_perp_open": OrderState.OPEN,
}


@pytest.mark.parametrize("name", REST_ORDERS)
def test_rest_records_become_the_same_reports(name: str) -> None:
    """State, sizes, times of the documented records."""
    record = ONE_ORDER.read(raw(name)).order
    told = decoded(name)["order"]
    report = report_of(record, "rest", {"BTC-USD": spot()}.get)
    assert report.state is REST_ORDERS[name]
    assert report.filled_size == Decimal(told["filled_size"])
    assert report.filled_value == Decimal(told["filled_value"])
    assert report.created_at > 0
    assert bool(report.reason) == (REST_ORDERS[name] in {OrderState.CANCELLED, OrderState.EXPIRED, OrderState.REJECTED})


def test_fills_are_exact_and_a_quote_sized_one_is_turned_into_base() -> None:
    """Entry id, side, price, fee; `size_in_quote` divides."""
    fills = [fill_of(record, "c", {"BTC-USD": spot()}.get) for record in FILLS.read(raw("rest_get_fills")).fills]
    told = decoded("rest_get_fills")["fills"]
    assert [each.fill_id for each in fills] == [each["entry_id"] for each in told]
    assert [each.fee for each in fills] == [Decimal(each["commission"]) for each in told]
    assert fills[1].liquidity == "MAKER"
    in_quote = FILLS.read(raw("rest_get_fills_size_in_quote")).fills[0]
    assert in_quote.size_in_quote
    assert fill_of(in_quote, "", lambda _: None).size == in_quote.size.needed / in_quote.price.needed


def test_a_futures_order_is_told_under_our_name() -> None:
    """BIP-20DEC30-CDE is BTC-PERP here; what we do not trade keeps the venue's id."""
    order = decoded("ws_recv_user_update_filled")["events"][0]["orders"][0]
    order |= {"product_id": CDE.product_id, "cumulative_quantity": "3", "avg_price": "97000", "filled_value": "2910"}
    events = [{"type": "update", "orders": [order, order | {"product_id": "XYZ-USD", "order_id": "o-2"}]}]
    text = {"channel": "user", "timestamp": "2026-11-20T19:00:00Z", "sequence_num": 1, "events": events}
    ours, strange = handler(CDE).frame(read_frame(json.dumps(text).encode()), IN_ORDER, 0.0)  # type: ignore[arg-type]
    assert isinstance(ours, OrderReport)
    assert isinstance(strange, OrderReport)
    assert (ours.symbol, ours.filled_value) == ("BTC-PERP", Decimal(291_000))
    assert strange.symbol == "XYZ-USD"
