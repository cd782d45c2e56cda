"""The checks that say yes or no about the order itself: leverage, loss, price, duplicates, rates, own orders, minimum.

As in `gates.py`, each is one question: a function of the desk's state and the case that returns a Refusal or None and changes
nothing. Their order stands in `checks.py`.
"""

from __future__ import annotations

from decimal import Decimal

from trader.orders.order import Order, OrderState, OrderType, Side, TimeInForce
from trader.orders.reason import Reason
from trader.risk.case import Case
from trader.risk.rates import ENTRY_PART
from trader.risk.refusal import Refusal, figure, plain
from trader.risk.state import MMR, DeskState

RESTING = frozenset({TimeInForce.GTC, TimeInForce.GTD})


def leverage(state: DeskState, case: Case) -> Refusal | None:
    """Check 3: the order's leverage against the smallest cap that applies."""
    wanted, cap = case.intent.leverage, state.leverage_cap(case.intent.symbol)
    if wanted <= cap:
        return None
    text = f"Risk check failed: Leverage exceeds limit: {plain(wanted)}x, cap {plain(cap)}x for {case.intent.symbol}"
    return Refusal(Reason.MAX_LEVERAGE, text, wanted, cap, "risk.leverage_max")


def liquidation_distance(state: DeskState, case: Case) -> Refusal | None:
    """Check 4: an entry must stay this far from its liquidation price: 1/leverage - maintenance margin, either side.

    A position that stands already this near by the venue's own price is not added to.
    """
    if not case.instrument.is_derivative:
        return None
    distance, limit = 1 / case.intent.leverage - MMR, state.limits.entry_liquidation_buffer_pct
    told = state.liquidation_distance(case.intent.symbol)
    if distance >= limit and (told is None or told >= limit):
        return None
    where = f"at {plain(case.intent.leverage)}x" if distance < limit else "by the venue's price"
    distance = distance if distance < limit or told is None else told
    text = f"liquidation {figure(distance * 100)} % away {where}, limit {figure(limit * 100)} %"
    return Refusal(Reason.LIQUIDATION_NEAR, text, distance, limit, "risk.entry_liquidation_buffer_pct")


def daily_loss(state: DeskState, case: Case) -> Refusal | None:
    """Check 6: the day's loss in percent and in USD, whichever is reached first (D03), and the drawdown from
    the peak.
    """
    result, limits = state.day_result(), state.limits
    if result is None:
        return None
    if result.loss_pct >= limits.max_daily_loss_pct:
        text = f"day loss {figure(result.loss_pct * 100)} %, limit {figure(limits.max_daily_loss_pct * 100)} %"
        return Refusal(Reason.DAILY_LOSS, text, result.loss_pct, limits.max_daily_loss_pct, "risk.max_daily_loss_pct")
    if 0 < limits.max_daily_loss_usd <= result.loss:
        text = f"day loss {figure(result.loss)} USD, limit {figure(limits.max_daily_loss_usd)}"
        return Refusal(Reason.DAILY_LOSS, text, result.loss, limits.max_daily_loss_usd, "risk.max_daily_loss_usd")
    if result.drawdown_pct >= limits.max_drawdown_pct:
        text = f"drawdown {figure(result.drawdown_pct * 100)} %, limit {figure(limits.max_drawdown_pct * 100)} %"
        return Refusal(Reason.DRAWDOWN, text, result.drawdown_pct, limits.max_drawdown_pct, "risk.max_drawdown_pct")
    return None


def price_collar(state: DeskState, case: Case) -> Refusal | None:
    """The price, and the price the decision was made on, lie near risk's own mark; a stop is judged by its
    stop price.
    """
    intent, collar = case.intent, state.limits.price_collar_pct
    own_price = intent.limit_price is not None
    reference = intent.stop_price if intent.stop_price is not None else case.mark
    told = [("limit price", case.limit_price, reference)] if own_price else []
    if not intent.by_operator:
        told.append(("the decision's mark", intent.mark, case.mark))
    for name, price, near in told:
        distance = abs(price - near)
        if distance > near * collar:
            away = f"{figure(distance / near * 100)} % from {plain(near)}"
            text = f"{name} {plain(price)} is {away}, limit {plain(collar * 100)} %"
            return Refusal(Reason.PRICE_COLLAR, text, distance / near, collar, "risk.price_collar_pct")
    return None


def is_no_duplicate(state: DeskState, case: Case) -> Refusal | None:
    """The same order again while its twin is live and young is a mistake, not a second wish."""
    intent, seconds = case.intent, state.limits.duplicate_window_s
    for order in state.ledger.live[intent.symbol].values():
        if order.side is not intent.side or order.size != case.size or order.order_type is not intent.order_type:
            continue
        if intent.limit_price is not None and order.limit_price != case.limit_price:
            continue
        age = case.now.machine_time - state.reserved_at.get(order.client_order_id, case.now.machine_time)
        if age < seconds:
            text = (
                f"same {intent.side} {plain(case.size)} {intent.symbol} as {order.client_order_id[:8]}, {age:.1f} s ago"
            )
            return Refusal(Reason.DUPLICATE_ORDER, text, config_key="risk.duplicate_window_s")
    return None


def is_not_repeating(state: DeskState, case: Case) -> Refusal | None:
    """One signal firing again and again is a broken strategy: the symbol stops until an operator looks (C-08)."""
    count, limit = (
        state.rates.repeats(case.intent.symbol, case.intent.side, case.now.machine_time),
        state.limits.repeat_limit,
    )
    if count < limit:
        return None
    text = f"{count} {case.intent.side} entries in {case.intent.symbol} within 60 s, limit {limit}"
    return Refusal(Reason.REPEATED_ORDER, text, Decimal(count), Decimal(limit), "risk.repeat_limit")


def order_rate(state: DeskState, case: Case) -> Refusal | None:
    """Messages per minute. An exit is counted among exits only and a person's never refused: a cancel that the venue
    does not confirm is repeated without end, and must not keep a position open. Cancels are never refused.
    """
    if case.reducing and case.intent.by_operator:
        return None
    limit, now = Decimal(state.limits.max_orders_per_minute), case.now.machine_time
    allowed = limit if case.reducing else max((limit * ENTRY_PART).to_integral_value(), Decimal(1))
    used = Decimal(state.rates.exits(now) if case.reducing else state.rates.messages(now))
    if used < allowed:
        return None
    told = f"{used} exits in 60 s" if case.reducing else f"{used} orders and cancels in 60 s"
    text = f"{told}, limit {allowed} for {'exits' if case.reducing else 'entries'}"
    return Refusal(Reason.ORDER_RATE, text, used, allowed, "risk.max_orders_per_minute")


def open_orders(state: DeskState, case: Case) -> Refusal | None:
    """Live orders per symbol and for the account; an unproven one stops further entries in its symbol."""
    live, limits = state.ledger.live, state.limits
    mine = live[case.intent.symbol]
    for order in mine.values():
        if order.state is OrderState.UNKNOWN:
            text = f"order {order.client_order_id[:8]} is unanswered and counted as open; wait until it is proven"
            return Refusal(Reason.ORDER_UNKNOWN, text)
    if len(mine) >= limits.max_open_orders_per_symbol:
        count, limit, key = len(mine), limits.max_open_orders_per_symbol, "risk.max_open_orders_per_symbol"
    else:
        count, limit, key = sum(map(len, live.values())), limits.max_open_orders, "risk.max_open_orders"
    if count < limit:
        return None
    return Refusal(Reason.OPEN_ORDER_LIMIT, f"{count} live orders, limit {limit}", Decimal(count), Decimal(limit), key)


def crossing_own(state: DeskState, case: Case) -> Order | None:
    """An own resting order this one would trade with. An exit leaves orders made by hand to the venue's own
    prevention.
    """
    buying = case.intent.side is Side.BUY
    for order in state.ledger.live[case.intent.symbol].values():
        if order.side is case.intent.side or case.intent.order_type is OrderType.STOP_LIMIT:
            continue
        if order.time_in_force not in RESTING or (order.foreign and case.reducing):
            continue
        if case.limit_price >= order.limit_price if buying else case.limit_price <= order.limit_price:
            return order
    return None


def self_trade(state: DeskState, case: Case) -> Refusal | None:
    """Never cross an own resting order (C-14); an exit that would is granted after the other has been cancelled."""
    order = crossing_own(state, case)
    if order is None:
        return None
    text = f"would trade with own {order.side} {plain(order.remaining)} at {plain(order.limit_price)}"
    return Refusal(Reason.SELF_TRADE, text)


def venue_minimum(state: DeskState, case: Case) -> Refusal | None:
    """Below the venue's minimum nothing can be sent; a position that small is dust and left alone (F-O11)."""
    if case.size >= case.minimum:
        return None
    dust = " (dust: left alone)" if case.reducing else ""
    text = f"{plain(case.size)} {case.intent.symbol} is below the venue's minimum {plain(case.minimum)}{dust}"
    return Refusal(Reason.BELOW_MIN_SIZE, text, case.size, case.minimum)
