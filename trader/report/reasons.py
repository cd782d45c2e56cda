"""What each reason code means to a person: sentence, what would change it, the key behind it, protects or waits.

The status screen, `why`, the report and the documentation read this. The codes stand in trader/orders/reason.py; which
of the documents' eight counters a code adds to stands in trader/strategy/counters.py.
"""

from enum import StrEnum

import msgspec

from trader.orders.reason import Reason
from trader.strategy.counters import COUNTER_OF


class Group(StrEnum):
    """How the operator's guide groups the codes; the report colours skipped decisions by it."""

    ACTED = "acted"
    WAITING = "waiting"
    DATA = "data"
    MARKET = "market"
    SIZE = "size"
    RISK = "risk"
    IN_FLIGHT = "order in flight"
    MODE = "mode"
    VENUE = "venue"


class Nature(StrEnum):
    """Whether a code did something, merely waits, or protects from something."""

    ACTS = "acts"
    WAITS = "waits"
    PROTECTS = "protects"


class Explanation(msgspec.Struct, frozen=True):
    """One code for people. `config_key` is "" where no key changes it; `counter` is one of the documents' eight."""

    reason: Reason
    group: Group
    nature: Nature
    sentence: str
    remedy: str
    config_key: str
    counter: str


# Code, group, nature, configuration key; below it the sentence and what would change it.
_ROWS = """
ENTRY_SENT ACTED ACTS -
    an entry was approved and sent | nothing to change
EXIT_SENT ACTED ACTS -
    an exit was approved and sent | nothing to change
WARMING_UP WAITING WAITS strategy.long_ma_period
    the window does not hold enough closed bars yet | time; or shorter averages at the next start
NO_SIGNAL WAITING WAITS strategy.epsilon_bps
    the averages have not crossed by more than epsilon | the market; or a smaller epsilon
HOLDING WAITING WAITS strategy.trailing_stop_pct
    in position and nothing says to leave | the opposite cross or the trailing stop
OPS_WINDOW_CLOSED WAITING WAITS trading_window
    the trading window is closed for entries | the opening hour, or another window
COOLDOWN WAITING WAITS strategy.cooldown_s
    too soon after the last order of this symbol | time
RSI_NOT_CONFIRMED WAITING PROTECTS strategy.require_rsi_confirmation
    RSI is unknown or already stretched in this direction | the market, or no RSI confirmation
MAX_ADDS WAITING PROTECTS strategy.max_adds
    the position already has its entries | an exit first
SHORTS_DISABLED WAITING PROTECTS strategy.enable_shorts
    a short is not allowed here | shorts enabled, on a derivative
ENTRIES_DISABLED WAITING PROTECTS strategy.disable_new_entries
    new entries are switched off | switching them on
NO_EDGE WAITING PROTECTS sizing.method
    the closed trades have lost as much as they won: Kelly gives nothing | better trades, or another method of sizing
DATA_STALE DATA PROTECTS risk.stale_mark_s
    the newest price is too old | the feed; see FEEDS on the status screen
DATA_GAP DATA PROTECTS -
    a piece of the book or of the bars is missing | the next snapshot, by itself
BOOK_CROSSED DATA PROTECTS -
    the book's best bid is not below its best ask | the next snapshot, by itself
FEED_DOWN DATA PROTECTS risk.feed_dead_s
    no heartbeat from the market feed | the reconnect, by itself
CLOCK_SKEW DATA PROTECTS -
    this machine's clock differs from the venue's | time synchronization on this machine
BAD_INPUT DATA PROTECTS -
    a number was missing, not finite or not positive | the next good message; reported if it repeats
SPREAD_TOO_WIDE MARKET PROTECTS filters.max_spread_bps
    the spread costs too much | a calmer market, or a wider limit
DEPTH_TOO_THIN MARKET PROTECTS filters.min_depth_l1_usd
    the book is too thin near its top | a deeper market, or a lower limit
VOLUME_LOW MARKET PROTECTS filters.min_volume_1m_usd
    too little traded in the last minute | a livelier market, or a lower limit
VOLATILITY_HIGH MARKET PROTECTS risk.volatility.reduce_only
    prices move too fast | a calmer market
SLIPPAGE_TOO_HIGH MARKET PROTECTS risk.entry_slippage_bps
    walking the book would cost too much | a deeper market, or a smaller order
PRICE_COLLAR MARKET PROTECTS risk.price_collar_pct
    the price is too far from risk's own mark | a price nearer to the mark
BELOW_MIN_SIZE SIZE WAITS sizing.position_fraction
    the order is below the venue's minimum and may not be raised | more equity or a larger fraction
ROUNDS_TO_ZERO SIZE WAITS sizing.position_fraction
    rounded to the lot size nothing is left | more equity or a larger fraction
NO_FUNDS SIZE WAITS sizing.position_fraction
    the wallet does not hold enough of the quote currency | a deposit, or smaller orders
WRONG_WALLET SIZE WAITS symbols
    the money is in another currency than the symbol's | the pair of that currency, or a conversion
MARGIN SIZE PROTECTS sizing.target_leverage
    the venue's margin would not suffice | lower leverage or a smaller order
MAX_POSITION RISK PROTECTS risk.max_position_usd
    the position would pass its limit | an exit first
MAX_EXPOSURE RISK PROTECTS risk.max_exposure_pct
    all positions together would pass their limit | an exit first
MAX_ORDER_NOTIONAL RISK PROTECTS risk.max_order_notional_usd
    the single order is too large | a smaller order
MAX_LEVERAGE RISK PROTECTS risk.leverage_max
    leverage would pass its cap | an exit first
LIQUIDATION_NEAR RISK PROTECTS risk.entry_liquidation_buffer_pct
    the position would be too near to liquidation | lower leverage
DAILY_LOSS RISK PROTECTS risk.max_daily_loss_usd
    the day's loss reached its limit | the next UTC day, or `run.py resume` after a look
DRAWDOWN RISK PROTECTS risk.max_drawdown_pct
    equity fell too far from its peak | `run.py resume` after a look
CONSECUTIVE_LOSSES RISK PROTECTS risk.consecutive_losses
    too many losing exits in a row | `run.py resume` after a look
CORRELATION RISK PROTECTS risk.max_correlation
    it moves too closely with an open position | an exit first
ERROR_RATE RISK PROTECTS risk.error_rate_pct
    too many calls to the venue fail | `run.py resume` when the venue answers again
ORDER_RATE RISK PROTECTS risk.max_orders_per_minute
    too many orders within a minute | time
OPEN_ORDER_LIMIT RISK PROTECTS risk.max_open_orders_per_symbol
    too many orders are open | a fill or a cancel
DUPLICATE_ORDER RISK PROTECTS risk.duplicate_window_s
    the same order was just sent | time
REPEATED_ORDER RISK PROTECTS risk.repeat_limit
    the same side of this symbol was ordered too often | time
SELF_TRADE RISK PROTECTS -
    it would meet our own order | a fill or cancel of that order
PENDING_ORDER IN_FLIGHT WAITS -
    an order of this symbol is on its way | its answer, within seconds
ORDER_UNKNOWN IN_FLIGHT PROTECTS -
    an order's fate is unknown; it counts as open | the venue's evidence about that order
EXPIRED IN_FLIGHT PROTECTS execution.approval_ttl_s
    the approval was too old when it could be used | the next evaluation
MODE_REDUCE_ONLY MODE PROTECTS -
    reduce-only: nothing may open or grow | `run.py resume` after a look
MODE_HALTED MODE PROTECTS -
    halted: no order of any kind | `run.py resume` after a look
KILL_SWITCH MODE PROTECTS risk.kill_switch_enabled
    the kill switch is on | `run.py resume kill`, or the key in config.toml
PAUSED MODE PROTECTS -
    this symbol rests for a while | time
QUARANTINED MODE PROTECTS supervision.symbol_budget.restarts
    this symbol's actor crashed too often | `run.py resume` after reading its trouble
NOT_RECONCILED MODE PROTECTS reconcile.interval_s
    our books are not compared with the venue's yet | the comparison, within seconds
ACTOR_RESTARTING MODE WAITS -
    a part of the system is starting again | time, within seconds
STORE_SLOW MODE PROTECTS -
    the event store is slow or full; nothing leaves unwritten | disk space and a faster disk
VENUE_REFUSED VENUE WAITS -
    the venue refused the order | its own code, shown beside
PRODUCT_HALTED VENUE WAITS -
    the venue has stopped trading in this product | the venue
RATE_LIMITED VENUE WAITS rest.rate_limit_per_minute
    the venue asks for fewer requests | time
AUTH_LOST VENUE PROTECTS -
    the venue no longer accepts the key | a working key, then a restart
"""


def _read(rows: str) -> dict[Reason, Explanation]:
    found = {}
    lines = rows.strip().splitlines()
    for row, text in zip(lines[::2], lines[1::2], strict=True):
        code, group, nature, key = row.split()
        sentence, remedy = text.split(" | ")
        reason = Reason(code)
        found[reason] = Explanation(
            reason=reason,
            group=Group[group],
            nature=Nature[nature],
            sentence=sentence.strip(),
            remedy=remedy,
            config_key="" if key == "-" else key,
            counter=COUNTER_OF.get(reason, ""),
        )
    assert set(found) == set(Reason), f"codes without an explanation: {set(Reason) - set(found)}"
    return found


EXPLANATIONS = _read(_ROWS)
"""Every code -> its explanation."""


def catalogue() -> str:
    """All codes as a table in Markdown, for the documentation."""
    rows = ["| code | group | meaning | what would change it | key | it |", "|---|---|---|---|---|---|"]
    rows += [
        f"| `{row.reason}` | {row.group} | {row.sentence} | {row.remedy} | {_code(row.config_key)} | {row.nature} |"
        for row in EXPLANATIONS.values()
    ]
    return "\n".join(rows)


def _code(text: str) -> str:
    return f"`{text}`" if text else ""
