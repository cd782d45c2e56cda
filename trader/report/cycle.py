"""The `cycle.metrics` event: once a minute, what a later report needs and no other event holds. The system writes it.

Counts are totals of one run (`run`); a reader takes differences. Money and marks are text holding decimals.
"""

from trader.report.state_files import plain
from trader.report.status import SystemStatus, Unknown
from trader.store.events import Payload

EVERY_S = 60.0


def cycle_metrics(status: SystemStatus) -> Payload:
    """The payload of one `cycle.metrics` event."""
    reasons: dict[str, dict[str, int]] = {}
    for (symbol, reason), count in status.reasons.items():
        reasons.setdefault(symbol, {})[reason.value] = count
    marks = {one.symbol: plain(one.mark) for one in status.decisions if not isinstance(one.mark, Unknown)}
    marks |= {one.symbol: plain(one.mark) for one in status.positions if not isinstance(one.mark, Unknown)}
    return {
        "run": status.run_id,
        "mode": status.mode.name,
        "equity": _text(plain(status.money.equity_usd)),
        "day_pnl": _text(plain(status.money.day_pnl_usd)),
        "exposure": _text(plain(status.money.exposure_usd)),
        "evaluations": status.flow.evaluations,
        "orders_sent": status.flow.orders_sent,
        "fills": status.flow.fills,
        "reasons": reasons,
        "marks": marks,
    }


def _text(value: object) -> str | None:
    return None if value is None else str(value)
