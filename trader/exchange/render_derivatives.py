"""What a product body carries for futures and perpetuals only. Pure; imported by rest_market.py."""

from __future__ import annotations

from typing import Any

from trader.exchange.funding import INTERVAL_S, funding_rate, next_hour
from trader.exchange.listing import Listing, ProductVenue, text
from trader.exchange.market import Market
from trader.exchange.render_orders import expiry_type, risk_managed_by
from trader.exchange.stamps import iso

_FAR_EXPIRY = 1924012800.0  # 2030-12-20T16:00:00Z
_DAY_S = 86400.0


def derivative_fields(listing: Listing, market: Market, now: float) -> dict[str, Any]:
    """`future_product_details` and, for the US venue, the session."""
    is_intx = listing.venue is ProductVenue.INTX
    open_interest = f"{market.day(now).volume / 6:.4f}"
    hour = next_hour(now)
    rate, when = text(funding_rate(listing, hour)), iso(hour * INTERVAL_S)
    details: dict[str, Any] = {
        "venue": "" if is_intx else "cde",
        "contract_code": listing.contract_code,
        "contract_expiry": None if is_intx else iso(_FAR_EXPIRY),
        "contract_size": text(listing.contract_size),
        "contract_root_unit": listing.base,
        "group_description": "" if is_intx else f"nano {listing.base} Perp Futures",
        "contract_expiry_timezone": "" if is_intx else "Europe/London",
        "group_short_description": "" if is_intx else f"nano {listing.base} Perp",
        "risk_managed_by": risk_managed_by(listing),
        "contract_expiry_type": expiry_type(listing),
        "perpetual_details": {
            "open_interest": open_interest,
            "funding_rate": rate if is_intx else "",
            "funding_time": when if is_intx else None,
            "max_leverage": listing.max_leverage,
            "base_asset_uuid": "",
            "underlying_type": "",
        },
        "contract_display_name": f"{listing.base} PERPETUAL" if is_intx else f"{listing.base} PERP",
        "time_to_expiry_ms": None if is_intx else str(int((_FAR_EXPIRY - now) * 1000)),
        "non_crypto": False,
        "contract_expiry_name": "" if is_intx else "2030-12",
        "twenty_four_by_seven": not is_intx,
    }
    if is_intx:
        return {"future_product_details": details}
    margin = text(listing.initial_margin_rate)
    details.update(
        funding_interval=f"{INTERVAL_S}s",
        open_interest=open_interest,
        funding_rate=rate,
        funding_time=when,
        display_name=f"{listing.base_name} Perpetual",
        region_enabled={},
        intraday_margin_rate={"long_margin_rate": margin, "short_margin_rate": margin},
        overnight_margin_rate={"long_margin_rate": margin, "short_margin_rate": margin},
        settlement_price=text(market.last_price),
        futures_asset_type="FUTURES_ASSET_TYPE_CRYPTO",
        index_price=text(market.mid()),
        contract_code_display_name=listing.contract_code,
        product_group_cbrn="",
        futures_asset_types=["FUTURES_ASSET_TYPE_CRYPTO"],
        trading_hours_type="",
    )
    return {"future_product_details": details, "fcm_trading_session_details": _session(now)}


def _session(now: float) -> dict[str, Any]:
    """A session that is open around the clock, rolling at midnight UTC."""
    start = (now // _DAY_S) * _DAY_S
    return {
        "is_session_open": True,
        "open_time": iso(start),
        "close_time": iso(start + _DAY_S),
        "session_state": "FCM_TRADING_SESSION_STATE_OPEN",
        "after_hours_order_entry_disabled": False,
        "closed_reason": "FCM_TRADING_SESSION_CLOSED_REASON_UNDEFINED",
        "maintenance": None,
    }
