"""US futures account over REST: margin, positions, sweeps.

Imported by server.py.
"""

from __future__ import annotations

from typing import Any

from trader.exchange import entry
from trader.exchange.accounts import Position
from trader.exchange.futures_summary import futures_positions, summary_figures
from trader.exchange.listing import text
from trader.exchange.portfolios import Sweep
from trader.exchange.refusals import BadRequestError
from trader.exchange.rest import PREFIX, Call, NotFoundError, Route
from trader.exchange.stamps import iso

_DAY_S, _WINDOW_END_S = 86400.0, 75600.0  # the intraday margin window ends at 21:00 UTC
_SETTINGS = frozenset(
    {"INTRADAY_MARGIN_SETTING_UNSPECIFIED", "INTRADAY_MARGIN_SETTING_STANDARD", "INTRADAY_MARGIN_SETTING_INTRADAY"}
)


def balance_summary(call: Call) -> dict[str, Any]:
    """GET /cfm/balance_summary: money as objects, the percentage as text."""
    call.desk.tick()
    figures, windows = summary_figures(call.desk.exchange)
    percentage = figures.pop("liquidation_buffer_percentage")
    body: dict[str, Any] = {name: {"value": value, "currency": "USD"} for name, value in figures.items()}
    for window in windows.values():
        del window["liquidation_buffer_percentage"]  # the stream has it, REST has the amount instead
    return {"balance_summary": {**body, "liquidation_buffer_percentage": percentage, **windows}}


def _shown(call: Call, position: Position) -> dict[str, str]:
    exchange = call.desk.exchange
    mark = exchange.clearing.mark(position.product_id)
    listing = exchange.listings[position.product_id]
    return {
        "product_id": position.product_id,
        "expiration_time": "2030-12-20T16:00:00Z",
        "side": "LONG" if position.net > 0 else "SHORT",
        "number_of_contracts": text(abs(position.net)),
        "current_price": text(mark),
        "avg_entry_price": text(position.entry_price),
        "unrealized_pnl": text(position.unrealized(mark, listing.contract_size)),
        "daily_realized_pnl": text(position.realized),
    }


def positions(call: Call) -> dict[str, Any]:
    """GET /cfm/positions."""
    call.desk.tick()
    return {"positions": [_shown(call, position) for position in futures_positions(call.desk.exchange) if position.net]}


def one_position(call: Call) -> dict[str, Any]:
    """GET /cfm/positions/{product_id}; 404 when flat."""
    call.desk.tick()
    for position in futures_positions(call.desk.exchange):
        if position.product_id == call.path["product_id"] and position.net:
            return {"position": _shown(call, position)}
    raise NotFoundError("position was not found")


def sweeps(call: Call) -> dict[str, Any]:
    """GET /cfm/sweeps."""
    rows = [
        {
            "id": sweep.sweep_id,
            "requested_amount": {"value": "0" if sweep.amount is None else text(sweep.amount), "currency": "USD"},
            "should_sweep_all": sweep.amount is None,
            "status": "PENDING",
            "scheduled_time": iso(sweep.scheduled),
        }
        for sweep in call.desk.exchange.treasury.sweeps
    ]
    return {"sweeps": rows}


def schedule_sweep(call: Call) -> dict[str, Any]:
    """POST /cfm/sweeps/schedule: one at a time."""
    try:
        amount = entry.number((call.body or {}).get("usd_amount"))
    except (TypeError, ValueError):
        raise BadRequestError("usd_amount must be a number") from None
    treasury = call.desk.exchange.treasury
    if treasury.sweeps:
        raise BadRequestError("there is already a pending sweep")
    treasury.sweeps.append(Sweep(call.desk.exchange.ledger.new_id("sweep"), amount, call.desk.now()))
    return {"success": True}


def cancel_sweep(call: Call) -> dict[str, Any]:
    """DELETE /cfm/sweeps."""
    call.desk.exchange.treasury.sweeps.clear()
    return {"success": True}


def margin_setting(call: Call) -> dict[str, Any]:
    """GET /cfm/intraday/margin_setting."""
    return {"setting": call.desk.exchange.treasury.intraday_setting}


def set_margin_setting(call: Call) -> dict[str, Any]:
    """POST /cfm/intraday/margin_setting."""
    setting = (call.body or {}).get("setting")
    if setting not in _SETTINGS:
        raise BadRequestError("setting is invalid")
    call.desk.exchange.treasury.intraday_setting = setting
    return {}


def margin_window(call: Call) -> dict[str, Any]:
    """GET /cfm/intraday/current_margin_window."""
    now = call.desk.now()
    start = (now // _DAY_S) * _DAY_S
    inside = now - start < _WINDOW_END_S
    ends = start + (_WINDOW_END_S if inside else _DAY_S)
    kind = "INTRADAY" if inside else "OVERNIGHT"
    return {
        "margin_window": {"margin_window_type": f"MARGIN_WINDOW_TYPE_{kind}", "end_time": iso(ends)},
        "is_intraday_margin_killswitch_enabled": False,
        "is_intraday_margin_enrollment_killswitch_enabled": False,
    }


ROUTES = (
    Route("GET", f"{PREFIX}/cfm/balance_summary", "view", balance_summary),
    Route("GET", f"{PREFIX}/cfm/positions", "view", positions),
    Route("GET", f"{PREFIX}/cfm/positions/{{product_id}}", "view", one_position),
    Route("GET", f"{PREFIX}/cfm/sweeps", "view", sweeps),
    Route("POST", f"{PREFIX}/cfm/sweeps/schedule", "transfer", schedule_sweep),
    Route("DELETE", f"{PREFIX}/cfm/sweeps", "transfer", cancel_sweep),
    Route("GET", f"{PREFIX}/cfm/intraday/margin_setting", "view", margin_setting),
    Route("POST", f"{PREFIX}/cfm/intraday/margin_setting", "trade", set_margin_setting),
    Route("GET", f"{PREFIX}/cfm/intraday/current_margin_window", "view", margin_window),
)
