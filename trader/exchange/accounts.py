"""What the client owns at the exchange: wallets with holds, and positions with their margin.

Imported by engine.py and the renderers.

Money is conserved: every change is a move between available, hold, margin and the other side of a trade; fees and
funding leave or enter by name.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from trader.exchange.ladder import ZERO
from trader.exchange.listing import Listing


class Fees(msgspec.Struct, frozen=True, gc=False):
    """Commission as a fraction of traded value."""

    maker: Decimal = Decimal("0.005")
    taker: Decimal = Decimal("0.009")

    def rate(self, *, is_maker: bool) -> Decimal:
        """The rate of one execution."""
        return self.maker if is_maker else self.taker


class Wallet(msgspec.Struct, gc=False):
    """One currency: what may be spent, what open orders block, and what positions use as margin."""

    currency: str
    available: Decimal = ZERO
    hold: Decimal = ZERO
    margin: Decimal = ZERO

    @property
    def total(self) -> Decimal:
        """All of it."""
        return self.available + self.hold + self.margin


class Position(msgspec.Struct, gc=False):
    """A derivative position.

    `net` is signed, in order-size units; `margin` is locked in the quote wallet at entry prices.
    """

    product_id: str
    net: Decimal = ZERO
    entry_price: Decimal = ZERO
    margin: Decimal = ZERO
    realized: Decimal = ZERO
    funding: Decimal = ZERO
    fees: Decimal = ZERO

    def unrealized(self, mark: Decimal, contract_size: Decimal) -> Decimal:
        """Profit at a mark price, in quote currency."""
        return (mark - self.entry_price) * self.net * contract_size


class Accounts:
    """All wallets and positions of the one client. Asserts that nothing is ever spent twice."""

    def __init__(self) -> None:
        self.wallets: dict[str, Wallet] = {}
        self.positions: dict[str, Position] = {}

    def wallet(self, currency: str) -> Wallet:
        """The wallet of a currency, opened empty on first use."""
        return self.wallets.setdefault(currency, Wallet(currency))

    def position(self, product_id: str) -> Position:
        """The position in a derivative, opened flat on first use."""
        return self.positions.setdefault(product_id, Position(product_id))

    def block(self, currency: str, amount: Decimal) -> bool:
        """Move an amount from available to hold; False, and nothing moved, when there is not enough."""
        wallet = self.wallet(currency)
        if amount > wallet.available:
            return False
        wallet.available -= amount
        wallet.hold += amount
        return True

    def release(self, currency: str, amount: Decimal) -> None:
        """Move an amount from hold back to available."""
        wallet = self.wallet(currency)
        assert ZERO <= amount <= wallet.hold, f"releasing {amount} {currency} of a hold of {wallet.hold}"
        wallet.hold -= amount
        wallet.available += amount

    def trade_spot(self, listing: Listing, *, is_buy: bool, size: Decimal, value: Decimal, commission: Decimal) -> None:
        """Exchange base against quote; the commission is paid in quote.

        The order's hold must have been released before.
        """
        base, quote = self.wallet(listing.base), self.wallet(listing.quote)
        if is_buy:
            base.available += size
            quote.available -= value + commission
        else:
            base.available -= size
            quote.available += value - commission
        assert base.available >= 0, f"{listing.base} overspent: {base.available}"
        assert quote.available >= 0, f"{listing.quote} overspent: {quote.available}"

    def trade_derivative(
        self, listing: Listing, *, signed_size: Decimal, price: Decimal, commission: Decimal, margin_rate: Decimal
    ) -> None:
        """Change a position at a price: profit of the closed part to the wallet, margin locked or released in
        proportion. The quote wallet may go below zero here: a liquidation at a bad price is a debt, not an error.
        """
        position, wallet = self.position(listing.product_id), self.wallet(listing.quote)
        closing = _closing_part(position.net, signed_size)
        if closing:
            profit = (price - position.entry_price) * closing * listing.contract_size * (1 if position.net > 0 else -1)
            freed = position.margin * closing / abs(position.net)
            position.margin -= freed
            wallet.margin -= freed
            wallet.available += freed + profit
            position.realized += profit
            position.net += closing if signed_size > 0 else -closing
        opening = abs(signed_size) - closing
        if opening:
            self._open(listing, position, opening if signed_size > 0 else -opening, price, margin_rate)
        elif position.net == 0:
            position.entry_price = ZERO
        wallet.available -= commission
        position.fees += commission

    def _open(
        self, listing: Listing, position: Position, signed_size: Decimal, price: Decimal, margin_rate: Decimal
    ) -> None:
        before = abs(position.net)
        added = abs(signed_size)
        position.entry_price = (position.entry_price * before + price * added) / (before + added)
        position.net += signed_size
        needed = price * added * listing.contract_size * margin_rate
        position.margin += needed
        wallet = self.wallet(listing.quote)
        wallet.available -= needed
        wallet.margin += needed

    def pay_funding(self, listing: Listing, paid: Decimal) -> None:
        """Settle one funding interval; a negative amount is received."""
        self.position(listing.product_id).funding -= paid
        self.wallet(listing.quote).available -= paid


def _closing_part(net: Decimal, signed_size: Decimal) -> Decimal:
    """How much of a trade reduces the position, unsigned."""
    if net == 0 or (net > 0) == (signed_size > 0):
        return ZERO
    return min(abs(net), abs(signed_size))
