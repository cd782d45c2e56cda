"""Runtime guards over money: daily loss, drawdown, liquidation, leverage, losses in a row, drift of our own fills.

Each yields findings while its condition lasts (`guards.py` runs them). None of them reads a clock or changes the state.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from trader.market.clock import SECONDS_PER_DAY, Now
from trader.orders.reason import Reason
from trader.risk.finding import Finding, RiskGuardDataUnavailableError, Severity
from trader.risk.refusal import figure, plain
from trader.risk.state import MMR, DeskState

LOSS_PAUSE_S = 1_800.0
"""How long a symbol rests after its losses in a row."""
DRIFT_MAX = Decimal("0.02")
"""Own fills of one minute may be this much worse than their marks, summed (C-04)."""
WARN_PARTS = (Decimal("0.8"), Decimal("0.5"))
"""Parts of the daily loss limit at which a warning goes out."""


def daily_loss(state: DeskState, now: Now) -> Iterator[Finding]:
    """REDUCE_ONLY until the next UTC day once the day's loss reaches its percentage or its USD limit (D03,
    GUARD-01).
    """
    result, limits = state.day_result(), state.limits
    if result is None:
        return
    parts = (
        [(result.loss_pct / limits.max_daily_loss_pct, "risk.max_daily_loss_pct")] if limits.max_daily_loss_pct else []
    )
    if limits.max_daily_loss_usd > 0:
        parts.append((result.loss / limits.max_daily_loss_usd, "risk.max_daily_loss_usd"))
    if not parts:
        return
    part, key = max(parts)
    if part < min(WARN_PARTS):
        return  # before the text: writing it costs more than all guards together
    limit = limits.max_daily_loss_usd if key.endswith("usd") else limits.max_daily_loss_pct
    used = result.loss if key.endswith("usd") else result.loss_pct
    shown = f"{figure(limit)} USD" if key.endswith("usd") else f"{figure(limit * 100)} %"
    text = f"day loss {figure(result.loss)} USD ({figure(result.loss_pct * 100)} %), limit {shown}"
    if part >= 1:
        ends = float((state.day.day + 1) * SECONDS_PER_DAY)
        ends_at = ends if ends > now.market_time else now.market_time + 60.0
        yield Finding(
            "daily_loss",
            Reason.DAILY_LOSS,
            Severity.REDUCE_ONLY,
            text,
            used=used,
            limit=limit,
            ends_at=ends_at,
            config_key=key,
        )
        return
    reached = next((p for p in WARN_PARTS if part >= p), None)
    if reached is not None:
        guard = f"daily_loss_{int(reached * 100)}"
        yield Finding(guard, Reason.DAILY_LOSS, Severity.WARN, text, used=used, limit=limit, config_key=key)


def drawdown(state: DeskState, now: Now) -> Iterator[Finding]:
    """REDUCE_ONLY once equity has fallen this far from its peak; the peak survives days and restarts (GUARD-12)."""
    result, limit = state.day_result(), state.limits.max_drawdown_pct
    if result is not None and result.drawdown_pct >= limit:
        text = f"drawdown {figure(result.drawdown_pct * 100)} % from the peak, limit {figure(limit * 100)} %"
        key = "risk.max_drawdown_pct"
        used = result.drawdown_pct
        yield Finding("drawdown", Reason.DRAWDOWN, Severity.REDUCE_ONLY, text, used=used, limit=limit, config_key=key)


def liquidation_buffer(state: DeskState, now: Now) -> Iterator[Finding]:
    """A derivative nearer to its liquidation price than the holding buffer: that symbol reduce-only (15 %, D07,
    GUARD-03).

    The venue's liquidation price if it names one, else 1/leverage - maintenance margin at the position's effective
    leverage.
    """
    limit, equity = state.limits.min_liquidation_buffer_pct, state.equity
    for symbol, position in state.ledger.positions.items():
        mark = state.ledger.marks.get(symbol)
        if not position.size or not mark or not state.ledger.instruments[symbol].is_derivative:
            continue
        told = state.liquidation_distance(symbol)
        if told is not None:
            distance = told
        elif equity is not None and equity > 0:
            worth = abs(position.size) * mark * position.contract_size
            distance = equity / worth - MMR
        else:
            raise RiskGuardDataUnavailableError(f"no equity to judge {symbol}'s distance to liquidation by")
        if distance < limit:
            text = f"{symbol} is {figure(distance * 100)} % from liquidation, limit {figure(limit * 100)} %"
            key, reason = "risk.min_liquidation_buffer_pct", Reason.LIQUIDATION_NEAR
            level = Severity.REDUCE_ONLY
            yield Finding("liquidation_buffer", reason, level, text, symbol, distance, limit, config_key=key)


def leverage(state: DeskState, now: Now) -> Iterator[Finding]:
    """Open positions above the leverage cap: REDUCE_ONLY, and the desk asks for exits down to the cap (D24,
    GUARD-08).
    """
    equity = state.equity
    if equity is None:
        return
    for symbol, position in state.ledger.positions.items():
        mark = state.ledger.marks.get(symbol)
        if not position.size or not mark or not state.ledger.instruments[symbol].is_derivative:
            continue
        cap = state.leverage_cap(symbol)
        worth = abs(position.size) * mark * position.contract_size
        if worth > cap * max(equity, Decimal(0)):
            used = worth / equity if equity > 0 else worth
            text = f"{symbol} leverage {figure(used)}x exceeds the cap {plain(cap)}x; reducing to it"
            level = Severity.REDUCE_ONLY
            yield Finding(
                "leverage", Reason.MAX_LEVERAGE, level, text, symbol, used, cap, config_key="risk.leverage_max"
            )


def consecutive_losses(state: DeskState, now: Now) -> Iterator[Finding]:
    """So many closed trades in a row with a net loss: the symbol pauses for half an hour, and the count starts anew
    then.
    """
    limit = state.limits.consecutive_losses
    for symbol, count in state.losses_in_a_row.items():
        if limit and count >= limit:
            text = f"{count} losing trades in a row in {symbol}, limit {limit}; pausing {LOSS_PAUSE_S / 60:.0f} min"
            ends_at = now.market_time + LOSS_PAUSE_S
            level, key = Severity.PAUSE, "risk.consecutive_losses"
            used, most = Decimal(count), Decimal(limit)
            reason = Reason.CONSECUTIVE_LOSSES
            yield Finding("consecutive_losses", reason, level, text, symbol, used, most, ends_at, key)


def price_drift(state: DeskState, now: Now) -> Iterator[Finding]:
    """Own fills persistently worse than their marks: the symbol goes reduce-only (C-04)."""
    for symbol, drift in state.drift.items():
        total = drift.total(now.machine_time)
        if total > DRIFT_MAX:
            text = f"{symbol} fills were {figure(total * 100)} % worse than their marks within 60 s, limit 2 %"
            reason, level = Reason.SLIPPAGE_TOO_HIGH, Severity.REDUCE_ONLY
            yield Finding("price_drift", reason, level, text, symbol, total, DRIFT_MAX)
