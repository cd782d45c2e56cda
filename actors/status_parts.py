"""The parts of a SystemStatus, each made from one actor's last report. Only `actors/status.py` calls them."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path

import msgspec

from actors.reports import BrokerReport, RiskReport
from trader.orders.reason import Reason
from trader.report.status import (
    NOT_MEASURED,
    FeedStatus,
    FlowStatus,
    GuardCount,
    MoneyStatus,
    OrderStatus,
    PositionStatus,
    Seconds,
    Unknown,
)
from trader.strategy.counters import COUNTER_KEYS, COUNTER_OF


def waited_ms(seconds: float | None) -> Seconds:
    return seconds * 1000 if seconds is not None else Unknown("nothing waited yet")


def known(value: float | None, why: str) -> Seconds:
    return value if value is not None else Unknown(why)


def rss_mib() -> Seconds:
    """Return this process's resident memory; Linux keeps it in pages."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return NOT_MEASURED
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def money_of(risk: RiskReport | None) -> MoneyStatus:
    if risk is None or risk.equity is None:
        return MoneyStatus()
    return MoneyStatus(
        equity_usd=risk.equity,
        day_pnl_usd=risk.day_pnl,
        day_price_usd=risk.day_price_pnl,
        day_fees_usd=risk.day_fees,
        day_funding_usd=risk.day_funding,
        day_loss_limit_usd=risk.max_daily_loss,
        drawdown=risk.drawdown,
        drawdown_limit=risk.max_drawdown,
        exposure_usd=risk.exposure,
        exposure_limit_usd=risk.max_exposure,
        leverage=risk.leverage,
        leverage_limit=risk.max_leverage,
        realized_usd=sum((row.realized for row in risk.positions), start=risk.equity * 0),
        unrealized_usd=sum((row.unrealized for row in risk.positions), start=risk.equity * 0),
        fees_usd=sum((row.fees for row in risk.positions), start=risk.equity * 0),
        funding_usd=sum((row.funding for row in risk.positions), start=risk.equity * 0),
    )


def positions_of(
    risk: RiskReport | None, machine_time: float, quarantined: Collection[str]
) -> tuple[PositionStatus, ...]:
    """Return what is held; the bot's own exits protect it unless its symbol's actor has been given up."""
    return tuple(
        PositionStatus(
            symbol=row.symbol,
            quantity=row.size,
            entry_price=row.entry_price,
            mark=row.mark if row.mark is not None else Unknown("no quote yet"),
            mark_age_s=machine_time - row.mark_at if row.mark_at is not None else Unknown("no quote yet"),
            unrealized_usd=row.unrealized,
            protected_by="nobody" if row.symbol in quarantined else "bot only",
            since=row.since,
        )
        for row in (risk.positions if risk else ())
        if row.size
    )


def orders_of(risk: RiskReport | None, machine_time: float) -> tuple[OrderStatus, ...]:
    return tuple(
        OrderStatus(
            client_id=order.client_order_id,
            symbol=order.symbol,
            side=order.side.value,
            quantity=order.size,
            filled=order.filled_size,
            price=order.limit_price,
            state=order.state.value,
            age_s=max(machine_time - order.touched_at, 0.0),
        )
        for order in (risk.orders if risk else ())
    )


def feeds_of(broker: BrokerReport | None, machine_time: float, messages_per_s: Seconds) -> FeedStatus:
    if broker is None:
        return FeedStatus()
    return FeedStatus(
        market_up=broker.market_up,
        market_age_s=age_of(broker.market_heartbeat_at, machine_time),
        user_up=broker.user_up,
        user_age_s=age_of(broker.user_heartbeat_at, machine_time),
        gaps=broker.gaps,
        reconnects=broker.reconnects,
        messages_per_s=messages_per_s,
        rest_p95_ms=known(broker.call_p95_s * 1000 if broker.call_p95_s is not None else None, "no call yet"),
        rest_errors=broker.call_errors,
        rest_calls=broker.calls,
    )


def age_of(at: float, machine_time: float) -> Seconds:
    return machine_time - at if at > float("-inf") else Unknown("no heartbeat yet")


def flow_of(risk: RiskReport | None) -> FlowStatus:
    if risk is None:
        return FlowStatus()
    return FlowStatus(
        evaluations=risk.evaluations,
        signals=risk.placed + risk.refused,
        orders_sent=risk.placed,
        orders_accepted=risk.placed - risk.venue_refused,
        orders_refused=risk.refused + risk.venue_refused,
        fills=risk.fills,
        fill_latency_ms=known(risk.fill_latency_s * 1000 if risk.fill_latency_s is not None else None, "no fill yet"),
        slippage_bps=risk.slippage_bps if risk.slippage_bps is not None else Unknown("no fill yet"),
        position_drift=risk.drift,
    )


def guards(risk: RiskReport | None) -> dict[str, GuardCount]:
    """Return the failures of each guard, from the documents' metric names risk counts them under."""
    found: dict[str, GuardCount] = {}
    for name, count in risk.guards if risk else ():
        guard, _, kind = name.removeprefix("risk.guards.").rpartition(".")
        field = "recoverable" if kind.startswith("recoverable") else "critical"
        found[guard] = msgspec.structs.replace(found.get(guard, GuardCount()), **{field: count})
    return found


def rejections_of(reasons: Mapping[tuple[str, Reason], int]) -> dict[str, int]:
    """Return the documents' eight counters, from the one count of reasons."""
    counts = dict.fromkeys(COUNTER_KEYS, 0)
    for (_, reason), count in reasons.items():
        if reason in COUNTER_OF:
            counts[COUNTER_OF[reason]] += count
    return counts
