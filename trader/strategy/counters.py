"""The eight entry counters the documents name, and which reason adds to which.

Risk owns the one count of reasons, so that it outlives a symbol's restart; the status and reports make the eight of it.
The keys are a public interface: exactly these eight, all starting at zero. A reason that is not in the table adds to none.
"""

from __future__ import annotations

from collections.abc import Mapping

from trader.orders.reason import Reason

COUNTER_KEYS = (
    "filter_spread",
    "filter_depth",
    "filter_volume",
    "filter_rsi",
    "guard_liquidation",
    "guard_slippage",
    "stale_data",
    "entries_accepted",
)

COUNTER_OF: Mapping[Reason, str] = {
    Reason.SPREAD_TOO_WIDE: "filter_spread",
    Reason.DEPTH_TOO_THIN: "filter_depth",
    Reason.VOLUME_LOW: "filter_volume",
    Reason.RSI_NOT_CONFIRMED: "filter_rsi",
    Reason.LIQUIDATION_NEAR: "guard_liquidation",
    Reason.SLIPPAGE_TOO_HIGH: "guard_slippage",
    Reason.DATA_STALE: "stale_data",
    Reason.DATA_GAP: "stale_data",
    Reason.BOOK_CROSSED: "stale_data",
    Reason.FEED_DOWN: "stale_data",
    Reason.ENTRY_SENT: "entries_accepted",
}
