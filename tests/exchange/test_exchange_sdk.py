"""A client that is not ours: the official coinbase-advanced-py over TLS."""

from __future__ import annotations

import json
import queue
import secrets
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from exchange_process import Running

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # the SDK imports the legacy half of websockets
    from coinbase.rest import RESTClient
    from coinbase.websocket import WebsocketResponse, WSClient


@pytest.fixture(scope="module")
def client(running_tls: Running) -> Iterator[RESTClient]:
    """The SDK's REST client with the exchange's own key."""
    ready = running_tls.ready
    sdk = RESTClient(
        api_key=ready["api_key"],
        api_secret=ready["api_secret"],
        base_url=ready["rest_url"].removeprefix("https://"),
        timeout=10,
    )
    sdk.session.verify = ready["ca_file"]
    sdk.session.trust_env = False
    yield sdk
    sdk.session.close()


def test_it_lists_products_and_reads_market_data(client: RESTClient) -> None:
    """Products, one product, books, candles and trades load into the SDK's types and agree with each other."""
    listed = client.get_products()
    ids = {product.product_id for product in listed.products}
    assert {"BTC-USD", "ETH-USD", "LINK-USD"} <= ids
    assert client.get_product("BTC-USD").price_increment == "0.01"
    book = client.get_product_book("BTC-USD", limit=3)
    assert len(book.pricebook.bids) == 3
    assert float(book.pricebook.bids[0].price) < float(book.pricebook.asks[0].price)
    assert {one.product_id for one in client.get_best_bid_ask(["BTC-USD", "ETH-USD"]).pricebooks} == {
        "BTC-USD",
        "ETH-USD",
    }
    now = int(client.get("/api/v3/brokerage/time")["epochSeconds"])
    candles = client.get_candles("BTC-USD", str(now - 3600), str(now), "ONE_MINUTE").candles
    assert 59 <= len(candles) <= 61
    assert [int(one.start) for one in candles] == sorted((int(one.start) for one in candles), reverse=True)
    assert len(client.get_market_trades("BTC-USD", limit=10).trades) == 10


def test_it_places_and_cancels_and_reads_fills(client: RESTClient, running_tls: Running) -> None:
    """A market buy fills and shows up in fills and balances; a far limit order rests until it is cancelled."""
    bought = client.market_order_buy(secrets.token_hex(16), "ETH-USD", quote_size="100")
    assert bought.success, bought
    order_id = bought.success_response["order_id"]
    fills = client.get_fills(order_ids=[order_id]).fills
    assert fills
    assert all(fill.liquidity_indicator == "TAKER" for fill in fills)
    assert client.get_order(order_id).order.status == "FILLED"
    resting = client.limit_order_gtc_buy(
        secrets.token_hex(16), "ETH-USD", base_size="0.01", limit_price="2000.00", post_only=True
    )
    resting_id = resting.success_response["order_id"]
    assert resting_id in {order.order_id for order in client.list_orders(order_status=["OPEN"]).orders}
    assert [one.success for one in client.cancel_orders([resting_id]).results] == [True]
    running_tls.until(lambda: client.get_order(resting_id).order.status == "CANCELLED")
    wallets = {one.currency: one for one in client.get_accounts(limit=250).accounts}
    assert float(wallets["ETH"].available_balance["value"]) == sum(float(fill.size) for fill in fills)


def test_it_reads_its_key_and_its_fees(client: RESTClient) -> None:
    """Permissions and fee tier come in the SDK's types."""
    permissions = client.get_api_key_permissions()
    assert permissions.can_view
    assert permissions.can_trade
    assert not permissions.can_transfer
    assert client.get_transaction_summary().fee_tier["taker_fee_rate"] == "0.009"


@pytest.mark.filterwarnings("ignore:ssl\\.:DeprecationWarning")  # how the SDK opens TLS
def test_it_receives_every_channel(client: RESTClient, running_tls: Running) -> None:
    """The SDK's WebSocket client gets heartbeats, ticker, level2, trades, candles, status and its own orders, with
    one unbroken sequence.
    """
    ready = running_tls.ready
    heard: queue.Queue[dict[str, Any]] = queue.Queue()
    sdk = WSClient(
        api_key=ready["api_key"], api_secret=ready["api_secret"], base_url=ready["ws_url"],
        on_message=lambda text: heard.put(json.loads(text)), retry=False,
    )  # fmt: skip
    sdk.open()
    try:
        sdk.subscribe(["BTC-USD"], ["ticker", "ticker_batch", "level2", "market_trades", "candles", "status"])
        sdk.subscribe([], ["heartbeats", "user", "futures_balance_summary"])
        order = client.market_order_buy(secrets.token_hex(16), "BTC-USD", quote_size="50")
        wanted = {
            "ticker",
            "ticker_batch",
            "l2_data",
            "market_trades",
            "candles",
            "status",
            "heartbeats",
            "user",
            "futures_balance_summary",
            "subscriptions",
        }
        frames: list[dict[str, Any]] = []
        while not _complete(frames, wanted, order.success_response["order_id"]):
            frames.append(heard.get(timeout=10))
    finally:
        sdk.close()
    assert [frame["sequence_num"] for frame in frames] == list(range(len(frames)))
    for frame in frames:
        assert WebsocketResponse(frame).events


def _complete(frames: list[dict[str, Any]], wanted: set[str], order_id: str) -> bool:
    done = any(
        order["order_id"] == order_id and order["status"] == "FILLED"
        for frame in frames
        if frame["channel"] == "user"
        for event in frame["events"]
        for order in event["orders"]
    )
    return done and wanted <= {frame["channel"] for frame in frames}
