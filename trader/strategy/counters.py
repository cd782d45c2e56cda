"""The eight entry counters the documents name, and which reason adds to which.

Imported by risk (which owns the counters, so that they outlive a symbol's restart) and by reports. The keys are a
public interface: exactly these eight, all starting at zero. A reason that is not in the table adds to none.
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


class RejectionCounters:
    """Counts of entries rejected and accepted since the start of the record. Mutable, one owner."""

    __slots__ = ("_counts",)

    def __init__(self, counts: Mapping[str, int] | None = None) -> None:
        """Start at zero, or go on from what `counts` holds; a key that is not one of the eight is a bug."""
        assert counts is None or set(counts) <= set(COUNTER_KEYS), "unknown counter in the record"
        self._counts = {key: (counts or {}).get(key, 0) for key in COUNTER_KEYS}

    def count(self, reason: Reason) -> None:
        """Add one to the counter `reason` belongs to, if any."""
        key = COUNTER_OF.get(reason)
        if key is not None:
            self._counts[key] += 1

    def as_dict(self) -> dict[str, int]:
        """A copy, in the documents' order: always all eight keys."""
        return dict(self._counts)
