"""A disk that takes nothing more while a trader runs that has nothing to send."""

from __future__ import annotations

import resource
import signal
from collections.abc import Callable
from contextlib import AbstractContextManager

from trader_process import Room

MakeRoom = Callable[..., AbstractContextManager[Room]]


def test_a_store_that_fails_halts_although_no_order_waits_for_it(busy_room: MakeRoom) -> None:
    """Reduce-only refuses every entry, so only events in the background meet the full disk.

    The halt cannot be saved either: the cold path proves that nothing is open and the process ends with 20, which no service manager
    restarts. The console tells all of it in lines for people. The halt is not forgotten: the next start has room and comes up HALTED.
    """
    with busy_room() as where:
        trader = where.start("--reduce-only")
        trader.ready()
        trader.see("buy refused: MODE_REDUCE_ONLY", 20, stream="stderr")
        _, hard = resource.prlimit(trader.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(trader.process.pid, resource.RLIMIT_FSIZE, (1, hard))
        trader.see("HALTED account by .*the event store failed", 10, stream="stderr")
        assert trader.wait(20) == 20
        said = trader.stderr.text
        assert "Traceback" not in said
        assert said.count("the log file cannot be written") == 1
        again = where.start()
        again.see(
            "HALTED since unsaved_holds by start-up: the holds of the last run could not be written",
            20,
            stream="stderr",
        )
        again.send(signal.SIGTERM)
        assert again.wait(20) == 0
