"""What an entry asked for and what risk granted stand beside each other in the record, for every sizing method."""

from __future__ import annotations

from decimal import Decimal

import pytest

from actors.backtest import LEAD_S, Backtest, Outcome
from actors.straight import StraightStage
from tests.backtest.backtest_markets import CHEAP, history, settings, waves
from trader.store.events import Event, EventName


def run(**overrides: object) -> tuple[Outcome, list[Event]]:
    """Run three hours of waves and return the outcome with every event."""
    market = history(waves(bars=200))
    with StraightStage(market.first_end - LEAD_S) as stage:
        backtest = Backtest(settings(**overrides), market, CHEAP, stage=stage, keep_events=True)
        outcome = backtest.run()
    assert backtest.journal.events is not None
    return outcome, backtest.journal.events


def entries(**overrides: object) -> tuple[Outcome, list[Event]]:
    """Return the outcome and the intents of its entries."""
    outcome, events = run(**overrides)
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
