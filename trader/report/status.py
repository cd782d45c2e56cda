"""SystemStatus: everything that is told about a running system at one instant, as one immutable record.

`actors/status.py` fills it from what the actors published; the screen, health.json, metrics.json, last_state.json,
Prometheus and the alerts are all made from the same record, so they cannot disagree. Money is USD, fractions are
fractions, `_age_s` is seconds before `utc_time`, times are UNIX seconds UTC. What is not known is an `Unknown` with its
reason, never a zero.
"""

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from trader.orders.reason import Reason
from trader.risk.holds import Hold, Level


class Unknown(msgspec.Struct, frozen=True, gc=False):
    """A figure nobody knows right now, and why; shown as "n/a (why)"."""

    why: str


Figure = Decimal | Unknown
"""An amount of money or a ratio that may be unknown."""
Seconds = float | Unknown
"""An age or duration that may be unknown."""

NOT_MEASURED = Unknown("not measured")


class MoneyStatus(msgspec.Struct, frozen=True):
    """The account's money and what is left of its limits; the day's parts add up to `day_pnl_usd`."""

    equity_usd: Figure = NOT_MEASURED
    day_pnl_usd: Figure = NOT_MEASURED
    day_price_usd: Figure = NOT_MEASURED
    day_fees_usd: Figure = NOT_MEASURED
    day_funding_usd: Figure = NOT_MEASURED
    day_loss_limit_usd: Figure = NOT_MEASURED
    drawdown: Figure = NOT_MEASURED
    drawdown_limit: Figure = NOT_MEASURED
    exposure_usd: Figure = NOT_MEASURED
    exposure_limit_usd: Figure = NOT_MEASURED
    leverage: Figure = NOT_MEASURED
    leverage_limit: Figure = NOT_MEASURED
    realized_usd: Figure = NOT_MEASURED
    unrealized_usd: Figure = NOT_MEASURED
    fees_usd: Figure = NOT_MEASURED
    funding_usd: Figure = NOT_MEASURED


class RateStatus(msgspec.Struct, frozen=True):
    """Use of rates, clock and memory against their limits."""

    orders_last_minute: int = 0
    orders_per_minute_limit: int = 0
    requests_last_hour: int = 0
    requests_per_hour_limit: int = 0
    clock_skew_s: Seconds = NOT_MEASURED
    clock_skew_limit_s: float = 2.0
    rss_mib: Seconds = NOT_MEASURED


class PositionStatus(msgspec.Struct, frozen=True):
    """One position; quantities in the instrument's unit, signed."""

    symbol: str
    quantity: Decimal
    entry_price: Figure
    mark: Figure
    mark_age_s: Seconds
    unrealized_usd: Figure
    protected_by: str
    since: float


class OrderStatus(msgspec.Struct, frozen=True):
    """One order that is not finished."""

    client_id: str
    symbol: str
    side: str
    quantity: Decimal
    filled: Decimal
    price: Figure
    state: str
    age_s: float


class DecisionStatus(msgspec.Struct, frozen=True):
    """The last evaluation of one symbol and how many ended how since the start."""

    symbol: str
    action: str
    reason: Reason
    detail: str
    age_s: Seconds
    sent: int
    skipped: int
    mark: Figure = NOT_MEASURED


class ActorStatus(msgspec.Struct, frozen=True):
    """Signs of life of one actor. `state` is "ok" or says what is wrong; a hung one names its handler in `trouble`."""

    name: str
    state: str
    beat_age_s: Seconds
    queue: int
    queue_max: int
    slowest_ms: float
    restarts_1h: int
    restarts_24h: int
    trouble: str = ""
    inbox_age_p99_ms: float | Unknown = NOT_MEASURED
    incarnation: int = 1


class FeedStatus(msgspec.Struct, frozen=True):
    """The streams and the REST side; ages are those of the last message or heartbeat."""

    market_up: bool = False
    market_age_s: Seconds = NOT_MEASURED
    user_up: bool = False
    user_age_s: Seconds = NOT_MEASURED
    gaps: int = 0
    reconnects: int = 0
    messages_per_s: Seconds = NOT_MEASURED
    rest_p95_ms: Seconds = NOT_MEASURED
    rest_errors: int = 0
    rest_calls: int = 0


class StoreStatus(msgspec.Struct, frozen=True):
    """The event store; `verdict` is "ok" or says what is wrong with the chain."""

    events: int = 0
    last_age_s: Seconds = NOT_MEASURED
    pending_age_s: float = 0.0
    verdict: str = "ok"
    failed: bool = False
    size_bytes: int = 0
    disk_free_bytes: int | Unknown = NOT_MEASURED


class AlertStatus(msgspec.Struct, frozen=True):
    """The alert path: what is firing, and whether messages get through."""

    firing: tuple[str, ...] = ()
    queued: int = 0
    sent: int = 0
    failed: int = 0
    last_error: str = ""
    configured: bool = False


class FlowStatus(msgspec.Struct, frozen=True):
    """Orders since the start: the documents' KPIs. Latency is decision to fill, slippage against the mark."""

    evaluations: int = 0
    signals: int = 0
    orders_sent: int = 0
    orders_accepted: int = 0
    orders_refused: int = 0
    fills: int = 0
    fill_latency_ms: Seconds = NOT_MEASURED
    slippage_bps: Figure = NOT_MEASURED
    position_drift: int = 0


class GuardCount(msgspec.Struct, frozen=True):
    """How often a guard failed: recoverable failures warn, critical ones mean reduce-only."""

    recoverable: int = 0
    critical: int = 0


class SystemStatus(msgspec.Struct, frozen=True):
    """One instant of the whole system; `utc_time` is the machine's UTC clock, `market_time` the market's.

    `places` maps configuration keys to where they stand ("config.toml:41"). `reasons` counts evaluations by symbol and
    reason; over any run they sum to `flow.evaluations`. `nearest_miss` is the refused entry that came closest.
    """

    utc_time: float
    market_time: float
    profile: str
    venue: str
    live: bool
    dry_run: bool
    mode: Level
    mode_since: float
    holds: tuple[Hold, ...]
    up_s: float
    run_id: str
    config_hash: str
    config_loaded_at: float
    symbols: tuple[str, ...]
    money: MoneyStatus
    rates: RateStatus
    positions: tuple[PositionStatus, ...]
    orders: tuple[OrderStatus, ...]
    decisions: tuple[DecisionStatus, ...]
    actors: tuple[ActorStatus, ...]
    feeds: FeedStatus
    store: StoreStatus
    flow: FlowStatus = FlowStatus()
    alerts: AlertStatus = AlertStatus()
    reasons: Mapping[tuple[str, Reason], int] = {}
    rejections: Mapping[str, int] = {}
    guards: Mapping[str, GuardCount] = {}
    places: Mapping[str, str] = {}
    unknown_orders: int = 0
    dust: str = ""
    nearest_miss: str = ""
    window_opens_in_s: float = 0.0
    reconciled: bool = True
    stopping: bool = False
    ended: str = ""
    """How the run ended, once it has; the last screen and the files of a stopped run carry it."""
    error: str = ""
    mode_by: str = ""
    """Who or what gave the account its mode."""
    pid: int = 0
    config_waiting: str = ""
    """Changes of the saved file that wait for `run.py config accept`."""
    config_refused: str = ""
    """What is wrong with the saved file; the old configuration stays in force."""
    last_action: str = ""
    """What the system did by itself last ("cancelled 1 of 1 growing orders"), for the screen's DID line."""

    @property
    def label(self) -> str:
        """How this run touches the world: LIVE, DRY-RUN or PAPER."""
        if self.dry_run:
            return "DRY-RUN"
        return "LIVE" if self.live else "PAPER"

    def worst_holds(self) -> tuple[Hold, ...]:
        """The holds in force, worst first, then oldest."""
        return tuple(sorted(self.holds, key=lambda hold: (-hold.level, hold.since)))
