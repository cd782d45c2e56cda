"""What a strategy answers is judged before anybody acts on it: a user's file may return anything (F-P13).

Imported by the symbol actor and the backtest. A wrong answer is not a crash and not an order: it becomes a HOLD with
BAD_INPUT and the sentence that says what was wrong. Limits on size and rate are risk's; here only what makes an
answer meaningless is refused.
"""

from __future__ import annotations

from decimal import Decimal

from trader.orders.reason import Reason
from trader.strategy.protocol import Action, Decision

_HOLD = Action.HOLD


def examine(answer: object) -> Decision:
    """Return the answer when it is a sound Decision, else a HOLD with BAD_INPUT.

    A HOLD passes at the cost of two comparisons.
    """
    if not isinstance(answer, Decision):
        return _refused(f"the strategy returned {type(answer).__name__} instead of a Decision")
    if answer.action is _HOLD:
        return answer
    fault = _fault_of_exit(answer) if answer.action is Action.CLOSE else _fault_of_entry(answer)
    return _refused(fault) if fault else answer


def _fault_of_exit(answer: Decision) -> str:
    if not answer.reduce_only:
        return "CLOSE must be reduce_only"
    if answer.target_notional_usd is not None:
        return "CLOSE is the whole position: leave target_notional_usd None"
    return ""


def _fault_of_entry(answer: Decision) -> str:
    if answer.action not in {Action.BUY, Action.SELL}:
        return f"unknown action {answer.action!r}"
    if answer.reduce_only:
        return f"{answer.action} with reduce_only: return CLOSE to leave a position"
    return _fault_of_number("target_notional_usd", answer.target_notional_usd) or _fault_of_number(
        "leverage", answer.leverage
    )


def _fault_of_number(name: str, value: object) -> str:
    """A positive, finite Decimal passes; records do not check their fields, so the type is looked at too."""
    if not isinstance(value, Decimal):
        return f"{name} must be a Decimal, not {type(value).__name__}"
    if not value.is_finite() or value <= 0:
        return f"{name} must be positive and finite, not {value}"
    return ""


def _refused(fault: str) -> Decision:
    return Decision(Action.HOLD, Reason.BAD_INPUT, fault)
