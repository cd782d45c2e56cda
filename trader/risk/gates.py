"""The checks that say yes or no: mode, data, product, window, loss, rates, duplicates, prices. Each is one question.

A check is a function of the desk's state and the case; it returns a Refusal or None and changes nothing. Their order
stands in `checks.py`. Exits pass everything that is marked for entries there.
"""

from __future__ import annotations

from decimal import Decimal

from trader.market.instrument import TradingStatus
from trader.orders.order import Side
from trader.orders.reason import Reason
from trader.risk.case import Case, closing_side
from trader.risk.holds import Level
from trader.risk.refusal import Refusal, figure, plain
from trader.risk.state import WALLETS, DeskState
from trader.venue import FeedKind

CLOSED = frozenset({TradingStatus.CANCEL_ONLY, TradingStatus.VIEW_ONLY, TradingStatus.HALTED})


def mode_permits(state: DeskState, case: Case) -> Refusal | None:
    """Check 1: nothing is sent while the worst hold says HALTED or STARTING."""
    hold = next(iter(state.holds.of(case.intent.symbol)), None)
    if hold is None or hold.level < Level.STARTING or flattens(state, case.intent.symbol, case):
        return None
    return Refusal(hold.reason, f"{hold.level.name} since {hold.cause} by {hold.by or 'the system'}: {hold.text}")


def flattens(state: DeskState, symbol: str, case: Case) -> bool:
    """True for the operator's own exit while nothing but the operator's own kill forbids it (C-02, D25)."""
    return case.intent.by_operator and case.reducing and state.only_killed(symbol)


def reduce_only(state: DeskState, case: Case) -> Refusal | None:
    """Check 2: in reduce-only an order must shrink the position, by quantity."""
    symbol = case.intent.symbol
    if case.reducing or state.mode(symbol, case.now) is Level.NORMAL:
        return None
    hold = next((h for h in state.holds.of(symbol) if h.level is Level.REDUCE_ONLY), None)
    reason = hold.reason if hold is not None else Reason.FEED_DOWN
    why = (
        (hold.text or hold.cause) if hold is not None else "user feed down with a position open, until it is backfilled"
    )
    return Refusal(
        reason, f"Reduce-only mode active: {case.intent.side} {plain(case.size)} {symbol} would grow ({why})"
    )


def exit_has_something(state: DeskState, case: Case) -> Refusal | None:
    """An order that must reduce (flagged as an exit, or a spot sale) is cut to what the position and other exits
    leave.
    """
    intent, symbol = case.intent, case.intent.symbol
    spot_sale = not case.instrument.is_derivative and intent.side is Side.SELL
    if case.reducing or not (intent.reduce_only or spot_sale):
        return None
    size = state.ledger.positions[symbol].size
    if intent.side is not closing_side(state, symbol):
        own = "; coins held before are never sold" if spot_sale else ""
        text = f"{intent.side} {plain(case.size)} {symbol} reduces nothing: own position is {plain(size)}{own}"
        return Refusal(Reason.NO_FUNDS if spot_sale else Reason.MODE_REDUCE_ONLY, text, case.size, abs(size))
    room = case.instrument.round_size(state.closing_room(symbol))
    if room <= 0:
        text = f"other live orders already close the {symbol} position of {plain(size)}; wait for them"
        return Refusal(Reason.PENDING_ORDER, text, abs(size), abs(size))
    if not intent.may_downsize:
        text = f"{intent.side} {plain(case.size)} {symbol} would pass through zero: room {plain(room)}"
        return Refusal(Reason.NO_FUNDS if spot_sale else Reason.MODE_REDUCE_ONLY, text, case.size, room)
    case.size = room
    case.reducing = True
    return None


def intent_is_fresh(state: DeskState, case: Case) -> Refusal | None:
    """A decision older than an approval may live is history: whoever made it may be dead."""
    age = case.now.machine_time - case.intent.machine_time
    limit = state.execution.approval_ttl_s
    if age <= limit:
        return None
    return Refusal(
        Reason.EXPIRED, f"decided {age:.1f} s ago, limit {limit:.1f} s", config_key="execution.approval_ttl_s"
    )


def mark_is_fresh(state: DeskState, case: Case) -> Refusal | None:
    """No price, no order: the mark is young and the newest quote good. An operator's exit may use the last good one
    (D09).
    """
    if case.reducing and case.intent.by_operator:
        return None
    age, limit = case.watch.age_s(case.now) or 0.0, state.limits.stale_mark_s
    symbol = case.intent.symbol
    if age > limit:
        text = f"last {symbol} mark {age:.1f} s ago, limit {limit:.0f} s"
        return Refusal(Reason.DATA_STALE, text, config_key="risk.stale_mark_s")
    newest = case.watch.quote
    if newest is not None and newest is not case.watch.good:
        finite = newest.bid.is_finite() and newest.ask.is_finite()
        crossed = newest.tainted == "crossed" or (finite and newest.bid >= newest.ask)
        told = newest.tainted or ("crossed" if crossed else "a jump not yet confirmed, or a spread beyond 5 %")
        return Refusal(Reason.BOOK_CROSSED if crossed else Reason.DATA_GAP, f"{symbol} quote cannot be trusted: {told}")
    return None


def feeds_are_alive(state: DeskState, case: Case) -> Refusal | None:
    """Entries need a market feed with a heartbeat no older than the limit."""
    silence, limit = state.market.silence_s(FeedKind.MARKET, case.now), state.limits.feed_dead_s
    if silence is not None and silence <= limit and FeedKind.MARKET not in state.market.down_since:
        return None
    told = "never heard" if silence is None else f"silent for {silence:.1f} s"
    return Refusal(Reason.FEED_DOWN, f"market feed {told}, limit {limit:.0f} s", config_key="risk.feed_dead_s")


def account_is_known(state: DeskState, case: Case) -> Refusal | None:
    """Entries need an equity above zero that has been read: unknown is never read as enough."""
    if case.instrument.quote not in WALLETS:
        return Refusal(
            Reason.WRONG_WALLET, f"{case.intent.symbol} is quoted in {case.instrument.quote}, limits are in USD"
        )
    equity = state.equity
    if equity is None or not state.reconciled or state.day.baseline is None:
        return Refusal(Reason.NOT_RECONCILED, "the account has not been read and reconciled yet")
    wallets, quote = state.ledger.wallets, case.instrument.quote
    if not case.instrument.is_derivative and wallets.get(quote, 0) <= 0 < sum(wallets.values()):
        held = ", ".join(sorted(currency for currency, amount in wallets.items() if amount > 0))
        text = f"{case.intent.symbol} wants {quote}, the wallet holds {held}: convert, or trade that pair"
        return Refusal(Reason.WRONG_WALLET, text)
    if equity <= 0:
        return Refusal(Reason.NO_FUNDS, f"equity is {figure(equity)} USD", equity, Decimal(0))
    return None


def product_trades(state: DeskState, case: Case) -> Refusal | None:
    """The venue must take this kind of order in this product now."""
    status = case.instrument.status
    if status in CLOSED or (status is TradingStatus.POST_ONLY and not case.intent.post_only):
        return Refusal(Reason.PRODUCT_HALTED, f"{case.intent.symbol} is {status} at the venue")
    return None


def window_is_open(state: DeskState, case: Case) -> Refusal | None:
    """The trading window gates entries only (D38)."""
    window = state.window
    if window is None or window.contains(case.now.market_time):
        return None
    opens = window.opens_in_s(case.now.market_time)
    text = f"trading window {window}Z opens in {int(opens // 3600)}h{int(opens % 3600 // 60):02d}m"
    return Refusal(Reason.OPS_WINDOW_CLOSED, text, config_key="trading_window")
