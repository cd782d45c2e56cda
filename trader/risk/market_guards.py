"""Runtime guards over the market and the venue: staleness, volatility, concentration, liquidity, errors, rejects, user
feed.

Each yields findings while its condition lasts (`guards.py` runs them). None of them reads a clock or changes the state.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from trader.market.clock import Now
from trader.orders.order import Side
from trader.orders.reason import Reason
from trader.risk.finding import Finding, Severity
from trader.risk.rates import REJECTS_MAX
from trader.risk.refusal import figure, plain
from trader.risk.state import DeskState

ZERO = Decimal(0)
ERROR_REDUCE = Decimal("0.20")
"""Share of failed calls that means REDUCE_ONLY; the configured share means HALTED (D14)."""
CONCENTRATION = Decimal("0.4")
"""Herfindahl index of position notionals from which three or more open symbols count as concentrated."""
STALE_ALERT_FACTOR = 2
REJECT_PAUSE_S = 300.0


def mark_staleness(state: DeskState, now: Now) -> Iterator[Finding]:
    """A position whose mark is old: entries are refused by the check anyway; this says so, louder after twice the
    limit (D09).

    A restored position has its whole limit's time to get its first mark.
    """
    limit = state.limits.stale_mark_s
    for symbol, position in state.ledger.positions.items():
        age = state.market.symbols[symbol].age_s(now)
        if not position.size or (age if age is not None else now.machine_time - state.restored_at) <= limit:
            continue
        told = f"{age:.0f} s old" if age is not None else "missing"
        loud = age is None or age > STALE_ALERT_FACTOR * limit
        text = (
            f"{symbol} mark is {told} with {plain(position.size)} open, limit {limit:.0f} s: reduce-only until it moves"
        )
        guard = "mark_lost" if loud else "stale_mark"
        yield Finding(guard, Reason.DATA_STALE, Severity.WARN, text, symbol, config_key="risk.stale_mark_s")


def volatility(state: DeskState, now: Now) -> Iterator[Finding]:
    """The breaker: warn, reduce-only for the cooldown, or halt, per symbol; during a cooldown it may still escalate."""
    limits = state.limits.volatility
    for symbol, watch in state.market.symbols.items():
        measured = watch.samples.volatility() if watch.samples.may_reach(float(limits.warn)) else None
        if measured is None or measured < float(limits.warn):
            continue
        used = Decimal(f"{measured:.4f}")
        text = f"{symbol} volatility {figure(used * 100)} % a year from {limits.sample_seconds:.0f} s samples"
        reason = Reason.VOLATILITY_HIGH
        if used >= limits.halt:
            limit, key = limits.halt, "risk.volatility.halt"
            yield Finding("volatility", reason, Severity.HALTED, text, symbol, used, limit, config_key=key)
        elif used >= limits.reduce_only:
            ends_at, limit, key = now.market_time + limits.cooldown_s, limits.reduce_only, "risk.volatility.reduce_only"
            yield Finding("volatility", reason, Severity.PAUSE, text, symbol, used, limit, ends_at, key)
        else:
            limit, key = limits.warn, "risk.volatility.warn"
            yield Finding("volatility_warn", reason, Severity.WARN, text, symbol, used, limit, config_key=key)


def concentration(state: DeskState, now: Now) -> Iterator[Finding]:
    """Warn when open positions are few in effect: a high Herfindahl index, or two that move together on the
    same side.
    """
    held = [symbol for symbol, position in state.ledger.positions.items() if position.size]
    if len(held) < 2:
        return
    worths = {symbol: state.ledger.exposure(symbol) for symbol in held}
    total = sum(worths.values(), ZERO)
    if not total:
        return
    index = sum(((worth / total) ** 2 for worth in worths.values()), ZERO)
    if len(worths) >= 3 and index > CONCENTRATION:
        largest = max(worths, key=worths.__getitem__)
        text = f"exposure is concentrated: index {figure(index)}, limit {CONCENTRATION}, most of it {largest}"
        yield Finding("concentration", Reason.CORRELATION, Severity.WARN, text, used=index, limit=CONCENTRATION)
    yield from _moving_together(state, sorted(worths))


def _moving_together(state: DeskState, symbols: list[str]) -> Iterator[Finding]:
    limit = state.limits.max_correlation
    for at, one in enumerate(symbols):
        for other in symbols[at + 1 :]:
            same_side = (state.ledger.positions[one].size > 0) == (state.ledger.positions[other].size > 0)
            measured = state.market.correlation(one, other) if same_side else None
            if measured is not None and measured > float(limit):
                used = Decimal(f"{measured:.3f}")
                text = f"{one} and {other} move together ({used}, limit {limit}) and are held on the same side"
                scope = f"{one}+{other}"
                key = "risk.max_correlation"
                yield Finding(
                    "correlation", Reason.CORRELATION, Severity.WARN, text, scope, used, limit, config_key=key
                )


def liquidity(state: DeskState, now: Now) -> Iterator[Finding]:
    """Warn when a position is larger than what ten levels of the book would take from us (CB-03)."""
    for symbol, position in state.ledger.positions.items():
        book = state.market.symbols[symbol].book
        if (
            not position.size
            or book is None
            or book.tainted
            or now.machine_time - book.machine_time > state.limits.stale_mark_s
        ):
            continue
        side = Side.SELL if position.size > 0 else Side.BUY
        levels, wanted, depth = book.bids if side is Side.SELL else book.asks, abs(position.size), ZERO
        for _, size in levels:
            depth += size if size.is_finite() else ZERO
            if depth >= wanted:
                break  # the first level is nearly always enough
        else:
            text = f"{symbol} position {plain(position.size)} exceeds the {plain(depth)} in ten levels of the book"
            yield Finding("liquidity", Reason.DEPTH_TOO_THIN, Severity.WARN, text, symbol, wanted, depth)


def error_rate(state: DeskState, now: Now) -> Iterator[Finding]:
    """Failed venue calls over five minutes: 20 % means REDUCE_ONLY, the configured share HALTED (D14, GUARD-11)."""
    measured = state.errors.share(now.machine_time, state.limits.error_rate_min_samples)
    if measured is None:
        return
    share, calls = measured
    text = f"{figure(share * 100)} % of {calls} venue calls failed within five minutes"
    key = "risk.error_rate_pct"
    if share > state.limits.error_rate_pct:
        limit = state.limits.error_rate_pct
        yield Finding("error_rate", Reason.ERROR_RATE, Severity.HALTED, text, used=share, limit=limit, config_key=key)
    elif share >= ERROR_REDUCE:
        level = Severity.REDUCE_ONLY
        yield Finding("error_rate", Reason.ERROR_RATE, level, text, used=share, limit=ERROR_REDUCE, config_key=key)


def rejects(state: DeskState, now: Now) -> Iterator[Finding]:
    """Five orders of one symbol refused by the venue within a minute: the symbol pauses for five minutes (C-13)."""
    for symbol, window in state.rejects.items():
        count = window.count(now.machine_time)
        if count >= REJECTS_MAX:
            text = f"the venue refused {count} {symbol} orders within 60 s, limit {REJECTS_MAX}; pausing"
            ends_at = now.market_time + REJECT_PAUSE_S
            used, limit = Decimal(count), Decimal(REJECTS_MAX)
            yield Finding("rejects", Reason.PAUSED, Severity.PAUSE, text, symbol, used, limit, ends_at)


def user_feed(state: DeskState, now: Now) -> Iterator[Finding]:
    """Say that fills may be missing; the mode follows by itself and ends with the backfill."""
    if state.user_feed_blind(now):
        limit = state.limits.user_feed_dead_s
        text = f"user feed silent for over {limit:.0f} s with a position open: reduce-only until the account is read"
        yield Finding("user_feed", Reason.FEED_DOWN, Severity.WARN, text, config_key="risk.user_feed_dead_s")
