"""What any venue behind the port must do, whichever it is: the client on the exchange and the venue in the process alike."""

from __future__ import annotations

import time
import uuid
from decimal import Decimal
from typing import Any

import pytest
from contract_worlds import PERPETUAL, SPOT, World
from msgspec.structs import replace

from trader.orders.order import OrderReport, OrderState, OrderType, Side, TimeInForce
from trader.venue import Absent, Found, InvalidSymbol, OrderRequest, Placed, Refused

DEADLINE_S = 5.0


def order(world: World, symbol: str = SPOT, side: Side = Side.BUY, **changes: Any) -> OrderRequest:
    """An order that takes: immediate or cancel, at a price two percent through the market."""
    instrument = world.venue.instruments([symbol])[0]
    bid, ask, _ = world.touch(symbol)
    price = ask * Decimal("1.02") if side is Side.BUY else bid * Decimal("0.98")
    taking = OrderRequest(
        client_order_id=str(uuid.uuid4()),
        product_id=instrument.product_id,
        symbol=symbol,
        side=side,
        size=instrument.round_size(Decimal("0.002") if symbol == SPOT else Decimal(2)),
        limit_price=instrument.round_price(price, buying=side is Side.BUY),
        order_type=OrderType.MARKET,
        time_in_force=TimeInForce.IOC,
    )
    return replace(taking, **changes)


def resting(world: World, **changes: Any) -> OrderRequest:
    """A limit buy ten percent below the market."""
    instrument = world.venue.instruments([SPOT])[0]
    price = instrument.round_price(world.touch(SPOT)[0] * Decimal("0.9"), buying=True)
    terms: dict[str, Any] = {"order_type": OrderType.LIMIT, "time_in_force": TimeInForce.GTC, "limit_price": price}
    return order(world, **(terms | changes))


def placed(world: World, request: OrderRequest) -> str:
    """Place what must be accepted; the venue's id."""
    outcome = world.venue.place(request, DEADLINE_S)
    assert isinstance(outcome, Placed), outcome
    return outcome.order_id


def found(world: World, request: OrderRequest, order_id: str = "") -> OrderReport:
    """What the venue says of an order."""
    told = world.venue.find_order(request.client_order_id, order_id, request.symbol, world.venue.server_time() - 3600)
    assert isinstance(told, Found)
    assert told.report.client_order_id == request.client_order_id
    return told.report


def ended(world: World, request: OrderRequest, order_id: str, state: OrderState) -> OrderReport:
    """Wait for an order's last state; a cancel may take the venue a moment."""
    deadline = time.monotonic() + 5
    while (report := found(world, request, order_id)).state is not state:
        assert time.monotonic() < deadline, f"{report.state} instead of {state}"
        time.sleep(0.02)
    return report


def is_listed(world: World, request: OrderRequest) -> bool:
    """Whether the account shows the order as open."""
    account = world.venue.account([request.symbol], world.venue.server_time())
    return request.client_order_id in {report.client_order_id for report in account.open_orders}


def test_the_key_may_trade_and_not_transfer(world: World) -> None:
    """What start-up checks."""
    allowed = world.venue.permissions()
    assert (allowed.can_view, allowed.can_trade, allowed.can_transfer) == (True, True, False)


def test_unknown_symbols_are_named(world: World) -> None:
    """All known ones resolve, in order; one unknown is an error that names it."""
    assert [each.symbol for each in world.venue.instruments([PERPETUAL, SPOT])] == [PERPETUAL, SPOT]
    with pytest.raises(InvalidSymbol, match="NOPE-USD"):
        world.venue.instruments([SPOT, "NOPE-USD"])


def test_a_taking_order_fills_and_the_account_agrees(world: World) -> None:
    """Report, fills, coins and dollars, to the last digit."""
    since = world.venue.server_time()
    before = world.venue.account([SPOT], since)
    request = order(world)
    order_id = placed(world, request)
    report = ended(world, request, order_id, OrderState.FILLED)
    account = world.venue.account([SPOT], since)
    fills = [fill for fill in account.fills if fill.client_order_id == request.client_order_id]
    assert report.filled_size == request.size == sum(fill.size for fill in fills)
    assert report.filled_value == sum(fill.exact_value for fill in fills)
    assert report.fees == sum(fill.fee for fill in fills) > 0
    assert all(fill.order_id == order_id and fill.symbol == SPOT and fill.side is Side.BUY for fill in fills)
    assert account.complete
    assert account.balance("BTC").total - before.balance("BTC").total == request.size
    assert before.balance("USD").total - account.balance("USD").total == report.filled_value + report.fees


def test_fills_are_asked_for_from_a_moment_on(world: World) -> None:
    """An older fill is left out; the fee tier is always told."""
    placed(world, order(world))
    since = world.venue.server_time() + 0.001
    world.pass_time(since)
    request = order(world)
    placed(world, request)
    account = world.venue.account([SPOT], since)
    assert {fill.client_order_id for fill in account.fills} == {request.client_order_id}
    assert account.fees is not None
    assert account.fees.taker > account.fees.maker > 0


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "a price off the grid": ({"limit_price": Decimal("80000.001")}, "PRECISION"),
    "a size off the grid": ({"size": Decimal("0.0010000001")}, "PRECISION"),
    "a size below the least": ({"size": Decimal("0.000000001")}, "TOO_SMALL"),
    "more than the money": ({"size": Decimal(3000)}, "INSUFFICIENT_FUND"),
    "more coins than there are": ({"size": Decimal(3000), "side": Side.SELL}, "INSUFFICIENT_FUND"),
    "post-only that would trade": (
        {"order_type": OrderType.LIMIT, "time_in_force": TimeInForce.GTC, "post_only": True},
        "POST_ONLY",
    ),
}


@pytest.mark.parametrize(("changes", "word"), BAD.values(), ids=BAD)
def test_a_refusal_has_a_code_and_changes_nothing(world: World, changes: dict[str, Any], word: str) -> None:
    """Refused is an answer, not an error; wallets and lists are as they were."""
    before = world.venue.account([SPOT], world.venue.server_time())
    request = order(world, **changes)
    outcome = world.venue.place(request, DEADLINE_S)
    assert isinstance(outcome, Refused)
    assert word in outcome.code
    after = world.venue.account([SPOT], world.venue.server_time())
    assert (after.balances, after.open_orders) == (before.balances, before.open_orders)


@pytest.mark.parametrize("post_only", [False, True])
def test_a_resting_order_is_listed_until_it_is_cancelled(world: World, post_only: bool) -> None:
    """Open with its terms; asked to go; gone, and a second cancel says why not."""
    request = resting(world, post_only=post_only)
    order_id = placed(world, request)
    report = found(world, request)
    assert (report.state, report.order_id, report.filled_size) == (OrderState.OPEN, order_id, Decimal(0))
    assert (report.side, report.size, report.limit_price) == (Side.BUY, request.size, request.limit_price)
    assert is_listed(world, request)
    stranger = str(uuid.uuid4())
    answers = world.venue.cancel([stranger, order_id], DEADLINE_S)
    assert [(answer.order_id, answer.accepted) for answer in answers] == [(stranger, False), (order_id, True)]
    assert answers[0].reason
    assert ended(world, request, order_id, OrderState.CANCELLED).filled_size == 0
    assert not is_listed(world, request)
    again = world.venue.cancel([order_id], DEADLINE_S)[0]
    assert not again.accepted
    assert again.reason


def test_an_order_that_was_never_sent_is_absent(world: World) -> None:
    """And the moment of asking is this machine's, before the answer."""
    before = time.monotonic()
    told = world.venue.find_order(str(uuid.uuid4()), "", SPOT, world.venue.server_time() - 60)
    assert isinstance(told, Absent)
    assert before <= told.asked_at <= time.monotonic()


@pytest.mark.parametrize("kind", [resting, order], ids=["resting", "filled"])
def test_the_same_client_id_again_makes_no_second_order(world: World, kind: Any) -> None:
    """The answer names the first order (F-N04); coins move once."""
    since = world.venue.server_time()
    before = world.venue.account([SPOT], since).balance("BTC").total
    request = kind(world)
    order_id = placed(world, request)
    assert placed(world, request) == order_id
    account = world.venue.account([SPOT], since)
    mine = [report for report in account.open_orders if report.client_order_id == request.client_order_id]
    filled = sum(fill.size for fill in account.fills if fill.client_order_id == request.client_order_id)
    assert len(mine) == (1 if kind is resting else 0)
    assert account.balance("BTC").total - before == filled == (0 if kind is resting else request.size)
    world.venue.cancel([order_id], DEADLINE_S)


def _beyond_the_touch(world: World, **changes: Any) -> OrderRequest:
    """A buy at the best ask for three times what is offered there."""
    _, ask, size = world.touch(SPOT)
    return order(world, order_type=OrderType.LIMIT, limit_price=ask, size=3 * size, **changes)


def test_a_partly_filled_order_rests_with_the_rest(world: World) -> None:
    """It takes what is there and waits; a cancel leaves what was filled."""
    since = world.venue.server_time()
    request = _beyond_the_touch(world, time_in_force=TimeInForce.GTC)
    order_id = placed(world, request)
    report = found(world, request, order_id)
    assert report.state is OrderState.OPEN
    assert 0 < report.filled_size < request.size
    assert is_listed(world, request)
    assert world.venue.cancel([order_id], DEADLINE_S)[0].accepted
    last = ended(world, request, order_id, OrderState.CANCELLED)
    fills = [fill for fill in world.venue.account([SPOT], since).fills if fill.order_id == order_id]
    assert sum(fill.size for fill in fills) == last.filled_size >= report.filled_size


def test_what_immediate_or_cancel_does_not_get_is_cancelled(world: World) -> None:
    """At once, with the part it got."""
    request = _beyond_the_touch(world, time_in_force=TimeInForce.IOC)
    order_id = placed(world, request)
    assert 0 < ended(world, request, order_id, OrderState.CANCELLED).filled_size < request.size
    assert not is_listed(world, request)


def test_fill_or_kill_is_all_or_nothing(world: World) -> None:
    """More than is offered: nothing. What is offered: all of it."""
    request = _beyond_the_touch(world, time_in_force=TimeInForce.FOK)
    order_id = placed(world, request)
    assert ended(world, request, order_id, OrderState.CANCELLED).filled_size == 0
    request = order(world, order_type=OrderType.LIMIT, time_in_force=TimeInForce.FOK)
    assert ended(world, request, placed(world, request), OrderState.FILLED).filled_size == request.size


def test_an_order_with_an_end_expires(world: World) -> None:
    """Open before its time, EXPIRED after it, no longer listed, and nothing left to cancel."""
    end = world.venue.server_time() + 0.02
    request = resting(world, time_in_force=TimeInForce.GTD, end_time=end)
    order_id = placed(world, request)
    assert found(world, request, order_id).state is OrderState.OPEN
    world.pass_time(end)
    assert ended(world, request, order_id, OrderState.EXPIRED).filled_size == 0
    assert not is_listed(world, request)
    assert not world.venue.cancel([order_id], DEADLINE_S)[0].accepted


def test_a_derivative_is_netted_in_contracts(world: World) -> None:
    """A short is a negative position; buying more than it passes through zero; closing leaves none and only money moved."""
    since = world.venue.server_time()
    before = world.venue.account([PERPETUAL], since).balance("USD").total
    results, money = Decimal(0), before
    for side, size, position in ((Side.SELL, 3, -3), (Side.BUY, 5, 2), (Side.SELL, 2, 0)):
        request = order(world, PERPETUAL, side, size=Decimal(size))
        report = ended(world, request, placed(world, request), OrderState.FILLED)
        results -= side.sign * report.filled_value * Decimal("0.01") + report.fees
        account = world.venue.account([PERPETUAL], since)
        money = account.balance("USD").total
        assert {each.symbol: each.size for each in account.positions} == ({PERPETUAL: position} if position else {})
    assert abs(money - before - results) < Decimal("1e-8")
