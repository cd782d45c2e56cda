"""Performance of an equity curve and its trades, by standard definitions; `n/a` and why where a sample is too small.

Imported by the backtest and by the daily report. Equity is Decimal money; ratios are floats, because they are
statistics. Definitions:

    total return   last equity / first - 1
    CAGR           (last equity / first) ** (a year of 365 days / time of the curve) - 1
    max drawdown   the largest (peak - equity) / peak, seen at every point given, not only at the samples
    Sharpe         mean / sample deviation of the returns over `SAMPLE_S`, times sqrt(samples per year), riskless rate 0
    Sortino        the same mean over sqrt(mean of squared negative returns), all returns counted
    win rate       winning closed trades / closed trades, net of fees; a trade is a round trip from flat to flat
    profit factor  sum of winning trades / sum of losing trades
    exposure       time with any position open / time of the curve

Nothing here reads a clock.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise

import msgspec

from trader.report.round_trips import ClosedTrade

SAMPLE_S = 3600
SECONDS_PER_YEAR = 31_536_000
DAYS_MIN = 30
TRADES_MIN = 30
_DAY_S = 86_400
BLOCKS = "▁▂▃▄▅▆▇█"


class Metric(msgspec.Struct, frozen=True, gc=False):
    """One number, or None and why there is none."""

    value: float | None
    why: str = ""

    def text(self, spec: str = ".2f") -> str:
        """The number in the given format, or `n/a (why)`."""
        return f"n/a ({self.why})" if self.value is None else format(self.value, spec)


class Performance(msgspec.Struct, frozen=True, gc=False):
    """What a run came to. Money in quote currency, ratios as fractions."""

    first_equity: Decimal
    last_equity: Decimal
    trades: int
    fees: Decimal
    total_return: Metric
    cagr: Metric
    max_drawdown: Metric
    sharpe: Metric
    sortino: Metric
    win_rate: Metric
    profit_factor: Metric
    average_trade: Metric
    exposure: Metric


class EquityCurve:
    """Equity over time, one sample kept each `sample_s`: drawdown from every point, returns from the samples.

    Mutable, one owner. Points come in order of time; a sample is the last equity at or before each whole multiple of
    `sample_s`; the first one is the first point itself.
    """

    def __init__(self, sample_s: int = SAMPLE_S) -> None:
        self.sample_s = sample_s
        self.samples: list[tuple[float, Decimal]] = []
        self.first: tuple[float, Decimal] | None = None
        self.last: tuple[float, Decimal] | None = None
        self._next_sample = -math.inf
        self._peak = self._low = Decimal(0)
        self._drawdown = 0.0

    def add(self, time: float, equity: Decimal) -> None:
        """Take one point."""
        if self.first is None or time > self._next_sample:
            self._sample(time, equity)
        self.last = (time, equity)
        if equity > self._peak:
            self._peak = self._low = equity
        elif equity < self._low:
            self._low = equity
            self._drawdown = max(self._drawdown, float((self._peak - equity) / self._peak))

    def extend(self, first_time: float, step_s: float, equities: Sequence[Decimal]) -> None:
        """Take many points, `step_s` apart: those that change neither peak, low nor samples at once."""
        at, count = 0, len(equities)
        while at < count:
            time = first_time + at * step_s
            if self.first is None or time > self._next_sample:
                self.add(time, equities[at])
                at += 1
                continue
            upto = min(at + int((self._next_sample - time) // step_s) + 1, count)
            part = equities[at:upto]
            if max(part) > self._peak or min(part) < self._low:
                for number, equity in enumerate(part):
                    self.add(time + number * step_s, equity)
            else:
                self.last = (time + (len(part) - 1) * step_s, part[-1])
            at = upto

    @property
    def max_drawdown(self) -> float:
        """Largest fall from a peak so far, as a fraction of that peak."""
        return self._drawdown

    def returns(self) -> list[float]:
        """Simple returns from sample to sample; a first or last stretch shorter than `sample_s` is left out."""
        equities = [equity for time, equity in self.samples if time % self.sample_s == 0]
        if self.last is not None and self.last[0] == self._next_sample:
            equities.append(self.last[1])
        return [float(now / before) - 1.0 for before, now in pairwise(equities)]

    def _sample(self, time: float, equity: Decimal) -> None:
        """Record the boundaries passed since the last sample: each takes the equity that stood when it passed."""
        if self.first is None or self.last is None:
            self.first = (time, equity)
            self._peak = self._low = equity
            self.samples.append((time, equity))
            self._next_sample = time // self.sample_s * self.sample_s + self.sample_s
        else:
            while self._next_sample < time:
                self.samples.append((self._next_sample, self.last[1]))
                self._next_sample += self.sample_s


def measure(curve: EquityCurve, trades: Sequence[ClosedTrade], exposed_s: float) -> Performance:
    """Work out every metric; ValueError for a curve without a point."""
    if curve.first is None or curve.last is None:
        raise ValueError("no equity was recorded: the run saw no market data")
    (began, first), (ended, last) = curve.first, curve.last
    sharpe, sortino = _ratios(curve)
    pnls = [trade.pnl for trade in trades]
    return Performance(
        first_equity=first,
        last_equity=last,
        trades=len(trades),
        fees=sum((trade.fees for trade in trades), Decimal(0)),
        total_return=Metric(float(last / first) - 1.0) if first > 0 else Metric(None, "no equity at the start"),
        cagr=_yearly_growth(curve.first, curve.last),
        max_drawdown=Metric(curve.max_drawdown),
        sharpe=sharpe,
        sortino=sortino,
        win_rate=_win_rate(pnls),
        profit_factor=_profit_factor(pnls),
        average_trade=Metric(float(sum(pnls, Decimal(0)) / len(pnls))) if pnls else Metric(None, "no closed trade"),
        exposure=Metric(exposed_s / (ended - began)) if ended > began else Metric(None, "no time passed"),
    )


def sparkline(values: Sequence[Decimal], width: int = 60) -> str:
    """Draw a series as blocks, lowest to highest; each column is the last value of its share.

    "" for an empty series.
    """
    if not values:
        return ""
    columns = min(width, len(values))
    shown = [values[(number + 1) * len(values) // columns - 1] for number in range(columns)]
    low, high = min(shown), max(shown)
    if low == high:
        return BLOCKS[len(BLOCKS) // 2] * columns
    top = len(BLOCKS) - 1
    return "".join(BLOCKS[int((value - low) * top / (high - low))] for value in shown)


def _yearly_growth(first: tuple[float, Decimal], last: tuple[float, Decimal]) -> Metric:
    """CAGR from two points of a curve."""
    elapsed_s = last[0] - first[0]
    if first[1] <= 0 or last[1] <= 0:
        return Metric(None, "equity was used up")
    if elapsed_s < DAYS_MIN * _DAY_S:
        return _too_short(elapsed_s / _DAY_S)
    return Metric(float(last[1] / first[1]) ** (SECONDS_PER_YEAR / elapsed_s) - 1.0)


def _too_short(days: float) -> Metric:
    return Metric(None, f"{days:.1f} days, a yearly figure needs {DAYS_MIN}")


def _ratios(curve: EquityCurve) -> tuple[Metric, Metric]:
    """Sharpe and Sortino of the sampled returns."""
    if curve.max_drawdown >= 1:
        none = Metric(None, "equity was used up")
        return none, none
    assert curve.first is not None
    assert curve.last is not None
    days = (curve.last[0] - curve.first[0]) / _DAY_S
    returns = curve.returns()
    if days < DAYS_MIN or len(returns) < DAYS_MIN:
        none = _too_short(days)
        return none, none
    mean = math.fsum(returns) / len(returns)
    deviation = math.sqrt(math.fsum((one - mean) ** 2 for one in returns) / (len(returns) - 1))
    downside = math.sqrt(math.fsum(min(one, 0.0) ** 2 for one in returns) / len(returns))
    yearly = math.sqrt(SECONDS_PER_YEAR / curve.sample_s)
    sharpe = Metric(mean / deviation * yearly) if deviation > 0 else Metric(None, "equity never moved")
    sortino = Metric(mean / downside * yearly) if downside > 0 else Metric(None, "no negative return")
    return sharpe, sortino


def _too_few(pnls: Sequence[Decimal]) -> Metric:
    return Metric(None, f"{len(pnls)} closed trade{'' if len(pnls) == 1 else 's'}, needs {TRADES_MIN}")


def _win_rate(pnls: Sequence[Decimal]) -> Metric:
    if len(pnls) < TRADES_MIN:
        return _too_few(pnls)
    return Metric(sum(pnl > 0 for pnl in pnls) / len(pnls))


def _profit_factor(pnls: Sequence[Decimal]) -> Metric:
    if len(pnls) < TRADES_MIN:
        return _too_few(pnls)
    won = sum((pnl for pnl in pnls if pnl > 0), Decimal(0))
    lost = -sum((pnl for pnl in pnls if pnl < 0), Decimal(0))
    return Metric(float(won / lost)) if lost else Metric(None, "no losing trade")
