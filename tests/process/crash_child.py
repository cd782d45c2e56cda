"""A trader that kills itself, as `kill -9` would, at a labelled point of its code. Run by the crash campaign only.

`CRASH_AT=label:n` names the point and which passage of it. The points are put around the product's own functions here,
in this process; the product knows nothing of them. Everything else is `run.py` as a person starts it.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import run  # noqa: E402 - the root must be importable first
from actors.bookkeeping import Bookkeeper  # noqa: E402
from actors.broker import Broker  # noqa: E402
from actors.calls import Caller  # noqa: E402
from actors.holdfile import HoldFile  # noqa: E402
from actors.risk import Risk  # noqa: E402
from trader.coinbase.rest import CoinbaseVenue  # noqa: E402
from trader.store.active import ActiveLog  # noqa: E402

IN_FLIGHT_S = 0.003
BEFORE, AFTER, DURING = "before", "after", "during"

POINTS: dict[str, tuple[type, str, str]] = {
    "intent-reserved": (Bookkeeper, "intent", BEFORE),
    "intent-handed-over": (Bookkeeper, "intent", AFTER),
    "batch-unwritten": (ActiveLog, "write", BEFORE),
    "batch-in-flight": (ActiveLog, "write", DURING),
    "batch-durable": (ActiveLog, "write", AFTER),
    "commit-heard": (Risk, "_on_committed", BEFORE),
    "approval-sent": (Risk, "_on_committed", AFTER),
    "approval-at-gate": (Broker, "_place", BEFORE),
    "post-queued": (Broker, "_place", AFTER),
    "post-unsent": (CoinbaseVenue, "place", BEFORE),
    "post-in-flight": (CoinbaseVenue, "place", DURING),
    "post-answered": (CoinbaseVenue, "place", AFTER),
    "outcome-told": (Caller, "post", AFTER),
    "report-unbooked": (Bookkeeper, "booked", BEFORE),
    "report-booked": (Bookkeeper, "booked", AFTER),
    "checkpoint-begun": (Bookkeeper, "checkpoint", BEFORE),
    "cancel-in-flight": (CoinbaseVenue, "cancel", DURING),
    "account-read": (CoinbaseVenue, "account", AFTER),
    "books-restored": (Bookkeeper, "restore", AFTER),
    "holds-saved": (HoldFile, "save", AFTER),
}


def die() -> None:
    """End as kill -9 does: no handler, no flush, no goodbye."""
    os.kill(os.getpid(), signal.SIGKILL)


def arm(label: str, passage: int) -> None:
    """Wrap the labelled function so that its n-th passage is the last thing this process does."""
    owner, name, moment = POINTS[label]
    original: Callable[..., Any] = getattr(owner, name)
    lock, left = threading.Lock(), [passage]

    def wrapped(*given: Any, **named: Any) -> Any:
        with lock:
            left[0] -= 1
            now = left[0] == 0
        if now and moment == BEFORE:
            die()
        if now and moment == DURING:
            threading.Timer(IN_FLIGHT_S, die).start()
        result = original(*given, **named)
        if now and moment == AFTER:
            die()
        return result

    setattr(owner, name, wrapped)


if __name__ == "__main__":
    label, _, passage = os.environ["CRASH_AT"].partition(":")
    arm(label, int(passage))
    sys.exit(run.main())
