"""Events from actors: stamps the envelope and hands it to the journal, which is the store on disk, or memory on the stage.

Made once per system by the wiring; every actor writes through it from its own thread. `write` is behind the durable ones, `commit`
is for what must be on the disk before it takes effect.
"""

from __future__ import annotations

from collections.abc import Callable

from trader.market.clock import Now
from trader.store.events import Done, Event, EventName, Journal, Payload, make_event


class EventLog:
    """Writes events of one profile and configuration. `utc` is the machine's UTC clock (virtual on the stage)."""

    def __init__(self, journal: Journal, profile: str, config_hash: str, utc: Callable[[], float]) -> None:
        self.journal = journal
        self._profile = profile
        self._config_hash = config_hash
        self._utc = utc
        self.offer: Callable[[Event], None] | None = None
        """Where else each event goes: the readable views of a live run."""

    def use(self, config_hash: str) -> None:
        """Stamp another configuration from now on: it has changed while running."""
        self._config_hash = config_hash

    def write(
        self, name: EventName, payload: Payload, now: Now, *, code: str = "", decision_id: str = "", cause_id: str = ""
    ) -> None:
        """Append one event behind the durable ones; returns at once."""
        event = self._event(name, payload, now, code, decision_id, cause_id)
        self.journal.append(event)
        if self.offer:
            self.offer(event)

    def commit(
        self,
        name: EventName,
        payload: Payload,
        now: Now,
        done: Done,
        *,
        code: str = "",
        decision_id: str = "",
        cause_id: str = "",
    ) -> None:
        """Write one event durably; `done` is called once, from the store's writer, when it is on the disk or failed."""
        event = self._event(name, payload, now, code, decision_id, cause_id)
        self.journal.commit(event, done)
        if self.offer:
            self.offer(event)

    def _event(self, name: EventName, payload: Payload, now: Now, code: str, decision_id: str, cause_id: str) -> Event:
        return make_event(
            name,
            payload,
            utc_time=self._utc(),
            market_time=now.market_time,
            profile=self._profile,
            code=code,
            cause_id=cause_id,
            decision_id=decision_id,
            config_hash=self._config_hash,
        )
