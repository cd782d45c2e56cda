"""Every REST method of the official SDK that this API serves, over TLS, with a key that may also transfer."""

from __future__ import annotations

import inspect
import secrets
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from exchange_process import Running, exchange
from requests import HTTPError

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # the SDK imports the legacy half of websockets
    from coinbase.rest import RESTClient

BTC, BIP, PERP = "BTC-USD", "BIP-20DEC30-CDE", "BTC-PERP-INTX"
FAR = "2099-01-01T00:00:00Z"


@pytest.fixture(scope="module")
def running_transfer() -> Iterator[Running]:
    """An exchange whose key may transfer, with dollars and dollar coins."""
    with exchange("--tls", "--equity", "100000", "--usdc", "50000", "--allow-transfer") as one:
        yield one


@pytest.fixture(scope="module")
def client(running_transfer: Running) -> Iterator[RESTClient]:
    """The SDK's client."""
    ready = running_transfer.ready
    url = ready["rest_url"].removeprefix("https://")
    sdk = RESTClient(api_key=ready["api_key"], api_secret=ready["api_secret"], base_url=url, timeout=10)
    sdk.session.verify = ready["ca_file"]
    sdk.session.trust_env = False
    yield sdk
    sdk.session.close()


def _id() -> str:
    return secrets.token_hex(16)


def _orders(sdk: RESTClient, price: Callable[[float], str]) -> dict[str, Callable[[], Any]]:
    """Every convenience method that places an order, far enough from the market to rest, or taking from it."""
    low, high = price(0.8), price(1.2)
    stop = {"limit_price": low, "stop_price": price(0.9), "stop_direction": "STOP_DIRECTION_STOP_DOWN"}
    lift = {"limit_price": high, "stop_price": price(1.1), "stop_direction": "STOP_DIRECTION_STOP_UP"}
    size = {"base_size": "0.001"}
    sell = {**size, "limit_price": high, "stop_trigger_price": low}
    buy = {**size, "limit_price": low, "stop_trigger_price": high}
    return {
        "market_order": lambda: sdk.market_order(_id(), BTC, "BUY", quote_size="50"),
        "market_order_buy": lambda: sdk.market_order_buy(_id(), BTC, quote_size="500"),
        "market_order_sell": lambda: sdk.market_order_sell(_id(), BTC, **size),
        "limit_order_ioc": lambda: sdk.limit_order_ioc(_id(), BTC, "BUY", **size, limit_price=high),
        "limit_order_ioc_buy": lambda: sdk.limit_order_ioc_buy(_id(), BTC, **size, limit_price=high),
        "limit_order_ioc_sell": lambda: sdk.limit_order_ioc_sell(_id(), BTC, **size, limit_price=low),
        "limit_order_gtc": lambda: sdk.limit_order_gtc(_id(), BTC, "BUY", **size, limit_price=low),
        "limit_order_gtc_buy": lambda: sdk.limit_order_gtc_buy(_id(), BTC, **size, limit_price=low, post_only=True),
        "limit_order_gtc_sell": lambda: sdk.limit_order_gtc_sell(_id(), BTC, **size, limit_price=high),
        "limit_order_gtd": lambda: sdk.limit_order_gtd(_id(), BTC, "BUY", **size, limit_price=low, end_time=FAR),
        "limit_order_gtd_buy": lambda: sdk.limit_order_gtd_buy(_id(), BTC, **size, limit_price=low, end_time=FAR),
        "limit_order_gtd_sell": lambda: sdk.limit_order_gtd_sell(_id(), BTC, **size, limit_price=high, end_time=FAR),
        "limit_order_fok": lambda: sdk.limit_order_fok(_id(), BTC, "BUY", **size, limit_price=high),
        "limit_order_fok_buy": lambda: sdk.limit_order_fok_buy(_id(), BTC, **size, limit_price=high),
        "limit_order_fok_sell": lambda: sdk.limit_order_fok_sell(_id(), BTC, **size, limit_price=low),
        "stop_limit_order_gtc": lambda: sdk.stop_limit_order_gtc(_id(), BTC, "SELL", **size, **stop),
        "stop_limit_order_gtc_buy": lambda: sdk.stop_limit_order_gtc_buy(_id(), BTC, **size, **lift),
        "stop_limit_order_gtc_sell": lambda: sdk.stop_limit_order_gtc_sell(_id(), BTC, **size, **stop),
        "stop_limit_order_gtd": lambda: sdk.stop_limit_order_gtd(_id(), BTC, "SELL", **size, **stop, end_time=FAR),
        "stop_limit_order_gtd_buy": lambda: sdk.stop_limit_order_gtd_buy(_id(), BTC, **size, **lift, end_time=FAR),
        "stop_limit_order_gtd_sell": lambda: sdk.stop_limit_order_gtd_sell(_id(), BTC, **size, **stop, end_time=FAR),
        "trigger_bracket_order_gtc": lambda: sdk.trigger_bracket_order_gtc(_id(), BTC, "SELL", **sell),
        "trigger_bracket_order_gtc_buy": lambda: sdk.trigger_bracket_order_gtc_buy(_id(), BTC, **buy),
        "trigger_bracket_order_gtc_sell": lambda: sdk.trigger_bracket_order_gtc_sell(_id(), BTC, **sell),
        "trigger_bracket_order_gtd": lambda: sdk.trigger_bracket_order_gtd(_id(), BTC, "SELL", **sell, end_time=FAR),
        "trigger_bracket_order_gtd_buy": lambda: sdk.trigger_bracket_order_gtd_buy(_id(), BTC, **buy, end_time=FAR),
        "trigger_bracket_order_gtd_sell": lambda: sdk.trigger_bracket_order_gtd_sell(_id(), BTC, **sell, end_time=FAR),
    }  # fmt: skip


def _previews(sdk: RESTClient, price: Callable[[float], str]) -> dict[str, Callable[[], Any]]:
    """The preview twin of every order method, with the same arguments less the client id."""
    low, high = price(0.8), price(1.2)
    size = {"base_size": "0.001"}
    stop = {"limit_price": low, "stop_price": price(0.9), "stop_direction": "STOP_DIRECTION_STOP_DOWN"}
    lift = {"limit_price": high, "stop_price": price(1.1), "stop_direction": "STOP_DIRECTION_STOP_UP"}
    wanted: dict[str, dict[str, Any]] = {}
    for name in dir(sdk):
        if not name.startswith("preview_") or name in {"preview_edit_order", "preview_order"}:
            continue
        buys = not name.endswith("_sell")
        if "market" in name:
            arguments: dict[str, Any] = size
        elif "stop_limit" in name:
            arguments = {**size, **(lift if buys else stop)}
        elif "bracket" in name:
            arguments = {**size, "limit_price": low if buys else high, "stop_trigger_price": high if buys else low}
        elif "fok" in name or "ioc" in name:
            arguments = {**size, "limit_price": high if buys else low}
        else:
            arguments = {**size, "limit_price": low if buys else high}
        side = {} if name.endswith(("_buy", "_sell")) else {"side": "BUY"}
        wanted[name] = {**arguments, **side, **({"end_time": FAR} if "gtd" in name else {})}
    return {name: (lambda name=name, more=more: getattr(sdk, name)(BTC, **more)) for name, more in wanted.items()}


def test_every_order_method_places_its_order(client: RESTClient) -> None:
    """All 27 order methods are accepted and their orders found under the expected type; the resting ones can be
    cancelled in one batch.
    """
    last = float(client.get_product(BTC).price)
    client.market_order_buy(_id(), BTC, quote_size="5000")
    methods = _orders(client, lambda factor: f"{last * factor:.2f}")
    assert set(methods) == _methods_with("_order", "client_order_id") - {"create_order"}
    placed = {name: call() for name, call in methods.items()}
    refused = {name: answer.error_response for name, answer in placed.items() if not answer.success}
    assert refused == {}
    orders = {name: client.get_order(answer.success_response["order_id"]).order for name, answer in placed.items()}
    assert {orders[name].status for name in orders if "fok" in name or "ioc" in name or "market" in name} == {"FILLED"}
    assert {orders[name].order_type for name in orders if "stop_limit" in name} == {"STOP_LIMIT"}
    assert {orders[name].order_type for name in orders if "bracket" in name} == {"BRACKET"}
    resting = [order.order_id for order in orders.values() if order.status == "OPEN"]
    assert len(resting) == 18
    assert all(result.success for result in client.cancel_orders(resting).results)


def _methods_with(part: str, argument: str) -> set[str]:
    found = inspect.getmembers(RESTClient, inspect.isfunction)
    return {name for name, method in found if part in name and argument in inspect.signature(method).parameters}


def test_every_preview_method_answers_without_errors(client: RESTClient) -> None:
    """All previews come back with a total and no errors; one that cannot be afforded says so in `errs`."""
    last = float(client.get_product(BTC).price)
    client.market_order_buy(_id(), BTC, quote_size="1000")
    previews = _previews(client, lambda factor: f"{last * factor:.2f}")
    assert len(previews) == 27
    assert {name: call().errs for name, call in previews.items() if call().errs} == {}
    dear = client.preview_order(BTC, "BUY", {"market_market_ioc": {"quote_size": "9000000"}})
    assert dear.errs == ["PREVIEW_INSUFFICIENT_FUND"]


def test_an_order_is_edited_and_keeps_its_id(client: RESTClient) -> None:
    """Price and size change, the history tells; an edit to below the minimum is refused with its reason."""
    low = f"{float(client.get_product(BTC).price) * 0.8:.2f}"
    lower = f"{float(low) * 0.99:.2f}"
    order_id = client.limit_order_gtc_buy(_id(), BTC, "0.01", low).success_response["order_id"]
    assert client.preview_edit_order(order_id, size="0.02", price=lower).errors == []
    assert client.edit_order(order_id, size="0.02", price=lower).success
    order = client.get_order(order_id).order
    assert order.order_id == order_id
    assert [(one["price"], one["size"]) for one in order.edit_history] == [(lower.rstrip("0").rstrip("."), "0.02")]
    refused = client.edit_order(order_id, size="0", price=lower)
    assert not refused.success
    assert client.cancel_orders([order_id]).results[0].success


def test_public_methods_need_no_key(running_transfer: Running) -> None:
    """The public twins serve a client without credentials; private ones refuse it before the wire."""
    sdk = RESTClient(
        api_key=None, api_secret=None, base_url=running_transfer.ready["rest_url"].removeprefix("https://")
    )
    sdk.session.verify = running_transfer.ready["ca_file"]
    sdk.session.trust_env = False
    now = int(sdk.get("/api/v3/brokerage/time", public=True)["epochSeconds"])
    assert sdk.get_public_product(BTC).product_id == BTC
    assert len(sdk.get_public_products().products) >= 10
    assert sdk.get_public_product_book(BTC, limit=2).pricebook.bids
    assert sdk.get_public_candles(BTC, str(now - 600), str(now), "FIVE_MINUTE").candles
    assert sdk.get_public_market_trades(BTC, 5).trades
    sdk.session.close()


def test_futures_account_methods(client: RESTClient) -> None:
    """Buy three contracts, read every futures endpoint, close, and see the position gone."""
    assert client.create_order(_id(), BIP, "BUY", {"market_market_ioc": {"base_size": "3"}}).success
    assert client.get_futures_position(BIP).position.number_of_contracts == "3"
    assert len(client.list_futures_positions().positions) == 1
    summary = client.get_futures_balance_summary().balance_summary
    assert float(summary.initial_margin["value"]) > 0
    assert client.schedule_futures_sweep("10").success
    assert len(client.list_futures_sweeps().sweeps) == 1
    assert client.cancel_pending_futures_sweep().success
    client.set_intraday_margin_setting("INTRADAY_MARGIN_SETTING_INTRADAY")
    assert client.get_intraday_margin_setting().setting == "INTRADAY_MARGIN_SETTING_INTRADAY"
    assert client.get_current_margin_window("MARGIN_PROFILE_TYPE_RETAIL_REGULAR").margin_window
    assert client.close_position(_id(), BIP).success
    with pytest.raises(HTTPError, match="404"):
        client.get_futures_position(BIP)
    assert client.close_position(_id(), BIP).error_response["error"] == "CANNOT_CLOSE_ZERO_POSITION"


def test_perpetual_portfolio_methods(client: RESTClient) -> None:
    """Buy a perpetual with leverage five and read it back from every portfolio endpoint."""
    uuid = next(one.uuid for one in client.get_portfolios("INTX").portfolios)
    order = client.create_order(
        _id(), PERP, "BUY", {"market_market_ioc": {"base_size": "0.05"}}, leverage="5", margin_type="CROSS"
    )
    assert order.success, order.error_response
    position = client.get_perps_position(uuid, PERP).position
    assert (position["net_size"], position["position_side"]) == ("0.05", "POSITION_SIDE_LONG")
    assert len(client.list_perps_positions(uuid).positions) == 1
    assert client.get_perps_portfolio_summary(uuid).portfolios
    assert client.get_perps_portfolio_balances(uuid).portfolio_balances
    assert client.allocate_portfolio(uuid, PERP, "10", "USDC") is not None
    client.opt_in_or_out_multi_asset_collateral(uuid, True)
    assert client.get_portfolio_breakdown(uuid).breakdown.perp_positions
    assert client.close_position(_id(), PERP).success


def test_portfolios_move_funds_and_convert(client: RESTClient) -> None:
    """A new portfolio is filled, emptied, renamed and deleted; dollars become dollar coins one to one."""
    default = next(one.uuid for one in client.get_portfolios("DEFAULT").portfolios)
    uuid = client.create_portfolio("box").portfolio["uuid"]
    client.move_portfolio_funds("25", "USD", default, uuid)
    with pytest.raises(HTTPError, match="not empty"):
        client.delete_portfolio(uuid)
    client.move_portfolio_funds("25", "USD", uuid, default)
    assert client.edit_portfolio(uuid, "renamed").portfolio["name"] == "renamed"
    client.delete_portfolio(uuid)
    assert uuid not in {one.uuid for one in client.get_portfolios().portfolios}
    ids = {one.currency: one.uuid for one in client.get_accounts(limit=250).accounts}
    before = float(client.get_account(ids["USDC"]).account.available_balance["value"])
    trade = client.create_convert_quote(ids["USD"], ids["USDC"], "10").trade
    assert client.get_convert_trade(trade["id"], ids["USD"], ids["USDC"]).trade["status"] == "TRADE_STATUS_CREATED"
    assert client.commit_convert_trade(trade["id"], ids["USD"], ids["USDC"]).trade["status"] == "TRADE_STATUS_COMPLETED"
    assert float(client.get_account(ids["USDC"]).account.available_balance["value"]) == before + 10
    assert client.get_portfolio_breakdown(default).breakdown.spot_positions


def test_payment_methods_load(client: RESTClient) -> None:
    """The bank account is listed and found by its id."""
    method = client.list_payment_methods().payment_methods[0]
    assert client.get_payment_method(method.id).payment_method
