"""One intent on its way through the checks: what was asked, at which price it is judged, and how much is left of it.

Built by `open_case`, which refuses everything that cannot be reasoned about (non-finite, non-positive, absurd,
contradictory) before any check does arithmetic with it. Used by the checks and the desk only.
"""

from __future__ import annotations

from decimal import Decimal
from math import isfinite

import msgspec

from trader.market.clock import Now
from trader.market.instrument import Instrument
from trader.orders.order import OrderIntent, OrderType, Side, TimeInForce
from trader.orders.reason import Reason
from trader.risk.refusal import Refusal, plain
from trader.risk.state import DeskState
from trader.risk.watch import SymbolWatch

ZERO = Decimal(0)
ABSURD = Decimal("1E15")
"""Sizes, prices and leverages at or above this are an error, whoever sent them; so is anything below its inverse."""
TINY = 1 / ABSURD


class Cap(msgspec.Struct, frozen=True, gc=False):
    """A limit expressed as the largest size this order may have. `used` and `limit` are in `unit`, for the text."""

    room_size: Decimal
    reason: Reason
    label: str
    config_key: str
    used: Decimal
    limit: Decimal
    unit: str = "USD"


EXIT_ROOM = Decimal("0.75")
"""The part of today's price at which an entry must still meet the venue's minimum: at the minimum it is bought and not sold."""


class Case:
    """The running state of one decision. `size` only shrinks, except once to the venue's minimum (D17)."""

    __slots__ = (
        "binding",
        "exposure",
        "instrument",
        "intent",
        "limit_price",
        "mark",
        "now",
        "others",
        "raised",
        "reducing",
        "size",
        "unit",
        "watch",
        "worst",
    )

    def __init__(
        self, intent: OrderIntent, instrument: Instrument, watch: SymbolWatch, mark: Decimal, now: Now
    ) -> None:
        self.intent = intent
        self.instrument = instrument
        self.watch = watch
        self.mark = mark
        self.now = now
        self.size = instrument.round_size(intent.size)
        self.limit_price = ZERO
        self.unit = mark * instrument.contract_size
        """Worth of one unit of size at the mark."""
        self.reducing = False
        self.raised = False
        self.binding: Cap | None = None
        self.worst = self.exposure = self.others = ZERO
        """Before the order: the worst case on its side in units, in USD, and the exposure of the other symbols. Only for entries."""

    @property
    def minimum(self) -> Decimal:
        """The venue's smallest size, judged at the lower of mark and limit price, so that it holds at both."""
        return self.instrument.minimum_size(min(self.mark, self.limit_price))

    @property
    def smallest_entry(self) -> Decimal:
        """The smallest size that can still be left: an exit meets the same minimum, at its collar and after a fall."""
        return self.instrument.minimum_size(min(self.mark, self.limit_price) * EXIT_ROOM)


def open_case(state: DeskState, intent: OrderIntent, now: Now) -> Case | Refusal:
    """Return the case of an intent, or the refusal of one that makes no sense or has no price to be judged by."""
    problem = _nonsense(intent, now)
    if problem:
        return Refusal(Reason.BAD_INPUT, problem)
    instrument = state.ledger.instruments.get(intent.symbol)
    if instrument is None:
        return Refusal(Reason.BAD_INPUT, f"{intent.symbol} is not among the symbols this system trades")
    watch = state.market.symbols[intent.symbol]
    if watch.mark is None:
        return Refusal(Reason.DATA_STALE, f"{intent.symbol} has no mark yet; wait for the first quote")
    case = Case(intent, instrument, watch, watch.mark, now)
    if case.size <= 0:
        text = f"{plain(intent.size)} {intent.symbol} is less than one lot of {plain(instrument.base_increment)}"
        return Refusal(Reason.ROUNDS_TO_ZERO, text, intent.size, instrument.base_increment)
    case.limit_price = _limit_price(state, case)
    if case.limit_price <= 0:
        return Refusal(Reason.PRICE_COLLAR, f"{intent.symbol}: no price on the tick grid lies within the collar")
    room = state.closing_room(intent.symbol)
    against = intent.side is closing_side(state, intent.symbol)
    case.reducing = against and case.size <= room
    if not case.reducing:
        ledger, symbol = state.ledger, intent.symbol
        case.worst = ledger.worst_long(symbol) if intent.side is Side.BUY else -ledger.worst_short(symbol)
        case.exposure = ledger.exposure(symbol)
        case.others = ledger.total_exposure() - case.exposure
    return case


def closing_side(state: DeskState, symbol: str) -> Side | None:
    """The side that shrinks the symbol's position; None when flat."""
    size = state.ledger.positions[symbol].size
    return None if not size else Side.SELL if size > 0 else Side.BUY


def _limit_price(state: DeskState, case: Case) -> Decimal:
    """The worst price the order may fill at: its own, or the collar's for a market order. Always on the tick grid."""
    buying = case.intent.side is Side.BUY
    if case.intent.limit_price is not None:
        return case.instrument.round_price(case.intent.limit_price, buying=buying)
    collar = state.limits.price_collar_pct
    return case.instrument.round_price(case.mark * (1 + collar if buying else 1 - collar), buying=buying)


def sane(value: object) -> bool:
    """True for a Decimal that is finite, positive and of a size that occurs in markets."""
    return isinstance(value, Decimal) and value.is_finite() and TINY < value < ABSURD


def _nonsense(intent: OrderIntent, now: Now) -> str:
    """Name what makes an intent meaningless, "" when nothing does."""
    told = [("size", intent.size), ("mark", intent.mark), ("leverage", intent.leverage)]
    told += [("limit_price", intent.limit_price)] if intent.limit_price is not None else []
    told += [("stop_price", intent.stop_price)] if intent.stop_price is not None else []
    for name, value in told:
        if not sane(value):
            return f"{name} must be a finite number above 0, got {str(value)[:40]}"
    if not all(isfinite(t) for t in (intent.market_time, intent.machine_time, now.market_time, now.machine_time)):
        return "the times of an intent and of its decision must be finite"
    kinds = (intent.side, Side), (intent.order_type, OrderType), (intent.time_in_force, TimeInForce)
    for kind, expected in kinds:
        if not isinstance(kind, expected):
            return f"{str(kind)[:40]} is not one of {', '.join(expected)}"
    if intent.leverage < 1:
        return f"leverage {plain(intent.leverage)} is below 1"
    if (intent.order_type is OrderType.MARKET) != (intent.limit_price is None):
        return "a market order carries no limit price and every other order carries one"
    if (intent.order_type is OrderType.STOP_LIMIT) != (intent.stop_price is not None):
        return "a stop price belongs to a stop_limit order and to no other"
    if intent.post_only and intent.order_type is not OrderType.LIMIT:
        return "post-only belongs to limit orders"
    if intent.post_only and intent.time_in_force not in (TimeInForce.GTC, TimeInForce.GTD):
        return f"a post-only order must be allowed to rest, {intent.time_in_force} does not"
    return ""
