"""Risk's report for the board: the books, the limits and the counts of reasons as one immutable record.

Only `actors/risk.py` calls this, on each tick.
"""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING

from actors.reports import PositionReport, RiskReport
from trader.orders.order import OrderState
from trader.orders.reason import Reason

if TYPE_CHECKING:
    from actors.risk import Risk

ZERO = Decimal(0)


def risk_report(risk: Risk) -> RiskReport:
    """Put together what everybody may read of risk's books at this tick."""
    desk, limits = risk.desk, risk.desk.state.limits
    state, ledger = desk.state, desk.ledger
    equity, day = state.equity, state.day_result()
    start = state.day.baseline.start_equity if state.day.baseline else None
    exposure = ledger.total_exposure()
    live = tuple(order for order in ledger.live_orders())
    reasons = counted_reasons(risk)
    return RiskReport(
        incarnation=risk.incarnation,
        reconciled_clean=risk.recovered and risk.clean and not risk.is_reading_overdue,
        reconciled_at=risk.reconciled_at,
        equity=equity,
        day_pnl=day.total if day else ZERO,
        day_start_equity=start,
        day_price_pnl=day.price if day else ZERO,
        day_fees=day.fees if day else ZERO,
        day_funding=day.funding if day else ZERO,
        exposure=exposure,
        leverage=exposure / equity if equity else ZERO,
        max_exposure=limits.max_exposure_pct * equity if equity else ZERO,
        max_daily_loss=_loss_limit(limits.max_daily_loss_pct, limits.max_daily_loss_usd, start),
        drawdown=day.drawdown_pct if day else ZERO,
        max_drawdown=limits.max_drawdown_pct,
        max_leverage=min(limits.leverage_max_global, limits.leverage_max),
        positions=tuple(_position(risk, symbol) for symbol in ledger.instruments),
        orders=live,
        unknown=sum(order.state is OrderState.UNKNOWN for order in live),
        orders_last_minute=state.rates.messages(risk.now.machine_time),
        fills=risk.fills,
        placed=risk.placed,
        refused=risk.refused,
        venue_refused=risk.venue_refused,
        evaluations=sum(reasons.values()),
        reasons=tuple((symbol, reason, count) for (symbol, reason), count in sorted(reasons.items())),
        outcomes=tuple(risk.outcomes.values()),
        trouble=risk.flattening.trouble,
        flattening=risk.flattening.report(),
        answers=tuple(risk.answers.items()),
        fill_latency_s=risk.quality.latency_s,
        slippage_bps=risk.quality.slippage_bps,
        drift=risk.drift,
        guards=tuple(desk.guards.failures.items()),
        nearest=risk.misses.nearest,
    )


def counted_reasons(risk: Risk) -> Counter[tuple[str, Reason]]:
    """Add the symbols' own counts (one row per incarnation) to risk's: every evaluation is counted once."""
    total = Counter(risk.reasons)
    for (symbol, _), counts in risk.evaluated.items():
        for reason, count in counts:
            total[symbol, reason] += count
    return total


def _loss_limit(percent: Decimal, usd: Decimal, start: Decimal | None) -> Decimal:
    """Return the day's loss limit in USD: the tighter of the two that are set."""
    by_percent = percent * start if start else None
    by_usd = usd if usd > 0 else None
    return min((limit for limit in (by_percent, by_usd) if limit is not None), default=ZERO)


def _position(risk: Risk, symbol: str) -> PositionReport:
    position, watch = risk.desk.ledger.positions[symbol], risk.desk.state.market.symbols[symbol]
    mark = risk.desk.ledger.marks.get(symbol)
    return PositionReport(
        symbol=symbol,
        size=position.size,
        entry_price=position.entry_price,
        mark=mark,
        mark_at=watch.good.machine_time if watch.good is not None else None,
        unrealized=position.unrealized(mark) if mark is not None and position.size else ZERO,
        realized=position.realized,
        fees=position.fees,
        funding=position.funding,
        since=position.opened_at,
    )
