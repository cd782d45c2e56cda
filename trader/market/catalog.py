"""The product catalogue: what can be traded, under which of its many names, by which rules, and how old that
knowledge is.

Anyone may import this. It reads no clock and no venue: the client hands over instruments with the machine time
they were read at. One immutable table is swapped for the next, so any thread may read while another refreshes.

Names. `BTC-PERP` is a name for a person; the venue's ids differ and change (`BTC-PERP-INTX`, `BIP-20DEC30-CDE`).
`resolve` turns any of them into today's instrument. With the derivatives gate closed a perpetual's name becomes
the spot pair, and the note says so (D15, D19).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal

import msgspec

from trader.market.instrument import Instrument, ProductKind

TTL_S = 900.0
_PERPETUAL_NAME = re.compile(r"([A-Z0-9]{1,12})(?:-USDC?)?-PERP(?:-INTX)?|([A-Z0-9]{1,12})-INTX")
_SPOT_NAME = re.compile(r"([A-Z0-9]{1,12})-(USDC?|[A-Z]{3,4})")
_QUOTE_TWINS = {"USD": "USDC", "USDC": "USD"}
_INTX_SUFFIX = "-INTX"


class QuantizationFailed(ValueError):
    """A size or price the product's rules do not allow; the text begins `Quantization failed:`."""


class Resolution(msgspec.Struct, frozen=True):
    """What a name stands for today: `instrument` is None when the venue has no such product; `note` is a sentence
    worth a log line.
    """

    asked: str
    instrument: Instrument | None
    note: str = ""


class Funding(msgspec.Struct, frozen=True):
    """Funding of one perpetual: `rate` is a fraction per interval, positive means longs pay; `next_time` in UNIX
    market seconds.
    """

    symbol: str
    rate: Decimal
    next_time: float | None
    interval_s: int


def perpetual_name(base: str) -> str:
    """Return the canonical name of a base currency's perpetual."""
    return f"{base}-PERP"


class _Table(msgspec.Struct, frozen=True):
    by_symbol: dict[str, Instrument]
    by_product: dict[str, Instrument]
    read_at: float


class ProductCatalog:
    """Products by symbol, product id and alias. `prefer_intx` chooses between two perpetuals of one base."""

    def __init__(self, *, derivatives: bool = False, prefer_intx: bool = False, ttl_s: float = TTL_S) -> None:
        self.derivatives = derivatives
        self._prefer_intx = prefer_intx
        self._ttl_s = ttl_s
        self._table = _Table({}, {}, float("-inf"))

    def load(self, instruments: Iterable[Instrument], now: float) -> None:
        """Replace everything known; `now` is machine seconds at the time of reading."""
        by_product = {instrument.product_id: instrument for instrument in instruments}
        self._table = self._indexed(by_product, now)

    def update(self, instruments: Iterable[Instrument], now: float) -> None:
        """Add or replace some products and keep the rest."""
        table = self._table
        by_product = dict(table.by_product)
        by_product.update((instrument.product_id, instrument) for instrument in instruments)
        self._table = self._indexed(by_product, now)

    def is_stale(self, now: float) -> bool:
        """True when the rules are older than their life: refresh before relying on them."""
        return now - self._table.read_at > self._ttl_s

    def by_product(self, product_id: str) -> Instrument | None:
        """Return the instrument of a venue id, or of its USD/USDC twin when only that one is known."""
        table = self._table
        found = table.by_product.get(product_id)
        return found or table.by_product.get(_twin(product_id))

    def by_symbol(self, symbol: str) -> Instrument | None:
        """Return the instrument of one of our symbols."""
        return self._table.by_symbol.get(symbol)

    def instruments(self) -> list[Instrument]:
        """Return every product, by symbol."""
        return sorted(self._table.by_symbol.values(), key=lambda instrument: instrument.symbol)

    def resolve(self, name: str) -> Resolution:
        """Return what a name stands for today; never raises."""
        asked = name.strip().upper()
        perpetual_of = self._perpetual_base(asked)
        if perpetual_of is not None and not self.derivatives:
            spot = self._spot(f"{perpetual_of}-USD")
            return Resolution(asked, spot, f"{asked} becomes {perpetual_of}-USD: derivatives are switched off")
        if perpetual_of is not None:
            exact = self._table.by_product.get(asked)
            found = exact or self._table.by_symbol.get(perpetual_name(perpetual_of))
            note = f"{asked} is {found.product_id} today" if found and found.product_id != asked else ""
            return Resolution(asked, found, note)
        found = self._table.by_symbol.get(asked) or self._table.by_product.get(asked)
        if found is None and _SPOT_NAME.fullmatch(asked):
            found = self._spot(asked)
            return Resolution(asked, found, f"{asked} is traded as {found.product_id}" if found else "")
        return Resolution(asked, found)

    def get_perpetual_products(self) -> list[Instrument]:
        """Return the perpetuals, recognised by their funding."""
        return [instrument for instrument in self.instruments() if instrument.kind is ProductKind.PERPETUAL]

    def get_funding(self, symbol: str) -> Funding | None:
        """Return the funding of a symbol, None for a product without."""
        found = self.by_symbol(symbol) or self.by_product(symbol)
        if found is None or found.funding_rate is None:
            return None
        return Funding(found.symbol, found.funding_rate, found.funding_time, found.funding_interval_s)

    def _perpetual_base(self, name: str) -> str | None:
        """Return the base currency when a name means a perpetual, by its spelling or because the catalogue knows the
        id.
        """
        known = self._table.by_product.get(name)
        if known is not None:
            return known.base if known.kind is ProductKind.PERPETUAL else None
        match = _PERPETUAL_NAME.fullmatch(name)
        return (match.group(1) or match.group(2)) if match else None

    def _spot(self, name: str) -> Instrument | None:
        table = self._table
        return table.by_product.get(name) or table.by_product.get(_twin(name))

    def _indexed(self, by_product: dict[str, Instrument], now: float) -> _Table:
        """Give each product one symbol; of two perpetuals with one base the preferred keeps the name, the other goes
        by its id.
        """
        products: dict[str, Instrument] = {}
        by_symbol: dict[str, Instrument] = {}
        for instrument in sorted(by_product.values(), key=self._rank):
            named = instrument
            if instrument.kind is ProductKind.PERPETUAL:
                name = perpetual_name(instrument.base)
                named = msgspec.structs.replace(instrument, symbol=instrument.product_id if name in by_symbol else name)
            by_symbol[named.symbol] = named
            products[named.product_id] = named
        return _Table(by_symbol, products, now)

    def _rank(self, instrument: Instrument) -> tuple[bool, str]:
        """Order by preference. The status has no say: a name must not change its product when a session closes."""
        return instrument.product_id.endswith(_INTX_SUFFIX) is not self._prefer_intx, instrument.product_id


def _twin(product_id: str) -> str:
    base, _, quote = product_id.rpartition("-")
    other = _QUOTE_TWINS.get(quote)
    return f"{base}-{other}" if base and other else ""


def enforce_perp_rules(
    product: Instrument, size: Decimal, price: Decimal | None, *, buying: bool = True
) -> tuple[Decimal, Decimal | None]:
    """Return size and price on the product's grid, size rounded down and price never worse than asked; raises
    QuantizationFailed.

    It holds for spot as well. `price` None is a market order. Size is in the product's unit (contracts for US
    futures).
    """
    if size <= 0:
        raise QuantizationFailed(f"Quantization failed: size {size} of {product.symbol} is not positive")
    rounded = product.round_size(size)
    if rounded < product.base_min_size:
        raise QuantizationFailed(
            f"Quantization failed: Below minimum: {size} of {product.symbol} rounds to {rounded}, "
            f"the least is {product.base_min_size}"
        )
    if rounded > product.base_max_size:
        raise QuantizationFailed(
            f"Quantization failed: Above maximum: {rounded} of {product.symbol}, the most is {product.base_max_size}"
        )
    if price is None:
        return rounded, None
    on_grid = product.round_price(price, buying=buying)
    if on_grid <= 0:
        raise QuantizationFailed(f"Quantization failed: price {price} of {product.symbol} rounds to nothing")
    worth = product.notional(rounded, on_grid)
    if worth < product.quote_min_size:
        raise QuantizationFailed(
            f"Quantization failed: Below minimum: {worth} {product.quote} of {product.symbol}, "
            f"the least is {product.quote_min_size}"
        )
    return rounded, on_grid
