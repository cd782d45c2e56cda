"""A process that commits until it is killed, and says each acknowledged number on stdout. Run by test_store_process.py."""

import os
import sys
import time
from pathlib import Path

from trader.store.events import CommitFailed, Committed, EventName, make_event
from trader.store.log import EventStore


def main(root: Path, begin: int) -> None:
    """Commit numbers from `begin` on, up to sixteen at once."""
    store = EventStore.open(root, profile="canary", account="portfolio-1")
    os.write(1, f"{store.verdict}\n".encode())

    def done(number: int, result: Committed | CommitFailed) -> None:
        assert isinstance(result, Committed)
        os.write(1, f"{number}\n".encode())

    for number in range(begin, begin + 1_000_000):
        event = make_event(
            EventName.ORDER_INTENT,
            {"client_order_id": f"cb-{number}", "symbol": "BTC-USD", "side": "BUY"},
            utc_time=time.time(),
            market_time=time.time(),
            profile="canary",
        )
        store.commit(event, lambda result, number=number: done(number, result))
        while store.health.pending > 16:
            time.sleep(0.0002)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
