"""The older perpetuals portfolio over REST (`/intx/*`): what is left of it on the API is read here.

Imported by server.py.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from trader.exchange.accounts import Position
from trader.exchange.ladder import ZERO
from trader.exchange.listing import Listing, ProductVenue, text
from trader.exchange.refusals import BadRequestError
from trader.exchange.rest import PREFIX, Call, NotFoundError, Route
from trader.exchange.stamps import INTX_PORTFOLIO_ID, derived_id

_DIGITS = 8


def _usdc(value: Decimal) -> dict[str, str]:
    return {"value": text(round(value, _DIGITS)), "currency": "USDC"}


def _own(call: Call) -> None:
    if call.path["portfolio_uuid"] != INTX_PORTFOLIO_ID:
        raise NotFoundError("portfolio was not found")
    call.desk.tick()


def portfolio(call: Call) -> dict[str, Any]:
    """GET /intx/portfolio/{uuid}: margin of the whole portfolio."""
    _own(call)
    exchange = call.desk.exchange
    health, wallet = exchange.clearing.health("USDC"), exchange.accounts.wallet("USDC")
    notional = health.notional
    free = wallet.available + min(ZERO, health.unrealized)
    row = {
        "portfolio_uuid": INTX_PORTFOLIO_ID,
        "collateral": text(round(wallet.total, _DIGITS)),
        "position_notional": text(round(notional, _DIGITS)),
        "open_position_notional": text(round(notional + health.orders_hold, _DIGITS)),
        **dict.fromkeys(("pending_fees", "borrow", "accrued_interest", "rolling_debt"), "0"),
        "portfolio_initial_margin": text(round(health.initial_margin / notional, 6)) if notional else "0",
        "portfolio_im_notional": _usdc(health.initial_margin),
        "portfolio_maintenance_margin": text(round(health.maintenance_margin / notional, 6)) if notional else "0",
        "portfolio_mm_notional": _usdc(health.maintenance_margin),
        "liquidation_percentage": text(round(health.equity / health.maintenance_margin * 100, 2)) if notional else "0",
        "liquidation_buffer": text(round(health.buffer_amount, _DIGITS)),
        "margin_type": "MARGIN_TYPE_CROSS",
        "margin_flags": "PORTFOLIO_MARGIN_FLAGS_UNSPECIFIED",
        "liquidation_status": "PORTFOLIO_LIQUIDATION_STATUS_NOT_LIQUIDATING",
        "unrealized_pnl": _usdc(health.unrealized),
        "total_balance": _usdc(health.equity),
    }
    summary = {
        "unrealized_pnl": _usdc(health.unrealized),
        "buying_power": _usdc(free),
        "total_balance": _usdc(health.equity),
        "max_withdrawal_amount": _usdc(max(ZERO, free)),
    }
    return {"portfolios": [row], "summary": summary}


def _shown(call: Call, position: Position, listing: Listing) -> dict[str, Any]:
    exchange = call.desk.exchange
    mark, health = exchange.clearing.mark(position.product_id), exchange.clearing.health("USDC")
    notional = abs(position.net) * mark * listing.contract_size
    profit = position.unrealized(mark, listing.contract_size)
    working = dict.fromkeys(("BUY", "SELL"), ZERO)
    for order in exchange.ledger.live():
        if order.product_id == position.product_id:
            working[order.side.value] += order.leaves
    return {
        "product_id": str(int(derived_id(position.product_id).replace("-", "")[:15], 16)),
        "product_uuid": derived_id(position.product_id),
        "portfolio_uuid": INTX_PORTFOLIO_ID,
        "symbol": position.product_id,
        "vwap": _usdc(position.entry_price),
        "entry_vwap": _usdc(position.entry_price),
        "position_side": f"POSITION_SIDE_{'LONG' if position.net > 0 else 'SHORT'}",
        "margin_type": "MARGIN_TYPE_CROSS",
        "net_size": text(position.net),
        "buy_order_size": text(working["BUY"]),
        "sell_order_size": text(working["SELL"]),
        "im_contribution": text(round(position.margin / notional, 6)) if notional else "0",
        "unrealized_pnl": _usdc(profit),
        "mark_price": _usdc(mark),
        "liquidation_price": _usdc(_liquidation_price(position, listing, mark, health.buffer_amount)),
        "leverage": text(round(notional / position.margin, 2)) if position.margin else "",
        "im_notional": _usdc(position.margin),
        "mm_notional": _usdc(notional * listing.maintenance_margin_rate),
        "position_notional": _usdc(notional),
        "aggregated_pnl": _usdc(profit + position.realized + position.funding),
    }


def _liquidation_price(position: Position, listing: Listing, mark: Decimal, buffer: Decimal) -> Decimal:
    """The mark at which this position alone, all others unchanged, would use up the buffer; zero when there is none."""
    size = abs(position.net) * listing.contract_size
    sign = 1 if position.net > 0 else -1
    slope = size * (1 - sign * listing.maintenance_margin_rate)
    return max(ZERO, mark - sign * buffer / slope) if slope else ZERO


def _open(call: Call) -> list[tuple[Position, Listing]]:
    exchange = call.desk.exchange
    pairs = ((one, exchange.listings[one.product_id]) for one in exchange.accounts.positions.values())
    return [(one, listing) for one, listing in pairs if one.net and listing.venue is ProductVenue.INTX]


def positions(call: Call) -> dict[str, Any]:
    """GET /intx/positions/{uuid}."""
    _own(call)
    rows = [_shown(call, position, listing) for position, listing in _open(call)]
    total = sum((Decimal(row["aggregated_pnl"]["value"]) for row in rows), ZERO)
    return {"positions": rows, "summary": {"aggregated_pnl": _usdc(total)}}


def one_position(call: Call) -> dict[str, Any]:
    """GET /intx/positions/{uuid}/{symbol}; 404 when flat."""
    _own(call)
    for position, listing in _open(call):
        if position.product_id == call.path["symbol"]:
            return {"position": _shown(call, position, listing)}
    raise NotFoundError("position was not found")


def balances(call: Call) -> dict[str, Any]:
    """GET /intx/balances/{uuid}: the USDC wallet as collateral."""
    _own(call)
    exchange = call.desk.exchange
    wallet, health = exchange.accounts.wallet("USDC"), exchange.clearing.health("USDC")
    asset = {
        "asset_id": "USDC",
        "asset_uuid": derived_id("asset-USDC"),
        "asset_name": "USDC",
        "status": "ACTIVE",
        "collateral_weight": "1",
        "account_collateral_limit": "0",
        "ecosystem_collateral_limit_breached": False,
        "asset_icon_url": "",
        "supported_networks_enabled": True,
    }
    free = text(max(ZERO, wallet.available))
    balance = {
        "asset": asset,
        "quantity": text(wallet.total),
        "hold": text(wallet.hold),
        "transfer_hold": "0",
        "collateral_value": text(wallet.total),
        "collateral_weight": "1",
        "max_withdraw_amount": free,
        "loan": "0",
        "loan_collateral_requirement_usd": "0",
        "pledged_quantity": "0",
        "max_portfolio_transfer_amount": free,
    }
    reached = health.buffer_amount <= 0
    row = {"portfolio_uuid": INTX_PORTFOLIO_ID, "balances": [balance], "is_margin_limit_reached": reached}
    return {"portfolio_balances": [row]}


def allocate(call: Call) -> dict[str, Any]:
    """POST /intx/allocate: margin is cross here, so an allocation is accepted and changes nothing."""
    if not isinstance(call.body, dict) or call.body.get("portfolio_uuid") != INTX_PORTFOLIO_ID:
        raise BadRequestError("portfolio_uuid is invalid")
    return {}


def collateral(call: Call) -> dict[str, Any]:
    """POST /intx/multi_asset_collateral: remembers the switch."""
    enabled = (call.body or {}).get("multi_asset_collateral_enabled")
    if not isinstance(enabled, bool):
        raise BadRequestError("multi_asset_collateral_enabled must be true or false")
    call.desk.exchange.treasury.shared_collateral = enabled
    return {"multi_asset_collateral_enabled": enabled}


ROUTES = (
    Route("GET", f"{PREFIX}/intx/portfolio/{{portfolio_uuid}}", "view", portfolio),
    Route("GET", f"{PREFIX}/intx/positions/{{portfolio_uuid}}", "view", positions),
    Route("GET", f"{PREFIX}/intx/positions/{{portfolio_uuid}}/{{symbol}}", "view", one_position),
    Route("GET", f"{PREFIX}/intx/balances/{{portfolio_uuid}}", "view", balances),
    Route("POST", f"{PREFIX}/intx/allocate", "transfer", allocate),
    Route("POST", f"{PREFIX}/intx/multi_asset_collateral", "trade", collateral),
)
