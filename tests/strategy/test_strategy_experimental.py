"""The experimental strategies against their rules, worked out afresh at every bar."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from itertools import pairwise

import pytest
from strategy_builders import FILTERS, SIZING, bars, settings_of, walk

from trader.market.window import MarkWindow
from trader.strategy.experimental.donchian import DonchianBreakout
from trader.strategy.experimental.market_regime import EFFICIENCY_MIN_PCT, RegimeCross
from trader.strategy.experimental.multi_timeframe import TREND_FACTOR, MultiTimeframeCross
from trader.strategy.experimental.rsi_reversion import RsiReversion
from trader.strategy.ma_cross import MovingAverageCross
from trader.strategy.signal_strategy import SignalStrategy

SHORT, LONG = 3, 8
CLOSES = walk(1_500, seed=31)
Rule = Callable[[list[int]], int]


def made(kind: Callable[..., SignalStrategy], **changes: object) -> SignalStrategy:
    """A strategy with averages or channels of three and eight bars."""
    return kind(settings_of(short_ma_period=SHORT, long_ma_period=LONG, **changes), FILTERS, SIZING)


def signals(strategy: SignalStrategy) -> list[int]:
    """The signal at each bar of the walk, 0 before the strategy has what it needs."""
    return [
        strategy.signal(window) if window.closed >= strategy.required_bars else 0 for window in bars(strategy, CLOSES)
    ]


def crossed(closes: list[int]) -> int:
    """The plain cross at the last of these closes."""

    def gap(end: int) -> int:
        return sum(closes[end - SHORT : end]) * LONG - sum(closes[end - LONG : end]) * SHORT

    now, before = gap(len(closes)), gap(len(closes) - 1)
    return int(before <= 0 < now) - int(before >= 0 > now)


def broke_the_channel(closes: list[int]) -> int:
    """A close beyond all closes of the eight bars before it."""
    *_, close = closes
    before = closes[-LONG - 1 : -1]
    return int(close > max(before)) - int(close < min(before))


def crossed_in_a_trend(closes: list[int]) -> int:
    """The cross where three tenths of the way travelled over eight bars were net progress."""
    part = closes[-LONG - 1 :]
    travelled = sum(abs(later - earlier) for earlier, later in pairwise(part))
    return crossed(closes) if 100 * abs(part[-1] - part[0]) >= EFFICIENCY_MIN_PCT * travelled > 0 else 0


def crossed_with_the_wind(closes: list[int]) -> int:
    """The cross on the side of the average over six times eight bars on which the close stands."""
    slow = closes[-LONG * TREND_FACTOR :]
    above = closes[-1] * len(slow) - sum(slow)
    return crossed(closes) if crossed(closes) * above > 0 else 0


@pytest.mark.parametrize(
    ("kind", "rule"),
    [
        (DonchianBreakout, broke_the_channel),
        (RegimeCross, crossed_in_a_trend),
        (MultiTimeframeCross, crossed_with_the_wind),
        (MovingAverageCross, crossed),
    ],
)
def test_signals_are_those_of_the_rule(kind: Callable[..., SignalStrategy], rule: Rule) -> None:
    """Over 1,500 bars of a walk: the same bars, the same direction, and enough of both."""
    strategy = made(kind)
    expected = [rule(CLOSES[:end]) if end >= strategy.required_bars else 0 for end in range(1, len(CLOSES) + 1)]
    assert signals(strategy) == expected
    assert min(expected.count(1), expected.count(-1)) >= 15


def test_a_filter_takes_crosses_away_and_adds_none() -> None:
    """Every signal of the two filters is one of the plain cross, and each of them leaves some out."""
    plain = signals(made(MovingAverageCross))
    for kind in (RegimeCross, MultiTimeframeCross):
        filtered = signals(made(kind))
        assert all(one in {0, other} for one, other in zip(filtered, plain, strict=True))
        assert 0 < sum(map(abs, filtered)) < sum(map(abs, plain))


def test_a_breakout_is_left_at_the_opposite_extreme_of_the_short_channel() -> None:
    """A long below the lows of three bars, a short above their highs."""
    strategy = made(DonchianBreakout)
    seen = set()
    for end, window in enumerate(bars(strategy, CLOSES), 1):
        if window.closed < strategy.required_bars:
            continue
        close, before = CLOSES[end - 1], CLOSES[end - 1 - SHORT : end - 1]
        left = strategy.exit_due(window, 1), strategy.exit_due(window, -1)
        assert left == (close < min(before), close > max(before))
        seen.add(left)
    assert len(seen) == 3


def test_reversion_buys_what_fell_sells_what_rose_and_leaves_at_the_middle() -> None:
    """By the index alone: below 30, above 70, and at 50 from either side."""
    strategy = made(RsiReversion, rsi_period=5, rsi_overbought=Decimal(70), rsi_oversold=Decimal(30))

    def told(window: MarkWindow) -> tuple[int, bool, bool]:
        return strategy.signal(window), strategy.exit_due(window, 1), strategy.exit_due(window, -1)

    counts = {1: 0, -1: 0, 0: 0}
    for window in bars(strategy, CLOSES):
        rsi = window.rsi
        if rsi is None:
            assert told(window) == (0, False, False)
            continue
        sign = 1 if rsi < 30 else -1 if rsi > 70 else 0
        assert told(window) == (sign, rsi >= 50, rsi <= 50)
        counts[sign] += 1
    assert min(counts.values()) > 100
