"""`run.py backtest`: recorded candles through the live actors, and the results as text, JSON and files.

Only `run.py` imports this. A process of its own: it holds no lock, opens no socket, and never touches a profile's data folder.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from traceback import extract_tb
from typing import TypeVar

from loguru import logger

from actors.backtest import Outcome, run_backtest
from actors.backtest_envelopes import Envelopes, run_envelopes
from actors.backtest_input import RANGES, Market, moment, number_within, prepare_folder, read_market
from actors.backtest_market import History
from actors.backtest_models import Latency, MarketModels
from actors.straight import StageError
from trader.arguments import CommandParser
from trader.config import ConfigErrors, Settings, load_settings
from trader.exchange.candle_path import CandleFileError
from trader.exit_code import Ends, ExitCode
from trader.report.backtest import BacktestSummary, GuardAct, MoneySources, summary_json, summary_text, write_results
from trader.report.performance import measure
from trader.risk.holds import Hold
from trader.strategy.registry import StrategyError, create_strategy

T = TypeVar("T")
ZERO = Decimal(0)


def main(arguments: Sequence[str]) -> int:
    """Run one backtest; return the exit code. Raises Ends for what keeps it from running."""
    options = _parse(arguments)
    logger.remove()
    try:
        wanted = [name.upper() for name in options.symbols] if options.symbols else None
        market = read_market(options.market, _models(options, {}), wanted, options.begin, options.end)
        if options.out is not None:
            prepare_folder(options.out)
    except CandleFileError as error:
        raise Ends(ExitCode.USAGE, f"run.py backtest: {error}") from error
    settings = _settings(options, market)
    models = _models(options, {"maker_fee": settings.paper.maker_fee, "taker_fee": settings.paper.taker_fee})
    folder = options.config.parent
    try:
        with _progress(market, shown=not options.json and sys.stderr.isatty()) as on_progress:
            if isinstance(market.recorded, Envelopes):
                outcome = run_envelopes(settings, market.recorded, models, folder=folder, on_progress=on_progress)
            else:
                daily = options.operator == "daily"
                outcome = run_backtest(
                    settings, market.recorded, models, folder=folder, resume_daily=daily, on_progress=on_progress
                )
    except StageError as error:
        text = f"the run is worthless and was stopped: {error}{_place(error)}"
        raise Ends(ExitCode.NEGATIVE, f"run.py backtest: {text}") from error
    _write(options, settings, market, models, outcome)
    return ExitCode.OK


def _place(error: BaseException) -> str:
    """Name the line that raised what ended a run, as far as it can be told: in a user's strategy it is theirs to look at."""
    while error.__cause__ is not None:
        error = error.__cause__
    frames = extract_tb(error.__traceback__)
    return f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = CommandParser(
        prog="run.py backtest",
        description="Run the live actors, with every limit and guard, over recorded candles.",
    )
    add = parser.add_argument
    add("--profile", default="canary", help="whose configuration to run (default: canary)")
    add("--config", type=Path, default=Path("config.toml"), help="the configuration file (default: config.toml)")
    add(
        "--market",
        nargs="+",
        metavar="FILE",
        required=True,
        help="candles, CSV or .csv.gz (PRODUCT=FILE where the name does not say), or one .jsonl(.gz) of recorded envelopes",
    )
    add("--symbols", nargs="+", metavar="SYMBOL", help="only these of the files")
    add(
        "--from",
        dest="begin",
        metavar="TIME",
        type=_checked(moment),
        help="first candle, like 2023-03-10 or 2023-03-10T12:00",
    )
    add("--to", dest="end", metavar="TIME", type=_checked(moment), help="candles before this")
    add("--interval", metavar="SECONDS", help="bar length; the candles' own by default")
    add("--out", type=Path, metavar="DIR", help="write summary.json, trades.csv and equity.csv there")
    add("--json", action="store_true", help="print summary.json instead of the text")
    add(
        "--operator",
        choices=("never", "daily"),
        default="never",
        help="daily: a person resumes what only a person can, each midnight UTC",
    )
    add("--equity", metavar="USD", help="equity at the start; the profile's paper account by default")
    _add_models(parser)
    return parser.parse_args(arguments)


def _add_models(parser: argparse.ArgumentParser) -> None:
    """Add a flag for each assumption beyond the candles."""
    models = parser.add_argument_group("models beyond the candles")
    models.add_argument(
        "--latency",
        choices=[one.value for one in Latency],
        default=Latency.NEXT_OPEN.value,
        help="where an order meets the market",
    )
    usual = MarketModels()
    for name, (low, high) in RANGES.items():
        models.add_argument(
            f"--{name.replace('_', '-')}",
            dest=name,
            type=_checked(partial(number_within, name)),
            metavar="NUMBER",
            help=f"{low} to {high}; {'the paper account' if name.endswith('fee') else format(getattr(usual, name), 'f')} by default",
        )


def _checked(parse: Callable[[str], T]) -> Callable[[str], T]:
    """Let argparse say what a value's own check says."""

    def take(text: str) -> T:
        try:
            return parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return take


def _settings(options: argparse.Namespace, market: Market) -> Settings:
    """Load the profile as it trades on paper, with the files' symbols and bars as long as their candles."""
    overrides: dict[str, object] = {
        "strategy.bar_seconds": options.interval or market.bar_seconds,
    }
    if isinstance(market.recorded, History):  # a recording may hold products that the configuration does not know
        overrides["symbols"] = [one.symbol for one in market.instruments]
    if options.equity:
        overrides["paper.equity_usd"] = options.equity
    derivatives = any(one.is_derivative for one in market.instruments)
    environ = dict(os.environ) | ({"COINBASE_ENABLE_DERIVATIVES": "1"} if derivatives else {})
    loaded = load_settings(options.config, options.profile, paper=True, overrides=overrides, environ=environ)
    if isinstance(loaded, ConfigErrors):
        raise Ends(ExitCode(loaded.exit_code), str(loaded))
    if loaded.strategy.bar_seconds % market.bar_seconds:
        text = f"bars of {loaded.strategy.bar_seconds} s cannot be made of candles of {market.bar_seconds} s; give a multiple"
        raise Ends(ExitCode.USAGE, f"run.py backtest: {text}")
    try:
        create_strategy(loaded.strategy, loaded.filters, loaded.sizing, folder=options.config.parent)
    except StrategyError as error:
        raise Ends(ExitCode.CONFIG_ERROR, str(error)) from error
    return loaded


def _models(options: argparse.Namespace, fees: dict[str, Decimal]) -> MarketModels:
    """The models as asked for; fees are those of the profile's paper account unless given."""
    given = {name: getattr(options, name) for name in RANGES if getattr(options, name) is not None}
    return MarketModels(latency=Latency(options.latency), **(fees | given))


@contextmanager
def _progress(market: Market, *, shown: bool) -> Iterator[Callable[[int, float], None]]:
    """Show a bar with rate and time left; it is drawn by a thread of its own, the run only notes how far it is."""
    if not shown:
        yield lambda _bars, _time: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        Task,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Rate(ProgressColumn):
        """Candles a second."""

        def render(self, task: Task) -> Text:
            return Text(f"{task.finished_speed or task.speed or 0:,.0f} bars/s")

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Rate(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, refresh_per_second=4) as progress:
        task = progress.add_task("backtest", total=market.total)

        def note(bars: int, market_time: float) -> None:
            day = datetime.fromtimestamp(market_time, UTC).strftime("%Y-%m-%d")
            progress.update(task, completed=bars, description=day)

        yield note


def _write(
    options: argparse.Namespace, settings: Settings, market: Market, models: MarketModels, outcome: Outcome
) -> None:
    summary = _summary(options, settings, market, models, outcome)
    curve = outcome.curve
    if options.out is not None:
        try:
            write_results(options.out, summary, outcome.trades, curve.samples, curve.last)
        except OSError as error:
            raise Ends(ExitCode.NEGATIVE, f"run.py backtest: the results cannot be written: {error}") from error
    if options.json:
        sys.stdout.write(summary_json(summary).decode())
        return
    sys.stdout.write(summary_text(summary, curve.samples, curve.last))
    if options.out is not None:
        sys.stdout.write(f"FILES     {options.out}/summary.json, trades.csv, equity.csv\n")


def _summary(
    options: argparse.Namespace, settings: Settings, market: Market, models: MarketModels, outcome: Outcome
) -> BacktestSummary:
    quotes = sorted({one.quote for one in market.instruments})
    operator = (
        "resumes each midnight UTC what only a person can"
        if options.operator == "daily"
        else "never looks: what only a person resumes stays"
    )
    return BacktestSummary(
        profile=settings.profile,
        config_hash=settings.config_hash,
        strategy=settings.strategy.name,
        files=tuple(Path(name.rpartition("=")[2]).name for name in options.market),
        symbols=tuple(one.symbol for one in market.instruments),
        begin=market.begin,
        end=market.end,
        bars=outcome.bars,
        unit=market.unit,
        bar_seconds=settings.strategy.bar_seconds,
        currency="+".join(quotes),
        models=models.describe(recorded_book=market.unit == "messages")
        | {"operator": operator}
        | silent_guards(settings, market),
        performance=measure(outcome.curve, outcome.trades, outcome.exposed_s),
        reasons=tuple((symbol, reason.value, count) for symbol, reason, count in outcome.risk.reasons),
        guards=guard_acts(outcome.holds),
        money=money_sources(outcome),
        refused=outcome.risk.refused,
        refused_by_venue=outcome.risk.venue_refused,
        executions=outcome.executions,
        open_symbols=outcome.open_symbols,
        left_out=market.recorded.left_out if isinstance(market.recorded, Envelopes) else "",
        events=outcome.events,
        digest=outcome.digest,
    )


def silent_guards(settings: Settings, market: Market) -> dict[str, str]:
    """Name the guard that cannot act on candles this long: its samples lie closer together than they do."""
    sample_s = settings.risk.volatility.sample_seconds
    if not isinstance(market.recorded, History) or market.recorded.seconds <= sample_s:
        return {}
    lasts = market.recorded.seconds
    return {"volatility": f"the guard cannot act: it samples every {sample_s:g} s, the candles last {lasts} s"}


def money_sources(outcome: Outcome) -> MoneySources:
    """Split the change of equity by risk's books: what is neither closed trade nor funding belongs to open trades."""
    positions, trades = outcome.risk.positions, sum((trade.pnl for trade in outcome.trades), ZERO)
    funding = sum((one.funding for one in positions), ZERO)
    fees = sum((one.fees for one in positions), ZERO)
    made = sum((one.realized + one.unrealized for one in positions), ZERO)
    return MoneySources(trades=trades, funding=funding, open_trades=made - fees - trades, fees=fees)


def guard_acts(holds: Sequence[Hold]) -> tuple[GuardAct, ...]:
    """Join holds by guard, level and scope, in the order they first came."""
    first: dict[tuple[str, str, str], Hold] = {}
    times: Counter[tuple[str, str, str]] = Counter()
    for hold in holds:
        key = (hold.cause, hold.level.name, hold.scope)
        first.setdefault(key, hold)
        times[key] += 1
    return tuple(GuardAct(*key, times[key], hold.since, hold.text) for key, hold in first.items())
