"""The seeded stage in the backtest's hands: each delivery is followed by turns in random order until everyone is idle."""

from __future__ import annotations

from typing import Self

from actors.address import Address, AddressBook
from actors.base import Running, SupervisedActor
from actors.stage import Stage


class SeededRun:
    """A stage that offers what the backtest drives, with pykka's own loop, mailboxes and a random next actor."""

    def __init__(self, seed: int, market_start: float) -> None:
        self.stage = Stage(seed, market_start)
        self.time = self.stage.time
        self.book: AddressBook | None = None

    def __enter__(self) -> Self:
        self.stage.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.stage.__exit__(None, None, None)

    def addresses(self, symbols: tuple[str, ...]) -> AddressBook:
        self.book = AddressBook(symbols)
        return self.book

    def launch(self, actor: SupervisedActor) -> Running:
        return self.stage.launch(actor)

    def seal(self) -> None:
        """Dead letters of the start are over."""
        assert self.book is not None
        for address in self.book:
            address.dead_letters.clear()

    def deliver(self, address: Address, message: object) -> None:
        assert address.tell(message), f"nobody is behind {address.name}"
        self.drain()

    def drain(self) -> None:
        while any(place.is_ready for place in self.stage.places):
            self.stage.step()

    def dead_letters(self) -> dict[str, int]:
        """Messages to nobody since the start."""
        assert self.book is not None
        return self.book.dead_letters()
