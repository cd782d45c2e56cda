"""Funding in the books: every scheduled time passed is booked once, also after downtime (D32). Owned by the desk; pure."""

from __future__ import annotations

from decimal import Decimal

from trader.market.clock import Now
from trader.market.funding import FundingAccrual, accrue
from trader.risk.state import DeskState


class FundingBook:
    """`until` is the market time up to which each symbol's funding stands in the books; the durable record keeps it."""

    def __init__(self, state: DeskState) -> None:
        self._state = state
        self.until: dict[str, float] = {}

    def accrue(self, now: Now) -> tuple[FundingAccrual, ...]:
        """Book what came due since the last call and return it for the journal. Waits while a symbol has no mark."""
        booked: list[FundingAccrual] = []
        for symbol, position in self._state.ledger.positions.items():
            instrument = self._state.ledger.instruments[symbol]
            mark = self._state.market.symbols[symbol].mark
            if not instrument.is_derivative:
                continue
            since = self.until.setdefault(symbol, now.market_time)
            if mark is None or now.market_time <= since:
                continue

            def held(_time: float, size: Decimal = position.size, price: Decimal = mark) -> tuple[Decimal, Decimal]:
                return size, price

            done = accrue(instrument, since, now.market_time, held)
            self.until[symbol] = done.accrued_until
            for payment in done.accruals:
                self._state.ledger.pay_funding(symbol, payment.amount)
                booked.append(payment)
        return tuple(booked)
