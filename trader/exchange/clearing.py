"""Clearing of derivatives: hourly funding, margin health, liquidation. Pure; imported by engine.py and the renderers.

Each venue's positions are margined together by the wallet they are quoted in: USD for the US futures, USDC for the
older perpetuals.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from trader.exchange.funding import INTERVAL_S, funding_rate
from trader.exchange.ladder import ZERO
from trader.exchange.ledger import Ledger
from trader.exchange.listing import Listing
from trader.exchange.market import Side
from trader.exchange.matcher import Matcher
from trader.exchange.records import FundingPayment, Kind, Order, Status, TimeInForce

_PAYMENT_STEP = Decimal("0.00000001")


class Health(msgspec.Struct, frozen=True):
    """Margin figures of one quote currency, in that currency.

    The buffer is a fraction of the equity, one without positions.
    """

    equity: Decimal
    unrealized: Decimal
    initial_margin: Decimal
    maintenance_margin: Decimal
    orders_hold: Decimal
    notional: Decimal

    @property
    def buffer_amount(self) -> Decimal:
        """Equity above the maintenance margin."""
        return self.equity - self.maintenance_margin

    @property
    def buffer_fraction(self) -> Decimal:
        """How far the equity may fall, relative to itself, before liquidation."""
        if not self.maintenance_margin:
            return Decimal(1)
        return self.buffer_amount / self.equity if self.equity > 0 else ZERO


class Clearing:
    """Funding and liquidation over a ledger; `settle` is called after every advance."""

    def __init__(self, ledger: Ledger, matcher: Matcher) -> None:
        self._ledger = ledger
        self._matcher = matcher
        self.funding_hour: int | None = None

    def mark(self, product_id: str) -> Decimal:
        """The price at which positions are valued: the middle of the book."""
        return self._ledger.market(product_id).mid()

    def health(self, quote: str) -> Health:
        """Margin figures of everything quoted in a currency."""
        wallet = self._ledger.accounts.wallet(quote)
        unrealized, margin, maintenance, notional = ZERO, ZERO, ZERO, ZERO
        for listing in self._open(quote):
            position = self._ledger.accounts.position(listing.product_id)
            mark = self.mark(listing.product_id)
            value = abs(position.net) * mark * listing.contract_size
            unrealized += position.unrealized(mark, listing.contract_size)
            margin += position.margin
            maintenance += value * listing.maintenance_margin_rate
            notional += value
        held = (order.hold for order in self._ledger.live() if self._is_derivative_in(order, quote))
        return Health(wallet.total + unrealized, unrealized, margin, maintenance, sum(held, ZERO), notional)

    def _is_derivative_in(self, order: Order, quote: str) -> bool:
        listing = self._ledger.listings[order.product_id]
        return listing.is_derivative and listing.quote == quote

    def _open(self, quote: str | None = None) -> list[Listing]:
        """Listings in which there is a position."""
        positions = self._ledger.accounts.positions.values()
        listings = (self._ledger.listings[position.product_id] for position in positions if position.net)
        return [listing for listing in listings if quote in {None, listing.quote}]

    def settle(self, now: float) -> None:
        """Pay funding for each hour that began, then liquidate what no longer carries its margin."""
        hour = int(now // INTERVAL_S)
        if self.funding_hour is None:
            self.funding_hour = hour
        while self.funding_hour < hour:
            self.funding_hour += 1
            for listing in self._open():
                self._pay(listing, self.funding_hour)
        for quote in sorted({listing.quote for listing in self._open()}):
            health = self.health(quote)
            if health.equity < health.maintenance_margin:
                self.liquidate(quote, now)

    def _pay(self, listing: Listing, hour: int) -> None:
        self.charge(listing, float(hour * INTERVAL_S), funding_rate(listing, hour))

    def charge(self, listing: Listing, time: float, rate: Decimal) -> None:
        """Charge one funding payment at a rate and the present mark."""
        mark, position = self.mark(listing.product_id), self._ledger.accounts.position(listing.product_id)
        paid = (position.net * listing.contract_size * mark * rate).quantize(_PAYMENT_STEP)
        self._ledger.accounts.pay_funding(listing, paid)
        self._ledger.fundings.append(FundingPayment(listing.product_id, time, rate, mark, position.net, paid))

    def liquidate(self, quote: str, now: float) -> None:
        """Cancel the venue's orders and close its positions at whatever the book gives."""
        for order in self._ledger.live():
            if self._is_derivative_in(order, quote):
                self._ledger.end(order.order_id, Status.CANCELLED, now, "Liquidation")
        for listing in self._open(quote):
            net = self._ledger.accounts.position(listing.product_id).net
            order_id = self._ledger.new_id("liquidation")
            self._ledger.accept(
                Order(
                    order_id=order_id,
                    client_order_id="",
                    product_id=listing.product_id,
                    side=Side.SELL if net > 0 else Side.BUY,
                    kind=Kind.LIQUIDATION,
                    time_in_force=TimeInForce.IOC,
                    configuration={"market_market_ioc": {"base_size": str(abs(net))}},
                    created=now,
                    updated=now,
                    base_size=abs(net),
                    is_liquidation=True,
                )
            )
            self._matcher.take_liquidity(order_id, now)
