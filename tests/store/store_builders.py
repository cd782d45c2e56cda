"""Builders shared by the tests of the event store."""

import threading
from pathlib import Path

from trader.store.events import CommitFailed, Committed, Event, EventName, make_event
from trader.store.log import EventStore

DAY_S = 86_400.0
NOON = 20_000 * DAY_S + DAY_S / 2  # a fixed UTC noon, UNIX s
DEADLINE_S = 20.0


def intent(number: int, utc_time: float = NOON) -> Event:
    """An order intent that differs from every other by its number."""
    payload = {
        "client_order_id": f"cb-{number}",
        "symbol": "BTC-USD",
        "side": "BUY",
        "size": "0.0021",
        "price": "91204.10",
    }
    return make_event(
        EventName.ORDER_INTENT,
        payload,
        utc_time=utc_time,
        market_time=utc_time,
        profile="canary",
        decision_id=f"d-{number}",
    )


def open_store(root: Path, **options: object) -> EventStore:
    """The store every test opens: profile canary, one account, the machine's clock at noon."""
    defaults: dict[str, object] = {"profile": "canary", "account": "portfolio-1", "utc_clock": lambda: NOON}
    return EventStore.open(root, **{**defaults, **options})  # type: ignore[arg-type]


class Answers:
    """Collects completions from the writer's thread and lets a test wait for them."""

    def __init__(self) -> None:
        self.results: list[Committed | CommitFailed] = []
        self._arrived = threading.Condition()

    def __call__(self, result: Committed | CommitFailed) -> None:
        with self._arrived:
            self.results.append(result)
            self._arrived.notify_all()

    def wait(self, count: int, timeout_s: float = DEADLINE_S) -> list[Committed | CommitFailed]:
        """Every result so far, at least `count` of them."""
        with self._arrived:
            arrived = self._arrived.wait_for(lambda: len(self.results) >= count, timeout_s)
        assert arrived, f"{len(self.results)} of {count} answers within {timeout_s} s"
        return list(self.results)


def commit_all(store: EventStore, events: list[Event]) -> list[Committed | CommitFailed]:
    """Commit events and wait for all answers."""
    answers = Answers()
    for event in events:
        store.commit(event, answers)
    return answers.wait(len(events))


def commit_singly(store: EventStore, events: list[Event]) -> None:
    """Commit events one transaction each."""
    for event in events:
        assert isinstance(commit_all(store, [event])[0], Committed)


def intents_in(store: EventStore) -> list[str]:
    """The client order ids of all intents, in order."""
    return [str(event.payload["client_order_id"]) for event in store.replay(["order"])]
