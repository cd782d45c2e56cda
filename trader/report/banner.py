"""The banner at the start: what this run is, whose money it touches, what is tight, and where the values came from.

Printed once on stdout by the system's wiring, before the first order can leave.
"""

import os
import textwrap
from collections.abc import Mapping
from decimal import Decimal

from trader.config.key import plain, toml_text
from trader.config.settings import Settings, values_of
from trader.market.instrument import Instrument
from trader.report.words import one_line, quantity
from trader.risk.holds import HoldTable, Level

_WIDTH = 100
_INDENT = " " * 12


def banner(
    settings: Settings,
    instruments: Mapping[str, Instrument],
    holds: HoldTable,
    *,
    venue_url: str,
    dry_run: bool,
    attached: bool = False,
) -> str:
    """The banner as lines of text; `instruments` by symbol as the venue lists them, `holds` as the run begins.

    `attached` means an embedded exchange that this run did not start: its account and fees are its own.
    """
    lines = [
        _first_line(settings, holds, venue_url, dry_run=dry_run),
        f"  money     {_money(settings, attached=attached)}",
        f"  trades    {', '.join(_symbol(symbol, instruments) for symbol in settings.symbols)}",
        f"  mode      {_mode(settings, holds)}",
        f"  window    entries {_window(settings)}",
        f"  tight     {_tight(settings)}",
        f"  values    config {settings.config_hash[:12]}; {_sources(settings)}",
        *(f"  note      {note}" for note in settings.notes),
        f"  look      run.py status --profile {settings.profile}   run.py why SYMBOL   Ctrl-C stops and cancels   pid {os.getpid()}",
    ]
    return "\n".join(row for line in lines for row in _wrapped(line))


def _wrapped(line: str) -> list[str]:
    """A line on as many as it needs, broken between words."""
    clean = one_line(line, len(line))
    return (
        textwrap.wrap(clean, _WIDTH, subsequent_indent=_INDENT, break_on_hyphens=False)
        if len(clean) > _WIDTH
        else [clean]
    )


def _first_line(settings: Settings, holds: HoldTable, venue_url: str, *, dry_run: bool) -> str:
    kind = "PAPER: no real money, the embedded exchange" if settings.is_paper else "LIVE: REAL MONEY"
    dry = "  DRY-RUN: nothing is sent" if dry_run else ""
    kept = holds.durable()
    level = kept.mode()
    held = f"  {level.name}, ends with: run.py resume" if level > Level.NORMAL else ""
    return f"{settings.profile}  {kind}{held}  {venue_url}{dry}"


def _money(settings: Settings, *, attached: bool) -> str:
    if settings.is_paper and attached:
        return "the account of the exchange that --exchange names; fees as it was started with"
    if not settings.is_paper:
        return "the account's own; fees as the venue charges them"
    paper = settings.paper
    return f"{plain(paper.equity_usd)} USD to start a new paper account; fees {paper_fees(settings)}"


def paper_fees(settings: Settings) -> str:
    """The fees of an exchange that this configuration starts, of the traded value."""
    return f"maker {_percent(settings.paper.maker_fee)}, taker {_percent(settings.paper.taker_fee)}"


def _symbol(symbol: str, instruments: Mapping[str, Instrument]) -> str:
    """The symbol, with the venue's product where its name differs, and its smallest order."""
    instrument = instruments.get(symbol)
    if instrument is None:
        return f"{symbol} (not listed by the venue)"
    product = "" if instrument.product_id == symbol else f" = {instrument.product_id}"
    return f"{symbol}{product} (min {quantity(instrument.base_min_size)})"


def _mode(settings: Settings, holds: HoldTable) -> str:
    kept = [hold for hold in holds.durable() if hold.level > Level.NORMAL]
    if not kept:
        return f"{'REDUCE_ONLY' if settings.start_mode == 'reduce_only' else 'NORMAL'} after a clean reconciliation"
    causes = ", ".join(f"{hold.cause} ({hold.scope})" for hold in kept)
    return f"{holds.durable().mode().name} after a clean reconciliation, held by {causes}; ends with: run.py resume"


def _window(settings: Settings) -> str:
    return f"{settings.trading_window} UTC, exits always" if settings.trading_window else "at any hour"


def _tight(settings: Settings) -> str:
    """The limits that will act first, as money."""
    risk = settings.risk
    loss = f"{plain(risk.max_daily_loss_usd)} USD or " if risk.max_daily_loss_usd else ""
    parts = [
        f"position {plain(risk.max_position_usd)} USD",
        f"leverage {plain(min(risk.leverage_max, risk.leverage_max_global))}x",
        f"day loss {loss}{_percent(risk.max_daily_loss_pct)}",
        f"drawdown {_percent(risk.max_drawdown_pct)}",
        f"{risk.consecutive_losses} losses in a row",
    ]
    return ", ".join(parts)


def _sources(settings: Settings) -> str:
    """What the flags and variables changed, and how many values each layer of the file gave."""
    values = values_of(settings)
    outside = [
        f"{path} = {toml_text(values[path])} by {source}"
        for path, source in settings.sources.items()
        if source.layer.startswith(("flag", "environment", "override"))
    ]
    layers: dict[str, int] = {}
    for source in settings.sources.values():
        layers[source.layer] = layers.get(source.layer, 0) + 1
    file_layers = [f"{layer} {count}" for layer, count in layers.items() if layer.startswith(("profile", "defaults"))]
    return ", ".join([*outside, "from the file: " + ", ".join(file_layers)])


def _percent(part: Decimal) -> str:
    return f"{plain(part * 100)} %"
