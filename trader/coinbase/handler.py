"""What stands between a connection and the meaning of its frames: the handler's protocol and the parts a feed is made
of.

Only `trader/coinbase/` imports this.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from trader.coinbase.auth import Credentials
from trader.coinbase.frames import AnyFrame
from trader.coinbase.sequence import Sighting
from trader.venue import FeedItem, FeedKind

OnItem = Callable[[FeedItem], None]
Stop = Callable[[], bool]


class Channel(msgspec.Struct, frozen=True):
    """One subscription: a channel and its products (none for heartbeats and user)."""

    name: str
    product_ids: tuple[str, ...] = ()


class Handler(Protocol):
    """What the frames of a connection mean. Called by the feed's thread only; does no I/O and reads no clock."""

    kind: FeedKind

    def channels(self) -> tuple[Channel, ...]:
        """Return everything to subscribe to, heartbeats excepted."""
        ...

    def opened(self, now: float) -> None:
        """Forget the last connection: everything will be told anew."""
        ...

    def frame(self, frame: AnyFrame, sighting: Sighting, now: float) -> list[FeedItem]:
        """Take one frame of the handler's channels; may raise BadPayload for values that make no sense."""
        ...

    def lost(self, why: str, now: float) -> list[FeedItem]:
        """Take note that messages are missing or unreadable."""
        ...

    def tick(self, now: float, heartbeat: float | None) -> list[FeedItem]:
        """Do what is due; `heartbeat` is the market time of a heartbeat that just came, else None."""
        ...

    def renewals(self, now: float) -> tuple[Channel, ...]:
        """Return what must be subscribed anew to get a fresh snapshot."""
        ...

    def is_ready(self) -> bool:
        """True when the first snapshot is complete."""
        ...

    def complaint(self, now: float) -> str:
        """Return why the connection should be given up, "" when it should not."""
        ...


class FeedCounters(msgspec.Struct):
    """What a feed has met since it was made; read by the status from any thread."""

    frames: int = 0
    bytes: int = 0
    bad: int = 0
    gaps: int = 0
    missing: int = 0
    duplicates: int = 0
    late: int = 0
    connects: int = 0
    flapping: bool = False


@dataclass(slots=True)
class FeedParts:
    """What a feed and its connections share. `credentials` may be replaced while running; the clocks are injected."""

    url: str
    credentials: Credentials | None
    handler: Handler
    clock: Callable[[], float]
    token_clock: Callable[[], float]
    ca_file: str | None
    on_bad: Callable[[bytes, str], None] | None
    counters: FeedCounters = field(default_factory=FeedCounters)


def usd_id(product_id: str) -> str:
    """Return a product id as the public feed spells it: BTC-USDC is told as BTC-USD."""
    return product_id.removesuffix("C") if product_id.endswith("-USDC") else product_id
