"""What a strategy is told and what it answers: Action, PositionView, Context, Decision, and the Strategy protocol.

Anyone above `orders/` may import this; a user's strategy file needs little else. A strategy is a pure function of its
window, its position and the context, plus the small state it can `snapshot`: no clock, no I/O, no randomness. Every
evaluation ends in exactly one `Decision` with exactly one reason; HOLD has one too. The hot path allocates nothing:
holds are the constants of `HOLDS`.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

import msgspec

from trader.market.instrument import Instrument
from trader.market.quote import BookTop, Quote
from trader.market.window import MarkWindow, WindowPlan
from trader.orders.position import TradeStatistics
from trader.orders.reason import Reason

ONE = Decimal(1)
ZERO = Decimal(0)


class Action(StrEnum):
    """What a strategy wants done. CLOSE is always the whole position, reduce-only."""

    BUY = "BUY"
    SELL = "SELL"
    HOLD = "HOLD"
    CLOSE = "CLOSE"


class PositionView(msgspec.Struct, frozen=True, gc=False):
    """One symbol's position as its strategy sees it: `size` signed, in the instrument's unit.

    `adds` counts the entries on this side including the first (D22). `peak_half_ticks` is the persisted best mark
    since entry, where one is known. `pending` is true while an order of this symbol is unanswered: then nothing new
    is asked for.
    """

    size: Decimal = ZERO
    entry_price: Decimal | None = None
    adds: int = 0
    peak_half_ticks: int | None = None
    pending: bool = False

    @property
    def sign(self) -> int:
        """+1 long, -1 short, 0 flat."""
        return (self.size > 0) - (self.size < 0)


FLAT = PositionView()


class Context(msgspec.Struct, frozen=True, gc=False):
    """The moment of an evaluation: what the market and the account look like.

    `leverage_cap` is the tightest cap of profile, symbol and venue. `stale_after_s` is the age of quote or book, on
    the machine's clock, from which entries are refused. `force_exit` is true when an account-wide reduce-only asks
    for exits (D23).
    """

    instrument: Instrument
    quote: Quote
    equity_usd: Decimal
    market_time: float
    machine_time: float
    book: BookTop | None = None
    feed_up: bool = True
    leverage_cap: Decimal = ONE
    stale_after_s: float = 30.0
    force_exit: bool = False
    trades: TradeStatistics | None = None


class Decision(msgspec.Struct, frozen=True, gc=False):
    """The answer of one evaluation.

    `target_notional_usd` is the worth of an entry before caps, None for HOLD and CLOSE. `text` is one line for a
    person, with its numbers in it; "" where the reason says it all (see `Strategy.explain`). `measured` and `limit`
    are the two numbers that decided, as text, and `config_key` the setting behind the limit.
    """

    action: Action
    reason: Reason
    text: str = ""
    target_notional_usd: Decimal | None = None
    leverage: Decimal = ONE
    reduce_only: bool = False
    measured: str = ""
    limit: str = ""
    config_key: str = ""


HOLDS: dict[Reason, Decision] = {reason: Decision(Action.HOLD, reason) for reason in Reason}


class StrategyState(msgspec.Struct, frozen=True, gc=False):
    """What must survive a restart.

    The trailing stop's peak with the position it belongs to, and the last entry's market time.
    """

    peak_half_ticks: int | None = None
    peak_sign: int = 0
    peak_entry_price: Decimal | None = None
    last_entry_time: float | None = None


class Strategy(Protocol):
    """One symbol's strategy. One instance per symbol, owned by its actor, never shared."""

    @property
    def required_bars(self) -> int:
        """Closed bars without which it only says WARMING_UP."""

    @property
    def window_plan(self) -> WindowPlan:
        """What its window must offer; `bars` is also how much history to fetch before the first bar."""

    def on_bar(self, window: MarkWindow, position: PositionView, context: Context) -> Decision:
        """Decide at the close of a bar. `window` ends with that bar; called once per closed bar, flat ones included."""

    def on_mark(self, half_ticks: int, position: PositionView, context: Context) -> Decision | None:
        """See every mark, after `on_bar` where both are due. A CLOSE when a stop is hit, else None."""

    def quiet_bars(
        self, window: MarkWindow, marks: Sequence[int], position: PositionView, instrument: Instrument
    ) -> int:
        """How many bars that close at `marks` `on_bar` and `on_mark` would let pass. A backtest's short cut; 0, as here, asks for each."""
        return 0

    def pass_bars(self, marks: Sequence[int], position: PositionView, instrument: Instrument) -> None:
        """Go on after bars that `quiet_bars` let pass."""

    def explain(self, window: MarkWindow, context: Context) -> str:
        """One line with today's numbers for the status screen; not called on the hot path."""

    def snapshot(self) -> StrategyState:
        """The state to persist; changes rarely except for the peak."""

    def restore(self, state: StrategyState) -> None:
        """Take back a persisted state. What belongs to another position than the one then held is ignored."""
