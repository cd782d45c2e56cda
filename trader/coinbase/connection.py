"""One connection of a feed: subscribed, confirmed, read, judged by its sequence numbers and its heartbeats, and given
up with a reason.

Only `trader/coinbase/` imports this. Everything happens in the feed's thread. Silence is judged by the clock, not
by the next message: no read waits longer than a quarter of a second. A connection is given up when its
subscriptions are not confirmed in time, no heartbeat came for ten seconds, the venue sent an error, messages were
lost too often, or the handler complains. Nothing in a message can raise out of here: bad ones are counted and
handed to `on_bad`.
"""

from __future__ import annotations

import msgspec

from trader.coinbase.frames import (
    ERROR_TYPE,
    AnyFrame,
    HeartbeatFrame,
    Other,
    SubscriptionsFrame,
    read_frame,
    sequence_of_bad,
)
from trader.coinbase.handler import Channel, FeedParts, OnItem, Stop, usd_id
from trader.coinbase.sequence import Order, SequenceGuard, Sighting
from trader.coinbase.socket_stream import Stream
from trader.coinbase.wire import BadPayload, excerpt, moment
from trader.venue import FeedEvent, FeedHeartbeat, FeedItem

CONFIRM_S = 5.0
HEARTBEAT_DEAD_S = 10.0
OPEN_TIMEOUT_S = 10.0
GAPS_TOLERATED = 5
TICK_S = 0.1


class Connection:
    """One connection of a feed, from its opening to the reason it ended."""

    def __init__(self, parts: FeedParts, on_item: OnItem) -> None:
        self._parts = parts
        self._handler = parts.handler
        self._clock = parts.clock
        self._on_item = on_item
        self._guard = SequenceGuard()
        self._confirmed: dict[str, frozenset[str]] = {}
        self._stream: Stream | None = None
        self._heard_at = 0.0
        self._due_at = 0.0
        self.up_since: float | None = None

    def close(self) -> None:
        """Close the socket, if there is one."""
        if self._stream is not None:
            self._stream.close()

    def serve(self, stop: Stop) -> str:
        """Read until there is a reason to give up, and return it; "" when told to stop. Raises StreamClosed."""
        stream = self._stream = Stream.open(self._parts.url, timeout_s=OPEN_TIMEOUT_S, ca_file=self._parts.ca_file)
        opened_at = self._heard_at = self._clock()
        self._handler.opened(opened_at)
        for channel in (Channel("heartbeats"), *self._handler.channels()):
            self._send(stream, "subscribe", channel)
        while not stop():
            raw = stream.receive()
            now = self._clock()
            if raw is not None:
                why = self._take(raw, now)
                if why:
                    return why
            if now >= self._due_at:
                self._due_at = now + TICK_S
                self._deliver(self._handler.tick(now, None))
                why = self._reason_to_leave(opened_at, now)
                if why:
                    return why
                self._renew(stream, now)
        return ""

    def _take(self, raw: bytes, now: float) -> str:
        """Judge one message; return why the connection must be given up, "" when it goes on."""
        counters = self._parts.counters
        counters.frames += 1
        counters.bytes += len(raw)
        try:
            frame = read_frame(raw)
        except BadPayload as error:
            self._bad(raw, str(error), sequence_of_bad(raw), now)
            return ""
        if isinstance(frame, Other) and frame.type == ERROR_TYPE:
            return f"the venue says: {frame.message[:200]}"
        sighting = self._sight(frame.sequence_num, now)
        if isinstance(frame, Other):
            return ""
        try:
            self._hear(frame, sighting, now)
        except BadPayload as error:
            self._bad(raw, str(error), None, now)
        return ""

    def _sight(self, number: int | None, now: float) -> Sighting:
        """Judge a sequence number, and tell everyone when messages are missing."""
        counters = self._parts.counters
        sighting = self._guard.see(number)
        if sighting.order is Order.GAP:
            counters.gaps += 1
            counters.missing += sighting.missing
            why = f"{sighting.missing} messages lost before number {sighting.last_seq}"
            self._deliver(self._handler.lost(why, now))
            self._on_item(FeedEvent(self._handler.kind, self.up_since is not None, now, why, gap=True))
        elif sighting.order is Order.DUPLICATE:
            counters.duplicates += 1
        elif sighting.order is Order.LATE:
            counters.late += 1
        return sighting

    def _hear(self, frame: AnyFrame, sighting: Sighting, now: float) -> None:
        """Let a good frame take effect."""
        if isinstance(frame, HeartbeatFrame):
            self._heard_at = now
            market_time = moment(frame.timestamp) or 0.0
            self._on_item(FeedHeartbeat(self._handler.kind, now, market_time))
            self._deliver(self._handler.tick(now, market_time))
        elif isinstance(frame, SubscriptionsFrame):
            for event in frame.events:
                self._confirmed = {name: frozenset(ids) for name, ids in event.subscriptions.items()}
        else:
            self._deliver(self._handler.frame(frame, sighting, now))
        if self.up_since is None and self._is_confirmed() and self._handler.is_ready():
            self.up_since = now
            self._on_item(FeedEvent(self._handler.kind, up=True, machine_time=now))

    def _bad(self, raw: bytes, why: str, number: int | None, now: float) -> None:
        """Put a message that makes no sense aside; what it may have said counts as lost."""
        self._parts.counters.bad += 1
        if number is not None:
            self._sight(number, now)
        if self._parts.on_bad is not None:
            self._parts.on_bad(excerpt(raw), why)
        self._deliver(self._handler.lost(f"an unreadable message: {why}", now))
        self._on_item(FeedEvent(self._handler.kind, self.up_since is not None, now, "an unreadable message", gap=True))

    def _reason_to_leave(self, opened_at: float, now: float) -> str:
        if now - self._heard_at > HEARTBEAT_DEAD_S:
            return f"no heartbeat for {HEARTBEAT_DEAD_S:.0f} s"
        if self.up_since is None and now - opened_at > CONFIRM_S:
            missing = ", ".join(self._unconfirmed()) or "the first snapshot"
            return f"not confirmed within {CONFIRM_S:.0f} s: {missing}"
        if self._guard.gaps > GAPS_TOLERATED:
            return f"{self._guard.gaps} gaps on one connection"
        return self._handler.complaint(now)

    def _renew(self, stream: Stream, now: float) -> None:
        for channel in self._handler.renewals(now):
            self._send(stream, "unsubscribe", channel)
            self._send(stream, "subscribe", channel)

    def _send(self, stream: Stream, verb: str, channel: Channel) -> None:
        """Send one message, each with its own fresh token."""
        message: dict[str, object] = {
            "type": verb,
            "product_ids": list(channel.product_ids),
            "channel": channel.name,
        }
        credentials = self._parts.credentials
        if credentials is not None:
            message["jwt"] = credentials.stream_token(self._parts.token_clock())
        stream.send(msgspec.json.encode(message).decode())

    def _is_confirmed(self) -> bool:
        return not self._unconfirmed()

    def _unconfirmed(self) -> list[str]:
        """Return the channels whose confirmation is missing or names other products. -USDC ids are confirmed as -USD."""
        wrong = []
        for channel in (Channel("heartbeats"), *self._handler.channels()):
            told = self._confirmed.get(channel.name)
            if told is None or not {usd_id(each) for each in channel.product_ids} <= {usd_id(each) for each in told}:
                wrong.append(channel.name)
        return wrong

    def _deliver(self, items: list[FeedItem]) -> None:
        for item in items:
            self._on_item(item)
