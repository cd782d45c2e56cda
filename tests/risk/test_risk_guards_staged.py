"""Each runtime guard driven end to end on the stage: cause at the feed or the venue, effect at the venue's door.

The live actors run in virtual time against the venue of the schedules, without drawn faults. A guard's hold must come, and later
than one second after it no order that could grow a bound position may arrive; before it, such orders did arrive.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec
import pytest

from tests.schedules import world as schedules
from tests.schedules.world import REACTION_S, SYMBOLS, World
from trader.orders.order import OrderState, Side
from trader.risk.holds import ACCOUNT, Hold, Level
from trader.risk.limits import VolatilityLimits
from trader.store.events import EventName
from trader.venue import FeedEvent, FeedKind, Refused

D = Decimal
CALM_S, TROUBLE_S = 6.0, 30.0
FIRST = SYMBOLS[0]


class Case(NamedTuple):
    """Limits that differ, what goes wrong after some seconds of trading, and the hold that must follow."""

    limits: dict[str, Any]
    cause: Callable[[World], None]
    hold: str
    level: Level = Level.REDUCE_ONLY
    scope: str = ACCOUNT


def nothing(_world: World) -> None:
    """The market alone is the cause."""


def fills_become_worse(world: World) -> None:
    """The venue fills far from the mark."""
    fill = world.venue._fill

    def worse(order: Any, size: Decimal, price: Decimal) -> None:
        slip = D("1.015") if order.request.side is Side.BUY else D("0.985")
        fill(order, size, (price * slip).quantize(D("0.01")))

    world.venue._fill = worse


def orders_are_refused(world: World) -> None:
    """The venue refuses whatever comes."""
    world.venue.place = lambda request, deadline_s, still_allowed: Refused("INVALID_SIZE_PRECISION", "test")


def calls_fail(world: World) -> None:
    """The venue answers no call any more; the feed goes on."""
    world.venue._down = lambda: True


def a_position_changes_by_hand(world: World) -> None:
    """Somebody trades on the same account."""
    world.venue.positions[FIRST] += D(1)


def an_order_is_placed_by_hand(world: World) -> None:
    """An order that is not ours appears in the user feed."""
    order = next(iter(world.venue.orders.values()))
    told = world.venue._report(order, "user")
    world.venue.deliver(
        msgspec.structs.replace(
            told,
            client_order_id="hand",
            order_id="hand",
            state=OrderState.OPEN,
            filled_size=D(0),
            filled_value=D(0),
            fees=D(0),
        )
    )


def money_is_withdrawn(world: World) -> None:
    """All but a little of the collateral leaves the account, and the strategies keep what they hold."""
    world.quiet = True
    world.venue.cash = D(20)


def a_loss_is_made(world: World) -> None:
    """Losing fills: the same as worse fills, seen from the money's side."""
    fills_become_worse(world)


CASES = {
    "daily loss in USD": Case({"max_daily_loss_usd": D(5)}, a_loss_is_made, "daily_loss"),
    "daily loss in percent": Case({"max_daily_loss_pct": D("0.00005")}, a_loss_is_made, "daily_loss"),
    "drawdown": Case({"max_drawdown_pct": D("0.00005")}, a_loss_is_made, "drawdown"),
    "losses in a row": Case({"consecutive_losses": 2}, a_loss_is_made, "consecutive_losses", scope=""),
    "price drift": Case({}, fills_become_worse, "price_drift", scope=""),
    "volatility pause": Case(
        {"volatility": VolatilityLimits(1.0, 20, D("0.01"), D("0.02"), D(10**6), 60.0)}, nothing, "volatility", scope=""
    ),
    "volatility halt": Case(
        {"volatility": VolatilityLimits(1.0, 20, D("0.01"), D("0.02"), D("0.03"), 60.0)},
        nothing,
        "volatility",
        Level.HALTED,
        "",
    ),
    "rejects": Case({}, orders_are_refused, "rejects", scope=""),
    "error rate": Case({"error_rate_min_samples": 3, "error_rate_pct": D("0.9")}, calls_fail, "error_rate"),
    "repeated orders": Case({"repeat_limit": 2}, nothing, "repeated_order", scope=""),
    "liquidation buffer": Case({"min_liquidation_buffer_pct": D(10**4)}, nothing, "liquidation_buffer", scope=""),
    "leverage": Case({}, money_is_withdrawn, "leverage", scope=""),
    "a position by hand": Case({}, a_position_changes_by_hand, "mismatch"),
    "an order by hand": Case({}, an_order_is_placed_by_hand, "mismatch"),
}


class Trial:
    """One life with one cause; notes when each hold came."""

    def __init__(self, case: Case, seed: int) -> None:
        self.case = case
        self.world = World(seed)
        self.world.venue.faults = False
        self.world.crash_chance = 0.0
        self.world.resting = False
        self.came: dict[tuple[str, str], float] = {}
        self.holds: dict[tuple[str, str], Hold] = {}

    def look(self) -> None:
        """Note new holds, as the supervisor has them."""
        for hold in self.world.saved:
            key = (hold.cause, hold.scope)
            self.came.setdefault(key, self.world.stage.time.machine_time)
            self.holds[key] = hold

    def live(self) -> Trial:
        """Trade calmly, let the cause happen, go on."""
        with self.world.stage:
            self.world.start_process()
            self.world.stage.run(CALM_S, self.look)
            self.case.cause(self.world)
            self.world.stage.run(CALM_S + TROUBLE_S, self.look)
        return self


def set_stage(monkeypatch: pytest.MonkeyPatch, limits: dict[str, Any]) -> None:
    """Other limits, and an hour before midnight: the day must not end within the trial."""
    monkeypatch.setattr(schedules, "LIMITS", msgspec.structs.replace(schedules.LIMITS, **limits))
    monkeypatch.setattr(schedules, "MIDNIGHT", schedules.MIDNIGHT - 3_600.0)


@pytest.mark.parametrize("name", CASES)
def test_the_cause_at_the_venue_or_feed_ends_growth_at_the_wire(name, monkeypatch):
    """The hold comes with its level and scope, and later than a second after it nothing that grows arrives."""
    case = CASES[name]
    set_stage(monkeypatch, case.limits)
    trial = Trial(case, seed=11).live()
    came = {scope: at for (cause, scope), at in trial.came.items() if cause == case.hold}
    scopes = [scope for scope in came if scope == case.scope or (not case.scope and scope in SYMBOLS)]
    assert scopes, f"no {case.hold} hold came, only {sorted(trial.came)}"
    arrivals = trial.world.venue.arrivals
    assert any(arrived.was_growing for arrived in arrivals), "before it there was something to stop"
    for scope in scopes:
        assert trial.holds[case.hold, scope].level is case.level
        bound = [a for a in arrivals if scope in (ACCOUNT, a.request.symbol) and a.posted_at > came[scope] + REACTION_S]
        assert not any(arrived.was_growing for arrived in bound)
        assert case.level is not Level.HALTED or not bound


def test_leverage_above_the_cap_is_reduced_at_the_wire(monkeypatch):
    """D24: the exits themselves arrive at the venue, down to the cap."""
    set_stage(monkeypatch, {})
    trial = Trial(CASES["leverage"], seed=11).live()
    symbol, came = next((s, t) for (cause, s), t in trial.came.items() if cause == "leverage")
    exits = [a for a in trial.world.venue.arrivals if a.request.symbol == symbol and a.posted_at >= came]
    assert exits
    assert not any(arrived.was_growing for arrived in exits)


@pytest.mark.parametrize("silence", ["marks", "user feed"])
def test_silence_ends_growth_without_a_hold(silence, monkeypatch):
    """A mark older than the limit binds its symbol, a blind user feed the account; both end by themselves."""
    monkeypatch.setattr(
        schedules, "LIMITS", msgspec.structs.replace(schedules.LIMITS, stale_mark_s=3.0, user_feed_dead_s=2.0)
    )

    def falls_silent(world: World) -> None:
        deliver = world.venue.deliver
        assert deliver is not None
        if silence == "user feed":
            deliver(FeedEvent(FeedKind.USER, up=False, machine_time=world.stage.time.machine_time))
            return
        world.venue.deliver = lambda item: (
            None if getattr(item, "symbol", "") == FIRST and hasattr(item, "bid") else deliver(item)
        )

    trial = Trial(Case({}, falls_silent, ""), seed=11).live()
    late = CALM_S + 3.0 + REACTION_S
    arrivals = trial.world.venue.arrivals
    if silence == "marks":
        assert not [a for a in arrivals if a.request.symbol == FIRST and a.posted_at > late]
        assert [a for a in arrivals if a.request.symbol != FIRST and a.posted_at > late], "the others go on"
    else:
        grown = [a for a in arrivals if a.was_growing and a.posted_at > late and a.position_before]
        assert not grown


def test_a_position_whose_mark_is_old_is_warned_of_in_the_record(monkeypatch):
    """A finding that holds nothing is no secret: `risk.stale_mark_price`, and not again and again."""
    monkeypatch.setattr(schedules, "LIMITS", msgspec.structs.replace(schedules.LIMITS, stale_mark_s=3.0))

    def falls_silent(world: World) -> None:
        deliver = world.venue.deliver
        assert deliver is not None
        world.venue.deliver = lambda item: None if hasattr(item, "bid") else deliver(item)

    trial = Trial(Case({}, falls_silent, ""), seed=11).live()
    told = [e for e in trial.world.journal.replay() if e.event == EventName.STALE_MARK_PRICE]
    scopes = [str(e.payload["scope"]) for e in told]
    assert scopes
    assert len(scopes) == len(set(scopes))
