"""The client against the embedded exchange: orders, account, feeds, polling, notebooks and the cold path, judged by its own ledger."""

from __future__ import annotations

import contextlib
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from conftest import LiveExchange
from msgspec.structs import replace

from trader.coinbase.cold import cancel_everything
from trader.coinbase.feed import MarketFeed, UserFeed
from trader.coinbase.notebook import stream_orderbook, stream_trades, stream_user_events
from trader.coinbase.polling import MarketPolling, UserPolling
from trader.coinbase.rest import CoinbaseVenue
from trader.coinbase.settings import FeedSettings
from trader.market.instrument import Instrument
from trader.market.quote import BookTop, Quote, Trade
from trader.orders.order import OrderReport, OrderState, OrderType, Side, TimeInForce
from trader.venue import Absent, FeedEvent, FeedHeartbeat, Found, InvalidSymbol, OrderRequest, Placed, Refused


@pytest.fixture(scope="module")
def venue(live: LiveExchange) -> Iterator[CoinbaseVenue]:
    """A client of the module's exchange, its market awake."""
    one = live.venue()
    one.instruments(["BTC-USD"])
    until(lambda: one.quotes(["BTC-USD"]))
    yield one
    one.close()


def until(ask: Callable[[], Any], seconds: float = 8.0) -> Any:
    """Poll until there is something true; its value."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := ask():
            return found
        time.sleep(0.02)
    raise AssertionError(f"nothing within {seconds} s")


def order(venue: CoinbaseVenue, *, away: str = "1.01", side: Side = Side.BUY, **changes: Any) -> OrderRequest:
    """An order for about a hundred dollars of BTC at `away` times the best price."""
    btc = venue.instruments(["BTC-USD"])[0]
    quote = venue.quotes(["BTC-USD"])[0]
    terms: dict[str, Any] = {
        "client_order_id": str(uuid.uuid4()),
        "product_id": btc.product_id,
        "symbol": btc.symbol,
        "side": side,
        "size": btc.round_size(Decimal(100) / quote.ask),
        "limit_price": btc.round_price(quote.ask * Decimal(away), buying=side is Side.BUY),
        "order_type": OrderType.MARKET,
        "time_in_force": TimeInForce.IOC,
    }
    return OrderRequest(**(terms | changes))


def resting(venue: CoinbaseVenue, **changes: Any) -> OrderRequest:
    """An order far below the market that stays."""
    return order(venue, away="0.9", order_type=OrderType.LIMIT, time_in_force=TimeInForce.GTC, **changes)


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


@contextlib.contextmanager
def listening(*feeds: Any) -> Iterator[list[Any]]:
    """Run feeds in threads; what they deliver."""
    items: list[Any] = []
    stop = threading.Event()
    workers = [threading.Thread(target=feed.run, args=(items.append, stop.is_set)) for feed in feeds]
    for worker in workers:
        worker.start()
    try:
        yield items
    finally:
        stop.set()
        for worker in workers:
            worker.join(5)
            assert not worker.is_alive()


def _of(items: list[Any], kind: type) -> list[Any]:
    return [item for item in list(items) if isinstance(item, kind)]


def test_both_feeds_tell_market_and_orders(venue: CoinbaseVenue, live: LiveExchange) -> None:
    """Quotes with volume, tops, heartbeats, trades, and every step of an order until it is filled."""
    products = venue.instruments(["BTC-USD", "ETH-USD"])
    market = MarketFeed(live.ws_url, live.credentials, products, FeedSettings(), emit_trades=True)
    user = UserFeed(live.ws_user_url, live.credentials, products, FeedSettings())
    with listening(market, user) as items:
        until(lambda: sum(event.up for event in _of(items, FeedEvent)) == 2)
        request = order(venue)
        venue.place(request)

        def states() -> list[OrderState]:
            told = _of(items, OrderReport)
            return [each.state for each in told if each.client_order_id == request.client_order_id]

        until(lambda: OrderState.FILLED in states())
        until(lambda: {"BTC-USD", "ETH-USD"} <= {quote.symbol for quote in _of(items, Quote) if quote.volume_1m_usd})
        until(lambda: len(_of(items, FeedHeartbeat)) > 2 and _of(items, BookTop) and _of(items, Trade))
        assert not [quote for quote in _of(items, Quote) if quote.tainted]
        assert not [event for event in _of(items, FeedEvent) if event.gap or not event.up]
        assert (market.counters.bad, market.counters.gaps, user.counters.bad) == (0, 0, 0)


def test_polling_tells_the_same_without_a_stream(venue: CoinbaseVenue, live: LiveExchange) -> None:
    """Slower and coarser, the same records."""
    products = venue.instruments(["BTC-USD"])
    with listening(MarketPolling(venue, products, 0.2), UserPolling(venue, 0.2)) as items:
        until(lambda: sum(event.up for event in _of(items, FeedEvent)) == 2)
        request = order(venue)
        venue.place(request)
        until(
            lambda: any(
                each.client_order_id == request.client_order_id and each.state is OrderState.FILLED
                for each in _of(items, OrderReport)
            )
        )
        quote = until(lambda: _of(items, Quote))[-1]
        assert quote.volume_1m_usd is not None
        assert quote.bid < quote.ask
        assert _of(items, BookTop)


def test_notebooks_iterate_over_the_streams(venue: CoinbaseVenue, live: LiveExchange) -> None:
    """Trades, both levels of the book, and the account's own events; closing ends their threads."""
    products: list[Instrument] = venue.instruments(["BTC-USD"])
    before = threading.active_count()
    trades = stream_trades(live.ws_url, live.credentials, products)
    assert isinstance(next(trades).price, Decimal)
    level_1 = stream_orderbook(live.ws_url, live.credentials, products, 1)
    assert isinstance(next(level_1), Quote)
    level_2 = stream_orderbook(live.ws_url, live.credentials, products, 2)
    assert isinstance(next(level_2), BookTop)
    events = stream_user_events(live.ws_user_url, live.credentials)
    first = next(events)
    assert isinstance(first, FeedEvent | OrderReport)
    for stream in (trades, level_1, level_2, events):
        stream.close()  # type: ignore[attr-defined]
    assert threading.active_count() <= before


def test_the_cold_path_empties_the_portfolio_and_proves_it(venue: CoinbaseVenue, live: LiveExchange) -> None:
    """More orders than one cancel may hold, the first gone within a second, whoever placed them."""
    request = resting(venue, size=Decimal("0.0001"))
    for _ in range(130):
        assert isinstance(venue.place(replace(request, client_order_id=str(uuid.uuid4()))), Placed)
    placed = len(venue.live_orders())
    gone_at: list[float] = []
    began = time.monotonic()

    def watch() -> None:
        until(lambda: len(venue.live_orders()) < placed)
        gone_at.append(time.monotonic() - began)

    watcher = threading.Thread(target=watch)
    watcher.start()
    result = cancel_everything(live.credentials, live.rest_url, 15.0)
    watcher.join(10)
    assert result.confirmed, result
    assert (result.cancelled, result.remaining) == (placed, 0)
    assert gone_at
    assert gone_at[0] < 1.0
    assert venue.live_orders() == []
