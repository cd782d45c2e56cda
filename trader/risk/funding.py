"""Funding in the books: every scheduled time passed is booked once, also after downtime (D32). Owned by the desk; pure.

The venue tells the rate of the coming payment before it is due and the next one right after, so each rate is kept with the
time it is for. A payment whose rate was never heard is reckoned with the present one; what that is off by shows in the
wallet, and reconciliation books the rest as funding.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from trader.market.clock import Now
from trader.market.funding import FundingAccrual, accrue
from trader.market.instrument import Instrument
from trader.risk.state import DeskState

RATES_KEPT = 48
ZERO = Decimal(0)


class FundingBook:
    """`until` is the market time up to which each symbol's funding stands in the books; the durable record keeps it."""

    def __init__(self, state: DeskState) -> None:
        self._state = state
        self._rates: dict[str, dict[float, Decimal]] = {}
        self.until: dict[str, float] = {}
        self.hear(state.ledger.instruments.values())

    def hear(self, instruments: Iterable[Instrument]) -> None:
        """Keep the rate each product names for its next payment."""
        for instrument in instruments:
            if instrument.funding_rate is not None and instrument.funding_time is not None:
                rates = self._rates.setdefault(instrument.symbol, {})
                rates[instrument.funding_time] = instrument.funding_rate
                while len(rates) > RATES_KEPT:
                    del rates[min(rates)]

    def accrue(self, now: Now) -> tuple[FundingAccrual, ...]:
        """Book what came due since the last call and return it for the journal. Waits while a position has no mark."""
        booked: list[FundingAccrual] = []
        for symbol, position in self._state.ledger.positions.items():
            instrument = self._state.ledger.instruments[symbol]
            mark = self._state.market.symbols[symbol].mark
            if not instrument.is_derivative:
                continue
            since = self.until.setdefault(symbol, now.market_time)
            if now.market_time <= since or (mark is None and position.size):
                continue

            def held(
                _time: float, size: Decimal = position.size, price: Decimal = mark or ZERO
            ) -> tuple[Decimal, Decimal]:
                return size, price

            done = accrue(instrument, since, now.market_time, held, self._rates.get(symbol, {}).get)
            self.until[symbol] = done.accrued_until
            for payment in done.accruals:
                self._book(payment, now)
            booked += done.accruals
        return tuple(booked)

    def replay(self, symbol: str, amount: Decimal, until: float) -> None:
        """Book a payment that the journal holds and the restored record does not: it stands, and is not reckoned again."""
        if symbol in self._state.ledger.positions:
            self._state.ledger.pay_funding(symbol, amount)
            self.until[symbol] = max(until, self.until.get(symbol, until))

    def _book(self, payment: FundingAccrual, now: Now) -> None:
        self._state.ledger.pay_funding(payment.symbol, payment.amount)
        before, _ = self._state.funding_unproven.get(payment.symbol, (ZERO, 0.0))
        self._state.funding_unproven[payment.symbol] = (before + abs(payment.amount), now.machine_time)
