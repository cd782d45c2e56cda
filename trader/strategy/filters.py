"""The entry filters: spread, depth, volume and RSI, each a table row; and the fitness of the data they rest on.

Imported by the strategies and by `why`'s what-if. Entries only: an exit is never filtered. Depth and volume are US
dollars (D11). Depth is that of the side an order would take: asks for a buy, bids for a sell, since the other side
fills nothing of ours. What is missing rejects as DATA_STALE; it never counts as zero or as fine.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import msgspec

from trader.market.instrument import Instrument
from trader.orders.order import Side
from trader.orders.reason import Reason
from trader.strategy.protocol import Action, Context, Decision
from trader.strategy.settings import FilterLimits, StrategySettings

BOOK_LEVELS = 10


class Rejection(msgspec.Struct, frozen=True, gc=False):
    """Why an entry does not happen: one reason, one line of text, the two numbers and the setting behind the limit."""

    reason: Reason
    text: str
    measured: str = ""
    limit: str = ""
    config_key: str = ""

    def as_hold(self) -> Decision:
        """The same as a HOLD."""
        return Decision(
            Action.HOLD, self.reason, self.text, measured=self.measured, limit=self.limit, config_key=self.config_key
        )


def check_data(context: Context) -> Rejection | None:
    """Reject when the quote is not one to trade on: feed down, tainted, or too old on the machine's clock."""
    quote = context.quote
    if not context.feed_up:
        return Rejection(Reason.FEED_DOWN, "the feed is down; entries wait until it is back")
    if quote.tainted:
        reason = Reason.BOOK_CROSSED if quote.tainted == "crossed" else Reason.DATA_GAP
        return Rejection(reason, f"the quote is not usable: {quote.tainted}", measured=quote.tainted)
    age_s = context.machine_time - quote.machine_time
    if age_s > context.stale_after_s:
        return _stale(f"last {quote.symbol} quote {age_s:.1f} s ago, limit {context.stale_after_s:g} s")
    return None


def check_filters(side: Side, context: Context, limits: FilterLimits) -> Rejection | None:
    """Apply spread, L1 depth, L10 depth and 1-minute volume in this order.

    Return the first rejection, None when all pass.
    """
    for check in _FILTERS:
        rejection = check(side, context, limits)
        if rejection is not None:
            return rejection
    return None


def check_rsi(side: Side, rsi: float | None, settings: StrategySettings) -> Rejection | None:
    """D10: no long above overbought, no short below oversold, and an unknown RSI confirms nothing."""
    if rsi is None:
        text = f"RSI is not known yet; it needs {settings.rsi_period + 1} closed bars"
        return Rejection(Reason.RSI_NOT_CONFIRMED, text, config_key="strategy.rsi_period")
    buying = side is Side.BUY
    limit = settings.rsi_overbought if buying else settings.rsi_oversold
    if (rsi > limit) if buying else (rsi < limit):
        beyond, entry = ("above", "long") if buying else ("below", "short")
        text = f"RSI {rsi:.1f} {beyond} {limit}: {entry} entry not confirmed"
        key = "strategy.rsi_overbought" if buying else "strategy.rsi_oversold"
        return Rejection(Reason.RSI_NOT_CONFIRMED, text, f"{rsi:.1f}", str(limit), key)
    return None


def depth_l1_usd(side: Side, context: Context) -> Decimal:
    """Worth of the best level an order of `side` would take."""
    quote = context.quote
    price, size = (quote.ask, quote.ask_size) if side is Side.BUY else (quote.bid, quote.bid_size)
    return context.instrument.notional(size, price)


def depth_l10_usd(side: Side, context: Context) -> Decimal | None:
    """Worth of the ten best levels on the side an order would take; None without a usable, fresh book."""
    book = context.book
    if book is None or book.tainted or context.machine_time - book.machine_time > context.stale_after_s:
        return None
    return _worth(book.asks if side is Side.BUY else book.bids, context.instrument)


def _worth(levels: tuple[tuple[Decimal, Decimal], ...], instrument: Instrument) -> Decimal:
    return sum((price * size for price, size in levels[:BOOK_LEVELS]), Decimal(0)) * instrument.contract_size


def _check_spread(_side: Side, context: Context, limits: FilterLimits) -> Rejection | None:
    spread = context.quote.spread_bps
    if spread <= limits.max_spread_bps:
        return None
    text = f"spread {spread:.1f} bp > {limits.max_spread_bps} bp"
    return Rejection(
        Reason.SPREAD_TOO_WIDE, text, f"{spread:.4f}", str(limits.max_spread_bps), "filters.max_spread_bps"
    )


def _check_l1(side: Side, context: Context, limits: FilterLimits) -> Rejection | None:
    return _at_least(
        Reason.DEPTH_TOO_THIN, "best level", depth_l1_usd(side, context), limits.min_depth_l1_usd,
        "filters.min_depth_l1_usd",
    )  # fmt: skip


def _check_l10(side: Side, context: Context, limits: FilterLimits) -> Rejection | None:
    return _at_least(
        Reason.DEPTH_TOO_THIN, "ten best levels", depth_l10_usd(side, context), limits.min_depth_l10_usd,
        "filters.min_depth_l10_usd",
    )  # fmt: skip


def _check_volume(_side: Side, context: Context, limits: FilterLimits) -> Rejection | None:
    return _at_least(
        Reason.VOLUME_LOW, "last minute's volume", context.quote.volume_1m_usd, limits.min_volume_1m_usd,
        "filters.min_volume_1m_usd",
    )  # fmt: skip


def _at_least(reason: Reason, what: str, measured: Decimal | None, minimum: Decimal, key: str) -> Rejection | None:
    if measured is None:
        return _stale(f"{what} not known yet", key)
    if measured >= minimum:
        return None
    return Rejection(reason, f"{what} {measured:,.0f} USD < {minimum:,.0f} USD", f"{measured:.2f}", str(minimum), key)


def _stale(text: str, key: str = "risk.stale_mark_s") -> Rejection:
    return Rejection(Reason.DATA_STALE, text, config_key=key)


_FILTERS: tuple[Callable[[Side, Context, FilterLimits], Rejection | None], ...] = (
    _check_spread,
    _check_l1,
    _check_l10,
    _check_volume,
)
