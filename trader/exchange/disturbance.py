"""How faults bend a market. Imported by market.py, and set by faults_market.py and faults_account.py."""

from __future__ import annotations

import msgspec


class Disturbance(msgspec.Struct):
    """What faults do to a market; the defaults do nothing.

    `price_factor` moves the fair price, `print_factor` the prints alone. `gap_cells` widens the spread by that many
    levels a side, negative ones cross the book. `empty_side` is "", "bid" or "ask". A `silent_tape` prints nothing, a
    `frozen` market does nothing at all.
    """

    price_factor: float = 1.0
    print_factor: float = 1.0
    gap_cells: int = 0
    empty_side: str = ""
    silent_tape: bool = False
    frozen: bool = False

    @property
    def shape(self) -> tuple[int, str]:
        """What decides how the book is drawn."""
        return self.gap_cells, self.empty_side
