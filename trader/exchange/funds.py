"""The money a paper account opens with, and which wallets it goes to. Pure; imported by setup.py and tests."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from trader.exchange.engine import Exchange
from trader.exchange.ladder import ZERO
from trader.exchange.listing import Listing, derivative_listings, dollar_coin_twins, spot_listings

_CENT = Decimal("0.01")


def fund(exchange: Exchange, equity_usd: Decimal, usdc: Decimal) -> None:
    """Open every wallet and put the money in; where nothing is quoted in USD, each quote currency gets the amount."""
    quotes = {listing.quote for listing in exchange.listings.values()}
    exchange.accounts.wallet("USD")
    exchange.accounts.wallet("USDC").available = usdc
    for quote in {"USD"} if "USD" in quotes else quotes:
        exchange.accounts.wallet(quote).available += equity_usd
    for listing in exchange.listings.values():
        if not listing.is_derivative:
            exchange.accounts.wallet(listing.base)


def divided(equity_usd: Decimal, symbols: Sequence[str]) -> tuple[Decimal, Decimal]:
    """The dollars as USD and USDC, each symbol to be traded having one share; all USD without symbols."""
    spot = spot_listings()
    listings = {**spot, **dollar_coin_twins(spot), **derivative_listings(spot)}
    in_coins = [_quote_of(name.upper(), listings) for name in symbols].count("USDC")
    coins = (equity_usd * in_coins / len(symbols)).quantize(_CENT) if in_coins else ZERO
    return equity_usd - coins, coins


def _quote_of(name: str, listings: dict[str, Listing]) -> str:
    """The currency that trading a name takes: a perpetual is the US future where there is one, else of the older family."""
    base = name.removesuffix("-PERP")
    if base == name:
        return listings[name].quote if name in listings else "USD"
    named = [listing for listing in listings.values() if listing.is_derivative and listing.base == base]
    return "USDC" if named and all(listing.quote == "USDC" for listing in named) else "USD"
