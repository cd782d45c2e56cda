"""The shapes of public REST bodies: clock, products, candles, trades and books; only the fields this system reads.

Only `trader/coinbase/` imports this. Every other field is ignored, so the venue may add some; every field has a
default, because the venue leaves fields out. What must be there is checked where it is used.
"""

from __future__ import annotations

import msgspec

from trader.coinbase.wire import MISSING, Body, Figure


class PerpetualDetails(msgspec.Struct):
    """Funding of the older INTX perpetuals."""

    funding_rate: Figure = MISSING
    funding_time: str | None = None
    max_leverage: Figure = MISSING


class FutureDetails(msgspec.Struct):
    """What only derivatives have. US perpetual-style futures carry funding here, beside `perpetual_details`."""

    contract_code: str = ""
    contract_root_unit: str = ""
    contract_expiry_type: str = ""
    contract_expiry: str | None = None
    contract_size: Figure = MISSING
    funding_rate: Figure = MISSING
    funding_time: str | None = None
    funding_interval: str | None = None
    perpetual_details: PerpetualDetails | None = None


class SessionDetails(msgspec.Struct):
    """Whether the futures exchange is open."""

    is_session_open: bool | None = None
    session_state: str = ""


class Product(msgspec.Struct):
    """One product of the venue's catalogue."""

    product_id: str
    price: Figure = MISSING
    base_increment: Figure = MISSING
    quote_increment: Figure = MISSING
    price_increment: Figure = MISSING
    base_min_size: Figure = MISSING
    base_max_size: Figure = MISSING
    quote_min_size: Figure = MISSING
    base_currency_id: str = ""
    quote_currency_id: str = ""
    product_type: str = ""
    product_venue: str = ""
    status: str = ""
    display_name: str = ""
    alias: str = ""
    is_disabled: bool = False
    trading_disabled: bool = False
    cancel_only: bool = False
    limit_only: bool = False
    post_only: bool = False
    view_only: bool = False
    fcm_trading_session_details: SessionDetails | None = None
    future_product_details: FutureDetails | None = None


class Pagination(msgspec.Struct):
    """Paging of the product list."""

    next_cursor: str = ""
    has_next: bool = False


class Products(msgspec.Struct):
    """A page of products."""

    products: list[Product] = []
    pagination: Pagination | None = None


class ServerTime(msgspec.Struct):
    """The venue's clock; all fields are text."""

    epochMillis: Figure = MISSING  # noqa: N815 - the wire's name
    epochSeconds: Figure = MISSING  # noqa: N815


class CandleRow(msgspec.Struct):
    """One candle; `start` is UNIX seconds as text."""

    start: Figure = MISSING
    open: Figure = MISSING
    high: Figure = MISSING
    low: Figure = MISSING
    close: Figure = MISSING
    volume: Figure = MISSING


class Candles(msgspec.Struct):
    """Candles, newest first."""

    candles: list[CandleRow] = []


class TradeRow(msgspec.Struct):
    """One public trade."""

    trade_id: str = ""
    product_id: str = ""
    price: Figure = MISSING
    size: Figure = MISSING
    time: str = ""
    side: str = ""


class TradesPage(msgspec.Struct):
    """The newest trades, newest first."""

    trades: list[TradeRow] = []


class LevelRow(msgspec.Struct):
    """One price level."""

    price: Figure = MISSING
    size: Figure = MISSING


class PriceBook(msgspec.Struct):
    """Levels of one product."""

    product_id: str = ""
    bids: list[LevelRow] = []
    asks: list[LevelRow] = []
    time: str = ""


class PriceBooks(msgspec.Struct):
    """Best bid and ask of several products."""

    pricebooks: list[PriceBook] = []


class OneBook(msgspec.Struct):
    """The book of one product."""

    pricebook: PriceBook


SERVER_TIME = Body[ServerTime](ServerTime)
PRODUCT = Body[Product](Product)
PRODUCTS = Body[Products](Products)
CANDLES = Body[Candles](Candles)
TRADES = Body[TradesPage](TradesPage)
PRICE_BOOKS = Body[PriceBooks](PriceBooks)
ONE_BOOK = Body[OneBook](OneBook)
