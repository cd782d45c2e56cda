"""The catalogue: fault id to what the exchange does about it. Imported by faults.py.

Ids are those of the fault catalogue. Where a row has several faces, `variant` chooses one; the first is the default.
Rows that only a client, its host or its network can cause are absent.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from aiohttp import web

from trader.exchange import faults_account, faults_frames, faults_market, faults_orders, faults_rest
from trader.exchange.armed import Armed, Scene
from trader.exchange.connection import Connection
from trader.exchange.rest import Desk

RestAct = Callable[[Scene], Awaitable[web.StreamResponse]]
FrameAct = Callable[[Armed, Connection, str, str, str], bool]
AdmitAct = Callable[[Armed, dict[str, Any]], str | None]
DoAct = Callable[[Armed, Desk], Callable[[], None] | None]


class Kind(msgspec.Struct, frozen=True):
    """One row of the table: a sentence, the variants (first is the default), and where it acts.

    Several places are possible.

    `rest` sees a request that matches `on` (method and path); `frame` a message of `channel` about to be sent;
    `admit` a subscribe message; `act` changes exchange or market at once and may return how to undo it after
    `seconds`.
    """

    says: str
    variants: tuple[str, ...] = ("",)
    rest: RestAct | None = None
    frame: FrameAct | None = None
    admit: AdmitAct | None = None
    act: DoAct | None = None
    on: tuple[str, str] = ("", "")
    channel: str = ""
    count: int = 1
    seconds: float | None = None
    repeats: bool = False


_CREATE = ("POST", "/orders")
_CANCEL = ("POST", "/orders/batch_cancel")

TABLE: dict[str, Kind] = {
    "F-N01": Kind("accepts the request and never answers", rest=faults_rest.accept_and_hang, on=_CREATE),
    "F-N02": Kind("loses the request and never answers", rest=faults_rest.lose_and_hang, on=_CREATE),
    "F-N03": Kind("breaks the connection", faults_rest.BREAKS, rest=faults_rest.break_connection, on=_CREATE),
    "F-N04": Kind("answers a repeated client id with an error", act=faults_account.duplicate_is_error),
    "F-N05": Kind("HTTP 200 that says no", ("create", "cancel"), rest=faults_rest.say_no),
    "F-N06": Kind("429", faults_rest.LIMITS, rest=faults_rest.too_many_requests),
    "F-N07": Kind("401 or 403", ("401", "403", "revoked"), rest=faults_rest.unauthorized),
    "F-N08": Kind("5xx or a proxy's page", faults_rest.SERVER_ERRORS, rest=faults_rest.server_error, on=_CREATE),
    "F-N09": Kind(
        "a body or frame that is not as promised",
        faults_rest.GARBLES,
        rest=faults_rest.garble,
        frame=faults_frames.garble,
    ),
    "F-N10": Kind(
        "a huge body, or one that drips",
        ("huge", "drip"),
        rest=faults_rest.huge_or_dripping,
        frame=faults_frames.huge,
    ),
    "F-N11": Kind("a captive portal", ("redirect", "page"), rest=faults_rest.captive_portal),
    "F-N12": Kind(
        "latency or an outage",
        ("latency", "outage"),
        rest=faults_rest.slow_or_out,
        act=faults_account.outage,
        count=-1,
        seconds=5.0,
    ),
    "F-N13": Kind("broken pages", ("missing", "repeated", "loop"), rest=faults_rest.break_pages, on=("GET", "")),
    "F-N14": Kind(
        "reads lag behind writes",
        rest=faults_rest.lagging_read,
        on=("GET", "/orders/historical"),
        count=-1,
        seconds=5.0,
    ),
    "F-N15": Kind(
        "numbers change their format",
        ("number", "exponent", "decimals"),
        rest=faults_rest.drift_numbers,
        frame=faults_frames.drift_numbers,
    ),
    "F-W01": Kind("a message twice", frame=faults_frames.twice),
    "F-W02": Kind("two messages in the wrong order", frame=faults_frames.swapped),
    "F-W03": Kind("a message lost, with its number", frame=faults_frames.lost),
    "F-W04": Kind("an order event never sent, without a gap", frame=faults_frames.unsent, channel="user"),
    "F-W05": Kind("a half-open socket", act=faults_account.freeze_sockets),
    "F-W06": Kind("one channel silent", frame=faults_frames.unsent, channel="ticker", count=-1, seconds=10.0),
    "F-W07": Kind(
        "a subscribe lost, rejected, or confirmed under another name",
        ("lost", "rejected", "renamed"),
        admit=faults_frames.spoil_subscribe,
        frame=faults_frames.rename_confirmation,
    ),
    "F-W08": Kind("a disconnect", ("abrupt", "polite"), act=faults_account.disconnect),
    "F-W09": Kind("updates between the batches of a snapshot", frame=faults_frames.interleave, channel="user"),
    "F-W10": Kind("a token refused at subscribe", admit=faults_frames.refuse_token),
    "F-W11": Kind("more messages than anyone can read", frame=faults_frames.flood, channel="ticker"),
    "F-W12": Kind("an order that somebody else placed", ("resting", "filled"), act=faults_account.foreign_order),
    "F-W13": Kind("connections that break at once", act=faults_account.flap, count=20, repeats=True),
    "F-O01": Kind("the fill comes before the answer", rest=faults_orders.late_answer, on=_CREATE),
    "F-O02": Kind("a cancel races with a fill", ("partial", "full"), rest=faults_orders.cancel_races, on=_CANCEL),
    "F-O03": Kind(
        "a cancel answered `not found` or `already done`",
        ("unknown", "filled", "done"),
        rest=faults_orders.cancel_denied,
        on=_CANCEL,
    ),
    "F-O04": Kind("cancels queued and never done", act=faults_account.stuck_cancels, seconds=15.0),
    "F-O05": Kind(
        "an edit that leaves both orders, none, or no answer",
        ("both", "neither", "lost"),
        rest=faults_orders.spoil_edit,
        on=("POST", "/orders/edit"),
    ),
    "F-O06": Kind("a rejection", faults_orders.REJECTS, rest=faults_orders.reject, on=_CREATE),
    "F-O07": Kind(
        "a fill that is not what was asked",
        ("over", "negative_fee", "double_fee"),
        act=faults_account.odd_fill,
    ),
    "F-O08": Kind("the venue ends an order itself", tuple(faults_account.ENDINGS), act=faults_account.end_orders),
    "F-O09": Kind(
        "the position changes by itself",
        ("by_hand", "liquidation", "funding"),
        act=faults_account.change_position,
    ),
    "F-O11": Kind("the minimum size rises above what is held", act=faults_account.raise_minimum),
    "F-O12": Kind(
        "protective stops are refused",
        rest=faults_orders.refuse_stops,
        count=-1,
        seconds=20.0,
        on=_CREATE,
    ),
    "F-O13": Kind("the price jumps over a stop and its limit", act=faults_market.gap),
    "F-V01": Kind(
        "maintenance",
        ("gone", "kept"),
        rest=faults_orders.maintenance,
        act=faults_account.maintenance,
        count=-1,
        seconds=5.0,
    ),
    "F-V02": Kind("a product with some doors closed", faults_account.SWITCHES, act=faults_account.switch),
    "F-V03": Kind("a product delisted or renamed", ("delisted", "renamed"), act=faults_account.delist),
    "F-V04": Kind(
        "tick, lot or minimum changed",
        ("price", "base", "minimum", "contract"),
        act=faults_account.change_rules,
    ),
    "F-V05": Kind(
        "ids, units or number types change overnight",
        ("ids", "units", "numbers"),
        rest=faults_orders.cut_over,
        count=-1,
    ),
    "F-V06": Kind(
        "impossible prices, or an empty side",
        faults_frames.IMPOSSIBLE,
        frame=faults_frames.impossible,
        act=faults_market.empty_side,
        channel="ticker",
    ),
    "F-V07": Kind("a flash crash", act=faults_market.flash_crash, seconds=1.0),
    "F-V08": Kind(
        "a crossed, locked or very wide book",
        ("crossed", "wide"),
        act=faults_market.odd_book,
        seconds=3.0,
    ),
    "F-V09": Kind(
        "a stale tape, or prints far from the book",
        ("stale", "far"),
        act=faults_market.odd_tape,
        seconds=10.0,
    ),
    "F-V10": Kind(
        "a wrong unit, or another product's prices",
        ("unit", "mixed"),
        frame=faults_frames.wrong_feed,
        channel="ticker",
    ),
}
