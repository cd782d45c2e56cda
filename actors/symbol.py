"""One symbol's actor: its mark window, its strategy and at most one intent in flight.

It decides on closed bars, watches its stop on every mark, and asks risk; it holds no money and sends no order. All it knows of its
position is what risk last told it, so a restart needs only three answers: the position, the history, the mode.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

import msgspec
from loguru import logger

from actors.intents import intent_of
from actors.messages import (
    Evaluations,
    FeedState,
    FetchHistory,
    Hello,
    History,
    IntentRefused,
    NewStrategy,
    PeerRestarted,
    PositionUpdate,
    Ready,
    SetMode,
    StopChild,
    StopPeak,
    SymbolMessage,
    Tick,
)
from actors.reports import DecisionReport, SymbolReport
from actors.symbol_base import Pending, SymbolBase
from trader.market.clock import Now
from trader.market.quote import Bar, BookTop, MarkRun, Quote
from trader.market.window import MarkWindow
from trader.orders.reason import Reason
from trader.strategy.examine import examine
from trader.strategy.protocol import HOLDS, Action, Context, Decision, StrategyState

HELLO_EVERY_S = 0.5
HISTORY_EVERY_S = 2.0
HISTORY_PATIENCE_S = 6.0
BAR_GRACE_S = 0.5
"""A bar without a further mark is closed this long after its end: marks still on their way belong to it."""
CANDLE_END_S = 0.001
"""A candle's close counts as a mark this long before its end, so that it belongs to the bar that ends there."""
HOLD = Action.HOLD
QUIET = frozenset({Reason.NO_SIGNAL, Reason.HOLDING, Reason.WARMING_UP, Reason.PENDING_ORDER})


class Symbol(SymbolBase):
    """See the module docstring."""

    records_inputs = True

    def prepare(self) -> None:
        """Start with an empty window and ask for what a fresh incarnation lacks: the position and the history."""
        self.strategy = self._make_strategy()
        self.window = MarkWindow(self.name, self._settings.bar_seconds, self.strategy.window_plan)
        self._ask_for_memory()

    def handle(self, message: SymbolMessage) -> None:
        """Handle one message."""
        match message:
            case Quote():
                self._on_quote(message)
            case BookTop():
                self._book = message
            case Tick():
                self._on_tick(message.now)
            case PositionUpdate():
                self._on_position(message)
            case IntentRefused():
                self._on_refused(message)
            case FeedState():
                self._feed_up = message.market_up
            case SetMode():
                self._on_mode(message)
            case History():
                self._on_history(message)
            case MarkRun():
                self._on_run(message)
            case NewStrategy():
                self._on_new_strategy(message)
            case PeerRestarted():
                if message.name == "risk":
                    self._state, self._asked_hello = None, float("-inf")
            case StopChild():
                self.stop()
            case _:
                assert_never(message)

    # --- deciding ----------------------------------------------------------------------------------------------------------

    def _on_quote(self, quote: Quote) -> None:
        self._quote = quote
        if quote.tainted:
            return
        window, market_time = self.window, quote.market_time
        context = self._context(quote)
        if self._candles:
            bar = window.add(quote.half_ticks, market_time - CANDLE_END_S)
            if bar is not None:
                self._judge_bars(bar, context)
            bar = window.advance(market_time)
        else:
            bar = window.add(quote.half_ticks, market_time)
        if bar is not None:
            self._judge_bars(bar, context)
        if context is None:
            return
        stop = self.strategy.on_mark(quote.half_ticks, self._position, context)
        if stop is not None and self._pending is None:
            self._judge(examine(stop), context)

    def _judge_bars(self, bar: Bar | None, context: Context | None) -> None:
        """Ask the strategy about each bar that has closed, one at a time; without a position to go by the bars only fill the window."""
        window = self.window
        while bar is not None:
            if context is not None:
                self._judge(examine(self.strategy.on_bar(window, self._position, context)), context)
            bar = window.fill()

    def quiet_bars(self, start: float, bar_s: float, marks: Sequence[int]) -> int:
        """How many bars from `start` on that close at `marks` need no look of this actor's. Changes nothing.

        A backtest asks before it tells a `MarkRun`; for bars of another length than the window's the answer is 0.
        """
        window, state = self.window, self._state
        if state is None or state.equity is None or self._pending is not None or self._force_exit:
            return 0
        if window.bar_seconds != bar_s or not window.follows(start):
            return 0
        return self.strategy.quiet_bars(window, marks, self._position, self.instrument)

    def _on_run(self, run: MarkRun) -> None:
        """Let bars pass that `quiet_bars` has found to bring nothing: what many quotes would have left, in one step."""
        self.window.extend(run.half_ticks)
        self.strategy.pass_bars(run.half_ticks, self._position, self.instrument)
        decision = HOLDS[Reason.HOLDING if self._position.size else Reason.NO_SIGNAL]
        self._counts[decision.reason] += len(run.half_ticks)
        self._quiet = (decision, run.quote.market_time)
        self._quote, self._book = run.quote, run.book

    def _judge(self, decision: Decision, context: Context) -> None:
        """Count a hold under its reason, or turn a wish into an intent, whose end risk will count."""
        if decision.action is HOLD:
            if decision.reason in QUIET:
                self._counts[decision.reason] += 1
                self._quiet = (decision, context.market_time)
            else:
                self._note(decision, decision.reason, decision.text, context)
            return
        self._decisions += 1
        decision_id = f"{self.surroundings.run_id}-{self.name}-{self.incarnation}-{self._decisions}"
        intent = intent_of(decision, context, self._position.size, self._settings.execution, decision_id)
        if intent.size <= 0:
            self._note(decision, Reason.ROUNDS_TO_ZERO, "the size rounds to zero on the venue's grid", context)
            return
        patience = self._settings.execution.approval_ttl_s + self._settings.execution.post_deadline_s
        self._pending = Pending(intent.decision_id, context.machine_time + patience)
        self._refresh_view()
        self._report(decision, context, decision.text)
        self._write_signal(decision, intent, context)
        if not self.addresses.risk.tell(intent):
            self._pending = None
            self._refresh_view()
            self._counts[Reason.ACTOR_RESTARTING] += 1

    # --- what others tell --------------------------------------------------------------------------------------------------

    def _on_position(self, update: PositionUpdate) -> None:
        first = self._state is None
        self._state = update.state
        if first:
            self.strategy.restore(_remembered(update))
            self._say_ready()
        if self._pending and update.settled == self._pending.decision_id:
            self._pending = None
        self._refresh_view()

    def _on_refused(self, refused: IntentRefused) -> None:
        if self._pending and refused.decision_id == self._pending.decision_id:
            self._pending = None
            self._refresh_view()
        if self._last is not None:
            self._quiet = None
            self._last = msgspec.structs.replace(self._last, action="hold", reason=refused.reason, text=refused.text)

    def _on_mode(self, message: SetMode) -> None:
        self._force_exit = self._settings.risk.force_exit_on_reduce_only and message.holds.wants_exit()

    def _on_history(self, history: History) -> None:
        if history.incarnation != self.incarnation or self._warm:
            return
        self._warm = True
        self._history_source = history.source if history.closes else "nothing: the window fills by itself"
        self.window.seed(Bar(self.name, start, close, close, close, close) for start, close in history.closes)
        self._say_ready()

    def _on_new_strategy(self, message: NewStrategy) -> None:
        """Go on with other settings: the stop's memory moves over, the window too unless it must hold something else."""
        old, self.strategy = self.strategy, message.make()
        self.strategy.restore(old.snapshot())
        self._settings = msgspec.structs.replace(
            self._settings, execution=message.execution, risk=message.risk, leverage_cap=message.leverage_cap
        )
        if self.strategy.window_plan != old.window_plan:
            self.window = MarkWindow(self.name, self._settings.bar_seconds, self.strategy.window_plan)
            self._resets, self._warm, self._asked_history = 0, False, float("-inf")
            self._started = self.now.machine_time

    # --- time --------------------------------------------------------------------------------------------------------------

    def _on_tick(self, now: Now) -> None:
        self.now = now
        if self._pending and now.machine_time > self._pending.until:
            logger.warning("{}: no answer to {}, giving the intent up", self.name, self._pending.decision_id)
            self._pending = None
            self._refresh_view()
        self._let_time_pass(now)
        self._ask_for_memory()
        self._tell_counts()
        self.publish(
            SymbolReport(
                last=self._explained(),
                bars=self.window.closed,
                bars_needed=self.strategy.required_bars,
                evaluations=self._counts.total(),
                history_source=self._history_source,
                incarnation=self.incarnation,
                mark=self._quote.mark if self._quote is not None else None,
                nearest=self._misses.nearest,
            )
        )

    def _let_time_pass(self, now: Now) -> None:
        """Close bars that have ended without a further mark, and ask for history anew when a hole has emptied the window."""
        quote = self._quote
        if quote is not None and not quote.tainted and not self._settings.candles:
            self._judge_bars(self.window.advance(now.market_time - BAR_GRACE_S), self._context(quote, now))
        if self.window.resets != self._resets:
            self._resets = self.window.resets
            logger.info("{}: the window starts anew: {}", self.name, self.window.reset_text)
            self._warm, self._asked_history, self._started = False, float("-inf"), now.machine_time

    def _explained(self) -> DecisionReport | None:
        """Return the last decision; a quiet one is given the numbers of the moment for its text."""
        if self._quiet is None or self._quote is None:
            return self._last
        decision, market_time = self._quiet
        context = None if decision.text else self._context(self._quote)
        text = decision.text if context is None else self.strategy.explain(self.window, context)
        return DecisionReport(self.name, decision.action.lower(), decision.reason, text, market_time)

    def _ask_for_memory(self) -> None:
        """Ask again for what is still missing; say Ready when nothing is."""
        machine_time = self.now.machine_time
        if self._state is None and machine_time - self._asked_hello >= HELLO_EVERY_S:
            self._asked_hello = machine_time
            self.addresses.risk.tell(Hello(self.name, self.incarnation))
        if self.window.closed >= self.strategy.window_plan.bars or machine_time - self._started > HISTORY_PATIENCE_S:
            self._warm = True
        if not self._warm and machine_time - self._asked_history >= HISTORY_EVERY_S:
            self._asked_history = machine_time
            self.addresses.broker.tell(
                FetchHistory(self.name, self.strategy.window_plan.bars, self._settings.bar_seconds, self.incarnation)
            )
        self._say_ready()

    def _say_ready(self) -> None:
        """Tell the supervisor once nothing is missing: at once, and again on every tick until it is heard."""
        if self._warm and self._state is not None:
            self.addresses.supervisor.tell(Ready(self.name, self.incarnation, self._history_source))

    def _tell_counts(self) -> None:
        total = self._counts.total()
        if total != self._told:
            self._told = total
            self.addresses.risk.tell(Evaluations(self.name, self.incarnation, tuple(self._counts.items())))
        peak = self.strategy.snapshot().peak_half_ticks if self._position.size else None
        if peak != self._told_peak:
            self._told_peak = peak
            self.addresses.risk.tell(StopPeak(self.name, peak))


def _remembered(update: PositionUpdate) -> StrategyState:
    """Return what risk kept for the strategy: the trailing stop's peak and the position it belongs to."""
    size = update.state.size
    return StrategyState(update.peak_half_ticks, (size > 0) - (size < 0), update.state.entry_price)
