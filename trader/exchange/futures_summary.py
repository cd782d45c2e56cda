"""The figures of the US futures account, as REST and the stream both show them.

Pure; imported by rest_futures.py and frames.py.
"""

from __future__ import annotations

from decimal import Decimal

from trader.exchange.accounts import Position
from trader.exchange.engine import Exchange
from trader.exchange.ladder import ZERO
from trader.exchange.listing import ProductVenue, text

_CENT = Decimal("0.01")
_LARGEST_PERCENTAGE = Decimal(1000)


def futures_positions(exchange: Exchange) -> list[Position]:
    """Positions at the US venue, flat ones included."""
    listings = exchange.listings
    return [one for one in exchange.accounts.positions.values() if listings[one.product_id].venue is ProductVenue.FCM]


def margin_level(buffer: Decimal) -> str:
    """The venue's word for how close liquidation is, from the buffer as a fraction of the equity."""
    for limit, word in ((Decimal(0), "LIQUIDATION"), (Decimal("0.05"), "DANGER"), (Decimal("0.15"), "WARNING")):
        if buffer <= limit:
            return f"MARGIN_LEVEL_TYPE_{word}"
    return "MARGIN_LEVEL_TYPE_BASE"


def summary_figures(exchange: Exchange) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    """The figures of the balance summary as plain strings, and the two margin windows."""
    wallet, health = exchange.accounts.wallet("USD"), exchange.clearing.health("USD")
    positions = futures_positions(exchange)
    funding = sum((position.funding for position in positions), ZERO)
    realized = sum((position.realized for position in positions), ZERO)
    percentage = _LARGEST_PERCENTAGE
    if health.maintenance_margin:
        percentage = min(percentage, health.buffer_amount / health.maintenance_margin * 100)
    cents = {
        "futures_buying_power": wallet.available + min(ZERO, health.unrealized),
        "total_usd_balance": wallet.total,
        "cbi_usd_balance": wallet.available + wallet.hold,
        "cfm_usd_balance": wallet.margin,
        "total_open_orders_hold_amount": health.orders_hold,
        "unrealized_pnl": health.unrealized,
        "daily_realized_pnl": realized,
        "initial_margin": health.initial_margin,
        "available_margin": health.equity - health.orders_hold - health.initial_margin,
        "liquidation_threshold": health.maintenance_margin,
        "liquidation_buffer_amount": health.buffer_amount,
        "total_pending_transfers_amount": ZERO,
        "funding_pnl": funding,
    }
    figures = {name: text(value.quantize(_CENT)) for name, value in cents.items()}
    figures["liquidation_buffer_percentage"] = text(percentage.quantize(_CENT))
    window = {
        "margin_level": margin_level(health.buffer_fraction),
        "initial_margin": figures["initial_margin"],
        "maintenance_margin": figures["liquidation_threshold"],
        "liquidation_buffer": figures["liquidation_buffer_amount"],
        "liquidation_buffer_percentage": figures["liquidation_buffer_percentage"],
        "total_hold": figures["total_open_orders_hold_amount"],
        "futures_buying_power": figures["futures_buying_power"],
    }
    windows = {
        f"{name.lower()}_margin_window_measure": {"margin_window_type": f"FCM_MARGIN_WINDOW_TYPE_{name}", **window}
        for name in ("INTRADAY", "OVERNIGHT")
    }
    return figures, windows
