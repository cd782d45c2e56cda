"""Orders and fills as REST bodies and as user-channel objects. Pure; imported by rest.py and stream.py."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from trader.exchange.ladder import ZERO
from trader.exchange.listing import Listing, ProductVenue, text
from trader.exchange.records import Fill, Kind, Order, Status
from trader.exchange.stamps import INTX_PORTFOLIO_ID, PORTFOLIO_ID, UNSET_TIME, USER_ID, iso, iso_or_unset

_STREAM_KINDS = {
    Kind.MARKET: "Market",
    Kind.LIMIT: "Limit",
    Kind.STOP_LIMIT: "Stop Limit",
    Kind.BRACKET: "Bracket",
    Kind.TWAP: "TWAP",
    Kind.SCALED: "Scaled",
    Kind.LIQUIDATION: "Liquidation",
}
_RISK_MANAGED_BY = {
    ProductVenue.SPOT: "UNKNOWN_RISK_MANAGEMENT_TYPE",
    ProductVenue.INTX: "MANAGED_BY_VENUE",
    ProductVenue.FCM: "MANAGED_BY_FCM",
}
_EXPIRY_TYPE = {
    ProductVenue.SPOT: "UNKNOWN_CONTRACT_EXPIRY_TYPE",
    ProductVenue.INTX: "PERPETUAL",
    ProductVenue.FCM: "EXPIRING",
}


def risk_managed_by(listing: Listing) -> str:
    """`risk_managed_by` of a product."""
    return _RISK_MANAGED_BY[listing.venue]


def expiry_type(listing: Listing) -> str:
    """`contract_expiry_type` of a product."""
    return _EXPIRY_TYPE[listing.venue]


def portfolio_of(listing: Listing) -> str:
    """The portfolio in which a product is held."""
    return INTX_PORTFOLIO_ID if listing.venue is ProductVenue.INTX else PORTFOLIO_ID


def average_price(order: Order, listing: Listing) -> Decimal:
    """Mean fill price in quote currency per base unit, to sixteen significant digits."""
    if not order.filled_size:
        return ZERO
    return _sixteen(order.filled_value / (order.filled_size * listing.contract_size))


def _sixteen(value: Decimal) -> Decimal:
    digits = 16 - value.adjusted() - 1
    return value if -int(value.as_tuple().exponent) <= digits else round(value, max(0, digits))


def after_fees(order: Order) -> Decimal:
    """`total_value_after_fees`: traded value with (buy) or without (sell) the fees, plus what a live buy still
    blocks.
    """
    if order.is_buy:
        return order.filled_value + order.fees + order.hold
    return order.filled_value - order.fees


def completion(order: Order) -> str:
    """Percentage done, in the venue's several spellings."""
    if order.status is Status.FILLED:
        return "100" if order.quote_size is not None else "100.00"
    if not order.filled_size:
        return "0"
    if order.base_size is None:
        assert order.quote_size is not None
        return f"{(order.filled_value + order.fees) / order.quote_size * 100:.2f}"
    return f"{order.filled_size / order.base_size * 100:.2f}"


def _echoed(configuration: dict[str, Any]) -> dict[str, Any]:
    ((name, inner),) = configuration.items()
    extra = {"rfq_enabled": False, "rfq_disabled": False} if name == "market_market_ioc" else {"rfq_disabled": False}
    return {name: {**inner, **{key: value for key, value in extra.items() if key not in inner}}}


def order_body(order: Order, listing: Listing) -> dict[str, Any]:
    """The order record of the historical endpoints."""
    money_sized = order.quote_size is not None
    return {
        "order_id": order.order_id,
        "product_id": order.product_id,
        "user_id": USER_ID,
        "order_configuration": _echoed(order.configuration),
        "side": order.side.value,
        "client_order_id": order.client_order_id,
        "status": order.status.value,
        "time_in_force": order.time_in_force.value,
        "created_time": iso(order.created),
        "completion_percentage": completion(order),
        "filled_size": text(order.filled_size),
        "average_filled_price": text(average_price(order, listing)),
        "fee": "",
        "number_of_fills": str(order.fill_count),
        "filled_value": text(order.filled_value),
        "pending_cancel": order.status is Status.CANCEL_QUEUED,
        "size_in_quote": money_sized,
        "total_fees": text(order.fees),
        "size_inclusive_of_fees": money_sized,
        "total_value_after_fees": text(after_fees(order)),
        "trigger_status": order.trigger.value,
        "order_type": order.kind.value,
        "reject_reason": order.reject_reason or "REJECT_REASON_UNSPECIFIED",
        "settled": order.status is Status.FILLED,
        "product_type": "FUTURE" if listing.is_derivative else "SPOT",
        "reject_message": order.reject_message,
        "cancel_message": order.cancel_message,
        "order_placement_source": "RETAIL_ADVANCED",
        "outstanding_hold_amount": text(order.hold),
        "is_liquidation": order.is_liquidation,
        "last_fill_time": None if order.last_fill is None else iso(order.last_fill),
        "edit_history": [
            {"price": text(edit.price), "size": text(edit.size), "replace_accept_timestamp": iso(edit.accepted)}
            for edit in order.edits
        ],
        "leverage": order.leverage,
        "margin_type": order.margin_type or "UNKNOWN_MARGIN_TYPE",
        "retail_portfolio_id": portfolio_of(listing),
        "originating_order_id": order.originating_order_id,
        "attached_order_id": order.attached_order_id,
        "attached_order_configuration": order.attached_configuration,
        "current_pending_replace": None,
        "commission_detail_total": None,
        "workable_size": "",
        "workable_size_completion_pct": "",
        "last_update_time": iso(order.updated),
    }


def order_object(order: Order, listing: Listing) -> dict[str, str]:
    """The order of a user-channel event: every value a string, figures cumulative."""
    limit = ZERO if order.limit_price is None else order.limit_price
    leaves = ZERO if order.status.is_final else order.leaves
    return {
        "avg_price": text(average_price(order, listing)),
        "cancel_reason": order.cancel_message,
        "client_order_id": order.client_order_id,
        "completion_percentage": "100.00" if order.status is Status.FILLED else completion(order),
        "contract_expiry_type": expiry_type(listing),
        "cumulative_quantity": text(order.filled_size),
        "filled_value": text(order.filled_value),
        "leaves_quantity": text(leaves),
        "limit_price": text(limit),
        "number_of_fills": str(order.fill_count),
        "order_id": order.order_id,
        "order_side": order.side.value,
        "order_type": _STREAM_KINDS[order.kind],
        "outstanding_hold_amount": text(order.hold),
        "post_only": "true" if order.post_only else "false",
        "product_id": order.product_id,
        "product_type": "FUTURE" if listing.is_derivative else "SPOT",
        "reject_reason": order.reject_reason,
        "retail_portfolio_id": portfolio_of(listing),
        "risk_managed_by": risk_managed_by(listing),
        "status": order.status.value,
        "stop_price": "" if order.stop_price is None else text(order.stop_price),
        "time_in_force": order.time_in_force.value,
        "total_fees": text(order.fees),
        "total_value_after_fees": text(after_fees(order)),
        "trigger_status": order.trigger.value,
        "creation_time": iso(order.created),
        "end_time": iso_or_unset(order.end_time),
        "start_time": UNSET_TIME if order.start_time is None else iso(order.start_time),
    }


def fill_body(fill: Fill, listing: Listing) -> dict[str, Any]:
    """One row of the fills endpoint."""
    return {
        "entry_id": fill.entry_id,
        "trade_id": fill.trade_id,
        "order_id": fill.order_id,
        "trade_time": iso(fill.time),
        "trade_type": "FILL",
        "price": text(fill.price),
        "size": text(fill.size),
        "commission": text(fill.commission),
        "product_id": fill.product_id,
        "sequence_timestamp": iso(fill.time),
        "liquidity_indicator": "MAKER" if fill.is_maker else "TAKER",
        "size_in_quote": False,
        "user_id": USER_ID,
        "side": fill.side.value,
        "retail_portfolio_id": portfolio_of(listing),
        "fillSource": "FILL_SOURCE_CLOB",
        "commission_detail_total": None,
    }
