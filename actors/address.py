"""Stable addresses: a name that outlives the actors behind it. Only the supervisor binds them; everyone else tells.

`tell` never raises and never blocks. False means a dead letter: nobody is behind the name right now; it is counted, and the sender
knows from the message's own docstring what that means (rules S1, S2).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pykka

SUPERVISOR, RISK, BROKER = "supervisor", "risk", "broker"


class Address:
    """Where to tell one actor things, whichever incarnation is alive."""

    __slots__ = ("_ref", "dead_letters", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self.dead_letters: Counter[str] = Counter()
        self._ref: pykka.ActorRef[Any] | None = None

    def bind(self, ref: pykka.ActorRef[Any]) -> None:
        """Point the name at a new incarnation. The supervisor's thread only, before that incarnation runs."""
        self._ref = ref

    def unbind(self) -> None:
        """Point the name at nobody. The supervisor only."""
        self._ref = None

    def tell(self, message: Any) -> bool:
        """Put a message into the living actor's mailbox; False and a counted dead letter when there is none. Any thread."""
        ref = self._ref
        if ref is not None:
            try:
                ref.tell(message)
            except pykka.ActorDeadError:
                pass
            else:
                return True
        self.dead_letters[type(message).__name__] += 1
        return False


class AddressBook:
    """All addresses of one system, made before any actor exists, so order of start never matters for sending."""

    def __init__(self, symbols: tuple[str, ...], make: Callable[[str], Address] = Address) -> None:
        self.supervisor = make(SUPERVISOR)
        self.risk = make(RISK)
        self.broker = make(BROKER)
        self.symbols: dict[str, Address] = {symbol: make(symbol) for symbol in symbols}

    def __getitem__(self, name: str) -> Address:
        """Return the address of a name; KeyError for a name this system does not have."""
        fixed = {SUPERVISOR: self.supervisor, RISK: self.risk, BROKER: self.broker}
        return fixed[name] if name in fixed else self.symbols[name]

    def __iter__(self) -> Iterator[Address]:
        yield from (self.supervisor, self.risk, self.broker, *self.symbols.values())

    def dead_letters(self) -> dict[str, int]:
        """Dead letters so far by recipient, those with none left out."""
        return {address.name: address.dead_letters.total() for address in self if address.dead_letters}
