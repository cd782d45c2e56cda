"""What an entry asked for and what risk granted stand beside each other in the record, for every sizing method."""

from __future__ import annotations

from decimal import Decimal

import pytest

from actors.backtest import LEAD_S, Backtest, Outcome
from actors.backtest_models import MarketModels
from actors.straight import StraightStage
from tests.backtest.backtest_markets import CHEAP, history, settings, waves
from trader.orders.reason import Reason
from trader.store.events import Event, EventName


def run(bars: int = 200, models: MarketModels = CHEAP, **overrides: object) -> tuple[Outcome, list[Event]]:
    """Run some hours of waves and return the outcome with every event."""
    market = history(waves(bars=bars))
    with StraightStage(market.first_end - LEAD_S) as stage:
        backtest = Backtest(settings(**overrides), market, models, stage=stage, keep_events=True)
        outcome = backtest.run()
    assert backtest.journal.events is not None
    return outcome, backtest.journal.events


def entries(bars: int = 200, models: MarketModels = CHEAP, **overrides: object) -> tuple[Outcome, list[Event]]:
    """Return the outcome and the intents of its entries."""
    outcome, events = run(bars, models, **overrides)
    intents = [event for event in events if event.event == EventName.ORDER_INTENT]
    return outcome, [event for event in intents if not event.payload["reduce_only"]]


def test_full_leverage_is_cut_to_a_cap_and_both_sizes_are_recorded() -> None:
    """A hundred thousand dollars asked for, the cap of the symbol granted, and the cap is named."""
    outcome, intents = entries(sizing__method="full_leverage", risk__max_position_usd="3000")
    assert len(intents) >= 3
    for intent in intents:
        price, asked, granted = (Decimal(str(intent.payload[key])) for key in ("mark", "requested_size", "size"))
        assert 99_000 < asked * price < 100_500
        assert 2_900 < granted * price <= 3_000
        assert intent.payload["binding_cap"] == "risk.max_position_usd"
    assert outcome.executions >= 2 * len(intents) - 1


@pytest.mark.parametrize(
    ("overrides", "worth"),
    [
        ({"sizing__method": "fraction", "sizing__position_fraction": "0.02"}, 2_000),
        ({"sizing__method": "fixed", "sizing__fixed_base": "0.05"}, 1_250),
        ({"sizing__method": "kelly", "sizing__position_fraction": "0.02"}, 2_000),
    ],
)
def test_an_entry_within_the_caps_is_granted_as_it_was_asked(overrides: dict[str, object], worth: int) -> None:
    """Nothing binds, and the two sizes are one."""
    _, intents = entries(**overrides)
    assert len(intents) >= 3
    for intent in intents:
        assert intent.payload["binding_cap"] is None
        assert intent.payload["size"] == intent.payload["requested_size"]
        assert abs(Decimal(str(intent.payload["size"])) * Decimal(str(intent.payload["mark"])) - worth) < worth // 50


KELLY = {
    "sizing__method": "kelly", "sizing__position_fraction": "0.02", "risk__max_position_pct_per_symbol": "1",
    "risk__max_position_usd": "1000000", "risk__max_order_notional_usd": "1000000", "risk__consecutive_losses": 20,
    "risk__max_drawdown_pct": "0.5", "risk__max_daily_loss_pct": "0.2", "risk__slippage_guard_bps": 500,
    "risk__entry_slippage_bps": 500,
}  # fmt: skip


def test_kelly_goes_by_the_trades_that_were_made() -> None:
    """Ten trades at the plain fraction, then a quarter of what won every time: the ceiling, 25 % of equity."""
    _, intents = entries(bars=900, **KELLY)
    worth = [round(Decimal(str(one.payload["requested_size"])) * Decimal(str(one.payload["mark"]))) for one in intents]
    assert len(worth) > 12
    assert all(abs(one - 2_000) < 60 for one in worth[:10])
    assert all(24_000 < one < 26_500 for one in worth[11:])


def test_kelly_stops_where_the_trades_that_were_made_lost() -> None:
    """Fees above what a wave gives: after ten trades there is no edge, and no further entry."""
    dear = MarketModels(maker_fee=Decimal("0.01"), taker_fee=Decimal("0.01"))
    outcome, intents = entries(bars=1_200, models=dear, **KELLY)
    assert len(intents) == 10
    assert sum(count for _, reason, count in outcome.risk.reasons if reason is Reason.NO_EDGE) > 3


def test_every_order_has_its_signal_with_the_numbers_behind_it() -> None:
    """STRAT-40: `strategy.signal` comes before the intent of the same decision and says action, size, averages and gap."""
    _, events = run()
    signals = {event.decision_id: event for event in events if event.event == EventName.STRATEGY_SIGNAL}
    intents = [event for event in events if event.event == EventName.ORDER_INTENT]
    assert len(intents) >= 5
    for intent in intents:
        signal = signals[intent.decision_id]
        assert events.index(signal) < events.index(intent)
        assert signal.payload["size"] == intent.payload["requested_size"]
        assert signal.payload["action"] == ("CLOSE" if intent.payload["reduce_only"] else "BUY")
        assert "trailing stop" in str(signal.payload["text"]) or "gap" in str(signal.payload["text"])
