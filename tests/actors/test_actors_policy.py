"""Budgets and the ladder as tables (S10 to S12)."""

from __future__ import annotations

import pytest

from actors.messages import Quiesced
from actors.policy import Decision, RestartBudget, Role, SystemBudget, Verdict, after_death, after_hang
from actors.shutdown import ShutdownSteps


def test_s10_the_first_restart_is_immediate_then_the_delay_doubles_to_thirty_seconds() -> None:
    """No jitter: one process, and determinism helps."""
    budget = RestartBudget(restarts=9, window_s=1_000.0)
    assert [budget.spend(float(at)) for at in range(9)] == [0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]
    assert budget.spend(9.0) is None


def test_s10_a_quiet_window_resets_the_budget_by_itself() -> None:
    """Sliding, not since the start."""
    budget = RestartBudget(restarts=2, window_s=10.0)
    assert budget.spend(0.0) == 0.0
    assert budget.spend(1.0) == 1.0
    assert budget.spend(2.0) is None
    assert budget.spend(11.5) == 0.0
    assert budget.used(11.5) == 1


@pytest.mark.parametrize(
    ("role", "verdict"), [(Role.SYMBOL, Verdict.QUARANTINE), (Role.BROKER, Verdict.HALT), (Role.RISK, Verdict.HALT)]
)
def test_a_spent_budget_quarantines_a_symbol_and_halts_for_the_rest(role: Role, verdict: Verdict) -> None:
    """Other symbols keep their exits; nothing with authority to trade is restarted for ever."""
    child, system = RestartBudget(1, 100.0), SystemBudget(3)
    assert after_death(role, child, system, "a", 0.0) == Decision(Verdict.RESTART, 0.0)
    assert after_death(role, child, system, "b", 5.0).verdict is verdict


def test_s10_the_systems_budget_counts_one_shared_cause_once() -> None:
    """Ten symbols dying of one thing in one second is one thing."""
    system = SystemBudget(3)
    assert all(system.spend("the same", 0.05 * number) for number in range(20))
    assert all(system.spend(f"cause {number}", 10.0 + number) for number in range(7))
    assert not system.spend("one more", 30.0)


def test_s12_only_a_hung_symbol_gets_a_successor() -> None:
    """A zombie with authority to trade must not get a sibling."""
    assert [after_hang(role) for role in (Role.SYMBOL, Role.RISK, Role.BROKER)] == [
        Verdict.RESTART,
        Verdict.HALT,
        Verdict.HALT,
    ]


def test_a_stop_confirms_the_orders_then_stops_symbols_broker_and_risk_in_turn() -> None:
    """The books are last up and last down (S19)."""
    steps, everyone = ShutdownSteps(0.0), frozenset(Role)
    assert steps.to_stop(1.0, everyone) == ()
    steps.on_quiesced(Quiesced(live=1, unknown=0))
    assert steps.to_stop(2.0, everyone) == ()
    steps.on_quiesced(Quiesced(live=0, unknown=0))
    assert steps.confirmed
    assert steps.to_stop(2.1, everyone) == (Role.SYMBOL,)
    assert steps.to_stop(2.2, everyone) == ()
    assert steps.to_stop(2.3, everyone - {Role.SYMBOL}) == (Role.BROKER,)
    assert steps.to_stop(2.4, frozenset({Role.RISK})) == (Role.RISK,)
    assert not steps.finished(2.5, frozenset({Role.RISK}))
    assert steps.finished(2.6, frozenset())


def test_a_stop_goes_on_when_its_deadlines_pass_and_says_what_is_left() -> None:
    """Nothing may keep the process from ending, and nothing is called confirmed that is not."""
    steps, everyone = ShutdownSteps(0.0), frozenset(Role)
    steps.on_quiesced(Quiesced(live=2, unknown=1))
    assert steps.to_stop(5.9, everyone) == ()
    assert steps.to_stop(6.1, everyone) == (Role.SYMBOL,)
    assert steps.to_stop(7.2, everyone) == (Role.BROKER,)
    assert steps.to_stop(8.3, everyone) == (Role.RISK,)
    assert steps.finished(9.4, everyone)
    assert not steps.confirmed
    assert steps.text == "2 orders still open, 1 unproven"
