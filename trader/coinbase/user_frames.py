"""What the user channel means: every order told becomes a cumulative OrderReport; the snapshot's end makes the feed
ready.

Only `trader/coinbase/` imports this. A pure handler for `feed_loop`. User events are never dropped, not even late
or repeated ones: reports are cumulative, so joining them twice or out of order changes nothing. When messages are
missing the feed says so (`gap`), and whoever keeps the books reads orders and fills by REST from the watermark.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from trader.coinbase.frames import AnyFrame, UserFrame, UserOrder
from trader.coinbase.handler import Channel
from trader.coinbase.reports import plain_value, side_of, state_of
from trader.coinbase.sequence import Sighting
from trader.coinbase.wire import BadPayload, moment
from trader.market.instrument import Instrument
from trader.orders.order import TERMINAL, OrderReport, OrderState
from trader.venue import FeedItem, FeedKind

SNAPSHOT_BATCH = 50


class UserHandler:
    """Frames of the user connection."""

    kind = FeedKind.USER

    def __init__(self, instruments: Sequence[Instrument]) -> None:
        self._instruments = {instrument.product_id: instrument for instrument in instruments}
        self._ready = False

    def channels(self) -> tuple[Channel, ...]:
        """Return the user subscription, for all products."""
        return (Channel("user"),)

    def opened(self, now: float) -> None:
        """Wait for a new snapshot."""
        self._ready = False

    def frame(self, frame: AnyFrame, sighting: Sighting, now: float) -> list[FeedItem]:
        """Return one report per order told."""
        if not isinstance(frame, UserFrame):
            return []
        market_time = moment(frame.timestamp)
        if market_time is None:
            raise BadPayload("a frame without its time")
        items: list[FeedItem] = []
        for event in frame.events:
            items += [self._report(order, market_time) for order in event.orders]
            if event.type == "snapshot" and len(event.orders) < SNAPSHOT_BATCH:
                self._ready = True
        return items

    def lost(self, why: str, now: float) -> list[FeedItem]:
        """Nothing to undo here; the loop tells the gap."""
        return []

    def tick(self, now: float, heartbeat: float | None) -> list[FeedItem]:
        """Nothing is ever held back."""
        return []

    def renewals(self, now: float) -> tuple[Channel, ...]:
        """Never: REST fills the gap."""
        return ()

    def is_ready(self) -> bool:
        """True once a batch shorter than fifty ended the snapshot."""
        return self._ready

    def complaint(self, now: float) -> str:
        """Never: an account may be silent all day."""
        return ""

    def _report(self, order: UserOrder, market_time: float) -> OrderReport:
        if not order.order_id:
            raise BadPayload("an order without its id")
        instrument = self._instruments.get(order.product_id)
        contract_size = instrument.contract_size if instrument else Decimal(1)
        state = state_of(order.status)
        filled, average = order.cumulative_quantity.or_zero, order.avg_price.or_zero
        value = order.filled_value.value
        limit = order.limit_price.value
        return OrderReport(
            client_order_id=order.client_order_id,
            order_id=order.order_id,
            symbol=instrument.symbol if instrument else order.product_id,
            state=state,
            market_time=market_time,
            source="user",
            side=side_of(order.order_side),
            size=_size(order, state),
            limit_price=limit or None,
            filled_size=filled,
            filled_value=filled * average if value is None else plain_value(value, average, filled, contract_size),
            fees=order.total_fees.or_zero,
            reason=_reason(order, state),
            created_at=moment(order.creation_time) or 0.0,
        )


def _size(order: UserOrder, state: OrderState) -> Decimal | None:
    """Return the order's size where the channel tells it: a finished order's rest is told as zero, whatever it was."""
    if state is OrderState.FILLED:
        return order.cumulative_quantity.value
    if state in TERMINAL or order.leaves_quantity.value is None:
        return None
    return order.cumulative_quantity.or_zero + order.leaves_quantity.value


def _reason(order: UserOrder, state: OrderState) -> str:
    if state is OrderState.UNKNOWN:
        return f"the venue's status {order.status[:40]!r} is not known"
    return (order.reject_reason or order.cancel_reason) if state in TERMINAL else ""
