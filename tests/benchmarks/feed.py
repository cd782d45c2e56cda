"""The market feed beside a bare websocket-client loop that only receives and parses: `python -m tests.benchmarks feed [ROUNDS]`.

Both read the same recorded traffic (ten products; TRADER_MARKET_DATA names its folder) from a server in another process that sends as
fast as it can. The bare loop calls recv and json.loads; ours decodes, guards the sequence, keeps ten books and tapes, and makes quotes
and tops. Ratios carry over to another computer, absolute values do not.
"""

import gzip
import json
import os
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path

import websocket
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

from trader.coinbase.feed import MarketFeed
from trader.coinbase.settings import FeedSettings
from trader.market.instrument import Instrument, ProductKind
from trader.venue import FeedItem

ROOT = Path(__file__).resolve().parents[2]
CAPTURE = "coinbase_feed_capture_2021-04-17.jsonl.gz"
STAMP = "2021-04-17T16:43:37Z"


def capture() -> list[dict[str, object]]:
    """The recorded envelopes."""
    folder = Path(os.environ.get("TRADER_MARKET_DATA", ROOT / ".." / "shared" / "market"))
    if not (folder / CAPTURE).exists():
        raise SystemExit(f"the recorded traffic {CAPTURE} is not here; name its folder with TRADER_MARKET_DATA")
    with gzip.open(folder / CAPTURE, "rb") as lines:
        return [json.loads(line) for line in lines if line.strip()]


def frames(rounds: int) -> list[str]:
    """The traffic `rounds` times over, numbered through, with confirmations and heartbeats."""
    recorded = capture()
    ids = sorted({event["product_id"] for each in recorded for event in each["events"] if "updates" in event})  # type: ignore[attr-defined]
    channels = {"heartbeats": ["heartbeats"], "level2": ids, "market_trades": ids}
    told: list[dict[str, object]] = [{"channel": "subscriptions", "events": [{"subscriptions": channels}]}]
    for _ in range(rounds):
        told += [{name: value for name, value in each.items() if name != "_recv"} for each in recorded]
    told.append({"channel": "heartbeats", "events": [{"heartbeat_counter": 1}]})
    return [json.dumps({"timestamp": STAMP} | each | {"sequence_num": number}) for number, each in enumerate(told)]


def send_to_all(rounds: int) -> None:
    """Serve the traffic to whoever connects; print the port first."""
    prepared = frames(rounds)

    def handle(socket: ServerConnection) -> None:
        try:
            socket.recv()
            for frame in prepared:
                socket.send(frame)
            while True:
                socket.recv()
        except ConnectionClosed:
            return

    with serve(handle, "127.0.0.1", 0, compression=None) as server:
        print(server.socket.getsockname()[1], flush=True)
        server.serve_forever()


def bare(url: str, count: int) -> float:
    """Seconds to receive and parse `count` frames."""
    socket = websocket.create_connection(url)
    socket.send("{}")
    began = time.perf_counter()
    for _ in range(count):
        json.loads(socket.recv())
    took = time.perf_counter() - began
    socket.close()
    return took


def ours(url: str, count: int) -> tuple[float, int]:
    """Seconds for the feed to take `count` frames, and how many items it made."""
    ids = sorted({event["product_id"] for each in capture() for event in each["events"] if "updates" in event})  # type: ignore[attr-defined]
    grid = Decimal("0.00000001")
    products = [
        Instrument(each, each, ProductKind.SPOT, *each.split("-"), grid, grid, grid, Decimal(10**9), Decimal(1))
        for each in ids
    ]
    feed, items = MarketFeed(url, None, products, FeedSettings()), [0]
    times: list[float] = []

    def take(_: FeedItem) -> None:
        items[0] += 1

    def stop() -> bool:
        if not times and feed.counters.frames:
            times.append(time.perf_counter())
        return feed.counters.frames >= count

    feed.run(take, stop)
    assert feed.counters.bad == feed.counters.gaps == 0
    return time.perf_counter() - times[0], items[0]


def main() -> None:
    """Print messages a second of both, and their ratio."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    count = len(frames(rounds))
    command = [sys.executable, "-m", "tests.benchmarks.feed", "--serve", str(rounds)]
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    try:
        url = f"ws://127.0.0.1:{server.stdout.readline().strip()}"
        for turn in range(3):
            plain = bare(url, count)
            took, items = ours(url, count)
            print(
                f"turn {turn + 1}: bare {count / plain:,.0f} messages/s, feed {count / took:,.0f} messages/s "
                f"({plain / took:.2f} of bare), {items:,} items from {count:,} messages"
            )
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        send_to_all(int(sys.argv[2]))
    else:
        main()
