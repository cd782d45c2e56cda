"""The event store measured beside plain SQLite with the same durability: `python -m tests.benchmarks store [FOLDER]`.

Both write the same JSON to the same folder with WAL and synchronous=FULL; plain SQLite has no thread, key, chain, mark
or anchor. "paced" waits 20 ms between commits, as decisions of a live system do: caches and disk are cold then.
Ratios carry over to another computer, absolute values do not.
"""

import shutil
import sqlite3
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from trader.store.events import Committed, Event, EventName, Payload, encode, make_event
from trader.store.log import EventStore
from trader.store.memory import MemoryJournal
from trader.store.recorder import InputRecorder

PACE_S = 0.02
SINGLE = 300
GROUPED = 20_000
GROUP = 256
COMMITTERS = 10
APPENDS_PER_S = 500


def intent(number: int) -> Event:
    """An order intent of usual size, about 470 bytes of JSON."""
    payload: Payload = {
        "client_order_id": f"6f1c0c1e-7a57-4c1a-9a0e-{number:012d}",
        "symbol": "BTC-USD",
        "side": "BUY",
        "size": "0.00210000",
        "price": "91204.10",
        "order_type": "market",
        "time_in_force": "IOC",
        "reduce_only": False,
        "reason": "MA_CROSS_UP",
    }
    now = time.time()
    return make_event(
        EventName.ORDER_INTENT,
        payload,
        utc_time=now,
        market_time=now,
        profile="canary",
        decision_id=f"BTC-USD:{number}",
        config_hash="9b1e77aa",
    )


class Waiter:
    """Lets the benchmark wait for completions."""

    def __init__(self) -> None:
        self._answers = threading.Semaphore(0)

    def __call__(self, result: object) -> None:
        assert isinstance(result, Committed)
        self._answers.release()

    def wait(self, count: int = 1) -> None:
        """Until so many more have come."""
        for _ in range(count):
            assert self._answers.acquire(timeout=60)


class PlainSqlite:
    """A table of JSON texts, one connection, the caller's thread."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=FULL")
        self._connection.execute("CREATE TABLE events (seq INTEGER PRIMARY KEY, body BLOB NOT NULL)")

    def commit(self, events: list[Event]) -> None:
        """One durable transaction."""
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.executemany("INSERT INTO events (body) VALUES (?)", [(encode(event),) for event in events])
        self._connection.execute("COMMIT")

    def replay(self) -> Iterator[Event]:
        """Decode everything."""
        for (body,) in self._connection.execute("SELECT body FROM events ORDER BY seq"):
            yield msgspec.json.decode(body, type=Event)


def latencies(commit: Callable[[Event], None], pace_s: float) -> str:
    """Median and 99th percentile of single commits in milliseconds, and the rate."""
    taken = []
    for number in range(SINGLE):
        if pace_s:
            time.sleep(pace_s)
        event = intent(number)
        started = time.perf_counter()
        commit(event)
        taken.append(time.perf_counter() - started)
    taken.sort()
    rate = f"{SINGLE / sum(taken):8,.0f}/s" if not pace_s else " " * 10
    return f"p50 {taken[len(taken) // 2] * 1e3:6.3f} ms   p99 {taken[int(len(taken) * 0.99)] * 1e3:6.3f} ms   {rate}"


def single(store: EventStore, plain: PlainSqlite) -> None:
    """One commit at a time, paced and back to back."""
    waiter = Waiter()

    def through_store(event: Event) -> None:
        store.commit(event, waiter)
        waiter.wait()

    for name, pace_s in (("paced 20 ms", PACE_S), ("back to back", 0.0)):
        print(f"single, {name:13}  store   {latencies(through_store, pace_s)}")
        print(f"single, {name:13}  sqlite  {latencies(lambda event: plain.commit([event]), pace_s)}")


def grouped(store: EventStore, plain: PlainSqlite) -> None:
    """As many as can be had: the store groups what is queued, plain SQLite gets groups of the same size."""
    events = [intent(number) for number in range(GROUPED)]
    waiter = Waiter()
    started = time.perf_counter()
    for event in events:
        store.commit(event, waiter)
    waiter.wait(GROUPED)
    mine = GROUPED / (time.perf_counter() - started)
    started = time.perf_counter()
    for at in range(0, GROUPED, GROUP):
        plain.commit(events[at : at + GROUP])
    theirs = GROUPED / (time.perf_counter() - started)
    print(
        f"grouped, flood         store   {mine:10,.0f} commits/s   sqlite {theirs:10,.0f}   ratio {mine / theirs:.2f}"
    )


def burst(store: EventStore) -> None:
    """Ten symbols deciding at the same moment, every 20 ms: time until the last is durable."""
    taken, waiter = [], Waiter()
    for _ in range(150):
        time.sleep(PACE_S)
        events = [intent(number) for number in range(COMMITTERS)]
        started = time.perf_counter()
        for event in events:
            store.commit(event, waiter)
        waiter.wait(COMMITTERS)
        taken.append(time.perf_counter() - started)
    taken.sort()
    print(
        f"burst of {COMMITTERS}, paced     store   p50 {taken[75] * 1e3:6.3f} ms   p99 {taken[148] * 1e3:6.3f} ms  (the last of ten)"
    )


def beside_appends(store: EventStore) -> None:
    """Single commits while background events keep coming."""
    stop = threading.Event()

    def append() -> None:
        number = 0
        while not stop.wait(1 / APPENDS_PER_S):
            number += 1
            store.append(intent(number))

    thread = threading.Thread(target=append)
    thread.start()
    waiter = Waiter()

    def commit(event: Event) -> None:
        store.commit(event, waiter)
        waiter.wait()

    print(f"single, {APPENDS_PER_S} appends/s store   {latencies(commit, PACE_S)}")
    stop.set()
    thread.join()


def replay(store: EventStore, plain: PlainSqlite) -> None:
    """Read everything back, each record authenticated, against plain decoding."""
    started = time.perf_counter()
    count = sum(1 for _ in store.replay())
    mine = count / (time.perf_counter() - started)
    started = time.perf_counter()
    theirs = sum(1 for _ in plain.replay()) / (time.perf_counter() - started)
    print(
        f"replay and verify      store   {mine:10,.0f} records/s   sqlite {theirs:10,.0f}   ratio {mine / theirs:.2f}"
    )


def hand_over() -> None:
    """What one call costs the caller: memory journal, recorder."""
    journal, event = MemoryJournal(keep=False), intent(1)
    started = time.perf_counter()
    for _ in range(100_000):
        journal.commit(event, _ignore)
    print(f"memory journal commit  {(time.perf_counter() - started) * 10:6.2f} µs")
    folder = Path(tempfile.mkdtemp())
    recorder = InputRecorder(folder)
    started = time.perf_counter()
    for _ in range(20_000):
        recorder.record("BTC-USD", 1.0, event)
    print(f"recorder, hand over    {(time.perf_counter() - started) * 50:6.2f} µs (its thread encoding beside it)")
    recorder.close()
    shutil.rmtree(folder)


def _ignore(_: object) -> None:
    pass


def main() -> int:
    """Print the table."""
    base = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    with tempfile.TemporaryDirectory(dir=base) as folder:
        root = Path(folder)
        store = EventStore.open(root / "canary", profile="canary", account="benchmark")
        plain = PlainSqlite(root / "plain.sqlite3")
        print(f"SQLite {sqlite3.sqlite_version}, {len(encode(intent(1)))} bytes of JSON an event, in {folder}")
        single(store, plain)
        burst(store)
        beside_appends(store)
        grouped(store, plain)
        replay(store, plain)
        records = store.health.records
        store.close()
        started = time.perf_counter()
        store = EventStore.open(root / "canary", profile="canary", account="benchmark")
        taken = time.perf_counter() - started
        print(
            f"open with verification {records} records in {taken * 1e3:.0f} ms ({records / taken:,.0f} records/s), {store.verdict}"
        )
        store.close()
        hand_over()
    return 0


if __name__ == "__main__":
    sys.exit(main())
