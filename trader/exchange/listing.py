"""What the exchange lists: the rules of each product.

Imported by the rest of the exchange; knows nothing of the client.

Prices and increments are those of the real venue in kind, not a copy of any day's values.
"""

from __future__ import annotations

from decimal import ROUND_DOWN, Decimal
from enum import StrEnum

import msgspec


class ProductVenue(StrEnum):
    """Where a product trades; decides wallet, margin and the shape of its records."""

    SPOT = "CBE"
    INTX = "INTX"
    FCM = "FCM"


class Listing(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """The rules and switches of one product.

    `book` names the product whose order book and tape it shares (an alias such as BTC-USDC points at BTC-USD).
    `contract_size` is base units per unit of order size: 1 for spot and INTX, 0.01 BTC for a nano future.
    `start_price` and `minute_volume_usd` feed the synthetic market only.
    """

    product_id: str
    base: str
    quote: str
    base_name: str
    price_increment: Decimal
    base_increment: Decimal
    start_price: Decimal
    minute_volume_usd: int
    book: str = ""
    venue: ProductVenue = ProductVenue.SPOT
    quote_increment: Decimal = Decimal("0.01")
    base_min_size: Decimal = Decimal("0.00000001")
    base_max_size: Decimal = Decimal(1_000_000)
    quote_min_size: Decimal = Decimal(1)
    quote_max_size: Decimal = Decimal(150_000_000)
    contract_size: Decimal = Decimal(1)
    contract_code: str = ""
    initial_margin_rate: Decimal = Decimal(1)
    maintenance_margin_rate: Decimal = Decimal(0)
    max_leverage: str = ""
    status: str = "online"
    trading_disabled: bool = False
    cancel_only: bool = False
    limit_only: bool = False
    post_only: bool = False
    view_only: bool = False
    auction_mode: bool = False

    @property
    def is_derivative(self) -> bool:
        """Whether a trade changes a position instead of two wallets."""
        return self.venue is not ProductVenue.SPOT

    @property
    def book_id(self) -> str:
        """The product whose book and tape this one trades on."""
        return self.book or self.product_id

    def price_of(self, ticks: int) -> Decimal:
        """The price at a whole number of ticks."""
        return self.price_increment * ticks

    def ticks_of(self, price: Decimal) -> int:
        """Whole ticks at or below a price."""
        return int(price / self.price_increment)

    def lots_down(self, size: Decimal) -> Decimal:
        """The size cut to the lot grid, never rounded up."""
        return (size / self.base_increment).to_integral_value(rounding=ROUND_DOWN) * self.base_increment


# (base, name, price, price increment, base increment, base minimum, base maximum, USD traded in a minute)
_SPOT_ROWS = (
    ("BTC", "Bitcoin", "97250", "0.01", "0.00000001", "0.00000001", "3400", 3_000_000),
    ("ETH", "Ethereum", "3184", "0.01", "0.00000001", "0.00000001", "42000", 1_800_000),
    ("SOL", "Solana", "186.4", "0.01", "0.00000001", "0.00000001", "410000", 900_000),
    ("XRP", "XRP", "2.31", "0.0001", "0.000001", "0.000001", "20000000", 800_000),
    ("LTC", "Litecoin", "102.5", "0.01", "0.00000001", "0.00000001", "330000", 400_000),
    ("ADA", "Cardano", "0.842", "0.0001", "0.00000001", "0.00000001", "50000000", 400_000),
    ("DOGE", "Dogecoin", "0.3105", "0.00001", "0.1", "0.1", "160000000", 600_000),
    ("BCH", "Bitcoin Cash", "512.3", "0.01", "0.00000001", "0.00000001", "22000", 350_000),
    ("AVAX", "Avalanche", "31.2", "0.001", "0.00000001", "0.00000001", "900000", 350_000),
    ("LINK", "Chainlink", "19.84", "0.001", "0.01", "0.01", "1100000", 400_000),
)


def spot_listings() -> dict[str, Listing]:
    """The ten USD pairs of the documents, by product id."""
    rows = (
        Listing(
            product_id=f"{base}-USD",
            base=base,
            quote="USD",
            base_name=name,
            start_price=Decimal(price),
            price_increment=Decimal(tick),
            base_increment=Decimal(lot),
            base_min_size=Decimal(smallest),
            base_max_size=Decimal(largest),
            minute_volume_usd=volume,
        )
        for base, name, price, tick, lot, smallest, largest, volume in _SPOT_ROWS
    )
    return {listing.product_id: listing for listing in rows}


# (id, base, name, quote, price increment, size increment, maximum, contract size, maximum leverage, initial and
# maintenance margin)
_DERIVATIVE_ROWS = (
    ("BIP-20DEC30-CDE", "BTC", "Bitcoin", "USD", "5", "1", "5000", "0.01", "", "0.1", "0.09"),
    ("BTC-PERP-INTX", "BTC", "Bitcoin", "USDC", "0.1", "0.0001", "500", "1", "20", "1", "0.033"),
    ("ETH-PERP-INTX", "ETH", "Ethereum", "USDC", "0.01", "0.0001", "9000", "1", "20", "1", "0.033"),
    ("SOL-PERP-INTX", "SOL", "Solana", "USDC", "0.01", "0.001", "100000", "1", "10", "1", "0.066"),
    ("XRP-PERP-INTX", "XRP", "XRP", "USDC", "0.0001", "1", "5000000", "1", "10", "1", "0.066"),
)


def derivative_listings(spot: dict[str, Listing]) -> dict[str, Listing]:
    """The nano bitcoin perpetual of the US venue and the older perpetual family; prices start at those of the spot
    pair.
    """
    rows = (
        Listing(
            product_id=product_id,
            base=base,
            base_name=name,
            quote=quote,
            price_increment=Decimal(tick),
            base_increment=Decimal(lot),
            base_min_size=Decimal(lot),
            base_max_size=Decimal(largest),
            quote_min_size=Decimal(10) if quote == "USDC" else Decimal(0),
            quote_increment=Decimal("0.01") if quote == "USD" else Decimal(tick),
            contract_size=Decimal(contract),
            contract_code=product_id[:3],
            venue=ProductVenue.INTX if quote == "USDC" else ProductVenue.FCM,
            max_leverage=leverage,
            initial_margin_rate=Decimal(initial),
            maintenance_margin_rate=Decimal(maintenance),
            start_price=spot[f"{base}-USD"].start_price,
            minute_volume_usd=spot[f"{base}-USD"].minute_volume_usd * 2,
            status="",
        )
        for product_id, base, name, quote, tick, lot, largest, contract, leverage, initial, maintenance in _DERIVATIVE_ROWS
    )
    return {listing.product_id: listing for listing in rows}


def dollar_coin_twins(spot: dict[str, Listing]) -> dict[str, Listing]:
    """BTC-USDC and its like: the same book and tape as the USD pair, paid from the USDC wallet."""
    twins = (
        msgspec.structs.replace(listing, product_id=f"{listing.base}-USDC", quote="USDC", book=listing.product_id)
        for listing in spot.values()
    )
    return {twin.product_id: twin for twin in twins}


def text(value: Decimal) -> str:
    """A decimal as the venue writes it: plain digits, no exponent, no needless zeros after the point."""
    plain = format(value, "f")
    if "." not in plain:
        return plain
    plain = plain.rstrip("0").rstrip(".")
    return "0" if plain in {"", "-0"} else plain
