"""A trader whose actors can be made to crash, hang or burn CPU from outside. Run by the tests of this folder only.

The hooks are wrapped around the actors' handlers here, in this process; the product knows nothing of them. A file in the
folder `SABOTAGE` tells an actor what to do with its next message: `crash-NAME` (removed when it has happened) raises,
`hang-NAME` blocks until it is removed. `SABOTAGE_BURN_S` lets every strategy burn so much CPU on each mark, `SABOTAGE_COLD_S`
gives the cold path so long.
Everything else is `run.py` as a person starts it.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import run  # noqa: E402 - the root must be importable first
from actors import connection  # noqa: E402
from actors.base import SupervisedActor  # noqa: E402
from actors.broker import Broker  # noqa: E402
from actors.messages import Ready  # noqa: E402
from actors.risk import Risk  # noqa: E402
from actors.supervisor import Supervisor  # noqa: E402
from actors.symbol import Symbol  # noqa: E402
from trader.coinbase.rest import CoinbaseVenue  # noqa: E402
from trader.strategy.signal_strategy import SignalStrategy  # noqa: E402


class Sabotaged(Exception):
    """What a sabotaged handler raises."""


def tell(text: str) -> None:
    """Say something to the test, with the moment (UTC) in front, on stderr."""
    os.write(2, f"sabotage {time.time():.6f} {text}\n".encode())


def obey(actor: SupervisedActor, folder: Path) -> None:
    """Do to this actor what the folder says, in its own thread, between two of its messages."""
    order = folder / f"crash-{actor.name}"
    if order.exists():
        order.unlink()
        tell(f"crash {actor.name}#{actor.incarnation}")
        raise Sabotaged(f"the test wants {actor.name} to crash")
    order = folder / f"hang-{actor.name}"
    if order.exists():
        mine = folder / f"hung-{actor.name}#{actor.incarnation}"
        order.rename(mine)
        tell(f"hang {actor.name}#{actor.incarnation}")
        while mine.exists():
            time.sleep(0.01)
        tell(f"awake {actor.name}#{actor.incarnation}")


def arm(folder: Path) -> None:
    """Wrap every actor's handler."""
    for kind in (Symbol, Risk, Broker, Supervisor):
        original = kind.handle

        def handle(self: Any, message: Any, original: Any = original) -> None:
            obey(self, folder)
            if isinstance(self, Supervisor) and isinstance(message, Ready) and message.incarnation > 1:
                tell(f"ready {message.name}#{message.incarnation} {message.detail}")
            original(self, message)

        kind.handle = handle  # type: ignore[method-assign]


def mark_cancels() -> None:
    """Say when a worker hands a cancel to the venue's client."""
    original = CoinbaseVenue.cancel

    def cancel(self: Any, *given: Any, **named: Any) -> Any:
        tell("cancel")
        return original(self, *given, **named)

    CoinbaseVenue.cancel = cancel  # type: ignore[method-assign]


def burn(seconds: float) -> None:
    """Make every strategy spend so much CPU on each mark."""
    original = SignalStrategy.on_mark

    def on_mark(self: Any, *given: Any) -> Any:
        end = time.perf_counter() + seconds
        total = 0
        while time.perf_counter() < end:
            total += sum(range(100))
        return original(self, *given)

    SignalStrategy.on_mark = on_mark  # type: ignore[method-assign]


if __name__ == "__main__":
    arm(Path(os.environ["SABOTAGE"]))
    mark_cancels()
    if os.environ.get("SABOTAGE_BURN_S"):
        burn(float(os.environ["SABOTAGE_BURN_S"]))
    if os.environ.get("SABOTAGE_COLD_S"):
        connection.COLD_DEADLINE_S = float(os.environ["SABOTAGE_COLD_S"])
    sys.exit(run.main())
