"""The client against the embedded exchange: orders, account and history, judged by its own ledger."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from decimal import Decimal

import pytest
from live_exchange import LiveExchange
from venue_world import order, resting, until

from trader.coinbase.rest import CoinbaseVenue
from trader.orders.order import OrderReport, OrderState, OrderType, TimeInForce
from trader.venue import Absent, Found, InvalidSymbol, OrderRequest, Placed, Refused


@pytest.fixture(scope="module")
def venue(live: LiveExchange) -> Iterator[CoinbaseVenue]:
    """A client of the module's exchange, its market awake."""
    one = live.venue()
    one.instruments(["BTC-USD"])
    until(lambda: one.quotes(["BTC-USD"]))
    yield one
    one.close()


def test_the_key_may_trade_and_not_transfer(venue: CoinbaseVenue) -> None:
    """What start-up checks."""
    allowed = venue.permissions()
    assert (allowed.can_view, allowed.can_trade, allowed.can_transfer) == (True, True, False)
    assert allowed.portfolio_id


def test_names_resolve_and_unknown_ones_are_named(venue: CoinbaseVenue) -> None:
    """The perpetual's name becomes spot while derivatives are off."""
    found = venue.instruments(["BTC-USD", "BTC-PERP"])
    assert [each.symbol for each in found] == ["BTC-USD", "BTC-USD"]
    with pytest.raises(InvalidSymbol, match="NOPE-USD"):
        venue.instruments(["BTC-USD", "NOPE-USD"])


def test_a_market_order_fills_and_everything_agrees(venue: CoinbaseVenue, live: LiveExchange) -> None:
    """Order, fills, balance and the exchange's own ledger, to the last digit."""
    since = venue.server_time()
    before = venue.account(["BTC-USD"], since).balance("BTC").total
    request = order(venue)
    placed = venue.place(request)
    assert isinstance(placed, Placed)
    found = until(lambda: _filled(venue, request, placed.order_id, since))
    assert found.filled_size == request.size
    account = venue.account(["BTC-USD"], since - 1)
    fills = [fill for fill in account.fills if fill.client_order_id == request.client_order_id]
    assert sum(fill.size for fill in fills) == found.filled_size
    assert sum(fill.size * fill.price for fill in fills) == found.filled_value
    assert sum(fill.fee for fill in fills) == found.fees
    assert account.balance("BTC").total - before == request.size
    assert account.complete
    assert account.fees is not None
    assert account.fees.taker > account.fees.maker > 0
    assert request.client_order_id in str(live.ledger())


def _filled(venue: CoinbaseVenue, request: OrderRequest, order_id: str, since: float) -> OrderReport | None:
    found = venue.find_order(request.client_order_id, order_id, "BTC-USD", since)
    return found.report if isinstance(found, Found) and found.report.state is OrderState.FILLED else None


def test_a_resting_order_is_listed_held_and_cancelled(venue: CoinbaseVenue) -> None:
    """Post-only and good till a date, as entries go out."""
    since = venue.server_time()
    request = order(
        venue,
        away="0.9",
        order_type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTD,
        end_time=since + 600,
        post_only=True,
    )
    placed = venue.place(request)
    assert isinstance(placed, Placed)
    account = venue.account(["BTC-USD"], since)
    report = next(each for each in account.open_orders if each.client_order_id == request.client_order_id)
    assert (report.state, report.size, report.limit_price) == (OrderState.OPEN, request.size, request.limit_price)
    assert account.balance("USD").hold > 0
    accepted, unknown = venue.cancel([placed.order_id, str(uuid.uuid4())])
    assert accepted.accepted
    assert not unknown.accepted
    assert unknown.reason
    until(lambda: all(each.order_id != placed.order_id for each in venue.live_orders()))
    found = venue.find_order(request.client_order_id, "", "BTC-USD", since)
    assert isinstance(found, Found)
    assert found.report.state is OrderState.CANCELLED


def test_refusals_name_their_reason_and_absent_orders_are_absent(venue: CoinbaseVenue) -> None:
    """Off the grid, too expensive, never sent."""
    off_grid = venue.place(resting(venue, limit_price=Decimal("1000.001")))
    assert isinstance(off_grid, Refused)
    assert off_grid.code == "INVALID_PRICE_PRECISION"
    too_much = venue.place(resting(venue, size=Decimal(500)))
    assert isinstance(too_much, Refused)
    assert "INSUFFICIENT" in too_much.code
    assert isinstance(venue.find_order(str(uuid.uuid4()), "", "BTC-USD", venue.server_time()), Absent)


def test_the_same_client_id_again_is_the_same_order(venue: CoinbaseVenue) -> None:
    """After NotSent the same id may go out again without making two orders (F-N04)."""
    request = resting(venue)
    first, second = venue.place(request), venue.place(request)
    assert isinstance(first, Placed)
    assert first == second
    assert sum(each.client_order_id == request.client_order_id for each in venue.live_orders()) == 1
    venue.cancel([first.order_id])


def test_an_order_is_changed_in_place(venue: CoinbaseVenue) -> None:
    """Edit keeps the id."""
    request = resting(venue)
    placed = venue.place(request)
    assert isinstance(placed, Placed)
    edited = venue.edit(placed.order_id, request.limit_price - 10, request.size * 2)
    assert edited.success, edited.errors
    found = venue.find_order(request.client_order_id, placed.order_id, "BTC-USD", 0.0)
    assert isinstance(found, Found)
    venue.cancel([placed.order_id])


def test_a_preview_creates_nothing(venue: CoinbaseVenue) -> None:
    """Its total is near the notional; no order appears."""
    request = resting(venue)
    preview = venue.preview(request)
    assert preview.errs == []
    assert preview.order_total.needed > 0
    assert all(each.client_order_id != request.client_order_id for each in venue.live_orders())


def test_history_is_oldest_first_and_whole(venue: CoinbaseVenue) -> None:
    """More candles than one request may hold; closed ones only."""
    now = venue.server_time()
    candles = venue.candles("BTC-USD", now - 500 * 60, now, 60)
    starts = [candle.start for candle in candles]
    assert starts == sorted(set(starts))
    assert all(candle.low <= min(candle.open, candle.close) <= candle.high for candle in candles)
    assert all(candle.start + 60 <= now for candle in candles)
    trades = venue.trades("BTC-USD", 50)
    assert [trade.market_time for trade in trades] == sorted(trade.market_time for trade in trades)


def test_backfill_finds_what_happened_since_the_watermark(venue: CoinbaseVenue) -> None:
    """Orders of any end and their fills; the new watermark is not older."""
    watermark = venue.server_time()
    request = order(venue)
    placed = venue.place(request)
    assert isinstance(placed, Placed)
    until(lambda: _filled(venue, request, placed.order_id, watermark))
    found = venue.backfill(watermark)
    assert request.client_order_id in {report.client_order_id for report in found.reports}
    assert request.client_order_id in {fill.client_order_id for fill in found.fills}
    assert found.watermark >= watermark


def test_a_fresh_client_names_the_orders_of_old_fills(venue: CoinbaseVenue, live: LiveExchange) -> None:
    """After a restart nothing is remembered: the orders of the fills are read."""
    since = venue.server_time()
    request = order(venue)
    assert isinstance(venue.place(request), Placed)
    until(lambda: any(fill.client_order_id == request.client_order_id for fill in venue.backfill(since).fills))
    fresh = live.venue()
    try:
        assert request.client_order_id in {fill.client_order_id for fill in fresh.account(["BTC-USD"], since - 1).fills}
    finally:
        fresh.close()
