"""The runtime guards: one function each, run every tick and after every fill, and the runner that survives a failing
one.

A guard looks at the desk's state and yields findings for as long as its condition lasts; the runner drops those whose
hold already stands, so the same breach is told once, and again when an operator resumed while it still lasts. Warnings
repeat at most once a minute. A failing guard never stops the others (F-P13); a critical failure is itself a finding.
Pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from trader.market.clock import Now
from trader.orders.reason import Reason
from trader.risk import aside, market_guards, money_guards
from trader.risk.finding import Finding, RiskGuardComputationError, RiskGuardError, RiskGuardRecoverableError, Severity
from trader.risk.holds import ACCOUNT
from trader.risk.state import DeskState

Guard = Callable[[DeskState, Now], Iterable[Finding]]


def unconfigured(state: DeskState, _now: Now) -> Iterable[Finding]:
    """Positions and orders of symbols that are not configured: REDUCE_ONLY until a person has accepted each (I-04)."""
    return aside.findings(state.aside, state.accepted)


def configured(state: DeskState, _now: Now) -> Iterable[Finding]:
    """What the configuration itself asks for: in force within a tick of a reload, for as long as it says so.

    A start writes `reduce_only_mode` as the hold `start_mode`; while that stands there is nothing to add.
    """
    if state.limits.kill_switch_enabled:
        yield kill_finding("config.toml", "risk.kill_switch_enabled is true")
    if state.limits.reduce_only_mode and not state.holds.has("start_mode"):
        level, text = Severity.REDUCE_ONLY, "risk.reduce_only_mode is true"
        yield Finding("config", Reason.MODE_REDUCE_ONLY, level, text, config_key="risk.reduce_only_mode")


def kill_finding(by: str, text: str) -> Finding:
    """What `activate_kill_switch` and `kill_switch_enabled` amount to: everything stops until an operator resumes."""
    return Finding("kill", Reason.KILL_SWITCH, Severity.HALTED, f"kill switch by {by}: {text}", ACCOUNT)


GUARDS: dict[str, Guard] = {
    "configured": configured,
    "daily_loss": money_guards.daily_loss,
    "drawdown": money_guards.drawdown,
    "liquidation_buffer": money_guards.liquidation_buffer,
    "leverage": money_guards.leverage,
    "consecutive_losses": money_guards.consecutive_losses,
    "price_drift": money_guards.price_drift,
    "stale_mark": market_guards.mark_staleness,
    "volatility": market_guards.volatility,
    "correlation": market_guards.concentration,
    "liquidity": market_guards.liquidity,
    "error_rate": market_guards.error_rate,
    "rejects": market_guards.rejects,
    "user_feed": market_guards.user_feed,
    "unconfigured": unconfigured,
}
"""In the order they run; the names are those of the counters `risk.guards.<name>...`."""

WARN_AGAIN_S = 60.0


class GuardRunner:
    """Runs the guards and remembers what it has said. `failures` counts by the documents' metric names."""

    def __init__(self, guards: dict[str, Guard] | None = None) -> None:
        self._guards = GUARDS if guards is None else guards
        self._warned_at: dict[tuple[str, str], float] = {}
        self.failures: Counter[str] = Counter()

    def run(self, state: DeskState, now: Now) -> Iterator[Finding]:
        """Yield what is new."""
        for name, guard in self._guards.items():
            try:
                found = list(guard(state, now))
            except (RiskGuardError, ArithmeticError) as error:  # of arithmetic: Decimal's traps, division by zero
                found = [self._failed(name, error)]
            for finding in found:
                if self._is_news(finding, state, now):
                    yield finding

    def _failed(self, name: str, error: RiskGuardError | ArithmeticError) -> Finding:
        """Count a failure; a critical one makes the account reduce-only."""
        if isinstance(error, RiskGuardRecoverableError):
            self.failures[f"risk.guards.{name}.recoverable_failures"] += 1
            return Finding(f"guard:{name}", Reason.DATA_GAP, Severity.WARN, f"guard {name} could not run: {error}")
        if isinstance(error, ArithmeticError):
            error = RiskGuardComputationError(f"{name}: {type(error).__name__}")
        self.failures[f"risk.guards.{name}.critical_failures"] += 1
        text = f"guard {name} failed: {type(error).__name__}: {error}"
        return Finding(f"guard:{name}", Reason.BAD_INPUT, Severity.REDUCE_ONLY, text)

    def _is_news(self, finding: Finding, state: DeskState, now: Now) -> bool:
        hold = finding.hold(now.market_time)
        if hold is not None:
            standing = (h for h in state.holds.holds if (h.cause, h.scope) == (hold.cause, hold.scope))
            return not any(old.level >= hold.level for old in standing)
        key = (finding.guard, finding.scope)
        last = self._warned_at.get(key)
        if last is not None and now.machine_time - last < WARN_AGAIN_S:
            return False
        self._warned_at[key] = now.machine_time
        return True
