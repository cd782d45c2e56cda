"""SignalStrategy: the order of an evaluation, the same for every strategy that has a signal.

Imported by ma_cross.py, the experimental strategies and users' files. A subclass says when a signal fires, when the
opposite one stands, and how to put it into words; everything around it (warm-up, one order at a time, exits before
entries, the trailing stop, the entry rules, the filters, sizing) stands here once. The order is the contract: it
decides which single reason an evaluation ends in.

    on_bar:   forced exit -> WARMING_UP -> PENDING_ORDER -> exits -> NO_SIGNAL | HOLDING -> MAX_ADDS -> SHORTS_DISABLED
              -> ENTRIES_DISABLED -> COOLDOWN -> data -> filters -> RSI -> size -> ENTRY_SENT
    on_mark:  the trailing stop
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from decimal import Decimal

import msgspec

from trader.market.instrument import Instrument
from trader.market.rsi import CONTEXT_PERIODS
from trader.market.window import MarkWindow, WindowPlan
from trader.orders.order import Side
from trader.orders.reason import Reason
from trader.strategy.filters import Rejection, check_data, check_filters, check_rsi
from trader.strategy.protocol import HOLDS, Action, Context, Decision, PositionView, StrategyState
from trader.strategy.settings import FilterLimits, SizingSettings, StrategySettings
from trader.strategy.sizing import SizingInputs, requested_notional
from trader.strategy.trailing import TrailingStop

VOLATILITY_RETURNS = 60
"""Returns behind the volatility-target sizing."""
EXIT_RETRY_S = 1.0
"""A stop that is refused is asked for again at most once in this many seconds of the market's clock."""

DECIDING = frozenset({"signal", "exit_due", "on_bar", "on_mark"})
"""What a subclass may override to decide otherwise than the class it comes from."""

_HOLDING = HOLDS[Reason.HOLDING]
_NO_SIGNAL = HOLDS[Reason.NO_SIGNAL]
_PENDING = HOLDS[Reason.PENDING_ORDER]


class SignalStrategy(ABC):
    """A strategy made of one signal.

    Mutable state: the trailing stop and the time of the last entry; one instance per symbol.
    """

    def __init_subclass__(cls, **arguments: object) -> None:
        """Take an inherited short cut away from a class that decides otherwise: it would pass over bars it knows nothing of.

        A class that overrides what decides, itself or by a part mixed in, and says nothing of `signal_free_bars` is asked for every bar.
        """
        super().__init_subclass__(**arguments)
        newest = next(kind for kind in cls.__mro__ if (DECIDING | {"signal_free_bars"}) & vars(kind).keys())
        if "signal_free_bars" not in vars(newest):
            cls.signal_free_bars = SignalStrategy.signal_free_bars  # type: ignore[method-assign]

    def __init__(self, settings: StrategySettings, filters: FilterLimits, sizing: SizingSettings) -> None:
        self.settings = settings
        self.filters = filters
        self.sizing = sizing
        self._stop = TrailingStop(settings.trailing_stop_pct)
        self._last_entry_time: float | None = None
        self._last_stop_time: float | None = None
        needs = self.signal_bars
        if settings.require_rsi_confirmation:
            needs = max(needs, settings.rsi_period + 1)
        if sizing.method == "volatility_target":
            needs = max(needs, VOLATILITY_RETURNS + 1)
        self._required_bars = needs

    @property
    @abstractmethod
    def signal_bars(self) -> int:
        """Closed bars the signal itself looks back on."""

    @abstractmethod
    def signal(self, window: MarkWindow) -> int:
        """+1 when a buy signal fires at this very bar, -1 for a sell, 0 for neither.

        Must depend on the window alone.
        """

    @abstractmethod
    def exit_due(self, window: MarkWindow, sign: int) -> bool:
        """True while the signal against a position of `sign` stands; an exit that got lost is so asked for again."""

    @abstractmethod
    def describe(self, window: MarkWindow, instrument: Instrument) -> str:
        """The signal's numbers in one line, without a verdict."""

    @property
    def sum_periods(self) -> tuple[int, ...]:
        """Periods of moving sums the window must keep."""
        return ()

    @property
    def rsi_period(self) -> int | None:
        """Period of the window's RSI; None when nothing asks for it."""
        return self.settings.rsi_period if self.settings.require_rsi_confirmation else None

    @property
    def required_bars(self) -> int:
        """Closed bars without which it only says WARMING_UP."""
        return self._required_bars

    @property
    def window_plan(self) -> WindowPlan:
        """What the window must offer; with an RSI its whole context, so that a restart computes the same index."""
        period = self.rsi_period
        context = 0 if period is None else CONTEXT_PERIODS * period + 2
        return WindowPlan(self.sum_periods, period, max(self._required_bars + 1, context))

    @property
    def peak_half_ticks(self) -> int | None:
        """Best mark since entry, as the trailing stop sees it."""
        return self._stop.peak_half_ticks

    def on_bar(self, window: MarkWindow, position: PositionView, context: Context) -> Decision:
        """Decide at the close of a bar; exactly one reason, in the order of the module docstring."""
        if context.force_exit and position.size and not position.pending:
            return _close("account is reduce-only and configured to exit")
        if window.closed < self._required_bars:
            return self._warming_up(window)
        if position.pending:
            return _PENDING
        if position.size and self.exit_due(window, position.sign):
            return _close(f"opposite signal: {self.describe(window, context.instrument)}")
        sign = self.signal(window)
        if sign == 0:
            return _HOLDING if position.size else _NO_SIGNAL
        side = Side.BUY if sign > 0 else Side.SELL
        rejection = self._may_enter(side, window, position, context)
        return self._enter(side, window, context) if rejection is None else rejection.as_hold()

    def on_mark(self, half_ticks: int, position: PositionView, context: Context) -> Decision | None:
        """Follow the position with the trailing stop; CLOSE when it is hit and no order is pending."""
        if not self._stop.hit(half_ticks, position, context.instrument) or position.pending:
            return None
        last = self._last_stop_time
        if last is not None and last <= context.market_time < last + EXIT_RETRY_S:
            return None
        self._last_stop_time = context.market_time
        peak, level = self._stop.peak_half_ticks, self._stop.level_half_ticks
        assert peak is not None
        assert level is not None
        price = context.instrument.from_half_ticks
        return _close(f"trailing stop: mark {price(half_ticks)}, stop {price(level)}, best {price(peak)}")

    def quiet_bars(
        self, window: MarkWindow, marks: Sequence[int], position: PositionView, instrument: Instrument
    ) -> int:
        """How many bars that close at `marks` bring nothing: each would end in HOLDING or NO_SIGNAL and hit no stop.

        Changes nothing; a caller may then skip that many evaluations with `pass_bars`.
        """
        if window.closed < self._required_bars or position.pending:
            return 0
        count = self.signal_free_bars(window, marks, position.sign)
        return self._stop.first_hit(marks[:count], position, instrument) if count else 0

    def signal_free_bars(self, window: MarkWindow, marks: Sequence[int], sign: int) -> int:
        """How many bars that close at `marks` bring neither a signal nor, for a position of `sign`, its exit.

        A lower number is always right and only slower; 0, the default, asks for every bar.
        """
        return 0

    def pass_bars(self, marks: Sequence[int], position: PositionView, instrument: Instrument) -> None:
        """Go on after bars that `quiet_bars` has found to bring nothing."""
        self._stop.follow(marks, position, instrument)

    def explain(self, window: MarkWindow, context: Context) -> str:
        """The numbers of the moment for the status screen."""
        if window.closed < self._required_bars:
            return self._warming_up(window).text
        return self.describe(window, context.instrument)

    def snapshot(self) -> StrategyState:
        """Peak of the trailing stop and time of the last entry."""
        return msgspec.structs.replace(self._stop.snapshot(), last_entry_time=self._last_entry_time)

    def restore(self, state: StrategyState) -> None:
        """Take back a persisted state."""
        self._stop.restore(state)
        self._last_entry_time = state.last_entry_time

    def _may_enter(self, side: Side, window: MarkWindow, position: PositionView, context: Context) -> Rejection | None:
        """The entry rules in their order; None when the entry may be sized."""
        settings = self.settings
        if position.size and position.adds >= settings.max_adds:
            text = f"{position.adds} of {settings.max_adds} entries on this side made"
            return Rejection(Reason.MAX_ADDS, text, str(position.adds), str(settings.max_adds), "strategy.max_adds")
        if side is Side.SELL and not (settings.enable_shorts and context.instrument.is_derivative):
            why = "strategy.enable_shorts is false" if context.instrument.is_derivative else "spot cannot be sold short"
            return Rejection(Reason.SHORTS_DISABLED, why, config_key="strategy.enable_shorts")
        if settings.disable_new_entries:
            return Rejection(Reason.ENTRIES_DISABLED, "exit-only mode", config_key="strategy.disable_new_entries")
        return (
            self._check_cooldown(context)
            or check_data(context)
            or check_filters(side, context, self.filters)
            or (check_rsi(side, window.rsi, settings) if settings.require_rsi_confirmation else None)
        )

    def _check_cooldown(self, context: Context) -> Rejection | None:
        cooldown_s, last = self.settings.cooldown_s, self._last_entry_time
        if last is None or not last <= context.market_time < last + cooldown_s:
            return None
        waited = context.market_time - last
        text = f"{waited:.0f} s since the last entry, cooldown {cooldown_s:g} s"
        return Rejection(Reason.COOLDOWN, text, f"{waited:.1f}", f"{cooldown_s:g}", "strategy.cooldown_s")

    def _enter(self, side: Side, window: MarkWindow, context: Context) -> Decision:
        """Size the entry and ask for it."""
        realized = window.volatility(VOLATILITY_RETURNS) if self.sizing.method == "volatility_target" else None
        inputs = SizingInputs(
            equity_usd=context.equity_usd,
            price=context.quote.mark,
            instrument=context.instrument,
            leverage_cap=context.leverage_cap,
            volatility=None if realized is None else Decimal(repr(realized)),
            trades=context.trades,
        )
        wish = requested_notional(self.sizing, inputs)
        if wish.reason is not None:
            return Decision(Action.HOLD, wish.reason, wish.text)
        self._last_entry_time = context.market_time
        action = Action.BUY if side is Side.BUY else Action.SELL
        text = f"{self.describe(window, context.instrument)}; size {wish.text}"
        return Decision(action, Reason.ENTRY_SENT, text, wish.notional_usd, wish.leverage)

    def _warming_up(self, window: MarkWindow) -> Decision:
        needed, have = self._required_bars, window.closed
        ready_s = (needed - have) * window.bar_seconds
        text = f"needs {needed} closed bars, has {have}; ready in about {ready_s:.0f} s"
        return Decision(Action.HOLD, Reason.WARMING_UP, text, measured=str(have), limit=str(needed))


def _close(text: str) -> Decision:
    return Decision(Action.CLOSE, Reason.EXIT_SENT, text, reduce_only=True)
