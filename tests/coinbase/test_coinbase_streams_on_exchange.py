"""Feeds, polling, notebooks and the cold path against the embedded exchange."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator
from decimal import Decimal

import pytest
from live_exchange import LiveExchange
from msgspec.structs import replace
from venue_world import listening, of, order, resting, until

from trader.coinbase.cold import cancel_everything
from trader.coinbase.feed import MarketFeed, UserFeed
from trader.coinbase.notebook import stream_orderbook, stream_trades, stream_user_events
from trader.coinbase.polling import MarketPolling, UserPolling
from trader.coinbase.rest import CoinbaseVenue
from trader.coinbase.settings import FeedSettings
from trader.market.instrument import Instrument
from trader.market.quote import BookTop, Quote, Trade
from trader.orders.order import OrderReport, OrderState
from trader.venue import FeedEvent, FeedHeartbeat, Placed


@pytest.fixture(scope="module")
def venue(live: LiveExchange) -> Iterator[CoinbaseVenue]:
    """A client of the module's exchange, its market awake."""
    one = live.venue()
    one.instruments(["BTC-USD"])
    until(lambda: one.quotes(["BTC-USD"]))
    yield one
    one.close()


def test_both_feeds_tell_market_and_orders(venue: CoinbaseVenue, live: LiveExchange) -> None:
    """Quotes with volume, tops, heartbeats, trades, and every step of an order until it is filled."""
    products = venue.instruments(["BTC-USD", "ETH-USD"])
    market = MarketFeed(live.ws_url, live.credentials, products, FeedSettings(), emit_trades=True)
    user = UserFeed(live.ws_user_url, live.credentials, products, FeedSettings())
    with listening(market, user) as items:
        until(lambda: sum(event.up for event in of(items, FeedEvent)) == 2)
        request = order(venue)
        venue.place(request)

        def states() -> list[OrderState]:
            told = of(items, OrderReport)
            return [each.state for each in told if each.client_order_id == request.client_order_id]

        until(lambda: OrderState.FILLED in states())
        until(lambda: {"BTC-USD", "ETH-USD"} <= {quote.symbol for quote in of(items, Quote) if quote.volume_1m_usd})
        until(lambda: len(of(items, FeedHeartbeat)) > 2 and of(items, BookTop) and of(items, Trade))
        assert not [quote for quote in of(items, Quote) if quote.tainted]
        assert not [event for event in of(items, FeedEvent) if event.gap or not event.up]
        assert (market.counters.bad, market.counters.gaps, user.counters.bad) == (0, 0, 0)


def test_polling_tells_the_same_without_a_stream(venue: CoinbaseVenue, live: LiveExchange) -> None:
    """Slower and coarser, the same records."""
    products = venue.instruments(["BTC-USD"])
    with listening(MarketPolling(venue, products, 0.2), UserPolling(venue, 0.2)) as items:
        until(lambda: sum(event.up for event in of(items, FeedEvent)) == 2)
        request = order(venue)
        venue.place(request)
        until(
            lambda: any(
                each.client_order_id == request.client_order_id and each.state is OrderState.FILLED
                for each in of(items, OrderReport)
            )
        )
        quote = until(lambda: of(items, Quote))[-1]
        assert quote.volume_1m_usd is not None
        assert quote.bid < quote.ask
        assert of(items, BookTop)


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
