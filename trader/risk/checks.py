"""The pre-trade checks in the documents' order, and the one loop that runs them.

Kill, reduce-only, leverage, liquidation distance, exposure, daily loss come first and in this order (RISK-01 to 06);
then position size, margin, impact and the rest. A gate refuses or lets pass; a cap cuts an entry to the largest size
on the lot grid that fits, and refuses with its own reason when that lies below the venue's minimum. Exits meet only
the rows marked ALL. Imported by the desk.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from enum import Enum

import msgspec

from trader.orders.reason import Reason
from trader.risk import caps, gates, order_gates
from trader.risk.case import Cap, Case
from trader.risk.refusal import Refusal, figure, plain
from trader.risk.state import DeskState


class Applies(Enum):
    """Whom a check concerns."""

    ALL = "all"
    ENTRIES = "entries"


class Check(msgspec.Struct, frozen=True, gc=False):
    """One row of the table."""

    applies: Applies
    run: Callable[[DeskState, Case], Refusal | Cap | None]


ALL, ENTRIES = Applies.ALL, Applies.ENTRIES

CHECKS: tuple[Check, ...] = (
    Check(ALL, gates.mode_permits),
    Check(ALL, gates.exit_has_something),
    Check(ALL, gates.reduce_only),
    Check(ALL, gates.intent_is_fresh),
    Check(ALL, gates.mark_is_fresh),
    Check(ALL, gates.product_trades),
    Check(ENTRIES, gates.feeds_are_alive),
    Check(ENTRIES, gates.account_is_known),
    Check(ENTRIES, gates.window_is_open),
    Check(ENTRIES, order_gates.leverage),
    Check(ENTRIES, order_gates.liquidation_distance),
    Check(ENTRIES, caps.symbol_share),
    Check(ENTRIES, caps.account_share),
    Check(ENTRIES, caps.account_leverage),
    Check(ENTRIES, caps.correlated_group),
    Check(ENTRIES, order_gates.daily_loss),
    Check(ENTRIES, caps.position_usd),
    Check(ENTRIES, caps.position_base),
    Check(ENTRIES, caps.notional_cap),
    Check(ENTRIES, caps.order_notional),
    Check(ENTRIES, caps.first_orders),
    Check(ALL, caps.venue_maximum),
    Check(ENTRIES, caps.margin),
    Check(ENTRIES, caps.funds),
    Check(ENTRIES, caps.impact),
    Check(ALL, order_gates.price_collar),
    Check(ENTRIES, order_gates.open_orders),
    Check(ALL, order_gates.is_no_duplicate),
    Check(ENTRIES, order_gates.is_not_repeating),
    Check(ALL, order_gates.order_rate),
    Check(ALL, order_gates.self_trade),
    Check(ALL, order_gates.venue_minimum),
)


_ROWS = tuple((check.run, check.applies is ALL) for check in CHECKS)


def run_checks(state: DeskState, case: Case) -> Refusal | None:
    """Take the case through every check; what is left in `case.size` is granted when None is returned."""
    if not case.reducing:
        _raise_to_minimum(case)
    for run, concerns_exits in _ROWS:
        if case.reducing and not concerns_exits:
            continue
        answer = run(state, case)
        if answer is None:
            continue
        refused = answer if isinstance(answer, Refusal) else _cut(case, answer)
        if refused is not None:
            return refused
    return None


def _raise_to_minimum(case: Case) -> None:
    """A strategy's entry below the venue's minimum is raised to it; every cap then judges the raised size (D17)."""
    if case.intent.may_downsize and not case.intent.by_operator and not case.intent.reduce_only:
        minimum = case.smallest_entry
        if case.size < minimum:
            case.size, case.raised = minimum, True


def _cut(case: Case, cap: Cap) -> Refusal | None:
    """Cut the case to a cap, or refuse it by that cap.

    An exit meets the venue's maximum only and is always cut to it: what is left is asked for again, refused it would
    be for ever.
    """
    if cap.room_size >= case.size:
        return None
    room = case.instrument.round_size(max(cap.room_size, Decimal(0)))
    if not (case.intent.may_downsize or case.reducing) or room < (
        case.minimum if case.reducing else case.smallest_entry
    ):
        return _refusal(case, cap)
    case.size = room
    case.binding = cap
    return None


_SINGLE = frozenset(
    {
        Reason.MAX_ORDER_NOTIONAL,
        Reason.NO_FUNDS,
        Reason.MARGIN,
        Reason.SLIPPAGE_TOO_HIGH,
        Reason.DEPTH_TOO_THIN,
    }
)
"""Caps on the order alone, whose `used` is the order itself; the others add the order to what is already there."""


def _refusal(case: Case, cap: Cap) -> Refusal:
    """Write "would be X, limit Y, room Z" in the cap's own unit."""
    symbol = case.intent.symbol
    in_money = cap.unit in {"USD", case.instrument.quote}
    if cap.reason in _SINGLE:
        would = cap.used
    else:
        worth = case.unit if in_money else case.instrument.contract_size
        would = cap.used + case.size * worth
    room = max(cap.limit if cap.reason in _SINGLE else cap.limit - max(cap.used, Decimal(0)), Decimal(0))
    write = figure if in_money else plain
    text = f"{symbol} {cap.label} would be {write(would)} {cap.unit}, limit {write(cap.limit)}, room {write(room)}"
    return Refusal(cap.reason, text, would, cap.limit, cap.config_key)
