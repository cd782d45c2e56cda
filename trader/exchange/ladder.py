"""The other traders' resting orders: a level-2 book in whole ticks. Imported by market.py, matching.py and engine.py.

Both sides keep their best price at the end of a sorted list, so the top is `[-1]` and a change near it moves few
entries.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from decimal import Decimal

import msgspec

ZERO = Decimal(0)


class Level(msgspec.Struct, frozen=True, gc=False):
    """The size now resting at one price; size zero says that the level is gone. `is_bid` tells the side."""

    is_bid: bool
    ticks: int
    size: Decimal


class HalfBook:
    """One side of a book.

    Keys are ticks times `sign`, +1 for bids and -1 for asks, so the best key is always the greatest.
    """

    def __init__(self, *, is_bid: bool) -> None:
        self.is_bid = is_bid
        self._sign = 1 if is_bid else -1
        self._keys: list[int] = []
        self._sizes: dict[int, Decimal] = {}

    def __len__(self) -> int:
        return len(self._keys)

    def size_at(self, ticks: int) -> Decimal:
        """Size resting at a price, zero when none."""
        return self._sizes.get(ticks * self._sign, ZERO)

    def put(self, ticks: int, size: Decimal) -> None:
        """Set the size at a price; zero deletes it."""
        key = ticks * self._sign
        if size > 0:
            if key not in self._sizes:
                insort(self._keys, key)
            self._sizes[key] = size
        elif self._sizes.pop(key, None) is not None:
            del self._keys[bisect_left(self._keys, key)]

    def best(self) -> int | None:
        """Ticks of the best price, None when the side is empty."""
        return self._keys[-1] * self._sign if self._keys else None

    def worst(self) -> int | None:
        """Ticks of the deepest price, None when the side is empty."""
        return self._keys[0] * self._sign if self._keys else None

    def levels(self, limit: int | None = None) -> Iterator[tuple[int, Decimal]]:
        """(ticks, size) from the best price outward."""
        count = len(self._keys) if limit is None else min(limit, len(self._keys))
        for index in range(1, count + 1):
            key = self._keys[-index]
            yield key * self._sign, self._sizes[key]

    def reaches(self, ticks: int, limit_ticks: int | None) -> bool:
        """Whether a resting price is one that a taker with this limit accepts."""
        if limit_ticks is None:
            return True
        return ticks >= limit_ticks if self.is_bid else ticks <= limit_ticks


class Ladder:
    """A two-sided book of one product."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Empty both sides."""
        self.bids = HalfBook(is_bid=True)
        self.asks = HalfBook(is_bid=False)

    def half(self, *, is_bid: bool) -> HalfBook:
        """The side with bids, or the side with asks."""
        return self.bids if is_bid else self.asks
