"""What the validations of strategy and whole system look at: a drawn market, and real short runs. Only `validate_command.py` imports this.

The runs are `run.py` itself in a temporary data folder, on paper: no state of any profile is touched and no live order can leave.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import msgspec

from actors.check_venue import Client, attempt, products_row
from trader.exit_code import ExitCode
from trader.market.instrument import Instrument
from trader.market.quote import BookTop, Quote
from trader.market.window import MarkWindow
from trader.report.checkup import Row, fail, ok
from trader.strategy.protocol import Action, Context, Decision, PositionView, Strategy
from trader.strategy.registry import create_strategy

ROOT = Path(__file__).resolve().parent.parent
RUN_WITHIN_S = 90.0
DURATION_S = 15
LEG_BARS = 400
STEP_BPS = Decimal(5)
DEEP = Decimal(10_000)


def strategy_rows(client: Client) -> Iterator[Row]:
    """Warm-up, an entry on the turn of a drawn market, an exit on the next turn, the trailing stop."""
    yield attempt("metadata", products_row, client)
    if not client.instruments:
        return
    settings, instrument = client.settings, client.instruments[0]
    strategy = create_strategy(settings.strategy, settings.filters, settings.sizing, folder=Path())
    decisions = _walk(strategy, instrument, settings.strategy.bar_seconds, PositionView())
    warming = next((at for at, one in enumerate(decisions) if one.reason != "WARMING_UP"), len(decisions))
    wanted = strategy.required_bars
    if abs(warming + 1 - wanted) > 1:
        yield fail("warm-up", f"decides after {warming + 1} bars, needs {wanted}", "a bug in the strategy")
    else:
        yield ok("warm-up", f"says WARMING_UP until {wanted} bars have closed")
    yield _entry_row(decisions)
    held = PositionView(Decimal(1), entry_price=_price(instrument, 0), adds=1)
    yield _exit_row(_walk(strategy, instrument, settings.strategy.bar_seconds, held))


def _entry_row(decisions: list[Decision]) -> Row:
    entries = [one for one in decisions if one.action is Action.BUY]
    blocked = sorted({one.reason.value for one in decisions if one.action is Action.HOLD} - {"NO_SIGNAL", "WARMING_UP"})
    if not entries:
        told = f"no entry in a market that turns; held back by {', '.join(blocked) or 'nothing'}"
        return fail("entry", told, "strategy and filters in config.toml: python run.py config --explain")
    return ok("entry", f"{len(entries)} buys; worth {entries[0].target_notional_usd:.2f} USD before the caps")


def _exit_row(decisions: list[Decision]) -> Row:
    exits = [one for one in decisions if one.action is Action.CLOSE]
    if not exits or not all(one.reduce_only for one in exits):
        return fail("exit", "no exit in a market that turns against the position", "the strategy's stop in config.toml")
    return ok("exit", "asks to close when the market turns, each time reduce-only")


def _walk(strategy: Strategy, instrument: Instrument, bar_seconds: int, position: PositionView) -> list[Decision]:
    """Let the strategy see a market that falls, rises and falls again; return what it decides at each bar and mark."""
    window = MarkWindow(instrument.symbol, bar_seconds, strategy.window_plan)
    found = []
    legs = [-at for at in range(LEG_BARS)] + [at - LEG_BARS for at in range(LEG_BARS)] + [-at for at in range(LEG_BARS)]
    for number, level in enumerate(legs):
        context = _moment(instrument, level, float(number * bar_seconds))
        if window.add(context.quote.half_ticks, context.market_time) is not None:
            found.append(strategy.on_bar(window, position, context))
        stop = strategy.on_mark(context.quote.half_ticks, position, context)
        if stop is not None:
            found.append(stop)
    return found


def _price(instrument: Instrument, level: int) -> Decimal:
    raw = Decimal(50_000) * (1 + level * STEP_BPS / 10_000)
    return instrument.round_price(raw, buying=True)


def _moment(instrument: Instrument, level: int, seconds: float) -> Context:
    bid = _price(instrument, level)
    ask = bid + instrument.price_increment
    half_ticks = instrument.half_ticks(bid, ask)
    quote = Quote(instrument.symbol, bid, ask, DEEP, DEEP, half_ticks, bid, DEEP * 1000, seconds, seconds)
    levels = tuple((bid - at * instrument.price_increment, DEEP) for at in range(10))
    above = tuple((ask + at * instrument.price_increment, DEEP) for at in range(10))
    book = BookTop(instrument.symbol, levels, above, seconds, seconds)
    return Context(instrument, quote, Decimal(10_000), seconds, seconds, book=book, leverage_cap=Decimal(2))


def e2e_rows(client: Client) -> Iterator[Row]:
    """One dry cycle of every symbol, a run of some seconds, its health, and its event store."""
    with tempfile.TemporaryDirectory(prefix="actor-trader-validate-") as folder:
        yield _run_row("dry cycle", folder, "--profile", "dev", "--dry-run", "--dev-fast")
        yield _run_row("paper run", folder, "--profile", "canary", "--duration", str(DURATION_S))
        yield _health_row(Path(folder) / "perps_bot" / "canary" / "last_state.json")
        yield _run_row("event store", folder, "events", "verify", "--profile", "canary")


def _run_row(name: str, folder: str, *arguments: str) -> Row:
    hidden = ("COINBASE_", "RISK_", "PERPS_", "SPOT_", "ALERT_", "METRICS_")
    environment = {key: value for key, value in os.environ.items() if not key.startswith(hidden)}
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter and program
            [sys.executable, str(ROOT / "run.py"), *arguments],
            cwd=ROOT,
            env={**environment, "EVENT_STORE_ROOT": folder},
            capture_output=True,
            text=True,
            timeout=RUN_WITHIN_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return fail(name, f"not over within {RUN_WITHIN_S:g} s", "run it by hand: python run.py " + " ".join(arguments))
    if done.returncode != ExitCode.OK:
        last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
        return fail(
            name, f"exit {done.returncode}: {' '.join(last)}", "run it by hand: python run.py " + " ".join(arguments)
        )
    return ok(name, f"python run.py {' '.join(arguments)}: exit 0")


def _health_row(file: Path) -> Row:
    try:
        state = msgspec.json.decode(file.read_bytes())
    except (OSError, msgspec.DecodeError) as error:
        return fail("last state", str(error), "a bug: the run left no last_state.json")
    return ok("last state", f"{len(state.get('positions', []))} positions in last_state.json")
