"""The report as one self-contained HTML file: no script, no font, no image, no request; readable on paper too.

Made from a Daybook. Every text from outside is escaped, and a content policy forbids the browser to fetch or run anything.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from html import escape

from trader.report.charts import Marker, bar_chart, line_chart
from trader.report.daybook import Daybook, DecisionMark, PnlSplit, Point, Spread, SymbolDay
from trader.report.performance import Performance
from trader.report.reasons import EXPLANATIONS
from trader.report.words import price, span, stamp, usd

_TRADES_SHOWN = 200
_STYLE = """
:root{--ink:#1b1f24;--soft:#667;--paper:#fff;--rule:#d8dde3;--line:#2463b8;--good:#177245;--bad:#b3261e;--warn:#9a6700}
@media (prefers-color-scheme:dark){:root{--ink:#e6e9ed;--soft:#9aa4b0;--paper:#14171b;--rule:#2c333b;--line:#7aa9ea;
--good:#5ec48f;--bad:#f2857d;--warn:#e2b344}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:62rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem;margin-bottom:.2rem}h2{font-size:1.1rem;margin:2rem 0 .4rem;border-bottom:1px solid var(--rule)}
.verdict{font-size:1.1rem}.soft,.none,text{color:var(--soft)}table{border-collapse:collapse;width:100%;font-size:.9rem}
td,th{text-align:right;padding:.15rem .5rem;border-bottom:1px solid var(--rule);font-variant-numeric:tabular-nums}
td.t,th.t{text-align:left}svg{width:100%;height:auto;display:block}text{font-size:11px;fill:var(--soft)}
.grid{stroke:var(--rule)}.line{fill:none;stroke:var(--line);stroke-width:1.4}.area{fill:var(--bad);opacity:.15}
.buy,.gain{fill:var(--good)}.sell,.loss{fill:var(--bad)}.refused{fill:var(--bad)}
.ring{fill:none;stroke-width:1.4;stroke:var(--soft)}.ring.market{stroke:var(--warn)}.ring.risk{stroke:var(--bad)}
.ring.data{stroke:var(--line)}.good{color:var(--good)}.bad{color:var(--bad)}.warn{color:var(--warn)}
@media print{body{margin:0}}
"""
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def render_html(book: Daybook) -> str:
    """The whole file."""
    whose = f" {book.money}" if book.money else ""
    title = f"{book.profile or 'no profile'}{whose}: {stamp(book.since)} to {stamp(book.until)}"
    head = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<link rel="icon" href="data:,"><style>{_STYLE}</style></head><body>'
    )
    parts = (
        head,
        f'<h1>{escape(title)}</h1><p class="verdict">{escape(book.verdict)}</p>',
        _facts(book),
        _equity(book),
        _split(book),
        "".join(_symbol(day) for day in book.symbols),
        _reasons(book),
        _execution(book),
        _trades(book),
        _modes(book),
        _checks(book),
        "</body></html>\n",
    )
    return "".join(parts)


def _facts(book: Daybook) -> str:
    hashes = ", ".join(name[:12] for name in book.config_hashes) or "n/a (nothing recorded)"
    first = f"{book.events} events; configuration {hashes}."
    gaps = "; ".join(f"{stamp(a)} to {stamp(b)} ({span(b - a)})" for a, b in book.gaps[:10]) or "none"
    assumed = "".join(f"<li>{escape(one)}</li>" for one in book.assumptions)
    told = f'<p class="soft">{escape(first)} Pauses in the record: {escape(gaps)}.</p>'
    return told + (f'<ul class="soft">{assumed}</ul>' if assumed else "")


def _equity(book: Daybook) -> str:
    body = "<h2>Equity, USD</h2>" + line_chart(book.equity, "equity in USD")
    body += "<h2>Drawdown, % of the peak</h2>" + line_chart(_drawdown(book.equity), "drawdown in percent", area=True)
    if len(book.days) > 1:
        body += "<h2>Result by UTC day, USD</h2>" + bar_chart(book.days, "result of each day in USD")
    return body + (_performance(book.performance) if book.performance else "")


def _drawdown(equity: Sequence[Point]) -> list[Point]:
    peak, fallen = Decimal(0), []
    for time, value in equity:
        peak = max(peak, value)
        fallen.append((time, (peak - value) / peak * 100 if peak > 0 else Decimal(0)))
    return fallen


def _performance(told: Performance) -> str:
    rows = [
        ("equity, first to last", f"{usd(told.first_equity)} to {usd(told.last_equity)} USD"),
        ("return", told.total_return.text(".3%")),
        ("largest drawdown", told.max_drawdown.text(".3%")),
        ("Sharpe, yearly", told.sharpe.text()),
        ("Sortino, yearly", told.sortino.text()),
        ("closed trades", str(told.trades)),
        ("win rate", told.win_rate.text(".1%")),
        ("profit factor", told.profit_factor.text()),
        ("average trade, USD", told.average_trade.text()),
        ("time in the market", told.exposure.text(".1%")),
    ]
    return "<h2>Performance</h2>" + _table(("figure", "value"), rows, left=1)


def _split(book: Daybook) -> str:
    rows = [(day.symbol, *_money(day.pnl)) for day in book.symbols if day.filled or day.pnl.total]
    rows.append(("all", *_money(book.pnl)))
    head = ("symbol", "price", "fees", "funding", "total")
    return "<h2>Profit and loss by origin, USD</h2>" + _table(head, rows, left=1)


def _money(pnl: PnlSplit) -> tuple[str, str, str, str]:
    return (
        usd(pnl.price, signed=True),
        usd(-pnl.fees, signed=True),
        usd(pnl.funding, signed=True),
        usd(pnl.total, signed=True),
    )


def _symbol(day: SymbolDay) -> str:
    counts = f"{len(day.filled)} filled, {len(day.refused)} refused, {len(day.skipped)} skipped"
    legend = "triangles: filled buys and sells; red dots: refused; rings: skipped, coloured by group"
    markers = [
        *(_ring(mark) for mark in day.skipped),
        *(Marker(mark.time, mark.price, "ring", "refused", _told(mark)) for mark in day.refused),
        *(_triangle(mark) for mark in day.filled),
    ]
    chart = line_chart(day.prices, f"{day.symbol} price", markers)
    return f'<h2>{escape(day.symbol)}</h2><p class="soft">{counts}; {legend}.</p>{chart}'


def _triangle(mark: DecisionMark) -> Marker:
    shape, style = ("up", "buy") if mark.side == "BUY" else ("down", "sell")
    return Marker(
        mark.time, mark.price, shape, style, f"{mark.side} {mark.text} at {price(mark.price)}, {stamp(mark.time)}"
    )


def _ring(mark: DecisionMark) -> Marker:
    group = EXPLANATIONS[mark.reason].group.value.split()[0]
    return Marker(mark.time, mark.price, "ring", f"ring {group}", _told(mark))


def _told(mark: DecisionMark) -> str:
    return f"{mark.side} {mark.reason} {mark.text}, {stamp(mark.time)}".strip()


def _reasons(book: Daybook) -> str:
    rows = [
        (symbol, reason.value, str(count), EXPLANATIONS[reason].sentence, EXPLANATIONS[reason].nature.value)
        for symbol, reason, count in book.reasons
    ]
    total = sum(count for _, _, count in book.reasons)
    note = f"{total} evaluations, each under exactly one code."
    if not book.reasons_complete:
        note = "Changes of decision only: the totals of this time were not recorded."
    head = ("symbol", "code", "count", "meaning", "kind")
    return f'<h2>Why it did what it did</h2><p class="soft">{note}</p>' + _table(head, rows, left=2, text_from=3)


def _execution(book: Daybook) -> str:
    rows = [
        ("intent to fill, ms", *_spread(book.latency_ms, "0f")),
        ("slippage against the mark, bp", *_spread(book.slippage_bps, "2f")),
    ]
    return "<h2>Execution</h2>" + _table(("figure", "fills", "median", "95 %", "worst"), rows, left=1)


def _spread(told: Spread, digits: str) -> tuple[str, str, str, str]:
    if told.median is None or told.p95 is None or told.worst is None:
        return "0", "n/a (no fill)", "n/a (no fill)", "n/a (no fill)"
    return str(told.count), f"{told.median:.{digits}}", f"{told.p95:.{digits}}", f"{told.worst:.{digits}}"


def _trades(book: Daybook) -> str:
    rows = [
        (
            trade.symbol,
            trade.side,
            stamp(trade.opened_at),
            span(trade.closed_at - trade.opened_at),
            price(trade.entry_price.quantize(Decimal("0.00000001"))),
            price(trade.exit_price.quantize(Decimal("0.00000001"))),
            usd(trade.fees),
            usd(trade.pnl, signed=True),
        )
        for trade in book.trades[-_TRADES_SHOWN:]
    ]
    more = len(book.trades) - len(rows)
    note = f'<p class="soft">The last {len(rows)} of {len(book.trades)}; the JSON beside has all.</p>' if more else ""
    head = ("symbol", "side", "opened", "held", "entry", "exit", "fees, USD", "net, USD")
    return "<h2>Closed trades</h2>" + note + _table(head, rows, left=2)


def _modes(book: Daybook) -> str:
    rows = [
        (stamp(row.time), row.scope, row.mode, row.placed, row.lifted, row.by, row.text) for row in book.modes[-100:]
    ]
    head = ("time", "scope", "mode", "placed", "lifted", "by", "why")
    return "<h2>Changes of mode</h2>" + _table(head, rows, left=7)


def _checks(book: Daybook) -> str:
    words = {True: ("ok", "good"), False: ("FAILED", "bad"), None: ("not checked", "warn")}
    rows = "".join(
        f'<tr><td class="t {words[check.ok][1]}">{words[check.ok][0]}</td><td class="t">{escape(check.name)}</td>'
        f'<td class="t">{escape(check.text)}</td></tr>'
        for check in book.checks
    )
    return f"<h2>Checks</h2><table>{rows}</table>"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], *, left: int, text_from: int = 99) -> str:
    """A table whose first `left` columns, and those from `text_from`, are text."""

    def row(cells: Sequence[str], tag: str) -> str:
        text = ' class="t"'
        marked = (
            f"<{tag}{text if at < left or at >= text_from else ''}>{escape(cell)}</{tag}>"
            for at, cell in enumerate(cells)
        )
        return f"<tr>{''.join(marked)}</tr>"

    body = "".join(row(cells, "td") for cells in rows)
    if not body:
        return '<p class="none">none</p>'
    return f"<table>{row(head, 'th')}{body}</table>"
