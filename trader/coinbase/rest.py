"""CoinbaseVenue: the venue port over Coinbase Advanced Trade REST, for api.coinbase.com and the embedded exchange
alike.

The broker actor, start-up and the commands import this. Every call blocks, is safe from several threads, and ends
by its deadline; `place`, `cancel` and `find_order` follow the port's rules of proof. The parts live in `orders`,
`account`, `marketdata` and `derivatives`; this file only joins them. Nothing here reads the environment.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from decimal import Decimal

from trader.coinbase.account import AccountReader, Backfill
from trader.coinbase.auth import Credentials
from trader.coinbase.bodies import Edited, Preview
from trader.coinbase.breaker import BreakerState, EndpointClass
from trader.coinbase.derivatives import DerivativesReader
from trader.coinbase.gateway import Gateway
from trader.coinbase.hosts import check_host
from trader.coinbase.marketdata import MarketReader
from trader.coinbase.orders import OrderDesk
from trader.coinbase.settings import RestSettings
from trader.coinbase.transport import Transport
from trader.market.catalog import ProductCatalog
from trader.market.instrument import Instrument, TradingStatus
from trader.market.quote import BookTop, Candle, Quote, Trade
from trader.orders.account import AccountSnapshot, FeeRates
from trader.orders.order import OrderReport
from trader.venue import (
    AUTH_REFUSED,
    Absent,
    CancelResult,
    Found,
    KeyPermissions,
    OrderRequest,
    PlaceOutcome,
    Refused,
    always,
)

__all__ = ["CoinbaseVenue", "check_host"]

ORDER_DEADLINE_S = 10.0


class CoinbaseVenue:
    """Coinbase behind the port. Without credentials only public reads work; private ones raise AuthenticationError.

    `derivatives` opens the gate when no catalogue is given; a given catalogue has its own. `transport` is the
    tests' way in.
    """

    def __init__(
        self,
        rest_url: str,
        credentials: Credentials | None,
        settings: RestSettings,
        instruments: ProductCatalog | None = None,
        clock: Callable[[], float] = time.monotonic,
        utc: Callable[[], float] = time.time,
        ca_file: str | None = None,
        proxy: str | None = None,
        transport: Transport | None = None,
        *,
        derivatives: bool = False,
    ) -> None:
        self.catalog = instruments if instruments is not None else ProductCatalog(derivatives=derivatives)
        self._gateway = Gateway(
            rest_url, credentials, settings, clock=clock, utc=utc, ca_file=ca_file, proxy=proxy, transport=transport
        )
        self._desk = OrderDesk(self._gateway, self.catalog.by_product, clock)
        self._account = AccountReader(self._gateway, self._desk, self.catalog.by_product, clock)
        self._market = MarketReader(self._gateway, self.catalog, clock)
        self._doubted: set[str] = set()

    # The port.

    def server_time(self) -> float:
        """Return the venue's clock, UNIX seconds."""
        return self._market.server_time()

    def permissions(self) -> KeyPermissions:
        """Return what the key may do."""
        return self._account.permissions()

    def instruments(self, symbols: Sequence[str]) -> list[Instrument]:
        """Return the products behind our names; raises InvalidSymbol naming the unknown. `catalog.resolve` has the
        notes.
        """
        return self._market.instruments(symbols)

    def place(
        self,
        request: OrderRequest,
        deadline_s: float = ORDER_DEADLINE_S,
        still_allowed: Callable[[], bool] = always,
    ) -> PlaceOutcome:
        """Send one order, once. A refusal puts the product's rules in doubt: the next account reading reads them again."""
        outcome = self._desk.place(request, deadline_s, still_allowed)
        if isinstance(outcome, Refused) and outcome.code != AUTH_REFUSED:
            self._doubted.add(request.product_id)
        return outcome

    def cancel(self, order_ids: Sequence[str], deadline_s: float = ORDER_DEADLINE_S) -> list[CancelResult]:
        """Ask for cancellation; one result per id, in the order asked."""
        return self._desk.cancel(order_ids, deadline_s)

    def find_order(self, client_order_id: str, order_id: str, symbol: str, since: float) -> Found | Absent:
        """Look for one order; Absent only from a complete listing since before `since` (UNIX market seconds)."""
        instrument = self.catalog.by_symbol(symbol) or self.catalog.by_product(symbol)
        return self._desk.find(client_order_id, order_id, instrument.product_id if instrument else "", since)

    def account(self, symbols: Sequence[str], fills_since: float) -> AccountSnapshot:
        """Read the whole account, with the rules and funding of derivatives, and of products in doubt, as they are now."""
        instruments = [self._as_it_is_now(each) for each in self.instruments(symbols)]
        return self._account.snapshot(instruments, fills_since, self.server_time())

    def _as_it_is_now(self, known: Instrument) -> Instrument:
        if not known.is_derivative and known.product_id not in self._doubted:
            return known
        fresh = self.refresh_instrument(known.product_id)
        if fresh.status is TradingStatus.ONLINE:
            self._doubted.discard(known.product_id)
        return fresh

    def open_order_ids(self) -> list[str]:
        """Return the id of every order alive at the venue, whoever placed it, before any other reading."""
        return self._account.open_order_ids()

    def candles(self, symbol: str, start: float, end: float, seconds: int) -> list[Candle]:
        """Return closed candles, oldest first."""
        return self._market.candles(symbol, start, end, seconds)

    def trades(self, symbol: str, limit: int) -> list[Trade]:
        """Return the newest public trades, oldest first."""
        return self._market.trades(symbol, limit)

    # Beyond the port.

    def quotes(self, symbols: Sequence[str]) -> list[Quote]:
        """Return best bid and ask by REST, for polling; without volume."""
        return self._market.quotes(symbols)

    def book_top(self, symbol: str, levels: int = 10) -> BookTop:
        """Return the best levels by REST."""
        return self._market.book_top(symbol, levels)

    def refresh_instrument(self, product_id: str) -> Instrument:
        """Read one product again: its status, session and funding."""
        return self._market.product(product_id)

    def refresh_catalog(self) -> None:
        """Read all products again."""
        self._market.refresh_catalog()

    def fee_rates(self) -> FeeRates:
        """Return the account's fee tier."""
        return self._account.fee_rates()

    def backfill(self, watermark: float) -> Backfill:
        """Return orders and fills since the watermark (with an overlap): the answer to a gap or a reconnect."""
        return self._account.backfill(watermark)

    def edit(self, order_id: str, price: Decimal, size: Decimal, deadline_s: float = ORDER_DEADLINE_S) -> Edited:
        """Change a resting order in place, `size` being the new total; raises VenueError."""
        return self._desk.edit(order_id, price, size, deadline_s)

    def preview(self, request: OrderRequest, deadline_s: float = ORDER_DEADLINE_S) -> Preview:
        """Ask what an order would do, without sending it."""
        return self._desk.preview(request, deadline_s)

    def close_position(
        self, client_order_id: str, symbol: str, size: Decimal | None = None, deadline_s: float = ORDER_DEADLINE_S
    ) -> PlaceOutcome:
        """Have the venue close (part of) a derivative position; same rules of proof as `place`."""
        return self._desk.close_position(client_order_id, self.instruments([symbol])[0].product_id, size, deadline_s)

    def check_approval(self, instruments: Sequence[Instrument]) -> None:
        """Raise PermissionDenied for perpetuals that the account may not trade."""
        self._account.check_approval(instruments)

    @property
    def derivatives(self) -> DerivativesReader:
        """Reads of CFM, INTX and portfolios."""
        return self._account.derivatives

    def live_orders(self) -> list[OrderReport]:
        """Return every order alive at the venue, whoever placed it."""
        return self._account.live_orders()

    def token_clock(self) -> float:
        """Return the UNIX seconds that tokens should carry; give it to the feeds."""
        return self._gateway.token_clock()

    def rotate(self, credentials: Credentials) -> None:
        """Use another key from the next request on."""
        self._gateway.rotate(credentials)

    def rate_used(self) -> float:
        """Fraction of the minute's request allowance in use."""
        return self._gateway.used()

    def circuits(self) -> dict[EndpointClass, BreakerState]:
        """Return the state of every circuit breaker."""
        return self._gateway.breakers.states()

    def close(self) -> None:
        """Close connections and end waits; later calls raise ConnectFailed."""
        self._gateway.close()
