"""Funding of perpetuals: when it is due, and what it costs, once per scheduled time.

Anyone may import this; the ledger books what it returns, the catalog fills the schedule, the embedded exchange
charges by it. A positive rate means longs pay shorts. Nothing here reads a clock or keeps state: the caller stores
`accrued_until` with its books, so a restart neither skips a time nor charges it twice (D32). A time passed while
nothing was known of the mark is charged at the first mark known after it, and the record says which mark that was.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import msgspec

from trader.market.instrument import Instrument

DUE_TIMES_MAX = 24 * 366
"""More missed times than a year of hours is a wrong clock, not a long pause."""


class FundingSchedule(msgspec.Struct, frozen=True, gc=False):
    """Times at `anchor` plus or minus whole intervals, in UNIX seconds of the market's clock."""

    anchor: float
    interval_s: int

    def due(self, after: float, until: float) -> tuple[float, ...]:
        """Every scheduled time later than `after` and not later than `until`, oldest first.

        ValueError when that would be more than a year of hourly times.
        """
        if until <= after:
            return ()
        first = int((after - self.anchor) // self.interval_s) + 1
        last = int((until - self.anchor) // self.interval_s)
        if last - first >= DUE_TIMES_MAX:
            raise ValueError(f"{last - first + 1} funding times between {after} and {until}: check the market's clock")
        return tuple(self.anchor + number * self.interval_s for number in range(first, last + 1))

    def next_after(self, moment: float) -> float:
        """The first scheduled time later than `moment`."""
        return self.anchor + (int((moment - self.anchor) // self.interval_s) + 1) * self.interval_s


class FundingAccrual(msgspec.Struct, frozen=True, gc=False):
    """One scheduled time's payment: `amount` in quote currency, positive when we receive it."""

    symbol: str
    funding_time: float
    rate: Decimal
    size: Decimal
    mark: Decimal
    amount: Decimal


class Accrued(msgspec.Struct, frozen=True, gc=False):
    """What came due, and the time up to which the books now stand: store it with them."""

    accruals: tuple[FundingAccrual, ...]
    accrued_until: float


def schedule_of(instrument: Instrument) -> FundingSchedule | None:
    """The schedule a product names; None for spot and where the venue does not say when funding is due."""
    if not instrument.is_derivative or instrument.funding_time is None or instrument.funding_interval_s <= 0:
        return None
    return FundingSchedule(instrument.funding_time, instrument.funding_interval_s)


def funding_amount(size: Decimal, mark: Decimal, rate: Decimal, contract_size: Decimal = Decimal(1)) -> Decimal:
    """Payment of one funding time in quote currency.

    Minus signed notional times rate, so a long pays a positive rate.
    """
    return -size * contract_size * mark * rate


def accrue(
    instrument: Instrument,
    accrued_until: float | None,
    now: float,
    held: Callable[[float], tuple[Decimal, Decimal]],
    rate_at: Callable[[float], Decimal | None] = lambda _time: None,
) -> Accrued:
    """Work out every funding time passed since `accrued_until`, each once.

    `held(time)` gives the signed size held at that time and the mark to value it at. `rate_at(time)` gives a rate
    from the venue's history where there is one; otherwise the instrument's present rate stands in. The first call
    (`accrued_until` None) only starts the record: nothing was held by us before it. A time at which nothing was held
    passes without a record; one whose rate is not known stays due, with all after it, until it is.
    """
    if accrued_until is None or now <= accrued_until:
        return Accrued((), now if accrued_until is None else accrued_until)
    schedule = schedule_of(instrument)
    if schedule is None:
        return Accrued((), now)
    accruals: list[FundingAccrual] = []
    for time in schedule.due(accrued_until, now):
        size, mark = held(time)
        rate = rate_at(time)
        rate = instrument.funding_rate if rate is None else rate
        if rate is None:
            return Accrued(tuple(accruals), accrued_until)
        if size:
            amount = funding_amount(size, mark, rate, instrument.contract_size)
            accruals.append(FundingAccrual(instrument.symbol, time, rate, size, mark, amount))
        accrued_until = time
    return Accrued(tuple(accruals), now)
