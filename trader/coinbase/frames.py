"""The shapes of WebSocket frames, and the one decoder that tells them apart by their channel.

Only `trader/coinbase/` imports this. Numbers of the hot channels stay as they came (text, or exact Decimal should
the venue send JSON numbers) until a field is needed. A frame of a channel we do not know is `Other`: ignored, but
its sequence number counts.
"""

from __future__ import annotations

from typing import Any

import msgspec

from trader.coinbase.wire import FRAME_BYTES_MAX, MISSING, BadPayload, Body, Figure


class Frame(msgspec.Struct, tag_field="channel"):
    """What every enveloped frame has."""

    timestamp: str = ""
    sequence_num: int | None = None


class LevelChange(msgspec.Struct, gc=False):
    """One level: `side` is bid or offer, the quantity is absolute."""

    side: str
    price_level: Any
    new_quantity: Any


class BookEvent(msgspec.Struct):
    """A snapshot of, or an update to, one product's book."""

    type: str
    product_id: str
    updates: list[LevelChange] = []


class BookFrame(Frame, tag="l2_data"):
    """Channel level2."""

    events: list[BookEvent] = []


class TapeTrade(msgspec.Struct, gc=False):
    """One public trade."""

    product_id: str
    trade_id: str
    price: Any
    size: Any
    time: str = ""
    side: str = ""


class TapeEvent(msgspec.Struct):
    """Some trades."""

    type: str = ""
    trades: list[TapeTrade] = []


class TapeFrame(Frame, tag="market_trades"):
    """Channel market_trades."""

    events: list[TapeEvent] = []


class TickerRow(msgspec.Struct, gc=False):
    """The last price and the best bid and ask of one product."""

    product_id: str
    price: Any = None
    best_bid: Any = None
    best_bid_quantity: Any = None
    best_ask: Any = None
    best_ask_quantity: Any = None


class TickerEvent(msgspec.Struct):
    """Some tickers."""

    type: str = ""
    tickers: list[TickerRow] = []


class TickerFrame(Frame, tag="ticker"):
    """Channel ticker."""

    events: list[TickerEvent] = []


class Beat(msgspec.Struct, gc=False):
    """One heartbeat; the counter is a number or text."""

    heartbeat_counter: Figure = MISSING


class HeartbeatFrame(Frame, tag="heartbeats"):
    """Channel heartbeats."""

    events: list[Beat] = []


class Subscribed(msgspec.Struct):
    """The complete current set of subscriptions by channel."""

    subscriptions: dict[str, list[str]] = {}


class SubscriptionsFrame(Frame, tag="subscriptions"):
    """The answer to every subscribe and unsubscribe."""

    events: list[Subscribed] = []


class UserOrder(msgspec.Struct):
    """One order as the user channel tells it; booleans are text here."""

    order_id: str
    client_order_id: str = ""
    product_id: str = ""
    status: str = ""
    order_side: str = ""
    cumulative_quantity: Figure = MISSING
    leaves_quantity: Figure = MISSING
    avg_price: Figure = MISSING
    filled_value: Figure = MISSING
    total_fees: Figure = MISSING
    limit_price: Figure = MISSING
    cancel_reason: str = ""
    reject_reason: str = ""
    creation_time: str = ""


class UserEvent(msgspec.Struct):
    """Some orders: a batch of the snapshot, or an update."""

    type: str = ""
    orders: list[UserOrder] = []


class UserFrame(Frame, tag="user"):
    """Channel user."""

    events: list[UserEvent] = []


class Other(msgspec.Struct):
    """Any frame, for the ones nobody else takes: unknown channels and the venue's errors, which have no envelope."""

    channel: str = ""
    type: str = ""
    message: str = ""
    sequence_num: int | None = None


AnyFrame = BookFrame | TapeFrame | TickerFrame | HeartbeatFrame | SubscriptionsFrame | UserFrame
Known = AnyFrame | Other

KNOWN_CHANNELS = frozenset({"l2_data", "market_trades", "ticker", "heartbeats", "subscriptions", "user"})
ERROR_TYPE = "error"

_TYPED: Body[AnyFrame] = Body(AnyFrame, bytes_max=FRAME_BYTES_MAX)
_LOOSE: Body[Other] = Body(Other, bytes_max=FRAME_BYTES_MAX)


def read_frame(raw: bytes) -> Known:
    """Decode one frame; raises BadPayload for what is no frame, or a known channel's frame that does not fit its
    shape.

    A frame that names no channel may be any of them; the venue's errors alone have none.
    """
    try:
        return _TYPED.read(raw)
    except BadPayload:
        loose = _LOOSE.read(raw)
        if loose.channel in KNOWN_CHANNELS or not (loose.channel or loose.type == ERROR_TYPE):
            raise
        return loose


def sequence_of_bad(raw: bytes) -> int | None:
    """Return the sequence number of a frame that does not fit, so that one bad message is not also taken for a lost
    one.
    """
    try:
        return _LOOSE.read(raw).sequence_num
    except BadPayload:
        return None
