"""How large an entry wants to be, and how much of that the caps leave.

Imported by the strategies, the symbol actor and risk. All notionals are USD, fractions are of equity. Caps come in as
values; this file knows no limits of its own except those that make a method honest (Kelly's sample, its quarter and
its ceiling). Requested and granted are both kept, so that a record shows what a cap took away.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from trader.market.instrument import Instrument
from trader.orders.position import TradeStatistics
from trader.orders.reason import Reason
from trader.strategy.settings import SizingSettings

ONE = Decimal(1)
ZERO = Decimal(0)
KELLY_SHARE = Decimal("0.25")
KELLY_TRADES_MIN = 10
KELLY_PAYOFF_MAX = Decimal(100)
KELLY_FRACTION_MAX = Decimal("0.25")
VOLATILITY_TARGET = Decimal("0.20")
"""Annualized volatility the volatility-target method aims its position at, as a fraction of equity."""


class Requested(msgspec.Struct, frozen=True, gc=False):
    """What a sizing method asks for. Zero notional comes with the reason why; `text` says how the number came about."""

    notional_usd: Decimal
    leverage: Decimal
    text: str
    reason: Reason | None = None


class Cap(msgspec.Struct, frozen=True, gc=False):
    """One ceiling on an entry's notional; `name` is what a person calls it, `reason` the code when nothing is left."""

    name: str
    notional_usd: Decimal
    reason: Reason


class Sized(msgspec.Struct, frozen=True, gc=False):
    """Requested and granted notional, and the cap that made the difference (None when none did)."""

    requested_usd: Decimal
    granted_usd: Decimal
    binding: Cap | None


class EntrySize(msgspec.Struct, frozen=True, gc=False):
    """A size on the venue's lot grid; `raised` when the venue's minimum lifted it above what was asked.

    Zero: not tradable.
    """

    size: Decimal
    raised: bool


class SizingInputs(msgspec.Struct, frozen=True, gc=False):
    """The values every method draws on. `volatility` is annualized, as a fraction; None where it is not known."""

    equity_usd: Decimal
    price: Decimal
    instrument: Instrument
    leverage_cap: Decimal = ONE
    volatility: Decimal | None = None
    trades: TradeStatistics | None = None


def effective_leverage(target: Decimal, cap: Decimal, instrument: Instrument) -> Decimal:
    """Target leverage clamped to the caps (D04); always 1 for spot."""
    if not instrument.is_derivative:
        return ONE
    venue_cap = instrument.max_leverage if instrument.max_leverage is not None else cap
    return max(ONE, min(target, cap, venue_cap))


def requested_notional(settings: SizingSettings, inputs: SizingInputs) -> Requested:
    """Ask for an entry by the configured method; a method that may not trade returns zero with a reason."""
    leverage = effective_leverage(settings.target_leverage, inputs.leverage_cap, inputs.instrument)
    if inputs.equity_usd <= 0:
        return Requested(ZERO, leverage, f"equity is {inputs.equity_usd} USD", Reason.NO_FUNDS)
    method = _METHODS.get(settings.method)
    assert method is not None, f"unknown sizing method {settings.method!r}: the loader should have refused it"
    return method(settings, inputs, leverage)


def downsize(requested_usd: Decimal, caps: Sequence[Cap]) -> Sized:
    """Grant what the tightest cap leaves, never below zero. Of two equal caps the first named binds."""
    binding = min(caps, key=lambda cap: cap.notional_usd, default=None)
    if binding is None or requested_usd <= binding.notional_usd:
        return Sized(requested_usd, requested_usd, None)
    return Sized(requested_usd, max(binding.notional_usd, ZERO), binding)


def entry_size(notional_usd: Decimal, instrument: Instrument, price: Decimal, *, may_raise: bool = True) -> EntrySize:
    """Turn a notional into a size on the lot grid, rounded down.

    Below the venue's minimum raise it or return zero (D17).

    A raised size is only a wish: whoever sends it must still hold it against every cap.
    """
    if notional_usd <= 0 or price <= 0:
        return EntrySize(ZERO, raised=False)
    size = instrument.round_size(notional_usd / (price * instrument.contract_size))
    minimum = instrument.minimum_size(price)
    if size >= minimum:
        return EntrySize(min(size, instrument.round_size(instrument.base_max_size)), raised=False)
    return EntrySize(minimum, raised=True) if may_raise else EntrySize(ZERO, raised=False)


def kelly_fraction(trades: TradeStatistics) -> Decimal:
    """Full Kelly fraction p - (1 - p) / b, with b = average win / average loss; negative for a losing edge.

    Source: J. L. Kelly, A New Interpretation of Information Rate, 1956, for a bet that wins b or loses 1. Without a
    loss b is capped at 100; without a win there is no edge and the answer is -1.
    """
    if trades.wins == 0 or trades.won_usd <= 0:
        return -ONE
    win_rate = Decimal(trades.wins) / trades.trades
    payoff = KELLY_PAYOFF_MAX
    if trades.losses and trades.lost_usd > 0:
        payoff = min(payoff, (trades.won_usd / trades.wins) / (trades.lost_usd / trades.losses))
    return win_rate - (1 - win_rate) / payoff


def _fixed(settings: SizingSettings, inputs: SizingInputs, leverage: Decimal) -> Requested:
    base = settings.fixed_base
    assert base is not None, "sizing.fixed_base is missing for method fixed: the loader should have refused it"
    return Requested(base * inputs.price, leverage, f"fixed {base} {inputs.instrument.base}")


def _fraction(settings: SizingSettings, inputs: SizingInputs, leverage: Decimal) -> Requested:
    fraction = settings.position_fraction
    text = f"{fraction:%} of {inputs.equity_usd:.2f} USD x {leverage.normalize():f}"
    return Requested(inputs.equity_usd * fraction * leverage, leverage, text)


def _full_leverage(_settings: SizingSettings, inputs: SizingInputs, leverage: Decimal) -> Requested:
    return Requested(
        inputs.equity_usd * leverage, leverage, f"all of {inputs.equity_usd:.2f} USD x {leverage.normalize():f}"
    )


def _kelly(settings: SizingSettings, inputs: SizingInputs, leverage: Decimal) -> Requested:
    """Quarter Kelly of equity, without leverage on top.

    Below the minimum sample the plain fraction, also without leverage.
    """
    trades = inputs.trades or TradeStatistics()
    if trades.trades < KELLY_TRADES_MIN:
        fraction = min(settings.position_fraction, KELLY_FRACTION_MAX)
        text = f"{fraction:%} of equity: {trades.trades} closed trades, Kelly needs {KELLY_TRADES_MIN}"
        return Requested(inputs.equity_usd * fraction, leverage, text)
    full = kelly_fraction(trades)
    # Won against lost is exact; the quotient may round to a speck of edge, which the minimum size would then lift.
    if trades.won_usd <= trades.lost_usd or full <= 0:
        text = f"no edge over {trades.trades} trades: Kelly fraction {full:.3f}"
        return Requested(ZERO, leverage, text, Reason.NO_EDGE)
    fraction = min(full * KELLY_SHARE, KELLY_FRACTION_MAX)
    text = f"quarter Kelly {fraction:.4f} of equity over {trades.trades} trades"
    return Requested(inputs.equity_usd * fraction, leverage, text)


def _volatility_target(_settings: SizingSettings, inputs: SizingInputs, leverage: Decimal) -> Requested:
    """Equity x target / realized volatility, at most equity x leverage: calm markets never mean more than the cap."""
    realized = inputs.volatility
    if realized is None:
        return Requested(ZERO, leverage, "realized volatility not known yet", Reason.WARMING_UP)
    ceiling = inputs.equity_usd * leverage
    if realized <= 0:
        return Requested(ceiling, leverage, "no realized volatility: full leverage")
    wanted = inputs.equity_usd * VOLATILITY_TARGET / realized
    text = f"target volatility {VOLATILITY_TARGET:.0%} over realized {realized:.0%}"
    return Requested(min(wanted, ceiling), leverage, text)


_METHODS = {
    "fixed": _fixed,
    "fraction": _fraction,
    "full_leverage": _full_leverage,
    "kelly": _kelly,
    "volatility_target": _volatility_target,
}
SIZING_METHODS = tuple(_METHODS)
