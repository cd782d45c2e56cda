"""Alerts: what of a status a person must hear of, and when to say it again. Pure; the sender is `webhook.py`.

The system's wiring feeds each status to one `AlertBook` and hands what it returns to the sender. One message per
transition: a condition that begins, one that ends; a page is repeated while nobody acknowledges it; flapping is counted
instead of sent. "Process gone" cannot be told by the process: that is a rule of the monitoring (`absent(bot_up_seconds)`).
"""

from collections import deque
from collections.abc import Callable
from decimal import Decimal
from enum import StrEnum

import msgspec

from trader.report.status import SystemStatus, Unknown
from trader.report.verdict import account_hold, hold_sentence
from trader.report.words import clock, span, usd
from trader.risk.holds import ACCOUNT, Level

UNKNOWN_ORDER_S = 20.0
INBOX_AGE_MS = 1000.0
REPEAT_PAGE_S = 300.0
FLAP_S = 60.0
STORM_RECONNECTS, STORM_S = 5, 600.0
_SECONDS_PER_DAY = 86_400


class Severity(StrEnum):
    """PAGE wakes somebody, NOTIFY is read today, LOG is for the file."""

    PAGE = "page"
    NOTIFY = "notify"
    LOG = "log"


class Phase(StrEnum):
    """Why a message is sent."""

    BEGAN = "began"
    REPEATED = "still"
    ENDED = "ended"
    TOLD = "told"


class Alert(msgspec.Struct, frozen=True):
    """One message. `since` is UNIX seconds UTC; `times` counts how often the condition began since the last message."""

    key: str
    severity: Severity
    phase: Phase
    text: str
    profile: str
    since: float
    times: int = 1

    def line(self) -> str:
        """The message as one line for a person."""
        again = f" ({self.times} times)" if self.times > 1 else ""
        return f"[{self.severity.upper()}] {self.profile} {self.phase} {self.key}: {self.text}{again} since {clock(self.since)}"


class Condition(msgspec.Struct, frozen=True):
    """Something true right now that a person should know."""

    key: str
    severity: Severity
    text: str


class _Active(msgspec.Struct):
    """A condition's memory: when it began, when it was last told, how often it began since."""

    condition: Condition
    since: float
    told_at: float | None = None
    ended_at: float | None = None
    times: int = 1
    acknowledged: bool = False


class AlertBook:
    """Compares each status with what is already known; one owner, one thread. Times are the status's own UTC."""

    def __init__(self) -> None:
        self._known: dict[str, _Active] = {}
        self._reconnects: deque[tuple[float, int]] = deque()
        self._day: int | None = None

    def observe(self, status: SystemStatus) -> list[Alert]:
        """The messages this status gives rise to, worst first."""
        now = status.utc_time
        current = {condition.key: condition for find in _CONDITIONS for condition in find(status)}
        if storm := self._storm(status):
            current[storm.key] = storm
        alerts = [alert for condition in current.values() if (alert := self._active(status, condition, now))]
        alerts += [alert for key in list(self._known) if key not in current and (alert := self._gone(status, key, now))]
        if (summary := self._summary(status)) is not None:
            alerts.append(summary)
        return sorted(alerts, key=lambda alert: list(Severity).index(alert.severity))

    def firing(self) -> tuple[str, ...]:
        """The keys that are true now, for the status screen."""
        return tuple(key for key, known in self._known.items() if known.ended_at is None)

    def acknowledge(self, key: str = "") -> int:
        """Stop repeating one page, or all for ""; returns how many. It is told again when it begins anew."""
        matched = [known for name, known in self._known.items() if key in ("", name)]
        for known in matched:
            known.acknowledged = True
        return len(matched)

    def _active(self, status: SystemStatus, condition: Condition, now: float) -> Alert | None:
        known = self._known.get(condition.key)
        if known is None:
            known = self._known[condition.key] = _Active(condition, now)
        elif known.ended_at is not None:  # it came back before its flapping was over
            known.ended_at, known.acknowledged = None, False
            known.times += 1
        known.condition = condition
        if known.told_at is None:
            return self._tell(status, known, Phase.BEGAN, now)
        if known.times > 1 and now - known.told_at >= FLAP_S:
            return self._tell(status, known, Phase.BEGAN, now)
        page_due = (
            condition.severity is Severity.PAGE and not known.acknowledged and now - known.told_at >= REPEAT_PAGE_S
        )
        return self._tell(status, known, Phase.REPEATED, now) if page_due else None

    def _gone(self, status: SystemStatus, key: str, now: float) -> Alert | None:
        """Say that it ended, once it has stayed away for the flapping time."""
        known = self._known[key]
        if known.ended_at is None:
            known.ended_at = now
            return None
        if now - known.ended_at < FLAP_S:
            return None
        del self._known[key]
        return self._tell(status, known, Phase.ENDED, now)

    def _tell(self, status: SystemStatus, known: _Active, phase: Phase, now: float) -> Alert:
        condition, times = known.condition, known.times
        known.told_at, known.times = now, 1
        return Alert(condition.key, condition.severity, phase, condition.text, status.profile, known.since, times)

    def _storm(self, status: SystemStatus) -> Condition | None:
        history = self._reconnects
        history.append((status.utc_time, status.feeds.reconnects))
        while history[0][0] < status.utc_time - STORM_S:
            history.popleft()
        count = history[-1][1] - history[0][1]
        if count < STORM_RECONNECTS:
            return None
        return Condition("reconnect_storm", Severity.NOTIFY, f"{count} reconnects within {span(STORM_S)}")

    def _summary(self, status: SystemStatus) -> Alert | None:
        """One message a UTC day of the market's clock, about the day that ended."""
        day = int(status.market_time // _SECONDS_PER_DAY)
        before, self._day = self._day, day
        if before is None or day <= before:
            return None
        flow, money = status.flow, status.money
        text = (
            f"equity {usd(money.equity_usd)} USD, {flow.fills} fills, {flow.orders_refused} orders refused,"
            f" {flow.evaluations} evaluations since the start"
        )
        return Alert("daily_summary", Severity.NOTIFY, Phase.TOLD, text, status.profile, status.utc_time)


def _halted(status: SystemStatus) -> list[Condition]:
    hold = account_hold(status)
    if status.mode is not Level.HALTED:
        return []
    return [Condition("halted", Severity.PAGE, hold_sentence(status, hold) if hold else "halted")]


def _reduce_only(status: SystemStatus) -> list[Condition]:
    hold = account_hold(status)
    if status.mode is not Level.REDUCE_ONLY or hold is None:
        return []
    return [Condition("reduce_only", Severity.NOTIFY, hold_sentence(status, hold))]


def _symbol_holds(status: SystemStatus) -> list[Condition]:
    return [
        Condition(f"hold:{hold.cause}:{hold.scope}", Severity.NOTIFY, f"{hold.scope}: {hold_sentence(status, hold)}")
        for hold in status.holds
        if hold.scope != ACCOUNT and hold.ends_at is None
    ]


def _unprotected(status: SystemStatus) -> list[Condition]:
    """A position whose only protection is an actor that does not work; while stopping that is no news."""
    if status.stopping or status.ended:
        return []
    broken = {actor.name: actor.state for actor in status.actors if actor.state not in ("ok", "busy")}
    return [
        Condition(
            f"unprotected:{position.symbol}",
            Severity.PAGE,
            f"{position.symbol} {position.quantity} is held and its actor is {broken[position.symbol]}",
        )
        for position in status.positions
        if position.symbol in broken
    ]


def _unknown_orders(status: SystemStatus) -> list[Condition]:
    return [
        Condition(
            f"unknown:{order.client_id}", Severity.PAGE, f"{order.symbol} unanswered for over {span(UNKNOWN_ORDER_S)}"
        )
        for order in status.orders
        if order.state.upper() == "UNKNOWN" and order.age_s > UNKNOWN_ORDER_S
    ]


def _store(status: SystemStatus) -> list[Condition]:
    if not status.store.failed:
        return []
    return [Condition("store", Severity.PAGE, f"the event store {status.store.verdict}")]


def _error(status: SystemStatus) -> list[Condition]:
    return [Condition("error", Severity.PAGE, status.error)] if status.error else []


def _loss(status: SystemStatus) -> list[Condition]:
    pnl, limit = status.money.day_pnl_usd, status.money.day_loss_limit_usd
    if isinstance(pnl, Unknown) or isinstance(limit, Unknown) or limit <= 0:
        return []
    return [
        Condition(f"loss:{part}", Severity.NOTIFY, f"day loss {usd(-pnl)} USD passed {part} % of {usd(limit)}")
        for part in (50, 80, 100)
        if -pnl >= limit * Decimal(part) / 100
    ]


def _inboxes(status: SystemStatus) -> list[Condition]:
    return [
        Condition(
            f"inbox:{actor.name}",
            Severity.NOTIFY,
            f"messages wait {span(actor.inbox_age_p99_ms / 1000)} for {actor.name}",
        )
        for actor in status.actors
        if not isinstance(actor.inbox_age_p99_ms, Unknown) and actor.inbox_age_p99_ms > INBOX_AGE_MS
    ]


def _feed(status: SystemStatus) -> list[Condition]:
    """Short outages heal by themselves and stay in the file."""
    if status.feeds.market_up or status.mode is Level.STARTING:
        return []
    return [Condition("feed", Severity.LOG, "the market feed is down")]


_CONDITIONS: tuple[Callable[[SystemStatus], list[Condition]], ...] = (
    _error,
    _halted,
    _store,
    _unprotected,
    _unknown_orders,
    _reduce_only,
    _symbol_holds,
    _loss,
    _inboxes,
    _feed,
)
