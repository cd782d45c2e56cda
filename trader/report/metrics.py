"""The metrics: one table of names, meanings and how to read them from a SystemStatus; two renderings of it.

`metrics.json` and events carry the documents' dotted names; Prometheus gets the same numbers with underscores and the
prefix `bot_`. A figure that is unknown is null in JSON and absent in Prometheus, never 0. Dashboards and alert rules
use no name that is not in `METRICS`.
"""

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal

import msgspec

from trader.report.status import Figure, Seconds, SystemStatus, Unknown
from trader.report.verdict import verdict
from trader.report.words import iso
from trader.risk.holds import Level

Number = int | float | Decimal | Unknown
Sample = tuple[Mapping[str, str], Number]


class Metric(msgspec.Struct, frozen=True):
    """One metric; `kind` is "gauge" or "counter", `read` gives its samples with their labels."""

    name: str
    kind: str
    meaning: str
    read: Callable[[SystemStatus], Iterable[Sample]]

    @property
    def prometheus_name(self) -> str:
        """The name in the text format: bot_ in front, underscores, _total behind a counter."""
        name = "bot_" + self.name.replace(".", "_")
        return f"{name}_total" if self.kind == "counter" else name


def _one(read: Callable[[SystemStatus], Number]) -> Callable[[SystemStatus], list[Sample]]:
    return lambda status: [({}, read(status))]


def _ratio(part: int, whole: int) -> Figure:
    return Decimal(part) / Decimal(whole) if whole else Unknown("nothing sent yet")


def _used(used: Figure, limit: Figure) -> Figure:
    if isinstance(used, Unknown) or isinstance(limit, Unknown):
        return Unknown("not measured")
    return used / limit if limit > 0 else Unknown("no limit")


def _loss(status: SystemStatus) -> Figure:
    pnl = status.money.day_pnl_usd
    return pnl if isinstance(pnl, Unknown) else max(Decimal(0), -pnl)


def _utilization(status: SystemStatus) -> list[Sample]:
    money = status.money
    return [
        ({"limit": "day_loss"}, _used(_loss(status), money.day_loss_limit_usd)),
        ({"limit": "exposure"}, _used(money.exposure_usd, money.exposure_limit_usd)),
        ({"limit": "leverage"}, _used(money.leverage, money.leverage_limit)),
        ({"limit": "drawdown"}, _used(money.drawdown, money.drawdown_limit)),
    ]


def _net(status: SystemStatus) -> Figure:
    """Realized + unrealized + funding - fees (D33)."""
    money, total = status.money, Decimal(0)
    for amount, sign in (
        (money.realized_usd, 1),
        (money.unrealized_usd, 1),
        (money.funding_usd, 1),
        (money.fees_usd, -1),
    ):
        if isinstance(amount, Unknown):
            return amount
        total += sign * amount
    return total


def _positions(field: str) -> Callable[[SystemStatus], list[Sample]]:
    return lambda status: [({"symbol": position.symbol}, getattr(position, field)) for position in status.positions]


def _actors(field: str) -> Callable[[SystemStatus], list[Sample]]:
    return lambda status: [({"actor": actor.name}, getattr(actor, field)) for actor in status.actors]


def _seconds(age: Seconds, scale: float = 1.0) -> Seconds:
    return age if isinstance(age, Unknown) else age * scale


METRICS: tuple[Metric, ...] = (
    Metric("up_seconds", "gauge", "Time since the start.", _one(lambda s: s.up_s)),
    Metric("ok", "gauge", "1 when nothing needs a person, else 0.", _one(lambda s: int(verdict(s).ok))),
    Metric("mode", "gauge", "0 NORMAL, 1 REDUCE_ONLY, 2 STARTING, 3 HALTED.", _one(lambda s: int(s.mode))),
    Metric("holds", "gauge", "Holds in force.", lambda s: [({"level": lv.name}, _holds(s, lv)) for lv in Level]),
    Metric("equity.usd", "gauge", "Equity of the account.", _one(lambda s: s.money.equity_usd)),
    Metric("day.pnl_usd", "gauge", "PnL of the UTC day, everything included.", _one(lambda s: s.money.day_pnl_usd)),
    Metric("day.loss_limit_usd", "gauge", "The day's loss limit.", _one(lambda s: s.money.day_loss_limit_usd)),
    Metric("pnl.realized_usd", "gauge", "Realized PnL.", _one(lambda s: s.money.realized_usd)),
    Metric("pnl.unrealized_usd", "gauge", "Unrealized PnL, without funding.", _one(lambda s: s.money.unrealized_usd)),
    Metric("pnl.fees_usd", "gauge", "Fees paid.", _one(lambda s: s.money.fees_usd)),
    Metric("pnl.funding_usd", "gauge", "Funding received less paid.", _one(lambda s: s.money.funding_usd)),
    Metric("pnl.net_usd", "gauge", "Realized + unrealized + funding - fees.", _one(_net)),
    Metric("exposure.usd", "gauge", "All positions and what may become one.", _one(lambda s: s.money.exposure_usd)),
    Metric("leverage", "gauge", "Exposure over equity.", _one(lambda s: s.money.leverage)),
    Metric("drawdown", "gauge", "Fall of equity from its peak, a fraction.", _one(lambda s: s.money.drawdown)),
    Metric("risk.limit_utilization", "gauge", "Used part of a limit; 1 is at the limit.", _utilization),
    Metric("position.quantity", "gauge", "Signed position.", _positions("quantity")),
    Metric("position.unrealized_usd", "gauge", "Unrealized PnL of a position.", _positions("unrealized_usd")),
    Metric("position.mark_age_seconds", "gauge", "Age of a position's mark.", _positions("mark_age_s")),
    Metric("position.drift", "counter", "Corrections by reconciliation.", _one(lambda s: s.flow.position_drift)),
    Metric("orders.open", "gauge", "Orders not finished.", _one(lambda s: len(s.orders))),
    Metric("orders.unknown", "gauge", "Orders whose fate is unknown.", _one(lambda s: s.unknown_orders)),
    Metric("orders.sent", "counter", "Orders sent.", _one(lambda s: s.flow.orders_sent)),
    Metric("orders.accepted", "counter", "Orders the venue took.", _one(lambda s: s.flow.orders_accepted)),
    Metric("orders.refused", "counter", "Orders risk or the venue refused.", _one(lambda s: s.flow.orders_refused)),
    Metric(
        "orders.acceptance_rate",
        "gauge",
        "Accepted part of the orders sent.",
        _one(lambda s: _ratio(s.flow.orders_accepted, s.flow.orders_sent)),
    ),
    Metric("orders.last_minute", "gauge", "Orders within a minute.", _one(lambda s: s.rates.orders_last_minute)),
    Metric("fills", "counter", "Fills.", _one(lambda s: s.flow.fills)),
    Metric("fill.latency_ms", "gauge", "Mean time from decision to fill.", _one(lambda s: s.flow.fill_latency_ms)),
    Metric("fill.slippage_bps", "gauge", "Mean slippage against the mark.", _one(lambda s: s.flow.slippage_bps)),
    Metric("evaluations", "counter", "Evaluations.", _one(lambda s: s.flow.evaluations)),
    Metric("signals", "counter", "Evaluations that wanted an order.", _one(lambda s: s.flow.signals)),
    Metric(
        "decisions",
        "counter",
        "Evaluations by the code they ended in; they sum to bot_evaluations_total.",
        lambda s: [({"symbol": name, "reason": reason.value}, count) for (name, reason), count in s.reasons.items()],
    ),
    Metric(
        "rejection_counts",
        "counter",
        "The eight counters of the documents.",
        lambda s: [({"counter": name}, count) for name, count in s.rejections.items()],
    ),
    Metric(
        "risk.guards.recoverable_failures",
        "counter",
        "Failures of a guard that only warn.",
        lambda s: [({"guard": name}, count.recoverable) for name, count in s.guards.items()],
    ),
    Metric(
        "risk.guards.critical_failures",
        "counter",
        "Failures of a guard that mean reduce-only.",
        lambda s: [({"guard": name}, count.critical) for name, count in s.guards.items()],
    ),
    Metric("actor.beat_age_seconds", "gauge", "Time since an actor's last report.", _actors("beat_age_s")),
    Metric("actor.queue", "gauge", "Messages waiting for an actor.", _actors("queue")),
    Metric("actor.queue_max", "gauge", "Most messages that ever waited.", _actors("queue_max")),
    Metric("actor.slowest_ms", "gauge", "Longest handler.", _actors("slowest_ms")),
    Metric("actor.restarts", "gauge", "Restarts in the last 24 hours.", _actors("restarts_24h")),
    Metric(
        "actor.inbox_age_p99_seconds",
        "gauge",
        "How long messages waited, 99th percentile.",
        lambda s: [({"actor": actor.name}, _seconds(actor.inbox_age_p99_ms, 0.001)) for actor in s.actors],
    ),
    Metric("feed.market_age_seconds", "gauge", "Age of the market feed.", _one(lambda s: s.feeds.market_age_s)),
    Metric("feed.user_age_seconds", "gauge", "Age of the user feed.", _one(lambda s: s.feeds.user_age_s)),
    Metric("feed.messages_per_second", "gauge", "Feed messages a second.", _one(lambda s: s.feeds.messages_per_s)),
    Metric("feed.gaps", "counter", "Sequence gaps.", _one(lambda s: s.feeds.gaps)),
    Metric("feed.reconnects", "counter", "Reconnects.", _one(lambda s: s.feeds.reconnects)),
    Metric("rest.calls", "counter", "REST calls.", _one(lambda s: s.feeds.rest_calls)),
    Metric("rest.errors", "counter", "REST calls that failed.", _one(lambda s: s.feeds.rest_errors)),
    Metric("rest.p95_ms", "gauge", "REST latency, 95th percentile.", _one(lambda s: s.feeds.rest_p95_ms)),
    Metric("clock.skew_seconds", "gauge", "This clock less the venue's.", _one(lambda s: s.rates.clock_skew_s)),
    Metric("rss_mib", "gauge", "Resident memory.", _one(lambda s: s.rates.rss_mib)),
    Metric("store.events", "counter", "Events written.", _one(lambda s: s.store.events)),
    Metric(
        "store.pending_age_seconds",
        "gauge",
        "Age of the oldest unwritten event.",
        _one(lambda s: s.store.pending_age_s),
    ),
    Metric("store.failed", "gauge", "1 when the store failed.", _one(lambda s: int(s.store.failed))),
    Metric("store.disk_free_bytes", "gauge", "Free space on its disk.", _one(lambda s: s.store.disk_free_bytes)),
    Metric("alerts.sent", "counter", "Alerts delivered.", _one(lambda s: s.alerts.sent)),
    Metric("alerts.failed", "counter", "Alerts that could not be delivered.", _one(lambda s: s.alerts.failed)),
)


def _holds(status: SystemStatus, level: Level) -> int:
    return sum(hold.level is level for hold in status.holds)


def metrics_json(status: SystemStatus) -> dict[str, object]:
    """The content of metrics.json: every metric under its dotted name, labelled ones as a table of numbers."""
    found: dict[str, object] = {"timestamp": iso(status.utc_time), "profile": status.profile, "schema": 1}
    for metric in METRICS:
        samples = list(metric.read(status))
        if len(samples) == 1 and not samples[0][0]:
            found[metric.name] = _json_number(samples[0][1])
        else:
            found[metric.name] = {".".join(labels.values()): _json_number(number) for labels, number in samples}
    for name, count in status.guards.items():  # the documents' own names for these two
        found[f"risk.guards.{name}.recoverable_failures"] = count.recoverable
        found[f"risk.guards.{name}.critical_failures"] = count.critical
    return found


def prometheus_text(status: SystemStatus) -> str:
    """The text exposition format 0.0.4, with a constant profile label on every sample."""
    lines = []
    for metric in METRICS:
        name = metric.prometheus_name
        rows = [
            f"{name}{_labels({'profile': status.profile, **labels})} {_number(number)}"
            for labels, number in metric.read(status)
            if not isinstance(number, Unknown)
        ]
        if rows:
            lines += [f"# HELP {name} {metric.meaning}", f"# TYPE {name} {metric.kind}", *rows]
    return "\n".join(lines) + "\n"


def _labels(labels: Mapping[str, str]) -> str:
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items()) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def _number(number: float | Decimal) -> str:
    return format(number, "f") if isinstance(number, Decimal) else repr(number)


def _json_number(number: Number) -> object:
    """Money as text, so that no reader makes a float of it; unknown is null."""
    if isinstance(number, Unknown):
        return None
    return format(number, "f") if isinstance(number, Decimal) else number
