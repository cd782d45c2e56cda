"""The status screen: the verdict first, then figures with units and ages, words before numbers, at most 100 columns.

Printed every `status_interval_s`, on SIGUSR2, at the end, and by `run.py status`. Made from a SystemStatus alone; it
needs no colour and no terminal.
"""

import textwrap
import time

from trader.report.status import ActorStatus, PositionStatus, SystemStatus, Unknown
from trader.report.verdict import PERMITS, account_hold, hold_sentence, how_it_ends, verdict
from trader.report.words import clock, one_line, price, quantity, share, since, size, span, stamp, times, unknown, usd
from trader.risk.holds import EPHEMERAL

WIDTH = 100
_HOLDS_SHOWN = 3
_ORDERS_SHOWN = 4
_LINES_MAX = 4
_REASON_AT = 35


def render_screen(status: SystemStatus) -> str:
    """The whole screen as text, without a line end after the last line."""
    blocks = (
        _head(status),
        [""],
        _money(status),
        [""],
        _positions(status),
        _orders(status),
        [""],
        _decisions(status),
        [""],
        _actors(status),
        _machinery(status),
    )
    return "\n".join(one_line(line, WIDTH) for block in blocks for line in block)


def _head(status: SystemStatus) -> list[str]:
    mode = status.mode.name
    shown = f"STOPPED (was {mode})" if status.ended else mode
    pid = f"  pid {status.pid}" if status.pid and not status.ended else ""
    told = verdict(status)
    now = f"{stamp(status.utc_time)}{_local(status.utc_time)}"
    run = f"run {status.run_id[:4]}  config {status.config_hash[:4]}@{clock(status.config_loaded_at)[:5]}Z"
    lines = [
        *_wrapped(f"{status.profile}  {status.label}  {shown}{pid}  up {span(status.up_s)}  {now}  {run}"),
        *_wrapped(f"VERDICT  {told.sentence}"),
    ]
    if abs(status.market_time - status.utc_time) > 5:
        lines.append(f"CLOCK    the market's clock says {stamp(status.market_time)}")
    worst = account_hold(status)
    why = status.mode_by or (f"{worst.by or 'start-up'} ({worst.cause})" if worst else "start-up (reconciled clean)")
    if worst and worst.cause not in why:
        why += f", held by {worst.cause}"
    kept = " Kept on restart." if worst and worst.cause not in EPHEMERAL else ""
    moment = since(status.mode_since, status.utc_time)
    if status.ended:
        lines.append(f"MODE     was {mode} since {moment} by {why}.{kept}")
    else:
        lines += _wrapped(f"MODE     {mode} since {moment} by {why}. Permits: {PERMITS[status.mode]}.{kept}")
    if worst:
        lines += _wrapped(f"         Ends: {how_it_ends(status, worst)}.")
    others = [hold for hold in status.worst_holds() if hold is not worst]
    for hold in others[:_HOLDS_SHOWN]:
        told_of = f"{hold.scope} {hold.level.name} ({hold.cause}): {hold_sentence(status, hold)}."
        lines += _wrapped(f"         {told_of} Ends: {how_it_ends(status, hold)}.")
    if len(others) > _HOLDS_SHOWN:
        lines.append(f"         and {len(others) - _HOLDS_SHOWN} more holds: run.py status --json")
    if status.config_waiting:
        lines += _wrapped(f"CONFIG   waits for `run.py config accept`: {status.config_waiting}")
    if status.config_refused:
        lines += _wrapped(f"CONFIG   the saved file is refused, the old values hold: {status.config_refused}")
    if status.last_action:
        lines.append(f"DID      {status.last_action}")
    return lines


def _local(utc_time: float) -> str:
    """The wall clock of this machine's place, when it is not UTC."""
    local = time.localtime(utc_time)
    return f" ({time.strftime('%H:%M', local)} local)" if local.tm_gmtoff else ""


def _money(status: SystemStatus) -> list[str]:
    money, rates = status.money, status.rates
    loss = -money.day_pnl_usd if not isinstance(money.day_pnl_usd, Unknown) else money.day_pnl_usd
    limit = money.day_loss_limit_usd if isinstance(money.day_loss_limit_usd, Unknown) else -money.day_loss_limit_usd
    skew = rates.clock_skew_s
    skew_text = unknown(skew) if isinstance(skew, Unknown) else f"{skew:+.2f}s"
    rss = unknown(rates.rss_mib) if isinstance(rates.rss_mib, Unknown) else f"{rates.rss_mib:.0f} MiB"
    reset = span(86_400 - status.market_time % 86_400)
    left = (
        f"MONEY       {'now':>14} {'limit':>12}   {'used':<17}",
        _figure("day P&L", usd(money.day_pnl_usd, signed=True), usd(limit), share(loss, money.day_loss_limit_usd)),
        _figure("exposure", usd(money.exposure_usd), usd(money.exposure_limit_usd), _used(status, "exposure")),
        _figure("leverage", times(money.leverage), times(money.leverage_limit), _used(status, "leverage")),
        _figure("drawdown", _percent(money.drawdown), _percent(money.drawdown_limit), _used(status, "drawdown")),
    )
    right = (
        f"RATE       {'now':>9} {'limit':>7}",
        f"orders/min {rates.orders_last_minute:>9} {rates.orders_per_minute_limit:>7}",
        f"REST/h     {rates.requests_last_hour:>9} {rates.requests_per_hour_limit:>7}",
        f"skew       {skew_text:>9} {rates.clock_skew_limit_s:>6.1f}s",
        f"RSS        {rss:>9}",
    )
    parts = f"  price {usd(money.day_price_usd, signed=True)}  fees {usd(money.day_fees_usd, signed=True)}"
    parts += f"  funding {usd(money.day_funding_usd, signed=True)}  equity {usd(money.equity_usd)} USD"
    lines = [f"{one:<64}{other}" for one, other in zip(left, right, strict=True)]
    return [*lines[:2], f"{parts}   resets 00:00Z, in {reset}", *lines[2:]]


def _figure(name: str, now: str, limit: str, used: str) -> str:
    return f" {name:<10} {now:>14} {limit:>12}   {used}"


def _used(status: SystemStatus, name: str) -> str:
    return share(getattr(status.money, name + _SUFFIX[name]), getattr(status.money, f"{name}_limit{_SUFFIX[name]}"))


_SUFFIX = {"exposure": "_usd", "leverage": "", "drawdown": ""}


def _percent(part: object) -> str:
    return unknown(part) if isinstance(part, Unknown) else f"{part:.2%}"


def _positions(status: SystemStatus) -> list[str]:
    if not status.positions:
        return [f"POSITIONS none.{f'   Dust: {status.dust}' if status.dust else ''}"]
    head = f"POSITIONS {'qty':>14} {'entry':>12} {'mark (age)':>20} {'P&L USD':>10}   {'protected by':<16} since"
    return [head, *(_position(position, status.utc_time) for position in status.positions)]


def _position(position: PositionStatus, now: float) -> str:
    mark = price(position.mark)
    if not isinstance(position.mark, Unknown):
        mark += f" ({span(position.mark_age_s)})"
    held = quantity(position.quantity, signed=True)
    money, guard = usd(position.unrealized_usd, signed=True), one_line(position.protected_by, 16)
    return (
        f" {position.symbol:<9} {held:>13} {price(position.entry_price):>12} {mark:>20} {money:>10}"
        f"   {guard:<16} {since(position.since, now)}"
    )


def _orders(status: SystemStatus) -> list[str]:
    dust = f"   Dust: {status.dust}" if status.dust and status.positions else ""
    if not status.orders:
        return [f"ORDERS   none open.   UNKNOWN: {status.unknown_orders}.{dust}"]
    rows = [
        f" {order.symbol:<9} {order.side:<4} {quantity(order.filled)}/{quantity(order.quantity)} @ {price(order.price)}"
        f"  {order.state}  {span(order.age_s)}  {order.client_id}"
        for order in status.orders[:_ORDERS_SHOWN]
    ]
    more = len(status.orders) - _ORDERS_SHOWN
    if more > 0:
        rows.append(f"         and {more} more: run.py status --json")
    return [f"ORDERS   {len(status.orders)} open.   UNKNOWN: {status.unknown_orders}.{dust}", *rows]


def _decisions(status: SystemStatus) -> list[str]:
    lines = [f"DECISIONS {'last':<5}{'age':>5} {'sent/skipped':>12}  reason (counts since the start)"]
    for decision in status.decisions:
        counts, reason = f"{decision.sent}/{decision.skipped}", f"{decision.reason} {decision.detail}".strip()
        row = f" {decision.symbol:<9}{decision.action:<5}{span(decision.age_s):>5} {counts:>12}  {reason}"
        lines += _wrapped(row, indent=_REASON_AT)
    if status.nearest_miss:
        lines.append(f"   nearest miss: {status.nearest_miss}")
    return lines


def _actors(status: SystemStatus) -> list[str]:
    head = (
        f"ACTORS       {'state':<10} {'beat':>7} {'queue/max':>10} {'slowest':>9} {'restarts 1h/24h':>16}  last trouble"
    )
    return [head, *(_actor(actor) for actor in status.actors)]


def _actor(actor: ActorStatus) -> str:
    beat = "n/a" if isinstance(actor.beat_age_s, Unknown) else span(actor.beat_age_s)
    queue, restarts = f"{actor.queue}/{actor.queue_max}", f"{actor.restarts_1h}/{actor.restarts_24h}"
    return (
        f" {actor.name:<12}{actor.state:<10} {beat:>7} {queue:>10} {actor.slowest_ms:>7.1f}ms {restarts:>16}"
        f"  {actor.trouble or '-'}"
    )


def _machinery(status: SystemStatus) -> list[str]:
    feeds, store, alerts = status.feeds, status.store, status.alerts
    p95 = unknown(feeds.rest_p95_ms) if isinstance(feeds.rest_p95_ms, Unknown) else f"{feeds.rest_p95_ms:.0f}ms"
    words = (
        "FEEDS    closed"
        if status.ended
        else f"FEEDS    market {_feed(feeds.market_up, feeds.market_age_s)}  user {_feed(feeds.user_up, feeds.user_age_s)}",
        f"gaps {feeds.gaps}  reconnects {feeds.reconnects} ",
        f"REST p95 {p95}  errors {feeds.rest_errors}/{feeds.rest_calls}",
    )
    kept = (
        f"STORE    {store.events} events, last {span(store.last_age_s)} ago, chain {store.verdict},"
        f" {size(store.size_bytes)}, disk free {size(store.disk_free_bytes)}"
    )
    told = verdict(status)
    quiet = min(status.decisions, key=lambda decision: decision.sent, default=None)
    ask = f"   Why so quiet: run.py why {quiet.symbol}" if quiet else ""
    step = f"NEXT   {told.step}."
    for hint in (ask, "   Report: run.py report"):
        step += hint if len(step + hint) <= WIDTH else ""
    lines = ["  ".join(words), kept, step]
    if alerts.firing or alerts.last_error:
        broken = f"   NOT SENT: {alerts.last_error}" if alerts.last_error else ""
        lines.insert(2, f"ALERTS   firing: {', '.join(alerts.firing) or 'none'}{broken}")
    return lines


def _feed(up: bool, age_s: float | Unknown) -> str:
    return f"{'up' if up else 'DOWN'} {span(age_s)}"


def _wrapped(text: str, indent: int = 9) -> list[str]:
    """A long text on up to four lines, broken between words; what follows the first is indented."""
    if len(text) <= WIDTH:
        return [text]
    clean = one_line(text, len(text))
    return textwrap.wrap(clean, WIDTH, subsequent_indent=" " * indent, max_lines=_LINES_MAX, placeholder=" …")
