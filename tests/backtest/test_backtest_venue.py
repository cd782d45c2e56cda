"""The in-process venue: the exchange's matching rule on a modelled book, and an account of its own."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from actors.backtest_account import opening_funds
from actors.backtest_market import instrument_of
from actors.backtest_models import MarketModels
from actors.backtest_venue import InProcessVenue
from trader.orders.order import OrderReport, OrderState, OrderType, Side, TimeInForce
from trader.venue import Absent, FeedItem, Found, InvalidSymbol, OrderRequest, Placed, Refused

D = Decimal
PRICE = 2_500_000  # ticks of a cent
MODELS = MarketModels(maker_fee=D("0.001"), taker_fee=D("0.002"))


class Desk:
    """A venue with 100,000 USD, one product at 25,000.00, levels of 2 BTC one dollar apart, and a spread of one dollar."""

    def __init__(self, symbol: str = "BTC-USD", models: MarketModels = MODELS) -> None:
        self.instrument = instrument_of(symbol, models)
        self.venue = InProcessVenue([self.instrument], models, {self.instrument.quote: D(100_000)}, lambda: 7.0)
        self.reports: list[OrderReport] = []
        self.venue.deliver = self._heard
        self.per_dollar = int(1 / self.instrument.price_increment)
        self.venue.set_shape(self.instrument.symbol, self.per_dollar, self.per_dollar, D(2))
        self.price(25_000)

    def _heard(self, item: FeedItem) -> None:
        assert isinstance(item, OrderReport)
        self.reports.append(item)

    def price(self, dollars: int) -> None:
        ticks = dollars * self.per_dollar
        self.venue.set_price(self.instrument.symbol, ticks, ticks)

    def request(self, side: Side, size: str, limit: str, **changes: object) -> OrderRequest:
        request = OrderRequest(
            client_order_id=f"c{len(self.reports)}{side}{size}{limit}", product_id=self.instrument.product_id,
            symbol=self.instrument.symbol, side=side, size=D(size), limit_price=D(limit), order_type=OrderType.MARKET,
            time_in_force=TimeInForce.IOC,
        )  # fmt: skip
        return msgspec.structs.replace(request, **changes)

    def place(self, side: Side, size: str, limit: str, **changes: object) -> OrderReport | Refused:
        outcome = self.venue.place(self.request(side, size, limit, **changes), 10)
        return self.reports[-1] if isinstance(outcome, Placed) else outcome  # type: ignore[return-value]


def test_a_taker_walks_the_book_from_the_best_price() -> None:
    """Three coins: two at 25,000.50 and one a dollar deeper."""
    report = Desk().place(Side.BUY, "3", "25100")
    assert isinstance(report, OrderReport)
    assert report.state is OrderState.FILLED
    assert report.filled_value == 2 * D("25000.50") + D("25001.50")
    assert report.fees == (report.filled_value * D("0.002")).quantize(D("0.00000001"))


def test_an_ioc_order_takes_what_lies_within_its_limit_and_ends() -> None:
    """The limit is never passed; the rest is cancelled at once."""
    report = Desk().place(Side.BUY, "3", "25000.50")
    assert isinstance(report, OrderReport)
    assert (report.state, report.filled_size) == (OrderState.CANCELLED, D(2))


def test_a_fok_order_is_all_or_nothing() -> None:
    """Two of three coins within the limit are not enough."""
    desk = Desk()
    report = desk.place(Side.BUY, "3", "25000.50", time_in_force=TimeInForce.FOK)
    assert isinstance(report, OrderReport)
    assert (report.state, report.filled_size) == (OrderState.CANCELLED, D(0))
    assert desk.venue.wallets.is_flat


def test_a_resting_order_fills_at_its_limit_once_a_candle_trades_through_it() -> None:
    """Touching the price is not enough: others stood there first. The maker's fee is charged."""
    desk = Desk()
    resting = {"time_in_force": TimeInForce.GTC, "order_type": OrderType.LIMIT, "post_only": True}
    report = desk.place(Side.BUY, "1", "24990", **resting)
    assert isinstance(report, OrderReport)
    assert report.state is OrderState.OPEN
    desk.venue.trade_through("BTC-USD", 2_499_000, PRICE)
    assert desk.venue.resting_orders == 1
    desk.venue.trade_through("BTC-USD", 2_498_999, PRICE)
    assert desk.venue.resting_orders == 0
    filled = desk.reports[-1]
    assert (filled.state, filled.filled_value, filled.fees) == (OrderState.FILLED, D(24990), D("24.99000000"))


def test_a_gtc_order_that_takes_a_part_rests_with_what_is_left() -> None:
    """Its reports are cumulative: two coins taken, one filled later as a maker."""
    desk = Desk()
    report = desk.place(Side.BUY, "3", "25000.50", time_in_force=TimeInForce.GTC, order_type=OrderType.LIMIT)
    assert isinstance(report, OrderReport)
    assert (report.state, report.filled_size) == (OrderState.OPEN, D(2))
    desk.venue.trade_through("BTC-USD", 2_400_000, PRICE)
    assert (desk.reports[-1].state, desk.reports[-1].filled_size) == (OrderState.FILLED, D(3))


def test_a_gtd_order_expires_and_a_cancel_ends_a_resting_one() -> None:
    """Both are told on the feed; a cancel of an unknown order is not accepted."""
    desk = Desk()
    gtd = {"time_in_force": TimeInForce.GTD, "order_type": OrderType.LIMIT}
    desk.place(Side.BUY, "1", "24990", end_time=100.0, **gtd)
    desk.venue.market_time = 100.0
    desk.venue.trade_through("BTC-USD", PRICE, PRICE)
    assert desk.reports[-1].state is OrderState.EXPIRED
    report = desk.place(Side.BUY, "1", "24980", end_time=500.0, **gtd)
    assert isinstance(report, OrderReport)
    accepted, unknown = desk.venue.cancel([report.order_id, "nobody's"], 10)
    assert (accepted.accepted, unknown.accepted) == (True, False)
    assert desk.reports[-1].state is OrderState.CANCELLED


@pytest.mark.parametrize(
    ("side", "size", "limit", "changes", "code"),
    [
        (Side.BUY, "4", "25100", {}, "INSUFFICIENT_FUND"),
        (Side.SELL, "1", "24900", {}, "INSUFFICIENT_FUND"),
        (Side.BUY, "0.000000001", "25100", {}, "INVALID_SIZE_TOO_SMALL"),
        (Side.BUY, "5000", "25100", {}, "INVALID_SIZE_TOO_LARGE"),
        (Side.BUY, "1", "25100.001", {}, "INVALID_PRICE_OR_SIZE_PRECISION"),
        (Side.BUY, "1", "25100", {"post_only": True}, "INVALID_LIMIT_PRICE_POST_ONLY"),
        (Side.BUY, "1", "25100", {"order_type": OrderType.STOP_LIMIT}, "UNSUPPORTED_ORDER_CONFIGURATION"),
        (Side.BUY, "1", "25100", {"symbol": "ETH-USD"}, "INVALID_PRODUCT_ID"),
    ],
)
def test_what_the_exchange_refuses_is_refused(
    side: Side, size: str, limit: str, changes: dict[str, object], code: str
) -> None:
    """By its own words, and nothing is booked."""
    desk = Desk()
    refused = desk.place(side, size, limit, **changes)
    assert isinstance(refused, Refused)
    assert refused.code == code
    assert desk.venue.equity() == 100_000


def test_a_repeated_client_id_creates_nothing() -> None:
    """The first order is answered again."""
    desk = Desk()
    request = desk.request(Side.BUY, "1", "25100")
    assert desk.venue.place(request, 10) == desk.venue.place(request, 10)
    assert desk.venue.wallets.size("BTC-USD") == 1


def test_an_order_is_found_by_its_id_and_an_unknown_one_is_absent() -> None:
    """Absence carries the machine time it was asked at."""
    desk = Desk()
    report = desk.place(Side.BUY, "1", "25100")
    assert isinstance(report, OrderReport)
    assert desk.venue.find_order(report.client_order_id, "", "BTC-USD", 0.0) == Found(report)
    assert desk.venue.find_order("never", "", "BTC-USD", 0.0) == Absent(7.0)
    with pytest.raises(InvalidSymbol, match="no candles of DOGE-USD"):
        desk.venue.instruments(["DOGE-USD"])


def test_a_derivative_is_netted_through_zero_and_its_profit_realized() -> None:
    """Long one, sell two: profit on one, short one at the new price; equity is wallets plus open profit."""
    desk = Desk("BTC-PERP-INTX", MarketModels(maker_fee=D(0), taker_fee=D(0)))
    desk.place(Side.BUY, "1", "25100")
    desk.price(26_000)
    desk.place(Side.SELL, "2", "25900")
    assert desk.venue.wallets.size("BTC-PERP") == -1
    assert desk.venue.equity() == 100_000 + (D("25999.50") - D("25000.50")) - D("0.50")
    snapshot = desk.venue.account(["BTC-PERP"], 0.0)
    assert (snapshot.positions[0].size, snapshot.positions[0].entry_price) == (D(-1), D("25999.50"))
    assert snapshot.balance("USDC").total == 100_000 + 999


@pytest.mark.parametrize(
    ("symbols", "funds"),
    [
        (("BTC-USD",), {"USD": "100"}),
        (("BTC-PERP-INTX",), {"USDC": "100"}),
        (("BTC-USD", "BTC-PERP-INTX", "ETH-USD"), {"USD": "66.67", "USDC": "33.33"}),
    ],
)
def test_the_money_goes_where_the_products_are_quoted(symbols: tuple[str, ...], funds: dict[str, str]) -> None:
    """One share a product, to the cent and nothing lost: a product whose currency has no money could never trade."""
    found = opening_funds([instrument_of(symbol, MODELS) for symbol in symbols], D(100))
    assert found == {currency: D(amount) for currency, amount in funds.items()}
    assert sum(found.values()) == 100
