"""The account as the venue tells it, read whole: wallets, live orders, fills, fees, derivative positions and margin.

Only `trader/coinbase/` imports this. Any part that cannot be read is an error of the whole; nothing partial is
ever returned. US futures (CFM) and the older INTX perpetuals are read only when the catalogue has such products
among the symbols asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

import msgspec

from trader.coinbase.bodies import FEE_SUMMARY, PERMISSIONS, FillRecord
from trader.coinbase.breaker import EndpointClass
from trader.coinbase.derivatives import DerivativesReader
from trader.coinbase.gateway import Gateway
from trader.coinbase.listing import OrderListing, wallets
from trader.coinbase.orders import OrderDesk
from trader.coinbase.pacing import Priority
from trader.coinbase.reports import InstrumentOf, fill_of
from trader.coinbase.wire import BadPayload
from trader.market.instrument import Instrument
from trader.orders.account import AccountSnapshot, Balance, FeeRates, MarginSummary, VenuePosition
from trader.orders.order import Fill, OrderReport
from trader.venue import KeyPermissions, PermissionDenied, VenueUnavailable

FILL_TYPE = "FILL"
CFM_SUFFIX = "-CDE"
INTX_SUFFIX = "-INTX"
SAME_MONEY = Decimal("0.01")
INTX_KIND = "INTX"


class Backfill(msgspec.Struct, frozen=True):
    """What happened since a watermark: reports and fills, and the watermark to persist once they are in the books."""

    reports: tuple[OrderReport, ...]
    fills: tuple[Fill, ...]
    watermark: float


class AccountReader:
    """Reads of the private account."""

    def __init__(
        self, gateway: Gateway, desk: OrderDesk, instrument_of: InstrumentOf, clock: Callable[[], float]
    ) -> None:
        self._gateway = gateway
        self._desk = desk
        self._instrument_of = instrument_of
        self._clock = clock
        self._listing = OrderListing(gateway)
        self.derivatives = DerivativesReader(gateway, instrument_of)
        self._portfolio_id = ""

    def permissions(self) -> KeyPermissions:
        """Return what the key may do, and its portfolio."""
        said = self._gateway.read(EndpointClass.ACCOUNT, "/key_permissions", PERMISSIONS)
        return KeyPermissions(said.can_view, said.can_trade, said.can_transfer, said.portfolio_uuid)

    def snapshot(self, instruments: Sequence[Instrument], fills_since: float, market_time: float) -> AccountSnapshot:
        """Read everything; `market_time` is the venue's clock just before. Raises VenueError."""
        asked_at = self._clock()
        balances = self.balances()
        open_orders = tuple(self.live_orders())
        fills = tuple(self.fills(fills_since))
        positions, margins = self._derivative_side(instruments)
        return AccountSnapshot(
            asked_at=asked_at,
            market_time=market_time,
            balances=with_collateral(balances, margins),
            open_orders=open_orders,
            fills=fills,
            positions=positions,
            margins=margins,
            fees=self.fee_rates(),
            complete=True,
            instruments=tuple(instruments),
        )

    def balances(self) -> tuple[Balance, ...]:
        """Return one balance per currency."""
        sums: dict[str, tuple[Decimal, Decimal]] = {}
        for wallet in wallets(self._gateway):
            available, hold = sums.get(wallet.currency, (Decimal(0), Decimal(0)))
            sums[wallet.currency] = (
                available + wallet.available_balance.value.or_zero,
                hold + wallet.hold.value.or_zero,
            )
        return tuple(Balance(currency, available, hold) for currency, (available, hold) in sums.items())

    def live_orders(self) -> list[OrderReport]:
        """Return every order alive at the venue."""
        return [self._desk.learn(record) for record in self._listing.live()]

    def open_order_ids(self) -> list[str]:
        """Return the id of every order alive at the venue, as urgently as a cancel: it is asked for to cancel them."""
        return [record.order_id for record in self._listing.live(Priority.CANCEL)]

    def fee_rates(self) -> FeeRates:
        """Return the account's fee tier."""
        tier = self._gateway.read(EndpointClass.ACCOUNT, "/transaction_summary", FEE_SUMMARY).fee_tier
        try:
            return FeeRates(tier.maker_fee_rate.needed, tier.taker_fee_rate.needed, tier.pricing_tier)
        except BadPayload as error:
            raise VenueUnavailable(f"the fee tier is incomplete: {error}") from error

    def fills(self, since: float) -> list[Fill]:
        """Return the executions since `since`, oldest first, each with the client id of its order. Reversals and
        corrections are left out.
        """
        records = [record for record in self._listing.fills(since) if record.trade_type in {FILL_TYPE, ""}]
        self._learn_orders_of(records)
        try:
            fills = [
                fill_of(record, self._desk.client_id_of(record.order_id), self._instrument_of) for record in records
            ]
        except BadPayload as error:
            raise VenueUnavailable(f"a fill does not fit its shape: {error}") from error
        return sorted(fills, key=lambda fill: (fill.market_time, fill.fill_id))

    def backfill(self, watermark: float, overlap_s: float = 60.0) -> Backfill:
        """Return orders and fills since `overlap_s` before the watermark; applying them twice changes nothing."""
        since = max(watermark - overlap_s, 0.0)
        reports = [self._desk.learn(record) for record in self._listing.since(since)]
        known = {report.order_id for report in reports}
        reports += [self._desk.learn(record) for record in self._listing.live() if record.order_id not in known]
        fills = self.fills(since)
        newest = max([watermark, *(fill.market_time for fill in fills), *(report.market_time for report in reports)])
        return Backfill(tuple(reports), tuple(fills), newest)

    def _learn_orders_of(self, records: Sequence[FillRecord]) -> None:
        """Read the orders of fills whose client id was never seen: after a restart a fill names only the venue's id."""
        strangers = sorted({record.order_id for record in records if not self._desk.client_id_of(record.order_id)})
        for record in self._listing.by_ids(strangers):
            self._desk.learn(record)

    def _derivative_side(
        self, instruments: Sequence[Instrument]
    ) -> tuple[tuple[VenuePosition, ...], tuple[MarginSummary, ...]]:
        positions: list[VenuePosition] = []
        margins: list[MarginSummary] = []
        if any(instrument.product_id.endswith(CFM_SUFFIX) for instrument in instruments):
            margin = self.derivatives.cfm_margin()
            margins.append(margin)
            positions += self.derivatives.cfm_positions(margin.liquidation_buffer)
        if any(instrument.product_id.endswith(INTX_SUFFIX) for instrument in instruments):
            portfolio_id = self._intx_portfolio()
            positions += self.derivatives.intx_positions(portfolio_id)
            intx = self.derivatives.intx_margin(portfolio_id)
            margins += [intx] if intx is not None else []
        return tuple(positions), tuple(margins)

    def check_approval(self, instruments: Sequence[Instrument]) -> None:
        """Raise PermissionDenied when INTX perpetuals are wanted and the account has no portfolio for them: it is not approved."""
        wanted = [instrument.symbol for instrument in instruments if instrument.product_id.endswith(INTX_SUFFIX)]
        if wanted and INTX_KIND not in {each.type for each in self.derivatives.portfolios() if not each.deleted}:
            names = ", ".join(wanted)
            raise PermissionDenied(
                f"the account is not approved for INTX perpetuals ({names}): it has no portfolio for them"
            )

    def _intx_portfolio(self) -> str:
        """Return the id of the portfolio that holds INTX perpetuals, the key's own when none is of that kind; read once."""
        if not self._portfolio_id:
            kinds = {each.type: each.uuid for each in self.derivatives.portfolios() if not each.deleted}
            self._portfolio_id = kinds.get(INTX_KIND) or self.permissions().portfolio_id
        return self._portfolio_id


def with_collateral(balances: Sequence[Balance], margins: Sequence[MarginSummary]) -> tuple[Balance, ...]:
    """Return the wallets with the money that stands in for derivatives counted in.

    A wallet may or may not show what the futures account holds; the margin summary's figure is whole. It is rounded to
    the cent, so where the two agree to the cent the wallet is the more exact and stays as it is.
    """
    by_currency = {balance.currency: balance for balance in balances}
    for margin in margins:
        held = by_currency.get(margin.currency, Balance(margin.currency, Decimal(0), Decimal(0)))
        if margin.collateral is not None and abs(held.total - margin.collateral) > SAME_MONEY:
            available = min(held.available, margin.collateral)
            by_currency[margin.currency] = Balance(margin.currency, available, margin.collateral - available)
    return tuple(by_currency.values())
