"""Everything one risk decision may look at, in one place: books, limits, marks, rates, the day, the holds.

The desk owns and mutates it; checks and guards are functions of it and change nothing. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from trader.market.clock import Now
from trader.market.instrument import Instrument
from trader.orders.account import FeeRates, MarginSummary, VenuePosition
from trader.orders.ledger import Ledger
from trader.orders.order import Order, Side
from trader.risk.aside import CAUSE, Aside
from trader.risk.day import DayBook, DayResult
from trader.risk.holds import HoldTable, Level
from trader.risk.limits import ExecutionSettings, RiskLimits
from trader.risk.rates import ErrorRate, FillDrift, OrderRates, Window
from trader.risk.watch import USER, MarketWatch
from trader.risk.window import TradingWindow

ZERO = Decimal(0)
ONE = Decimal(1)
MMR = Decimal("0.05")
"""Maintenance margin assumed where the venue names no liquidation price: a fraction of the notional."""
ENTRY_TIER = FeeRates(maker=Decimal("0.005"), taker=Decimal("0.009"), tier="assumed until read")
WALLETS = frozenset({"USD", "USDC"})
"""Quote currencies counted one to one as USD in equity and limits; other quotes are refused."""


class DeskState:
    """The desk's memory. `reserved_at` and `sent_at` are machine times by client order id."""

    def __init__(
        self,
        instruments: Mapping[str, Instrument],
        limits: RiskLimits,
        execution: ExecutionSettings,
        window: TradingWindow | None,
    ) -> None:
        self.limits = limits
        self.execution = execution
        self.window = window
        self.ledger = Ledger(instruments)
        self.market = MarketWatch(self.ledger, limits)
        self.holds = HoldTable()
        self.day = DayBook()
        self.rates = OrderRates()
        self.errors = ErrorRate()
        self.rejects: dict[str, Window] = {}
        self.drift: dict[str, FillDrift] = {}
        self.losses_in_a_row: dict[str, int] = {}
        self.reserved_at: dict[str, float] = {}
        self.sent_at: dict[str, float] = {}
        self.fees = ENTRY_TIER
        self.margins: dict[str, MarginSummary] = {}
        self.venue_positions: dict[str, VenuePosition] = {}
        self.funding_unproven: dict[str, tuple[Decimal, float]] = {}
        """By symbol: funding booked by our own reckoning and not yet seen in the venue's wallet, and when (machine time)."""
        self.stop_peaks: dict[str, int] = {}
        """By symbol: the best price since the open position began, in half ticks, as its actor last told it."""
        self.aside = Aside()
        self.accepted: set[str] = set()
        """Unconfigured symbols whose hold a person has lifted: they are not told again."""
        self.unread_since: dict[str, float] = {}
        """By symbol: market time from which its fills have not been read yet since it was restored or left out."""
        self.entries_sent = 0
        self.reconciled = False
        self.restored_at = float("-inf")
        """Machine time at which the books were taken from the record: marks come after that."""

    @property
    def equity(self) -> Decimal | None:
        """The account's equity in USD; None until it has been read."""
        return self.ledger.equity

    def day_result(self) -> DayResult | None:
        """Today's result at this moment; None while equity or baseline are unknown."""
        equity = self.equity
        return self.day.result(equity, self.fees_paid(), self.funding_received()) if equity is not None else None

    def fees_paid(self) -> Decimal:
        """Fees of all own fills."""
        return self.ledger.fees + self.aside.fees

    def funding_received(self) -> Decimal:
        """Funding of all positions, negative when paid."""
        return self.ledger.funding + self.aside.funding

    def note_peak(self, symbol: str, half_ticks: int | None) -> None:
        """Keep the best price of an open position, for its symbol's next incarnation and the next process."""
        if half_ticks is not None and self.ledger.positions[symbol].size:
            self.stop_peaks[symbol] = half_ticks
        else:
            self.stop_peaks.pop(symbol, None)

    def forget_order(self, client_order_id: str) -> None:
        """Drop what was remembered about an order that is finished."""
        self.reserved_at.pop(client_order_id, None)
        self.sent_at.pop(client_order_id, None)

    def count_anew(self, cause: str, scope: str) -> None:
        """Forget what led to a hold that was lifted or has ended, so that it does not come back by yesterday's counts."""
        if cause == "consecutive_losses":
            self.losses_in_a_row.pop(scope, None)
        elif cause == "repeated_order":
            self.rates.clear_repeats(scope)
        elif cause == "rejects":
            self.rejects.pop(scope, None)
        elif cause == "error_rate":
            self.errors.clear()
        elif cause == "price_drift":
            self.drift.pop(scope, None)
        elif cause.startswith(CAUSE):
            self.accepted.add(cause.removeprefix(CAUSE))
        elif cause == "drawdown" and self.equity is not None:
            self.day.restart_peak(self.equity)

    def leverage_cap(self, symbol: str) -> Decimal:
        """The smallest of the global, the profile's, the symbol's and the venue's leverage (D04); 1 for spot."""
        instrument = self.ledger.instruments[symbol]
        if not instrument.is_derivative:
            return ONE
        limits = self.limits
        caps = [limits.leverage_max_global, limits.leverage_max]
        caps += [c for c in (limits.leverage_max_per_symbol.get(symbol), instrument.max_leverage) if c is not None]
        return min(caps)

    def liquidation_distance(self, symbol: str) -> Decimal | None:
        """How far the mark is from the venue's liquidation price, as a fraction of the mark; None where none is named.

        A price told for a position of the other side, or for one since closed, says nothing.
        """
        told, mark = self.venue_positions.get(symbol), self.ledger.marks.get(symbol)
        size = self.ledger.positions[symbol].size
        if (
            told is None
            or not mark
            or not told.liquidation_price
            or told.liquidation_price < 0
            or told.size * size <= 0
        ):
            return None
        ahead = mark - told.liquidation_price if size > 0 else told.liquidation_price - mark
        return max(ahead, ZERO) / mark

    def mode(self, symbol: str, now: Now) -> Level:
        """The mode that binds `symbol`: the holds, and the user feed's silence, which ends by backfill instead of
        `resume`.
        """
        level = self.holds.mode(symbol)
        return max(level, Level.REDUCE_ONLY) if self.user_feed_blind(now) else level

    def only_killed(self, symbol: str) -> bool:
        """True when every hold that forbids all orders is the operator's kill: then the operator may still flatten."""
        return all(hold.cause == "kill" for hold in self.holds.of(symbol) if hold.level >= Level.STARTING)

    def cancel_level(self, symbol: str, now: Now) -> Level:
        """What must happen to open orders: as `mode`, but STARTING neither cancels nor hides a hold that does."""
        levels = [hold.level for hold in self.holds.of(symbol) if hold.level is not Level.STARTING]
        if self.user_feed_blind(now):
            levels.append(Level.REDUCE_ONLY)
        return max(levels, default=Level.NORMAL)

    def user_feed_blind(self, now: Now) -> bool:
        """True while fills may have been missed for longer than allowed, with a position open."""
        owed = self.market.backfill_since
        silence = self.market.silence_s(USER, now)
        late = (owed is not None and now.machine_time - owed > self.limits.user_feed_dead_s) or (
            silence is not None and silence > self.limits.user_feed_dead_s
        )
        return late and any(position.size for position in self.ledger.positions.values())

    def closing_room(self, symbol: str) -> Decimal:
        """How much an order against the position may hold, after what other live orders on that side hold (I-11)."""
        size = self.ledger.positions[symbol].size
        if not size:
            return ZERO
        closing = Side.SELL if size > 0 else Side.BUY
        return max(abs(size) - self._claimed(symbol, closing), ZERO)

    def _claimed(self, symbol: str, side: Side) -> Decimal:
        """Size that live orders of this side take of the position.

        A derivative's position is the account's, so anybody's order counts. The bot's coins are its own: a person's
        resting sale sells other coins, and must not keep the bot from selling these.
        """
        claimed = self.ledger.remaining(symbol, side)
        if not claimed or self.ledger.instruments[symbol].is_derivative:
            return claimed
        return claimed - sum((order.remaining for order in self.foreign_orders(symbol, side)), ZERO)

    def foreign_orders(self, symbol: str, side: Side) -> tuple[Order, ...]:
        """Live orders of this side that this system did not send."""
        return tuple(o for o in self.ledger.live[symbol].values() if o.foreign and o.side is side)

    def reduces(self, order: Order) -> bool:
        """True when `order`, already counted as live, cannot grow the position however the live orders fill."""
        size = self.ledger.positions[order.symbol].size
        if not size or (size > 0) == (order.side is Side.BUY):
            return False
        return self._claimed(order.symbol, order.side) <= abs(size)
