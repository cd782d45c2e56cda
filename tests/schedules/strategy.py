"""A strategy that wants something all the time: schedules need orders, not profit."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from trader.market.window import MarkWindow, WindowPlan
from trader.orders.reason import Reason
from trader.strategy.protocol import HOLDS, Action, Context, Decision, PositionView, StrategyState

if TYPE_CHECKING:
    from tests.schedules.world import World


class DrawnStrategy:
    """Draws buys, sells and closes from the run's generator; asks for more than the limits allow."""

    def __init__(self, world: World) -> None:
        self._world = world

    @property
    def required_bars(self) -> int:
        """One bar is enough."""
        return 1

    @property
    def window_plan(self) -> WindowPlan:
        """Keep two bars."""
        return WindowPlan(bars=2)

    def on_bar(self, window: MarkWindow, position: PositionView, context: Context) -> Decision:
        """Draw."""
        draw = self._world.stage.random
        if position.pending and draw.random() < self._world.patience:
            return HOLDS[Reason.PENDING_ORDER]
        if self._world.quiet or draw.random() < 0.3:
            return HOLDS[Reason.NO_SIGNAL]
        if position.size and draw.random() < 0.35:
            return Decision(Action.CLOSE, Reason.EXIT_SENT, "drawn", reduce_only=True)
        side = Action.BUY if draw.random() < 0.5 else Action.SELL
        return Decision(side, Reason.ENTRY_SENT, "drawn", target_notional_usd=Decimal(draw.randint(50, 700)))

    def on_mark(self, half_ticks: int, position: PositionView, context: Context) -> Decision | None:
        """Keep no stop."""
        return None

    def explain(self, window: MarkWindow, context: Context) -> str:
        """Say nothing."""
        return "drawn"

    def snapshot(self) -> StrategyState:
        """Keep nothing."""
        return StrategyState()

    def restore(self, state: StrategyState) -> None:
        """Take nothing back."""
