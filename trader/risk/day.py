"""The day book: equity at the start of the UTC day, its peak, and what the day's result is made of.

The day is the highest UTC day seen on the market's clock, so a clock stepping back rolls nothing twice (F-T02). A step
forward of more than an hour at once is believed only after it has stood for a minute of the machine's clock. Money
paid in or out shifts the baselines and is no profit or loss. The whole book is one frozen record that the journal
keeps: restarts and reloads never reset it (C-12). Owned by the risk desk; pure.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from trader.market.clock import Now

ZERO = Decimal(0)
STEP_S = 3_600.0
STEP_CONFIRM_S = 60.0


class DayBaseline(msgspec.Struct, frozen=True, gc=False):
    """What the day is measured against. `fees` and `funding` are the account's totals when the day began."""

    day: int
    start_equity: Decimal
    peak_equity: Decimal
    fees: Decimal = ZERO
    funding: Decimal = ZERO
    trades: int = 0
    wins: int = 0
    low_equity: Decimal | None = None


class DayResult(msgspec.Struct, frozen=True, gc=False):
    """The day so far: `total` is price + fees + funding, exactly. `loss` is never negative."""

    total: Decimal
    price: Decimal
    fees: Decimal
    funding: Decimal
    loss: Decimal
    loss_pct: Decimal
    drawdown_pct: Decimal


class DaySummary(msgspec.Struct, frozen=True, gc=False):
    """A day that has ended. The series of `end_equity` is what returns, Sharpe ratio and drawdown are computed from.

    `win_rate` counts closed trades, net of fees and funding; None on a day without one.
    """

    day: int
    start_equity: Decimal
    end_equity: Decimal
    low_equity: Decimal
    peak_equity: Decimal
    fees: Decimal
    funding: Decimal
    trades: int
    wins: int

    @property
    def win_rate(self) -> Decimal | None:
        """Winning part of the closed trades."""
        return Decimal(self.wins) / self.trades if self.trades else None


class DayBook:
    """Keeps the baseline; None until an equity is known."""

    def __init__(self) -> None:
        self.baseline: DayBaseline | None = None
        self._finished: list[DaySummary] = []
        self._seen = ZERO
        self._last: Now | None = None
        self._stepped_at: float | None = None
        self._known: tuple[DayBaseline, Decimal, Decimal, Decimal] | None = None
        self._result: DayResult | None = None

    @property
    def day(self) -> int:
        """The highest UTC day believed; 0 before the first."""
        return self.baseline.day if self.baseline is not None else 0

    def observe(self, equity: Decimal, fees: Decimal, funding: Decimal, now: Now) -> bool:
        """Note the equity of this moment; True when a new day has begun (or the first one)."""
        rolls = self._believes_day(now)
        held = self.baseline
        if held is None or rolls:
            if held is not None:
                self._finished.append(self._summary(held, fees, funding))
            self._seen = equity
            peak = max(held.peak_equity, equity) if held is not None else equity
            self.baseline = DayBaseline(now.utc_day, equity, peak, fees, funding, low_equity=equity)
            return True
        self._seen = equity
        low = held.low_equity if held.low_equity is not None else equity
        if equity > held.peak_equity or equity < low:
            self.baseline = msgspec.structs.replace(
                held, peak_equity=max(equity, held.peak_equity), low_equity=min(equity, low)
            )
        return False

    def take_finished(self) -> tuple[DaySummary, ...]:
        """Days that have ended since the last call, oldest first: one performance snapshot per UTC day (PNL-20)."""
        finished, self._finished = tuple(self._finished), []
        return finished

    def _summary(self, held: DayBaseline, fees: Decimal, funding: Decimal) -> DaySummary:
        """The day as it was last seen; after downtime its end is the last equity before it."""
        end = self._seen or held.start_equity
        return DaySummary(
            day=held.day,
            start_equity=held.start_equity,
            end_equity=end,
            low_equity=held.low_equity if held.low_equity is not None else end,
            peak_equity=held.peak_equity,
            fees=fees - held.fees,
            funding=funding - held.funding,
            trades=held.trades,
            wins=held.wins,
        )

    def raise_peak(self, equity: Decimal) -> None:
        """Note a new highest equity between two observations; a lower one changes nothing."""
        if self.baseline is not None and equity > self.baseline.peak_equity:
            self.baseline = msgspec.structs.replace(self.baseline, peak_equity=equity)

    def _believes_day(self, now: Now) -> bool:
        """True when `now` lies on a later day and the clock did not just leap there."""
        last, self._last = self._last, now
        if last is not None:
            leap = (now.market_time - last.market_time) - max(now.machine_time - last.machine_time, 0.0)
            if leap > STEP_S:
                self._stepped_at = now.machine_time
        if self.baseline is None or now.utc_day <= self.baseline.day:
            self._stepped_at = None
            return False
        if self._stepped_at is not None and now.machine_time - self._stepped_at < STEP_CONFIRM_S:
            return False
        self._stepped_at = None
        return True

    def transfer(self, amount: Decimal) -> None:
        """Shift every baseline by money paid in (positive) or out: it is no result of trading."""
        if self.baseline is not None:
            held = self.baseline
            self.baseline = msgspec.structs.replace(
                held,
                start_equity=held.start_equity + amount,
                peak_equity=held.peak_equity + amount,
                low_equity=held.low_equity + amount if held.low_equity is not None else None,
            )

    def count_trade(self, result: Decimal) -> None:
        """Count one closed trade of the day."""
        if self.baseline is not None:
            held = self.baseline
            self.baseline = msgspec.structs.replace(held, trades=held.trades + 1, wins=held.wins + (result > 0))

    def restart_day(self, equity: Decimal, fees: Decimal, funding: Decimal) -> None:
        """Measure the day's loss from here: the operator's `clear daily loss`."""
        if self.baseline is not None:
            self.baseline = msgspec.structs.replace(
                self.baseline, start_equity=equity, fees=fees, funding=funding, low_equity=equity
            )

    def restart_peak(self, equity: Decimal) -> None:
        """Measure the drawdown from here: the operator accepted it."""
        if self.baseline is not None:
            self.baseline = msgspec.structs.replace(self.baseline, peak_equity=equity)

    def result(self, equity: Decimal, fees: Decimal, funding: Decimal) -> DayResult | None:
        """The day's result at `equity` and the account's totals of fees and funding; None without a baseline.

        Two guards and a check ask in one breath: the same question is answered from memory.
        """
        held, known = self.baseline, self._known
        if held is None:
            return None
        if known is None or known[0] is not held or known[1:] != (equity, fees, funding):
            self._known, self._result = (held, equity, fees, funding), self._measured(held, equity, fees, funding)
        return self._result

    @staticmethod
    def _measured(held: DayBaseline, equity: Decimal, fees: Decimal, funding: Decimal) -> DayResult:
        total = equity - held.start_equity
        paid, received = fees - held.fees, funding - held.funding
        loss = max(-total, ZERO)
        fall = max(held.peak_equity - equity, ZERO)
        return DayResult(
            total=total,
            price=total + paid - received,
            fees=-paid,
            funding=received,
            loss=loss,
            loss_pct=loss / held.start_equity if held.start_equity > 0 else Decimal(int(loss > 0)),
            drawdown_pct=fall / held.peak_equity if held.peak_equity > 0 else Decimal(int(fall > 0)),
        )
