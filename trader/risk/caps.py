"""The checks that say how much: each limit expressed as the largest size this entry may have.

A cap that leaves room for the whole order returns None, else a `Cap`; the runner in `checks.py` cuts the order to it,
or refuses with its reason when the room lies below the venue's minimum. All count the worst case: position plus
everything live on the order's side, reserved and unknown included. Only entries meet caps, except the venue's own
maximum.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import chain

from trader.orders.order import OrderType, Side
from trader.orders.reason import Reason
from trader.risk.case import Cap, Case
from trader.risk.refusal import Refusal
from trader.risk.state import DeskState

ZERO = Decimal(0)
ONE = Decimal(1)
BPS = Decimal(10_000)
GROUP_SHARES = 2
"""Symbols that move together may hold this many times one symbol's share of equity between them (C-06)."""


def _symbol_cap(case: Case, limit_usd: Decimal, label: str, key: str, reason: Reason) -> Cap | None:
    """Room under a limit in USD; none at all while the mark has already carried the symbol above it."""
    room = limit_usd / case.unit - case.worst if case.exposure <= limit_usd else ZERO
    if room >= case.size:
        return None
    return Cap(room, reason, label, f"risk.{key}", case.worst * case.unit, limit_usd)


def symbol_share(state: DeskState, case: Case) -> Cap | None:
    """Check 5a: one symbol's share of equity."""
    limit = state.limits.max_position_pct_per_symbol * (state.equity or ZERO)
    key = "max_position_pct_per_symbol"
    return _symbol_cap(case, limit, "share of equity", key, Reason.MAX_EXPOSURE)


def account_share(state: DeskState, case: Case) -> Cap | None:
    """Check 5b: the account's share of equity, over all symbols."""
    limit = state.limits.max_exposure_pct * (state.equity or ZERO)
    return _account_cap(case, limit, "account exposure", "max_exposure_pct", Reason.MAX_EXPOSURE)


def account_leverage(state: DeskState, case: Case) -> Cap | None:
    """Check 3, for the account: exposure over equity may not pass the leverage cap either."""
    limit = state.leverage_cap(case.intent.symbol) * (state.equity or ZERO)
    return _account_cap(case, limit, "account leverage", "leverage_max", Reason.MAX_LEVERAGE)


def _account_cap(case: Case, limit: Decimal, label: str, key: str, reason: Reason) -> Cap | None:
    total = case.others + case.exposure
    room = (limit - case.others) / case.unit - case.worst if total <= limit else ZERO
    if room >= case.size:
        return None
    return Cap(room, reason, label, f"risk.{key}", total, limit)


def position_usd(state: DeskState, case: Case) -> Cap | None:
    """The profile's largest position in USD."""
    limit = state.limits.max_position_usd
    return _symbol_cap(case, limit, "position", "max_position_usd", Reason.MAX_POSITION)


def position_base(state: DeskState, case: Case) -> Cap | None:
    """The profile's largest position in base coins, contracts counted at their size."""
    limit = state.limits.max_position_base.get(case.intent.symbol)
    if limit is None:
        return None
    room = limit / case.instrument.contract_size - case.worst
    used = case.worst * case.instrument.contract_size
    return Cap(room, Reason.MAX_POSITION, "position", "risk.max_position_base", used, limit, case.instrument.base)


def notional_cap(state: DeskState, case: Case) -> Cap | None:
    """The spot top ten's cap per symbol."""
    limit = state.limits.notional_caps_usd.get(case.intent.symbol)
    if limit is None:
        return None
    return _symbol_cap(case, limit, "notional cap", "notional_caps_usd", Reason.MAX_POSITION)


def correlated_group(state: DeskState, case: Case) -> Cap | None:
    """Symbols whose returns move together count as one position: together at most two shares of equity."""
    limit_at = float(state.limits.max_correlation)
    others = ZERO
    for symbol in state.market.symbols:
        exposure = state.ledger.exposure(symbol) if symbol != case.intent.symbol else ZERO
        if not exposure:
            continue
        measured = state.market.correlation(case.intent.symbol, symbol)
        if measured is not None and measured > limit_at and _leans(state, symbol) is case.intent.side:
            others += exposure
    if not others:
        return None
    limit = GROUP_SHARES * state.limits.max_position_pct_per_symbol * (state.equity or ZERO)
    room = max(limit - others, ZERO) / case.unit - case.worst
    used = others + max(case.worst * case.unit, ZERO)
    return Cap(room, Reason.CORRELATION, "symbols moving together", "risk.max_correlation", used, limit)


def _leans(state: DeskState, symbol: str) -> Side:
    """The side of a symbol's larger worst case."""
    long, short = state.ledger.worst_long(symbol), -state.ledger.worst_short(symbol)
    return Side.BUY if long >= short else Side.SELL


def order_notional(state: DeskState, case: Case) -> Cap | None:
    """The largest single order, judged at the worse of mark and limit price."""
    limit = state.limits.max_order_notional_usd
    price = max(case.mark, case.limit_price) * case.instrument.contract_size
    room = limit / price
    if room >= case.size:
        return None
    wanted = case.size * price
    return Cap(room, Reason.MAX_ORDER_NOTIONAL, "order", "risk.max_order_notional_usd", wanted, limit)


def venue_maximum(state: DeskState, case: Case) -> Cap | None:
    """The venue's largest order."""
    limit = case.instrument.base_max_size
    if limit >= case.size:
        return None
    return Cap(limit, Reason.MAX_ORDER_NOTIONAL, "the venue's maximum size", "", case.size, limit, case.instrument.base)


def first_orders(state: DeskState, case: Case) -> Cap | None:
    """The first live entries go out at the smallest size that can still be left (C-28)."""
    if state.entries_sent >= state.limits.first_live_orders_at_minimum:
        return None
    reason, key = Reason.MAX_ORDER_NOTIONAL, "risk.first_live_orders_at_minimum"
    smallest = case.smallest_entry
    return Cap(smallest, reason, "first orders at minimum", key, case.size, smallest, case.instrument.base)


def funds(state: DeskState, case: Case) -> Cap | None:
    """The quote wallet, less what live buys may still cost, must cover a spot buy at its worst price with the taker
    fee.
    """
    if case.instrument.is_derivative or case.intent.side is Side.SELL:
        return None
    dearer = ONE + state.fees.taker
    free = state.ledger.wallets.get(case.instrument.quote, ZERO) - _bound_by_buys(state, case.instrument.quote) * dearer
    price = case.limit_price * dearer
    wanted = case.size * price
    return Cap(free / price, Reason.NO_FUNDS, "cost with fees", "", wanted, max(free, ZERO), case.instrument.quote)


def _bound_by_buys(state: DeskState, quote: str) -> Decimal:
    """What live spot buys may still cost at their limit prices, without fees."""
    bound = ZERO
    for symbol, orders in state.ledger.live.items():
        instrument = state.ledger.instruments[symbol]
        if instrument.quote == quote and not instrument.is_derivative:
            for order in orders.values():
                if order.side is Side.BUY:
                    bound += order.remaining * order.limit_price
    return bound


def margin(state: DeskState, case: Case) -> Cap | None:
    """Free collateral must carry the order's initial margin: worst-case notional over the leverage cap, all
    derivatives.
    """
    if not case.instrument.is_derivative:
        return None
    bound = ZERO
    for symbol, instrument in state.ledger.instruments.items():
        if instrument.is_derivative:
            bound += state.ledger.exposure(symbol) / state.leverage_cap(symbol)
    free = (state.equity or ZERO) - bound
    told = state.margins.get(case.instrument.quote)
    if told is not None:
        free = min(free, told.available_margin)
    per_unit = case.unit / min(case.intent.leverage, state.leverage_cap(case.intent.symbol))
    return Cap(free / per_unit, Reason.MARGIN, "initial margin", "", case.size * per_unit, max(free, ZERO))


def impact(state: DeskState, case: Case) -> Cap | Refusal | None:
    """Walk the real book: the average price may be this much worse than the mark (15 bps for entries, 50 hard; D08).

    Ten levels are known; what lies deeper counts as not there. An order that rests instead of taking has no impact.
    """
    if case.intent.post_only or case.intent.order_type is OrderType.STOP_LIMIT:
        return None
    limit_bps = min(state.limits.entry_slippage_bps, state.limits.slippage_guard_bps)
    levels = _levels(state, case)
    best = next(levels, None)
    if best is None:
        return Refusal(Reason.DATA_STALE, f"no fresh {case.intent.symbol} book to walk; entries wait for one")
    buying = case.intent.side is Side.BUY
    if case.intent.limit_price is not None and (case.limit_price < best[0] if buying else case.limit_price > best[0]):
        return None
    worst = case.mark * (ONE + limit_bps / BPS if buying else ONE - limit_bps / BPS)
    room, exhausted = walk(chain((best,), levels), worst, case.size, buying=buying)
    if room >= case.size:
        return None
    if exhausted:
        thin = "ten levels of the book"
        return Cap(room, Reason.DEPTH_TOO_THIN, thin, "risk.entry_slippage_bps", case.size, room, case.instrument.base)
    label, key = f"size within {limit_bps} bps of the mark", "risk.entry_slippage_bps"
    return Cap(room, Reason.SLIPPAGE_TOO_HIGH, label, key, case.size, room, case.instrument.base)


def _levels(state: DeskState, case: Case) -> Iterator[tuple[Decimal, Decimal]]:
    """The side of the book the order would take: the ten levels if they are fresh, else the quote's best level.

    One by one, since the first is nearly always enough.
    """
    book, buying = case.watch.book, case.intent.side is Side.BUY
    fresh = state.limits.stale_mark_s
    if book is not None and not book.tainted and case.now.machine_time - book.machine_time <= fresh:
        side = book.asks if buying else book.bids
        return ((price, size) for price, size in side if price.is_finite() and size.is_finite() and size > 0)
    quote = case.watch.good
    if quote is None or not (quote.ask_size.is_finite() and quote.bid_size.is_finite()):
        return iter(())
    return iter(((quote.ask, quote.ask_size) if buying else (quote.bid, quote.bid_size),))


def walk(
    levels: Iterable[tuple[Decimal, Decimal]], worst: Decimal, wanted: Decimal, *, buying: bool
) -> tuple[Decimal, bool]:
    """Largest size whose average price is no worse than `worst`, and whether the levels ran out before that.

    What lies behind the level at which `wanted` is reached is not looked at.
    """
    taken, cost = ZERO, ZERO
    for price, size in levels:
        if taken >= wanted:
            return taken, False
        after, after_cost = taken + size, cost + price * size
        if (after_cost <= worst * after) if buying else (after_cost >= worst * after):
            taken, cost = after, after_cost
            continue
        return taken + (worst * taken - cost) / (price - worst), False
    return taken, True
