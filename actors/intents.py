"""From a strategy's decision to the intent that risk is asked about, and to the event that records it. Pure; `actors/symbol.py` uses it."""

from __future__ import annotations

from decimal import Decimal

from trader.market.quote import Quote
from trader.orders.order import OrderIntent, OrderType, Side, TimeInForce
from trader.orders.reason import Reason
from trader.risk.limits import ExecutionSettings
from trader.store.events import Payload
from trader.strategy.protocol import Action, Context, Decision
from trader.strategy.sizing import entry_size

ZERO = Decimal(0)


def intent_of(
    decision: Decision, context: Context, position: Decimal, execution: ExecutionSettings, decision_id: str
) -> OrderIntent:
    """Return the intent of a BUY, SELL or CLOSE; its size is zero when it rounds to nothing on the venue's grid.

    `position` is the signed size held: a CLOSE is the whole of it, on the other side. An exit is never resting: it goes out as a
    market order at risk's collar price.
    """
    quote, instrument = context.quote, context.instrument
    if decision.action is Action.CLOSE:
        side = Side.SELL if position > 0 else Side.BUY
        size = instrument.round_size(abs(position))
    else:
        side = Side.BUY if decision.action is Action.BUY else Side.SELL
        size = entry_size(decision.target_notional_usd or ZERO, instrument, quote.mark).size
    limit = execution.order_type == "limit" and not decision.reduce_only
    time_in_force = TimeInForce(execution.time_in_force) if limit else TimeInForce.IOC
    return OrderIntent(
        decision_id=decision_id,
        symbol=instrument.symbol,
        side=side,
        size=size,
        order_type=OrderType.LIMIT if limit else OrderType.MARKET,
        time_in_force=time_in_force,
        reduce_only=decision.reduce_only,
        reason=decision.reason,
        mark=quote.mark,
        market_time=context.market_time,
        machine_time=context.machine_time,
        limit_price=touch(quote, side, time_in_force) if limit else None,
        post_only=limit and execution.post_only,
        leverage=decision.leverage,
        may_downsize=not decision.reduce_only,
    )


def touch(quote: Quote, side: Side, time_in_force: TimeInForce) -> Decimal:
    """Price a limit order at the far touch when it must fill at once, at the near touch when it may rest."""
    takes = time_in_force in {TimeInForce.IOC, TimeInForce.FOK}
    return quote.ask if (side is Side.BUY) == takes else quote.bid


def signal_payload(
    decision: Decision, intent: OrderIntent | None, context: Context, reason: Reason, text: str
) -> Payload:
    """Return what `strategy.signal` records of one evaluation: the wish, or why there was none, with the two numbers that decided."""
    return {
        "symbol": context.instrument.symbol,
        "action": str(decision.action),
        "reason": str(reason),
        "text": text,
        "mark": str(context.quote.mark),
        "size": str(intent.size) if intent else None,
        "measured": decision.measured,
        "limit": decision.limit,
    }
