"""What every part of a symbol's actor shares: what it knows, the moment it decides in, and how a decision is counted and told.

`symbol.py` builds on it and handles the messages.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from decimal import Decimal

import msgspec
from loguru import logger

from actors.base import SupervisedActor, Surroundings
from actors.figures import NearestMiss
from actors.intents import signal_payload
from actors.reports import DecisionReport
from trader.market.clock import Now
from trader.market.instrument import Instrument
from trader.market.quote import BookTop, Quote
from trader.market.window import MarkWindow
from trader.orders.order import OrderIntent
from trader.orders.position import PositionState
from trader.orders.reason import Reason
from trader.risk.limits import ExecutionSettings, RiskLimits
from trader.store.events import EventName
from trader.strategy.protocol import Context, Decision, PositionView, Strategy


class SymbolSettings(msgspec.Struct, frozen=True):
    """What a symbol's actor needs of the configuration."""

    bar_seconds: int
    execution: ExecutionSettings
    risk: RiskLimits
    leverage_cap: Decimal
    candles: bool = False
    """Whether each quote is the close of a recorded candle: it is the last mark of the bar that ends with it."""


class Pending(msgspec.Struct, frozen=True, gc=False):
    """The intent in flight and the machine time after which it is given up (S2)."""

    decision_id: str
    until: float


class SymbolBase(SupervisedActor):
    """State and voice of a symbol's actor; it handles no message itself."""

    window: MarkWindow
    strategy: Strategy

    def __init__(
        self,
        name: str,
        incarnation: int,
        surroundings: Surroundings,
        instrument: Instrument,
        settings: SymbolSettings,
        make_strategy: Callable[[], Strategy],
    ) -> None:
        super().__init__(name, incarnation, surroundings)
        self.instrument = instrument
        self._settings = settings
        self._make_strategy = make_strategy
        self._quote: Quote | None = None
        self._book: BookTop | None = None
        self._state: PositionState | None = None
        self._position = PositionView()
        self._pending: Pending | None = None
        self._candles = settings.candles
        self._feed_up = True
        self._force_exit = False
        self._counts: Counter[Reason] = Counter()
        self._told = 0
        self._told_peak: int | None = None
        self._decisions = 0
        self._last: DecisionReport | None = None
        self._quiet: tuple[Decision, float] | None = None
        self._history_source = ""
        self._misses = NearestMiss()
        self._warm = False
        self._resets = 0
        self._asked_hello = self._asked_history = float("-inf")
        self._started = self.now.machine_time

    def _context(self, quote: Quote, now: Now | None = None) -> Context | None:
        """Put the moment together; None while risk has not told the position and the equity."""
        state, settings = self._state, self._settings
        if state is None or state.equity is None:
            return None
        return Context(
            instrument=self.instrument,
            quote=quote,
            equity_usd=state.equity,
            market_time=now.market_time if now else quote.market_time,
            machine_time=now.machine_time if now else quote.machine_time,
            book=self._book,
            feed_up=self._feed_up,
            leverage_cap=settings.leverage_cap,
            stale_after_s=settings.risk.stale_mark_s,
            force_exit=self._force_exit,
            trades=state.trades,
        )

    def _refresh_view(self) -> None:
        state = self._state
        if state is None:
            return
        self._position = PositionView(
            size=state.size,
            entry_price=state.entry_price if state.size else None,
            adds=state.adds,
            peak_half_ticks=self._told_peak,
            pending=state.pending or self._pending is not None,
        )

    def _note(self, decision: Decision, reason: Reason, text: str, context: Context) -> None:
        self._counts[reason] += 1
        self._misses.note(self.name, reason, text, decision.measured, decision.limit, context.market_time)
        loud = self._quiet is not None or self._last is None or self._last.reason is not reason
        self._report(
            msgspec.structs.replace(decision, reason=reason) if reason is not decision.reason else decision,
            context,
            text,
        )
        if loud:
            logger.debug("{}: {} {}", self.name, reason, text)
            self._write_signal(decision, None, context, reason, text)

    def _report(self, decision: Decision, context: Context, text: str) -> None:
        self._quiet = None
        self._last = DecisionReport(self.name, decision.action.lower(), decision.reason, text, context.market_time)

    def _write_signal(
        self,
        decision: Decision,
        intent: OrderIntent | None,
        context: Context,
        reason: Reason | None = None,
        text: str = "",
    ) -> None:
        why = reason or decision.reason
        self.surroundings.events.write(
            EventName.STRATEGY_SIGNAL,
            signal_payload(decision, intent, context, why, text or decision.text),
            Now(context.market_time, context.machine_time),
            code=why,
            decision_id=intent.decision_id if intent else "",
        )
