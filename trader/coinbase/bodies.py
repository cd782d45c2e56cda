"""The shapes of private REST bodies (key, wallets, orders, fills, fees), only the fields this system reads; every
other field is ignored, so the venue may add some.

Only `trader/coinbase/` imports this. Statuses and reasons stay text here: an enum of the venue may grow any day.
Fields have defaults, because the venue leaves some out; what must be there is checked where it is used. A list whose
emptiness is taken for evidence has none: an answer without it says nothing.
"""

from __future__ import annotations

from typing import Any

import msgspec

from trader.coinbase.wire import MISSING, Body, Figure


class Money(msgspec.Struct, gc=False):
    """An amount with its currency."""

    value: Figure = MISSING
    currency: str = ""


class Permissions(msgspec.Struct):
    """What the key may do."""

    can_view: bool = False
    can_trade: bool = False
    can_transfer: bool = False
    portfolio_uuid: str = ""
    portfolio_type: str = ""


class Wallet(msgspec.Struct):
    """One account of the account list."""

    uuid: str = ""
    currency: str = ""
    available_balance: Money = msgspec.field(default_factory=Money)
    hold: Money = msgspec.field(default_factory=Money)


class Wallets(msgspec.Struct):
    """A page of accounts."""

    accounts: list[Wallet]
    has_next: bool = False
    cursor: str = ""


class OrderRecord(msgspec.Struct):
    """One order as REST tells it."""

    order_id: str
    client_order_id: str = ""
    product_id: str = ""
    side: str = ""
    status: str = ""
    filled_size: Figure = MISSING
    average_filled_price: Figure = MISSING
    filled_value: Figure = MISSING
    total_fees: Figure = MISSING
    created_time: str = ""
    last_fill_time: str | None = None
    last_update_time: str | None = None
    reject_reason: str = ""
    reject_message: str = ""
    cancel_message: str = ""
    order_type: str = ""
    order_configuration: dict[str, dict[str, Any] | None] = {}


class OneOrder(msgspec.Struct):
    """The answer to reading one order."""

    order: OrderRecord


class Orders(msgspec.Struct):
    """A page of orders."""

    orders: list[OrderRecord]
    has_next: bool = False
    cursor: str = ""


class FillRecord(msgspec.Struct):
    """One execution as REST tells it."""

    entry_id: str = ""
    trade_id: str = ""
    order_id: str = ""
    trade_time: str = ""
    trade_type: str = ""
    price: Figure = MISSING
    size: Figure = MISSING
    commission: Figure = MISSING
    product_id: str = ""
    liquidity_indicator: str = ""
    size_in_quote: bool = False
    side: str = ""


class Fills(msgspec.Struct):
    """A page of fills; there is no has_next."""

    fills: list[FillRecord]
    cursor: str = ""


class CreateSuccess(msgspec.Struct):
    """The accepted half of a create answer."""

    order_id: str = ""
    client_order_id: str = ""


class CreateError(msgspec.Struct):
    """The refused half of a create answer; three fields compete for the reason."""

    error: str = ""
    message: str = ""
    error_details: str = ""
    preview_failure_reason: str = ""
    new_order_failure_reason: str = ""


class Created(msgspec.Struct):
    """The answer to a create or a close; HTTP 200 either way."""

    success: bool
    success_response: CreateSuccess | None = None
    error_response: CreateError | None = None


class CancelItem(msgspec.Struct):
    """The answer for one id of a batch cancel."""

    order_id: str = ""
    success: bool = False
    failure_reason: str = ""


class Cancelled(msgspec.Struct):
    """The answer to a batch cancel, in the order asked."""

    results: list[CancelItem]


class EditProblem(msgspec.Struct):
    """One reason an edit was refused."""

    edit_failure_reason: str = ""
    preview_failure_reason: str = ""


class Edited(msgspec.Struct):
    """The answer to an edit."""

    success: bool = False
    errors: list[EditProblem] = []


class Preview(msgspec.Struct):
    """The answer to a preview."""

    errs: list[str] = []
    order_total: Figure = MISSING
    commission_total: Figure = MISSING
    slippage: Figure = MISSING
    best_bid: Figure = MISSING
    best_ask: Figure = MISSING
    preview_id: str = ""


class FeeTier(msgspec.Struct):
    """Fee rates as fractions."""

    pricing_tier: str = ""
    maker_fee_rate: Figure = MISSING
    taker_fee_rate: Figure = MISSING


class FeeSummary(msgspec.Struct):
    """The account's fee tier."""

    fee_tier: FeeTier


class VenueWord(msgspec.Struct):
    """An error body, in any of the forms seen."""

    error: str = ""
    error_details: str = ""
    message: str = ""
    errors: list[dict[str, Any]] = []


PERMISSIONS = Body[Permissions](Permissions)
WALLETS = Body[Wallets](Wallets)
ONE_ORDER = Body[OneOrder](OneOrder)
ORDERS = Body[Orders](Orders)
FILLS = Body[Fills](Fills)
CREATED = Body[Created](Created)
CANCELLED = Body[Cancelled](Cancelled)
EDITED = Body[Edited](Edited)
PREVIEW = Body[Preview](Preview)
FEE_SUMMARY = Body[FeeSummary](FeeSummary)
VENUE_WORD = Body[VenueWord](VenueWord, bytes_max=65_536)
