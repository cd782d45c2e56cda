"""The owner of the table of holds: every change is announced, saved and recorded before anything else happens.

Only the supervisor has one, and uses it in its own thread.
"""

from __future__ import annotations

from typing import Protocol

import msgspec
from loguru import logger

from actors.base import Surroundings
from actors.messages import SetMode
from trader.market.clock import Now
from trader.risk.holds import ACCOUNT, EPHEMERAL, Hold, HoldTable
from trader.store.events import EventName, Payload


class HoldKeeper(Protocol):
    """Where the table of holds survives the process."""

    def load(self) -> HoldTable:
        """Return the table as last saved; an empty one on a first start."""
        ...

    def save(self, table: HoldTable) -> None:
        """Replace the saved table, durably, before returning."""
        ...


class Modes:
    """The holds in force and everything that follows from changing them."""

    def __init__(self, keeper: HoldKeeper, surroundings: Surroundings) -> None:
        self._keeper = keeper
        self._surroundings = surroundings
        self.table = HoldTable()
        self.unsaved = ""
        """Why the table in force is not the one on disk, "" when it is."""
        self.mode_since = 0.0
        self.mode_by = ""
        """Since when, in the market's time, the account has its mode, and who or what gave it that."""

    def load(self, now: Now, starting: Hold) -> None:
        """Take the holds that outlived the last process, and the one that lasts until risk has reconciled."""
        kept = self._keeper.load()
        self.table = kept.place(starting)
        self._changed(kept, "start-up", now)
        self.announce(now)

    def place(self, hold: Hold, now: Now) -> None:
        """Add a hold, save the table, tell everyone at once."""
        stamped = hold if hold.since else msgspec.structs.replace(hold, since=now.market_time)
        placed = self.table.place(stamped)
        if placed == self.table and hold.cause == "operator":
            logger.info(
                "{} already, nothing changes ({}); it ends with run.py resume operator", self.table.mode().name, hold.by
            )
        self.adopt(placed, hold.by or "supervisor", now)

    def adopt(self, table: HoldTable, by: str, now: Now) -> None:
        """Take a changed table; an equal one changes nothing and costs nothing."""
        if table == self.table:
            return
        before, self.table = self.table, table
        if table.mode() is not before.mode():
            self._changed(before, by, now)
        self.announce(now)
        try:
            self._keeper.save(table)
            self.unsaved = ""
        except OSError as error:
            self.unsaved = str(error)
            logger.critical("the holds cannot be saved: {}", error)
        for hold in table.beyond(before):
            logger.warning("{} {} by {}: {}", hold.level.name, hold.scope, hold.by or by, hold.text or hold.cause)
        for hold in before.beyond(table):
            if not table.has(hold.cause, hold.scope):
                level = "DEBUG" if hold.cause in EPHEMERAL else "INFO"
                logger.log(level, "hold {} ({}) ended by {}", hold.cause, hold.scope, by)
        self._record(before, by, now)

    def _changed(self, before: HoldTable, by: str, now: Now) -> None:
        """Note a new mode. The end of the start leaves what holds kept from the last process say: their own time and name."""
        worst = next((hold for hold in self.table.of(ACCOUNT) if hold.level is self.table.mode()), None)
        lifted = [hold.cause for hold in before.beyond(self.table) if not self.table.has(hold.cause, hold.scope)]
        started = "starting" in lifted or (not before.has("starting") and self.table.has("starting"))
        self.mode_since, self.mode_by = now.market_time, f"{by} (lifted {', '.join(lifted)})"
        if worst is not None and (started or worst not in before.holds):
            self.mode_since = (worst.since if started else 0.0) or now.market_time
            self.mode_by = f"{worst.by or by} ({worst.cause})"
        elif started:
            self.mode_by = "start-up (reconciled clean)"

    def announce(self, now: Now) -> None:
        """Tell everyone the table, whole."""
        mode = SetMode(self.table, now)
        addresses = self._surroundings.addresses
        for address in addresses:
            if address is not addresses.supervisor:
                address.tell(mode)

    def _record(self, before: HoldTable, by: str, now: Now) -> None:
        """Leave the change of holds and mode in the event store: the order of commands is the order of events (F-C10)."""
        write, table = self._surroundings.events.write, self.table
        for hold in table.beyond(before):
            told: Payload = {"cause": hold.cause, "level": hold.level.name, "scope": hold.scope}
            told |= {"reason": hold.reason.value, "text": hold.text, "by": hold.by or by}
            write(EventName.HOLD_PLACED, told, now, code=hold.reason.value)
        for hold in before.beyond(table):
            if not table.has(hold.cause, hold.scope):
                write(EventName.HOLD_ENDED, {"cause": hold.cause, "scope": hold.scope, "by": by}, now)
        if table.mode() is not before.mode():
            worst = next((hold for hold in table.of(ACCOUNT) if hold.level is table.mode()), None)
            cause = worst.cause if worst else next((hold.cause for hold in before.beyond(table)), "start")
            told = {"mode": table.mode().name, "was": before.mode().name, "cause": cause, "by": by}
            write(EventName.MODE_CHANGED, told, now)
