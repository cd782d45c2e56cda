"""A backtest's results for people and programs: the text, `summary.json`, `trades.csv` and `equity.csv`.

Same run, same bytes: nothing here reads a clock or names a place on this computer. Imported by the backtest's command.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import msgspec

from trader.market.clock import utc_text
from trader.report.performance import Metric, Performance, sparkline
from trader.report.round_trips import ClosedTrade

METRICS = (
    ("total_return", "total return", ".2%"),
    ("cagr", "growth per year (CAGR)", ".2%"),
    ("max_drawdown", "max drawdown", ".2%"),
    ("sharpe", "Sharpe (hourly, per year)", ".2f"),
    ("sortino", "Sortino (hourly, per year)", ".2f"),
    ("win_rate", "win rate", ".1%"),
    ("profit_factor", "profit factor", ".2f"),
    ("average_trade", "average trade", "+.2f"),
    ("exposure", "time in the market", ".1%"),
)
_IN_CURRENCY = frozenset({"average_trade"})
CENT = Decimal("0.01")
Point = tuple[float, Decimal]
"""Market time and equity."""


class MoneySources(msgspec.Struct, frozen=True):
    """Where the change of equity came from, by the books of risk; the first three add up to it.

    `trades` is the sum of trades.csv, net of their fees; `open_trades` what trades still open have made or lost so far,
    net of theirs; `fees` are all fees, of closed and open trades.
    """

    trades: Decimal
    funding: Decimal
    open_trades: Decimal
    fees: Decimal


class GuardAct(msgspec.Struct, frozen=True):
    """What one guard did over the run: how often it placed a hold on a scope, and the first time in words."""

    guard: str
    level: str
    scope: str
    times: int
    first_at: float
    text: str


class BacktestSummary(msgspec.Struct, frozen=True):
    """One run of `bars` candles or messages, as `unit` says. Money in `currency`.

    `reasons` count every evaluation by symbol and code; `digest` names the event log.
    """

    profile: str
    config_hash: str
    strategy: str
    files: tuple[str, ...]
    symbols: tuple[str, ...]
    begin: float
    end: float
    bars: int
    unit: str
    bar_seconds: int
    currency: str
    models: Mapping[str, str]
    performance: Performance
    money: MoneySources
    reasons: tuple[tuple[str, str, int], ...]
    guards: tuple[GuardAct, ...]
    refused: int
    refused_by_venue: int
    executions: int
    open_symbols: tuple[str, ...]
    events: Mapping[str, int]
    digest: str
    left_out: str = ""
    """What the files hold and this run did not trade, and why; "" when nothing."""


def summary_json(summary: BacktestSummary) -> bytes:
    """Return the summary as JSON, keys in a fixed order; a metric without a value is null beside its reason."""
    performance = summary.performance
    tree = {
        "profile": summary.profile,
        "config_hash": summary.config_hash,
        "strategy": summary.strategy,
        "files": list(summary.files),
        "symbols": list(summary.symbols),
        "left_out": summary.left_out,
        "from": utc_text(summary.begin),
        "to": utc_text(summary.end),
        "bars": summary.bars,
        "unit": summary.unit,
        "bar_seconds": summary.bar_seconds,
        "models": dict(summary.models),
        "first_equity": str(performance.first_equity.quantize(CENT)),
        "last_equity": str(performance.last_equity.quantize(CENT)),
        "currency": summary.currency,
        "trades_pnl": _plain(summary.money.trades),
        "funding": _plain(summary.money.funding),
        "open_trades_pnl": _plain(summary.money.open_trades),
        "fees": _plain(summary.money.fees),
        "closed_trades": performance.trades,
        "executions": summary.executions,
        "metrics": {name: _metric(getattr(performance, name)) for name, _, _ in METRICS},
        "reasons": {f"{symbol} {code}": count for symbol, code, count in summary.reasons},
        "guards": [
            {"guard": act.guard, "level": act.level, "scope": act.scope, "times": act.times,
             "first_at": utc_text(act.first_at), "text": act.text}
            for act in summary.guards
        ],
        "refused_by_risk": summary.refused,
        "refused_by_venue": summary.refused_by_venue,
        "open_at_the_end": list(summary.open_symbols),
        "events": dict(summary.events),
        "event_log_sha256": summary.digest,
    }  # fmt: skip
    return msgspec.json.format(msgspec.json.encode(tree), indent=2) + b"\n"


def _metric(metric: Metric) -> dict[str, float | str | None]:
    return {"value": metric.value} if metric.value is not None else {"value": None, "why": metric.why}


def trades_csv(trades: tuple[ClosedTrade, ...]) -> str:
    """Return every closed trade, oldest first; `pnl` is net of `fees`, funding left out."""
    out = io.StringIO()
    write = csv.writer(out, lineterminator="\n").writerow
    write(("symbol", "side", "opened_at", "closed_at", "size", "entry_price", "exit_price", "pnl", "fees"))
    for trade in trades:
        write((
            trade.symbol, trade.side, utc_text(trade.opened_at), utc_text(trade.closed_at), _plain(trade.size),
            _plain(trade.entry_price), _plain(trade.exit_price), _plain(trade.pnl), _plain(trade.fees),
        ))  # fmt: skip
    return out.getvalue()


def _plain(value: Decimal) -> str:
    """Write a number in digits, at most eight after the point."""
    return f"{round(value, 8).normalize():f}"


def equity_csv(samples: list[Point], last: Point | None) -> str:
    """Return the equity at each sample and at the end."""
    out = io.StringIO()
    write = csv.writer(out, lineterminator="\n").writerow
    write(("time", "equity"))
    for time, equity in _to_the_end(samples, last):
        write((utc_text(time), f"{equity:.2f}"))
    return out.getvalue()


def _to_the_end(samples: list[Point], last: Point | None) -> list[Point]:
    return [*samples, last] if last is not None and (not samples or samples[-1][0] != last[0]) else samples


def write_results(
    folder: Path,
    summary: BacktestSummary,
    trades: tuple[ClosedTrade, ...],
    samples: list[Point],
    last: Point | None,
) -> None:
    """Write the three files into a folder, made if need be. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "summary.json").write_bytes(summary_json(summary))
    (folder / "trades.csv").write_text(trades_csv(trades))
    (folder / "equity.csv").write_text(equity_csv(samples, last))


def summary_text(summary: BacktestSummary, samples: list[Point], last_point: Point | None) -> str:
    """Return the result as a person reads it: what ran, what came of it, what the guards did, on which assumptions."""
    performance = summary.performance
    first, last = performance.first_equity, performance.last_equity
    ran = f"{summary.strategy} on {', '.join(summary.symbols)}, bars of {summary.bar_seconds} s"
    span = f"{utc_text(summary.begin)[:16]}Z to {utc_text(summary.end)[:16]}Z"
    money = summary.money
    change = f"({last - first:+,.2f}), fees {money.fees:,.2f}"
    sources = (
        f"closed trades {money.trades:+,.2f}, funding {money.funding:+,.2f}, open trades {money.open_trades:+,.2f}"
    )
    lines = [
        f"BACKTEST  {summary.profile}: {ran}",
        f"          {span}, {summary.bars:,} {summary.unit} of {', '.join(summary.files)}",
        *([f"LEFT OUT  {summary.left_out}"] if summary.left_out else []),
        f"EQUITY    {first:,.2f} → {last:,.2f} {summary.currency} {change}",
        f"          {sources}",
    ]
    drawn = sparkline([equity for _, equity in _to_the_end(samples, last_point)])
    if drawn:
        lines.append(f"          {drawn}")
    refused = f"{summary.refused:,} orders refused by risk, {summary.refused_by_venue:,} by the venue"
    lines.append(f"TRADES    {performance.trades:,} closed trades, {summary.executions:,} executions, {refused}")
    if summary.open_symbols:
        lines.append(f"          still open: {', '.join(summary.open_symbols)}")
    for name, label, spec in METRICS:
        metric = getattr(performance, name)
        unit = f" {summary.currency}" if name in _IN_CURRENCY and metric.value is not None else ""
        lines.append(f"          {label:<27} {metric.text(spec)}{unit}")
    lines += ["WHY NOT   how often each reason ended an evaluation", *_reason_lines(summary)]
    lines += ["GUARDS    " + ("none acted" if not summary.guards else "holds they placed")]
    for act in summary.guards:
        times = f"{act.times}×"
        lines.append(
            f"          {act.guard:<19} {act.level:<11} {act.scope:<9} {times:>5}  first {utc_text(act.first_at)[:16]}Z: {act.text}"
        )
    lines.append("MODELS    candles say what was traded; these are the assumptions beyond them")
    lines += [f"          {name:<15} {text}" for name, text in summary.models.items()]
    lines.append(f"EVENTS    {sum(summary.events.values()):,} events, sha256 {summary.digest[:16]}…")
    return "\n".join(lines) + "\n"


def _reason_lines(summary: BacktestSummary) -> list[str]:
    """One line per symbol, the most frequent reason first."""
    lines = []
    for symbol in summary.symbols:
        counts = sorted(((count, code) for name, code, count in summary.reasons if name == symbol), reverse=True)
        told = ", ".join(f"{code} {count:,}" for count, code in counts)
        lines.append(f"          {symbol:<9} {told}")
    return lines
