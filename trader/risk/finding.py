"""Finding: what a guard has seen, and the hold that follows from it; and the structured errors of a guard that fails.

    RiskGuardError                     a guard could not do its work
    ├── RiskGuardRecoverableError      counted and logged; the other guards go on
    │   ├── RiskGuardTelemetryError         a figure for people is missing
    │   └── RiskGuardDataUnavailableError   an input has not arrived yet
    └── RiskGuardCriticalError         counted, and the account goes REDUCE_ONLY
        ├── RiskGuardDataCorruptError       an input contradicts itself
        ├── RiskGuardComputationError       the arithmetic failed
        └── RiskGuardActionError            what had to follow could not be done

Made by risk; the risk actor turns findings into holds, events and alerts, and the counters into metrics.
"""

from __future__ import annotations

from decimal import Decimal
from enum import IntEnum

import msgspec

from trader.orders.reason import Reason
from trader.risk.holds import ACCOUNT, Hold, Level


class RiskGuardError(Exception):
    """A guard could not do its work."""


class RiskGuardRecoverableError(RiskGuardError):
    """The next cycle may succeed."""


class RiskGuardTelemetryError(RiskGuardRecoverableError):
    """A figure for people is missing."""


class RiskGuardDataUnavailableError(RiskGuardRecoverableError):
    """An input has not arrived yet."""


class RiskGuardCriticalError(RiskGuardError):
    """The guard protects nothing while this lasts."""


class RiskGuardDataCorruptError(RiskGuardCriticalError):
    """An input contradicts itself."""


class RiskGuardComputationError(RiskGuardCriticalError):
    """The arithmetic failed."""


class RiskGuardActionError(RiskGuardCriticalError):
    """What had to follow could not be done."""


class Severity(IntEnum):
    """What follows from a finding. PAUSE is a reduce-only that ends by itself."""

    WARN = 0
    PAUSE = 1
    REDUCE_ONLY = 2
    HALTED = 3


class Finding(msgspec.Struct, frozen=True, gc=False):
    """One guard's word. `guard` names the guard and is the hold's cause; `ends_at` is market time, None when only a
    person ends it.
    """

    guard: str
    reason: Reason
    level: Severity
    text: str
    scope: str = ACCOUNT
    used: Decimal | None = None
    limit: Decimal | None = None
    ends_at: float | None = None
    config_key: str = ""

    def hold(self, market_time: float) -> Hold | None:
        """The hold that follows; None for a warning."""
        if self.level is Severity.WARN:
            return None
        level = Level.HALTED if self.level is Severity.HALTED else Level.REDUCE_ONLY
        return Hold(self.guard, level, self.scope, self.reason, self.text, "risk", market_time, self.ends_at)
