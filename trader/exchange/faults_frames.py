"""What the stream faults do to a message or a subscribe.

Imported by faults.py. True means: send the message as usual.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from trader.exchange.armed import Armed
from trader.exchange.connection import Connection
from trader.exchange.garbling import GARBLES, drifted, transformed

IMPOSSIBLE = ("nan", "infinity", "zero", "negative", "empty_bid", "empty_ask")
_AUTH_FAILURE = '{"type":"error","message":"authentication failure"}'
_FLOOD_FRAMES, _HUGE_BYTES = 5_000, 100_000_000
_PRICE = re.compile(r'"(price|best_bid|best_ask|price_level)":"[^"]*"')
_VALUES = {"nan": "NaN", "infinity": "Infinity", "zero": "0", "negative": "-1"}


def concerns(fault: Armed, channel: str, events: str) -> bool:
    """Whether a fault that also acts elsewhere is about this very message.

    Rows that spoil bodies and frames alike spoil frames only where a channel is named.
    """
    if fault.id in {"F-N09", "F-N10", "F-N15"}:
        return bool(fault.channel)
    if fault.id == "F-W07":
        return fault.variant == "renamed" and channel == "subscriptions"
    if fault.id == "F-V06":
        return fault.variant in _VALUES
    if fault.id == "F-W04":
        return '"type":"update"' in events and '"number_of_fills":"0"' not in events
    if fault.id == "F-W09":
        return '"type":"snapshot"' in events and '"orders":[]' not in events
    return True


def garble(fault: Armed, connection: Connection, channel: str, events: str, stamp: str) -> bool:
    """Spoil the whole frame; it keeps its sequence number."""
    frame = connection.envelope(channel, events, stamp)
    connection.sequence += 1
    connection.send_bytes(GARBLES[fault.variant](frame.encode()))
    return False


def huge(fault: Armed, connection: Connection, channel: str, events: str, stamp: str) -> bool:
    """A frame of a hundred megabytes."""
    connection.send(channel, events[:-1] + " " * int(fault.number(_HUGE_BYTES)) + events[-1], stamp)
    return False


def drift_numbers(fault: Armed, connection: Connection, channel: str, events: str, stamp: str) -> bool:
    """The frame's decimals come in another format."""
    connection.send(channel, drifted(events.encode(), fault.variant).decode(), stamp)
    return False


def twice(fault: Armed, connection: Connection, channel: str, events: str, stamp: str) -> bool:
    """The very same frame two times, sequence number included."""
    frame = connection.envelope(channel, events, stamp)
    connection.send(channel, events, stamp)
    connection.send_raw(frame)
    return False


def swapped(fault: Armed, connection: Connection, channel: str, events: str, stamp: str) -> bool:
    """Hold the frame back until the next one of this connection went out; both keep their numbers."""
    connection.hold_back(connection.envelope(channel, events, stamp))
    connection.sequence += 1
    return False


def lost(fault: Armed, connection: Connection, channel: str, events: str, stamp: str) -> bool:
    """The frame is counted and never sent."""
    connection.sequence += 1
    return False


def unsent(fault: Armed, connection: Connection, channel: str, events: str, stamp: str) -> bool:
    """The frame is not sent and leaves no gap."""
    return False


def interleave(fault: Armed, connection: Connection, channel: str, events: str, stamp: str) -> bool:
    """After the first batch of a snapshot an update of its first order comes between; the rest of the snapshot
    follows.
    """
    rows = msgspec.json.decode(events)
    connection.send(channel, events, stamp)
    if rows[0].get("type") == "snapshot" and rows[0]["orders"]:
        update = {**rows[0], "type": "update", "orders": rows[0]["orders"][:1]}
        connection.send(channel, msgspec.json.encode([update]).decode(), stamp)
    return False


def flood(fault: Armed, connection: Connection, channel: str, events: str, stamp: str) -> bool:
    """The same news thousands of times over, each under its own number."""
    for _ in range(int(fault.number(_FLOOD_FRAMES))):
        connection.send(channel, events, stamp)
    return False


def impossible(fault: Armed, connection: Connection, channel: str, events: str, stamp: str) -> bool:
    """Prices that cannot be."""
    spoiled = _PRICE.sub(lambda found: f'"{found[1]}":"{_VALUES[fault.variant]}"', events)
    connection.send(channel, spoiled, stamp)
    return False


def wrong_feed(fault: Armed, connection: Connection, channel: str, events: str, stamp: str) -> bool:
    """Prices a thousand times too high, or under the name of another product."""
    if fault.variant == "unit":
        spoiled = _PRICE.sub(lambda found: found[0][:-1].replace('":"', '":"1000') + '"', events)
    else:
        other = "ETH-USD" if '"BTC-USD"' in events else "BTC-USD"
        spoiled = re.sub(r'"product_id":"[^"]*"', f'"product_id":"{other}"', events)
    connection.send(channel, spoiled, stamp)
    return False


def spoil_subscribe(fault: Armed, _message: dict[str, Any]) -> str | None:
    """A subscribe that vanishes without an answer, or is rejected."""
    return "" if fault.variant == "lost" else _AUTH_FAILURE


def rename_confirmation(fault: Armed, connection: Connection, channel: str, events: str, stamp: str) -> bool:
    """A confirmation that names the dollar-coin twin of each product."""
    renamed = transformed(msgspec.json.decode(events), lambda text: f"{text}C" if text.endswith("-USD") else text)
    connection.send(channel, msgspec.json.encode(renamed).decode(), stamp)
    return False


def refuse_token(_fault: Armed, message: dict[str, Any]) -> str | None:
    """A token that is no longer good."""
    return _AUTH_FAILURE if message.get("jwt") else None
