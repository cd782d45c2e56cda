"""The money of the in-process venue: quote wallets, coins and netted derivative positions of one account.

Kept apart from risk's ledger on purpose: reconciliation in a backtest compares two independent books. Imported by backtest_venue.py. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal

from trader.market.instrument import Instrument
from trader.orders.account import Balance, VenuePosition
from trader.orders.order import Side
from trader.venue import OrderRequest

ZERO = Decimal(0)
ONE = Decimal(1)


CENT = Decimal("0.01")


def opening_funds(instruments: Sequence[Instrument], equity: Decimal) -> dict[str, Decimal]:
    """Divide the money of an account among the currencies its products are quoted in, one share a product, to the cent."""
    quotes = [instrument.quote for instrument in instruments]
    funds = {quote: (equity * quotes.count(quote) / len(quotes)).quantize(CENT) for quote in dict.fromkeys(quotes)}
    funds[quotes[0]] += equity - sum(funds.values(), ZERO)
    return funds


class _Holding:
    """One product: signed size held and, for a derivative, the average price it was entered at."""

    __slots__ = ("average", "instrument", "size")

    def __init__(self, instrument: Instrument) -> None:
        self.instrument = instrument
        self.size = ZERO
        self.average = ZERO


class Wallets:
    """Everything the account owns. Mutable, one owner."""

    def __init__(self, instruments: Sequence[Instrument], funds: Mapping[str, Decimal]) -> None:
        self._money: dict[str, Decimal] = {instrument.quote: ZERO for instrument in instruments} | dict(funds)
        self._held = {instrument.symbol: _Holding(instrument) for instrument in instruments}
        self._cash = sum(self._money.values(), ZERO)
        self.is_flat = True
        """Whether nothing is held: equity stands still."""

    def book(self, instrument: Instrument, signed_size: Decimal, signed_value: Decimal, fee: Decimal) -> None:
        """Book one execution; `signed_value` is price times signed size without the contract size."""
        holding = self._held[instrument.symbol]
        if instrument.is_derivative:
            flow = self._net(holding, signed_size, signed_value / signed_size)
        else:
            holding.size += signed_size
            flow = -signed_value
        self._pay(instrument.quote, flow - fee)
        self.is_flat = not any(one.size for one in self._held.values())

    @staticmethod
    def _net(holding: _Holding, signed_size: Decimal, price: Decimal) -> Decimal:
        """Net a derivative execution into the position and return the profit it realized."""
        before, after = holding.size, holding.size + signed_size
        realized = ZERO
        if before and (before > 0) != (signed_size > 0):
            closing = min(abs(before), abs(signed_size)) * (1 if before > 0 else -1)
            realized = closing * (price - holding.average) * holding.instrument.contract_size
            if after and (after > 0) != (before > 0):
                holding.average = price
        else:
            holding.average = (holding.average * before + price * signed_size) / after
        holding.size = after
        return realized

    def charge_funding(self, symbol: str, mark: Decimal, rate: Decimal) -> None:
        """Charge one funding time of a derivative: a long pays a positive rate."""
        holding = self._held[symbol]
        paid = holding.size * holding.instrument.contract_size * mark * rate
        self._pay(holding.instrument.quote, -paid)

    def _pay(self, currency: str, amount: Decimal) -> None:
        self._money[currency] += amount
        self._cash = sum(self._money.values(), ZERO)

    def can_pay(self, request: OrderRequest, resting: Iterable[OrderRequest], taker_fee: Decimal) -> bool:
        """Whether money or coins cover the order at its worst price, after what resting orders bind."""
        holding = self._held[request.symbol]
        instrument = holding.instrument
        if instrument.is_derivative:
            grows = abs(holding.size + request.size * request.side.sign) > abs(holding.size)
            return not grows or self._money[instrument.quote] > 0
        same = [one for one in resting if one.side is request.side]
        if request.side is Side.SELL:
            bound = sum((one.size for one in same if one.symbol == request.symbol), ZERO)
            return holding.size - bound >= request.size
        quote = instrument.quote
        mine = [one for one in same if self._held[one.symbol].instrument.quote == quote]
        cost = sum((one.size * one.limit_price for one in (*mine, request)), ZERO) * (ONE + taker_fee)
        return self._money[quote] >= cost

    def equity(self, mark_of: Callable[[str], Decimal]) -> Decimal:
        """Everything at the prices `mark_of` tells, dollar coins counted as dollars."""
        total = self._cash
        for symbol, holding in self._held.items():
            if holding.size:
                mark, instrument = mark_of(symbol), holding.instrument
                price = mark - holding.average if instrument.is_derivative else mark
                total += holding.size * price * instrument.contract_size
        return total

    def size(self, symbol: str) -> Decimal:
        """Signed size held of one product."""
        return self._held[symbol].size

    def balances(self) -> tuple[Balance, ...]:
        """Every wallet as the venue lists it."""
        coins: dict[str, Decimal] = {}
        for holding in self._held.values():
            if not holding.instrument.is_derivative:
                coins[holding.instrument.base] = coins.get(holding.instrument.base, ZERO) + holding.size
        return tuple(Balance(currency, amount, ZERO) for currency, amount in (self._money | coins).items())

    def venue_positions(self) -> tuple[VenuePosition, ...]:
        """Every open derivative position."""
        return tuple(
            VenuePosition(symbol, holding.size, holding.average)
            for symbol, holding in self._held.items()
            if holding.instrument.is_derivative and holding.size
        )
