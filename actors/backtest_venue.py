"""A venue inside the process: `trader.venue.Venue` over recorded candles and the models of `backtest_models.py`.

Orders meet a modelled book by the exchange's own matching rule; wallets, coins and positions are kept here independently of risk's
books, so a reconciliation compares two ledgers. One thread; market time is told by whoever drives it, nothing blocks and nothing is
random. Imported by the backtest and by tests. Not modelled: other clients, margin calls, stop orders (refused).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import cast

from actors.backtest_account import Wallets
from actors.backtest_book import NOTHING, Execution, Filled, ProductBook, Resting
from actors.backtest_models import BPS, GivenSide, Levels, MarketModels
from trader.exchange.ladder import HalfBook
from trader.exchange.matching import walk
from trader.market.instrument import Instrument
from trader.market.quote import Candle, Trade
from trader.orders.account import AccountSnapshot, FeeRates
from trader.orders.order import Fill, OrderReport, OrderState, OrderType, Side, TimeInForce
from trader.venue import (
    Absent,
    CancelResult,
    FeedItem,
    Found,
    InvalidSymbol,
    KeyPermissions,
    NotSent,
    OrderRequest,
    Placed,
    PlaceOutcome,
    Refused,
    always,
)

ZERO = Decimal(0)
FEE_STEP = Decimal("0.00000001")
RESTS = frozenset({TimeInForce.GTC, TimeInForce.GTD})


class InProcessVenue:
    """See the module docstring. `deliver` receives order reports, as the user feed would bring them."""

    def __init__(
        self,
        instruments: Sequence[Instrument],
        models: MarketModels,
        funds: Mapping[str, Decimal],
        machine_time: Callable[[], float],
    ) -> None:
        self.models = models
        self.market_time = 0.0
        self.deliver: Callable[[FeedItem], None] = lambda _item: None
        self.on_execution: Callable[[Execution], None] = lambda _execution: None
        self.wallets = Wallets(instruments, funds)
        self._books = {instrument.symbol: ProductBook(instrument) for instrument in instruments}
        self._machine_time = machine_time
        self._orders: dict[str, str] = {}
        self._finished: dict[str, OrderReport] = {}
        self._resting: dict[str, dict[str, Resting]] = {instrument.symbol: {} for instrument in instruments}
        self._fills: deque[Fill] = deque()
        self._made = self._executions = 0
        self.resting_orders = 0
        """How many orders wait on a book."""

    # --- the market, told by the driver

    def set_price(self, symbol: str, price_ticks: int, meet_ticks: int) -> None:
        """Move one product's book: positions are worth `price_ticks`, orders meet the market around `meet_ticks`."""
        book = self._books[symbol]
        book.price_ticks, book.meet_ticks = price_ticks, meet_ticks

    def set_shape(self, symbol: str, spread_ticks: int, step_ticks: int, level_size: Decimal) -> None:
        """Set how wide and how deep one product's book is."""
        book = self._books[symbol]
        book.spread_ticks, book.step_ticks, book.level_size = spread_ticks, step_ticks, level_size

    def set_touch(self, symbol: str, bid: Decimal, ask: Decimal) -> None:
        """Move one product's book to a recorded best bid and ask, and fill resting orders that they pass."""
        book = self._books[symbol]
        bid_ticks, ask_ticks = (int(price / book.instrument.price_increment) for price in (bid, ask))
        book.spread_ticks = ask_ticks - bid_ticks
        book.price_ticks = book.meet_ticks = bid_ticks + book.spread_ticks // 2
        if self._resting[symbol]:
            self.trade_through(symbol, ask_ticks, bid_ticks)

    def set_levels(self, symbol: str, bids: Levels, asks: Levels) -> None:
        """Let orders meet a recorded book, best levels first."""
        increment = self._books[symbol].instrument.price_increment
        self._books[symbol].given = GivenSide(bids, increment, is_bid=True), GivenSide(asks, increment, is_bid=False)

    def trade_through(self, symbol: str, low_ticks: int, high_ticks: int) -> None:
        """Fill resting orders that a candle with these extremes traded through, then end those whose time is over."""
        for resting in list(self._resting[symbol].values()):
            request = resting.request
            buying = request.side is Side.BUY
            if low_ticks < resting.limit_ticks if buying else high_ticks > resting.limit_ticks:
                self._forget(symbol, resting.order_id)
                price, size = request.limit_price, resting.leaves
                filled = self._execute(request, resting.order_id, size, price * size, resting.filled, maker=True)
                self._tell(request, resting.order_id, OrderState.FILLED, filled)
            elif request.end_time is not None and request.end_time <= self.market_time:
                self._forget(symbol, resting.order_id)
                self._tell(request, resting.order_id, OrderState.EXPIRED, resting.filled)

    def charge_funding(self, symbol: str) -> None:
        """Charge one funding time at the present middle of the book, at the rate the product names."""
        rate = self._books[symbol].instrument.funding_rate
        assert rate is not None, "only a perpetual is charged, and every one names its rate"
        self.wallets.charge_funding(symbol, self.middle(symbol), rate)

    def middle(self, symbol: str) -> Decimal:
        """Half way between best bid and best ask."""
        book = self._books[symbol]
        bid = book.price_ticks - book.spread_ticks // 2
        return book.instrument.price_increment * (2 * bid + book.spread_ticks) / 2

    def half_ticks(self, symbol: str) -> int:
        """The middle of one product's book, in half ticks."""
        book = self._books[symbol]
        return 2 * (book.price_ticks - book.spread_ticks // 2) + book.spread_ticks

    def worth_of_half_tick(self, symbol: str) -> Decimal:
        """By how much equity moves when the middle of one product's book moves by half a tick; 0 when none of it is held."""
        instrument = self._books[symbol].instrument
        return self.wallets.size(symbol) * instrument.contract_size * instrument.price_increment / 2

    def equity(self) -> Decimal:
        """All wallets, coins and open profits at the middle of each book."""
        return self.wallets.equity(self.middle)

    # --- the port

    def server_time(self) -> float:
        """Return the market's clock."""
        return self.market_time

    def permissions(self) -> KeyPermissions:
        """Return what a backtest's key may do: look and trade."""
        return KeyPermissions(can_view=True, can_trade=True, can_transfer=False)

    def instruments(self, symbols: Sequence[str]) -> list[Instrument]:
        """Return the products; raises InvalidSymbol for one that has no candles."""
        unknown = [symbol for symbol in symbols if symbol not in self._books]
        if unknown:
            raise InvalidSymbol(f"there are no candles of {', '.join(unknown)}")
        return [self._books[symbol].instrument for symbol in symbols]

    def place(
        self, request: OrderRequest, deadline_s: float, still_allowed: Callable[[], bool] = always
    ) -> PlaceOutcome:
        """Take one order: refuse it, fill it against the modelled book, or let it rest. A repeated id creates nothing."""
        if not still_allowed():
            return NotSent("it was no longer allowed")
        known = self._orders.get(request.client_order_id)
        if known is not None:
            return Placed(known)
        refused = self._refusal(request)
        if refused is not None:
            return refused
        self._made += 1
        order_id = self._orders[request.client_order_id] = f"venue-{self._made}"
        self._match(request, order_id)
        return Placed(order_id)

    def cancel(self, order_ids: Sequence[str], deadline_s: float) -> list[CancelResult]:
        """Cancel resting orders at once."""
        results = []
        for order_id in order_ids:
            found = next((orders[order_id] for orders in self._resting.values() if order_id in orders), None)
            if found is not None:
                self._forget(found.request.symbol, order_id)
                self._tell(found.request, order_id, OrderState.CANCELLED, found.filled)
            results.append(CancelResult(order_id, found is not None, "" if found else "UNKNOWN_CANCEL_ORDER"))
        return results

    def find_order(self, client_order_id: str, order_id: str, symbol: str, since: float) -> Found | Absent:
        """Look for one order."""
        order_id = order_id or self._orders.get(client_order_id, "")
        resting = self._resting[symbol].get(order_id)
        if resting is not None:
            return Found(self._report(resting.request, order_id, OrderState.OPEN, resting.filled))
        finished = self._finished.get(order_id)
        return Found(finished) if finished is not None else Absent(self._machine_time())

    def account(self, symbols: Sequence[str], fills_since: float) -> AccountSnapshot:
        """Read the whole account."""
        while self._fills and self._fills[0].market_time < fills_since:
            self._fills.popleft()
        resting = (one for orders in self._resting.values() for one in orders.values())
        return AccountSnapshot(
            asked_at=self._machine_time(),
            market_time=self.market_time,
            balances=self.wallets.balances(),
            open_orders=tuple(self._report(one.request, one.order_id, OrderState.OPEN, one.filled) for one in resting),
            fills=tuple(self._fills),
            positions=self.wallets.venue_positions(),
            fees=FeeRates(self.models.maker_fee, self.models.taker_fee, "backtest"),
        )

    def open_order_ids(self) -> list[str]:
        """Return what rests."""
        return [order_id for orders in self._resting.values() for order_id in orders]

    def candles(self, symbol: str, start: float, end: float, seconds: int) -> list[Candle]:
        """Return nothing, as `trades`: a backtest warms its windows by its own market."""
        return []

    def trades(self, symbol: str, limit: int) -> list[Trade]:
        """Return nothing."""
        return []

    # --- matching

    def _refusal(self, request: OrderRequest) -> Refused | None:
        """The exchange's checks that concern these kinds of order."""
        book = self._books.get(request.symbol)
        if book is None or book.price_ticks <= 0:
            return Refused("INVALID_PRODUCT_ID", request.product_id)
        if request.order_type is OrderType.STOP_LIMIT:
            return Refused("UNSUPPORTED_ORDER_CONFIGURATION", "a backtest has no stop orders")
        instrument = book.instrument
        if request.size < instrument.base_min_size:
            return Refused("INVALID_SIZE_TOO_SMALL", f"{request.size} is below {instrument.base_min_size}")
        if request.size > instrument.base_max_size:
            return Refused("INVALID_SIZE_TOO_LARGE", f"{request.size} is above {instrument.base_max_size}")
        if request.size % instrument.base_increment or request.limit_price % instrument.price_increment:
            return Refused("INVALID_PRICE_OR_SIZE_PRECISION", f"{request.size} at {request.limit_price}")
        buying = request.side is Side.BUY
        limit = int(request.limit_price / instrument.price_increment)
        opposite = book.side(is_bid=not buying)
        best = next(opposite.levels(), None)
        if request.post_only and best is not None and opposite.reaches(best[0], limit):
            return Refused("INVALID_LIMIT_PRICE_POST_ONLY", f"{request.limit_price} would trade at once")
        resting = [one.request for orders in self._resting.values() for one in orders.values()]
        if not self.wallets.can_pay(request, resting, self.models.taker_fee):
            return Refused("INSUFFICIENT_FUND", "not enough balance for the order's worst price with fees")
        return None

    def _match(self, request: OrderRequest, order_id: str) -> None:
        """Take what the book gives within the limit, then rest, end or tell."""
        book = self._books[request.symbol]
        increment = book.instrument.price_increment
        limit = int(request.limit_price / increment)
        shift = round(book.price_ticks * self.models.slippage_bps / BPS)
        side = book.side(is_bid=request.side is Side.SELL, shift_ticks=shift)
        takes = walk(cast(HalfBook, side), limit, request.size)
        taken = sum((take.size for take in takes), ZERO)
        if taken < request.size and request.time_in_force is TimeInForce.FOK:
            self._tell(request, order_id, OrderState.CANCELLED, NOTHING)
            return
        filled = NOTHING
        if taken:
            value = sum((take.size * take.ticks for take in takes), ZERO) * increment
            filled = self._execute(request, order_id, taken, value, NOTHING, maker=False)
        if taken >= request.size:
            self._tell(request, order_id, OrderState.FILLED, filled)
        elif request.time_in_force in RESTS:
            self._resting[request.symbol][order_id] = Resting(request, order_id, limit, filled)
            self.resting_orders += 1
            self._tell(request, order_id, OrderState.OPEN, filled)
        else:
            self._tell(request, order_id, OrderState.CANCELLED, filled)

    def _forget(self, symbol: str, order_id: str) -> None:
        del self._resting[symbol][order_id]
        self.resting_orders -= 1

    def _execute(
        self, request: OrderRequest, order_id: str, size: Decimal, value: Decimal, before: Filled, *, maker: bool
    ) -> Filled:
        """Book one execution and return what the order has got with it."""
        instrument = self._books[request.symbol].instrument
        rate = self.models.maker_fee if maker else self.models.taker_fee
        fee = (value * instrument.contract_size * rate).quantize(FEE_STEP)
        price, sign = value / size, request.side.sign
        self._executions += 1
        fill = Fill(
            f"fill-{self._executions}", request.client_order_id, order_id, request.symbol, request.side, size, price,
            fee, self.market_time, "MAKER" if maker else "TAKER", value,
        )  # fmt: skip
        self._fills.append(fill)
        self.wallets.book(instrument, size * sign, value * sign, fee)
        self.on_execution(Execution(request.symbol, size * sign, price, fee, self.market_time))
        return Filled(before.size + size, before.value + value, before.fees + fee)

    def _tell(self, request: OrderRequest, order_id: str, state: OrderState, filled: Filled) -> None:
        """Bring a report to the user feed and keep the last word of a finished order."""
        report = self._report(request, order_id, state, filled)
        if state is not OrderState.OPEN:
            self._finished[order_id] = report
            if len(self._finished) > 1_000:
                del self._finished[next(iter(self._finished))]
                del self._orders[next(iter(self._orders))]
        self.deliver(report)

    def _report(self, request: OrderRequest, order_id: str, state: OrderState, filled: Filled) -> OrderReport:
        return OrderReport(
            client_order_id=request.client_order_id,
            order_id=order_id,
            symbol=request.symbol,
            state=state,
            market_time=self.market_time,
            source="user",
            side=request.side,
            size=request.size,
            limit_price=request.limit_price,
            filled_size=filled.size,
            filled_value=filled.value,
            fees=filled.fees,
        )
