"""WebSocket side of the exchange: connections, subscriptions, and who gets which frame.

Imported by server.py; one event loop.

Each connection counts its own envelopes from 0. Frames wait in the connection's outbox and are written by its own
task, so that a slow reader delays nobody; one that falls too far behind is cut off.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

import msgspec
from aiohttp import WSMsgType, web

from trader.exchange import frames
from trader.exchange.clock import VenueClock
from trader.exchange.connection import Connection
from trader.exchange.engine import Exchange
from trader.exchange.keys import KeyRing
from trader.exchange.ladder import Level
from trader.exchange.ledger import Changes
from trader.exchange.market import PublicTrade, Step
from trader.exchange.stamps import USER_ID, iso

PRODUCT_CHANNELS = frozenset({"ticker", "ticker_batch", "level2", "market_trades", "candles", "status"})
PRIVATE_CHANNELS = frozenset({"user", "futures_balance_summary"})
CHANNELS = PRODUCT_CHANNELS | PRIVATE_CHANNELS | {"heartbeats"}
_FIRST_SUBSCRIBE_S = 5.0
_TURNED_AWAY_S = 0.05
_LONGEST_REQUEST = 1 << 20
_AUTH_FAILURE = '{"type":"error","message":"authentication failure"}'
_MAKE_BATCH_S, _MAKE_STATUS_S, _MAKE_BALANCE_S = 5, 10, 5


Gate = Callable[[Connection, str, str, str], bool]  # (connection, channel, events, stamp) -> deliver as usual


class Hub:
    """All connections of one exchange."""

    def __init__(self, exchange: Exchange, clock: VenueClock, keys: KeyRing, *, with_client_id: bool = True) -> None:
        self.exchange = exchange
        self.clock = clock
        self.keys = keys
        self.connections: list[Connection] = []
        self.gate: Gate | None = None
        self.admit: Callable[[dict[str, Any]], str | None] = lambda _message: None
        self.welcome: Callable[[Connection], bool] = lambda _connection: True
        self._with_client_id = with_client_id
        self._seconds = 0

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """Handle one socket from handshake to end."""
        socket = web.WebSocketResponse(compress=False, max_msg_size=_LONGEST_REQUEST)
        try:
            await socket.prepare(request)
        except ConnectionError:
            return socket  # the client has gone before it was welcomed
        connection = Connection(socket, request, with_client_id=self._with_client_id)
        self.connections.append(connection)
        if not self.welcome(connection):
            asyncio.get_running_loop().call_later(_TURNED_AWAY_S, connection.abort)
        writer = asyncio.create_task(connection.write_forever())
        deadline = asyncio.get_running_loop().call_later(_FIRST_SUBSCRIBE_S, self._close_if_silent, connection)
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    self._heard(connection, message.data)
        finally:
            deadline.cancel()
            writer.cancel()
            self.connections.remove(connection)
            with contextlib.suppress(asyncio.CancelledError, ConnectionError):
                await writer
        return socket

    @staticmethod
    def _close_if_silent(connection: Connection) -> None:
        if not connection.subscribed:
            connection.abort()

    def deliver(self, connection: Connection, channel: str, events: str, stamp: str) -> None:
        """Send, unless a fault that is switched on handles the message itself."""
        if connection.gone:
            return
        if self.gate is None or self.gate(connection, channel, events, stamp):
            connection.send(channel, events, stamp)

    # --- what clients say -----------------------------------------------------------------------

    def _heard(self, connection: Connection, data: str) -> None:
        try:
            message = msgspec.json.decode(data)
        except msgspec.DecodeError:
            connection.send_raw('{"type":"error","message":"failed to parse request"}')
            return
        refusal = self._refusal(message)
        if refusal is not None:
            if refusal:
                connection.send_raw(refusal)
            return
        products = self._market_products(message)
        if message["type"] == "subscribe":
            self._subscribe(connection, message["channel"], products)
        else:
            self._unsubscribe(connection, message["channel"], products)

    def _refusal(self, message: Any) -> str | None:
        if not isinstance(message, dict) or message.get("type") not in {"subscribe", "unsubscribe"}:
            return '{"type":"error","message":"invalid message type"}'
        channel, token = message.get("channel"), message.get("jwt")
        if channel not in CHANNELS:
            return _AUTH_FAILURE
        if (injected := self.admit(message)) is not None:
            return injected
        if token or (channel in PRIVATE_CHANNELS and message["type"] == "subscribe"):
            valid = isinstance(token, str) and self.keys.check(
                token, machine_now=self.clock.machine_time(), target=None
            )
            if not valid:
                return _AUTH_FAILURE
        return None

    def _market_products(self, message: dict[str, Any]) -> set[str]:
        """The products asked for; on market channels an alias stands for the product whose book it shares."""
        asked = [name for name in message.get("product_ids") or [] if isinstance(name, str)]
        if message["channel"] not in PRODUCT_CHANNELS:
            return set(asked)
        known = (self.exchange.listings.get(name) for name in asked)
        return {listing.book_id for listing in known if listing is not None}

    def _subscribe(self, connection: Connection, channel: str, products: set[str]) -> None:
        current = connection.subscribed.setdefault(channel, set())
        added = products - current
        current |= products
        self._acknowledge(connection)
        for channel_name, events in self._snapshots(channel, sorted(added), frozenset(current)):
            self.deliver(connection, channel_name, events, iso(self.clock.market_time()))

    def _unsubscribe(self, connection: Connection, channel: str, products: set[str]) -> None:
        current = connection.subscribed.get(channel, set())
        current -= products or set(current)
        if not current:
            connection.subscribed.pop(channel, None)
        self._acknowledge(connection)

    def _acknowledge(self, connection: Connection) -> None:
        shown = {channel: self._shown(channel, products) for channel, products in connection.subscribed.items()}
        self.deliver(connection, "subscriptions", frames.subscriptions(shown), iso(self.clock.market_time()))

    @staticmethod
    def _shown(channel: str, products: set[str]) -> list[str]:
        if channel in PRODUCT_CHANNELS:
            return sorted(products)
        return [USER_ID] if channel in PRIVATE_CHANNELS else [channel]

    def _snapshots(self, channel: str, added: list[str], all_products: frozenset[str]) -> list[tuple[str, str]]:
        now = self.clock.market_time()
        markets = [self.exchange.markets[product] for product in added] if channel in PRODUCT_CHANNELS else []
        if channel == "level2":
            return [("l2_data", frames.level2_snapshot(market)) for market in markets]
        if channel == "market_trades":
            return [(channel, frames.trades_snapshot(market)) for market in markets]
        if channel in {"ticker", "ticker_batch"}:
            return [
                (channel, frames.ticker(market, now, kind="snapshot", batch=channel == "ticker_batch"))
                for market in markets
            ]
        if channel == "candles":
            return [(channel, frames.candles(market, now, kind="snapshot")) for market in markets]
        if channel == "status":
            listings = [self.exchange.listings[product] for product in added] or list(self.exchange.listings.values())
            return [(channel, frames.status(listings, kind="snapshot"))]
        if channel == "user":
            return [(channel, events) for events in frames.user_snapshot(self.exchange, all_products)]
        if channel == "futures_balance_summary":
            return [(channel, frames.futures_balance(self.exchange, kind="snapshot"))]
        return []

    # --- what the exchange says -----------------------------------------------------------------

    def publish(self, changes: Changes) -> None:
        """Send what changed: order updates first, then one frame per product, channel and tick."""
        stamp = iso(self.clock.market_time())
        for order in changes.orders:
            listeners = [one for one in self.connections if self._hears_user(one, order.product_id)]
            if listeners:
                events = frames.user_event(self.exchange, [order])
                for connection in listeners:
                    self.deliver(connection, "user", events, stamp)
        by_product: dict[str, list[Step]] = {}
        for step in changes.steps:
            by_product.setdefault(step.product_id, []).append(step)
        for product_id, steps in by_product.items():
            self._publish_product(product_id, steps, stamp)

    @staticmethod
    def _hears_user(connection: Connection, product_id: str) -> bool:
        products = connection.subscribed.get("user")
        return products is not None and (not products or product_id in products)

    def _publish_product(self, product_id: str, steps: list[Step], stamp: str) -> None:
        market = self.exchange.markets[product_id]
        levels: dict[tuple[bool, int], Level] = {}
        trades: list[PublicTrade] = []
        for step in steps:
            levels.update(((level.is_bid, level.ticks), level) for level in step.levels)
            trades.extend(step.trades)
        time = steps[-1].time
        rows: tuple[tuple[str, str, bool, Callable[[], str]], ...] = (
            ("level2", "l2_data", bool(levels), lambda: frames.level2_update(market, levels.values(), time)),
            ("market_trades", "market_trades", bool(trades), lambda: frames.trades_update(market, trades)),
            ("ticker", "ticker", bool(trades), lambda: frames.ticker(market, time, kind="update")),
        )
        for channel, name, wanted, encode in rows:
            listeners = [one for one in self.connections if one.wants(channel, product_id)] if wanted else []
            if listeners:
                events = encode()
                for connection in listeners:
                    self.deliver(connection, name, events, stamp)

    def second(self) -> None:
        """What happens once a machine second: heartbeats, candles; every few seconds batches, status and balances."""
        self._seconds += 1
        now, stamp = self.clock.market_time(), iso(self.clock.market_time())
        for connection in list(self.connections):
            if "heartbeats" in connection.subscribed:
                connection.counter += 1
                self.deliver(
                    connection, "heartbeats", frames.heartbeat(now, self.clock.uptime(), connection.counter), stamp
                )
        for channel, every in (("candles", 1), ("ticker_batch", _MAKE_BATCH_S)):
            if self._seconds % every == 0:
                self._publish_periodic(channel, now, stamp)
        if self._seconds % _MAKE_BALANCE_S == 0:
            self._publish_to_all(
                "futures_balance_summary", lambda: frames.futures_balance(self.exchange, kind="update"), stamp
            )
        if self._seconds % _MAKE_STATUS_S == 0:
            listings = self.exchange.listings.values()
            self._publish_to_all("status", lambda: frames.status(listings, kind="update"), stamp)

    def _publish_to_all(self, channel: str, encode: Callable[[], str], stamp: str) -> None:
        listeners = [one for one in self.connections if channel in one.subscribed]
        if listeners:
            events = encode()
            for connection in listeners:
                self.deliver(connection, channel, events, stamp)

    def _publish_periodic(self, channel: str, now: float, stamp: str) -> None:
        wanted = {product for one in self.connections for product in one.subscribed.get(channel, ())}
        for product_id in sorted(wanted):
            market = self.exchange.markets[product_id]
            if channel == "candles":
                events = frames.candles(market, now, kind="update")
            else:
                events = frames.ticker(market, now, kind="update", batch=True)
            for connection in self.connections:
                if connection.wants(channel, product_id):
                    self.deliver(connection, channel, events, stamp)
