"""The documents' calling form, and what happens to answers that are no decisions."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest
from strategy_builders import PERP, SPOT

from trader.orders.reason import Reason
from trader.strategy.documented import BaselineStrategy, create_baseline_strategy
from trader.strategy.examine import examine
from trader.strategy.protocol import FLAT, HOLDS, Action, Decision, PositionView

CONFIG: dict[str, object] = {
    "short_ma_period": 5, "long_ma_period": 20, "target_leverage": 2, "trailing_stop_pct": 0.01,
    "enable_shorts": False, "max_adds": 1, "disable_new_entries": False,
}  # fmt: skip
RISING = [Decimal(50_000)] * 20


def baseline(**changes: object) -> BaselineStrategy:
    """The documents' example, with a leverage cap of three."""
    return create_baseline_strategy(CONFIG | changes, leverage_cap=Decimal(3))


def test_decide_takes_the_six_inputs_and_buys_a_bullish_cross() -> None:
    """STRAT-20 to STRAT-23: notional = equity x 5 % x leverage (D05)."""
    answer = baseline().decide("BTC-PERP", Decimal(51_000), FLAT, RISING, Decimal(10_000), PERP)
    assert (answer.action, answer.reason) == (Action.BUY, Reason.ENTRY_SENT)
    assert (answer.target_notional_usd, answer.leverage, answer.reduce_only) == (Decimal(1000), Decimal(2), False)


def test_decide_waits_for_its_twenty_one_marks() -> None:
    """STRAT-27."""
    answer = baseline().decide("BTC-PERP", Decimal(51_000), FLAT, RISING[:10], Decimal(10_000), PERP)
    assert answer.reason is Reason.WARMING_UP
    assert "needs 21 closed bars, has 11" in answer.text


def test_decide_keeps_the_trailing_stops_peak_from_call_to_call() -> None:
    """Long from 50,000, up to 52,000, and 1 % below that is out."""
    one, held = baseline(), PositionView(Decimal(1), Decimal(50_000), adds=1)
    assert one.decide("BTC-USD", Decimal(52_000), held, RISING, Decimal(10_000), SPOT).action is not Action.CLOSE
    closing = one.decide("BTC-USD", Decimal(51_480), held, [*RISING, Decimal(52_000)], Decimal(10_000), SPOT)
    assert (closing.action, closing.reduce_only) == (Action.CLOSE, True)


def test_a_key_that_does_not_exist_or_does_not_fit_is_named() -> None:
    """No silent default behind a typo."""
    with pytest.raises(ValueError, match="unknown strategy keys shortma"):
        baseline(shortma=3)
    with pytest.raises(msgspec.ValidationError, match="short_ma_period"):
        baseline(short_ma_period="fast")


WRONG = {
    "nothing": None,
    "a word": "BUY",
    "no notional": Decision(Action.BUY, Reason.ENTRY_SENT),
    "NaN": Decision(Action.BUY, Reason.ENTRY_SENT, target_notional_usd=Decimal("NaN")),
    "infinity": Decision(Action.SELL, Reason.ENTRY_SENT, target_notional_usd=Decimal("Infinity")),
    "a float": Decision(Action.BUY, Reason.ENTRY_SENT, target_notional_usd=100.0),  # type: ignore[arg-type]
    "negative": Decision(Action.BUY, Reason.ENTRY_SENT, target_notional_usd=Decimal(-1)),
    "no leverage": Decision(Action.BUY, Reason.ENTRY_SENT, "", Decimal(1), Decimal(0)),
    "reduce-only entry": Decision(Action.BUY, Reason.ENTRY_SENT, "", Decimal(1), reduce_only=True),
    "unmarked exit": Decision(Action.CLOSE, Reason.EXIT_SENT),
    "partial exit": Decision(Action.CLOSE, Reason.EXIT_SENT, "", Decimal(1), reduce_only=True),
    "unknown action": Decision("SHORT", Reason.ENTRY_SENT, "", Decimal(1)),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("answer", WRONG.values(), ids=WRONG.keys())
def test_an_answer_that_makes_no_sense_becomes_a_hold(answer: object) -> None:
    """F-P13: neither a crash nor an order."""
    judged = examine(answer)
    assert (judged.action, judged.reason) == (Action.HOLD, Reason.BAD_INPUT)
    assert judged.text


def test_a_sound_answer_passes_unchanged() -> None:
    """Holds, entries and exits."""
    for answer in (
        HOLDS[Reason.NO_SIGNAL],
        Decision(Action.BUY, Reason.ENTRY_SENT, "", Decimal(100), Decimal(2)),
        Decision(Action.CLOSE, Reason.EXIT_SENT, reduce_only=True),
    ):
        assert examine(answer) is answer
