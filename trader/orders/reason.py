"""The reason codes: the one word in which every evaluation, refusal and held order ends.

A public interface: label values of the decision metric, fields of events, words on the status screen. Anyone from
orders upward may import it; what a code means to a person stands in trader/report/reasons.py. Never rename a code.
"""

from enum import StrEnum


class Reason(StrEnum):
    """Exactly one per evaluation; grouped as the operator reads them."""

    # What was done.
    ENTRY_SENT = "ENTRY_SENT"
    EXIT_SENT = "EXIT_SENT"
    # Waiting: nothing is wrong.
    WARMING_UP = "WARMING_UP"
    NO_SIGNAL = "NO_SIGNAL"
    HOLDING = "HOLDING"
    OPS_WINDOW_CLOSED = "OPS_WINDOW_CLOSED"
    COOLDOWN = "COOLDOWN"
    RSI_NOT_CONFIRMED = "RSI_NOT_CONFIRMED"
    MAX_ADDS = "MAX_ADDS"
    SHORTS_DISABLED = "SHORTS_DISABLED"
    ENTRIES_DISABLED = "ENTRIES_DISABLED"
    NO_EDGE = "NO_EDGE"
    # Data: what we know is too old, torn or contradictory.
    DATA_STALE = "DATA_STALE"
    DATA_GAP = "DATA_GAP"
    BOOK_CROSSED = "BOOK_CROSSED"
    FEED_DOWN = "FEED_DOWN"
    CLOCK_SKEW = "CLOCK_SKEW"
    BAD_INPUT = "BAD_INPUT"
    # Market: the book or the last minutes do not invite an order.
    SPREAD_TOO_WIDE = "SPREAD_TOO_WIDE"
    DEPTH_TOO_THIN = "DEPTH_TOO_THIN"
    VOLUME_LOW = "VOLUME_LOW"
    VOLATILITY_HIGH = "VOLATILITY_HIGH"
    SLIPPAGE_TOO_HIGH = "SLIPPAGE_TOO_HIGH"
    PRICE_COLLAR = "PRICE_COLLAR"
    # Size: the venue's rules or the wallet do not allow this quantity.
    BELOW_MIN_SIZE = "BELOW_MIN_SIZE"
    ROUNDS_TO_ZERO = "ROUNDS_TO_ZERO"
    NO_FUNDS = "NO_FUNDS"
    WRONG_WALLET = "WRONG_WALLET"
    MARGIN = "MARGIN"
    # Risk: a limit of ours.
    MAX_POSITION = "MAX_POSITION"
    MAX_EXPOSURE = "MAX_EXPOSURE"
    MAX_ORDER_NOTIONAL = "MAX_ORDER_NOTIONAL"
    MAX_LEVERAGE = "MAX_LEVERAGE"
    LIQUIDATION_NEAR = "LIQUIDATION_NEAR"
    DAILY_LOSS = "DAILY_LOSS"
    DRAWDOWN = "DRAWDOWN"
    CONSECUTIVE_LOSSES = "CONSECUTIVE_LOSSES"
    CORRELATION = "CORRELATION"
    ERROR_RATE = "ERROR_RATE"
    ORDER_RATE = "ORDER_RATE"
    OPEN_ORDER_LIMIT = "OPEN_ORDER_LIMIT"
    DUPLICATE_ORDER = "DUPLICATE_ORDER"
    REPEATED_ORDER = "REPEATED_ORDER"
    SELF_TRADE = "SELF_TRADE"
    # Order in flight: one at a time.
    PENDING_ORDER = "PENDING_ORDER"
    ORDER_UNKNOWN = "ORDER_UNKNOWN"
    EXPIRED = "EXPIRED"
    # Mode: what the holds permit.
    MODE_REDUCE_ONLY = "MODE_REDUCE_ONLY"
    MODE_HALTED = "MODE_HALTED"
    KILL_SWITCH = "KILL_SWITCH"
    PAUSED = "PAUSED"
    QUARANTINED = "QUARANTINED"
    NOT_RECONCILED = "NOT_RECONCILED"
    ACTOR_RESTARTING = "ACTOR_RESTARTING"
    STORE_SLOW = "STORE_SLOW"
    # Venue: refused or unable.
    VENUE_REFUSED = "VENUE_REFUSED"
    PRODUCT_HALTED = "PRODUCT_HALTED"
    RATE_LIMITED = "RATE_LIMITED"
    AUTH_LOST = "AUTH_LOST"
