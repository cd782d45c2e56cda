"""The control endpoint of the faults, on loopback and not part of the venue's protocol. Imported by server.py."""

from __future__ import annotations

from typing import Any

from trader.exchange.armed import Armed
from trader.exchange.fault_table import TABLE
from trader.exchange.faults import Board
from trader.exchange.rest import Call, Route

_PATH = "/_exchange/faults"
_SHOWN = ("id", "variant", "count", "after", "seconds", "method", "path", "channel", "product_id", "value", "fired")


def _shown(fault: Armed) -> dict[str, Any]:
    return {name: getattr(fault, name) for name in _SHOWN}


def fault_routes(board: Board) -> tuple[Route, ...]:
    """POST arms one fault or a list, GET tells what is armed, what fired and what there is, DELETE disarms all."""

    def arm(call: Call) -> dict[str, Any]:
        requests = call.body if isinstance(call.body, list) else [call.body]
        return {"armed": [_shown(board.arm(request)) for request in requests]}

    def told(_call: Call) -> dict[str, Any]:
        table = {name: {"says": kind.says, "variants": kind.variants} for name, kind in TABLE.items()}
        return {"armed": [_shown(fault) for fault in board.armed + board.waiting], "fired": board.fired, "table": table}

    def disarm(_call: Call) -> dict[str, Any]:
        board.clear()
        return {"fired": board.fired}

    return (
        Route("POST", _PATH, "public", arm),
        Route("GET", _PATH, "public", told),
        Route("DELETE", _PATH, "public", disarm),
    )
