"""What a report concludes from a folded stretch of time: reason counts, checks, the verdict. Only history.py imports this."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from trader.orders.reason import Reason
from trader.report.daybook import Check, PnlSplit, Point, SymbolDay
from trader.report.words import clock, stamp, usd

GAP_S = 300.0
PAPER, LIVE = "PAPER", "LIVE"
_DAY_S = 86_400
REASON_OF = {reason.value: reason for reason in Reason}
_TOLERANCE_USD = Decimal("0.01")
_ACCOUNT_TOLERANCE_USD = Decimal("0.05")

RunCounts = Mapping[tuple[str, str, str], int]
"""(run, symbol, code) -> evaluations of that run so far."""


def reasons_of(
    counts: RunCounts, before: RunCounts, changes: Mapping[tuple[str, str], int]
) -> tuple[tuple[tuple[str, Reason, int], ...], bool]:
    """Evaluations by symbol and reason, most frequent first, and whether they are complete.

    The difference of the runs' totals where they were recorded, else the recorded changes of decision.
    """
    totals: dict[tuple[str, str], int] = {}
    for (run, name, code), count in counts.items():
        grown = count - before.get((run, name, code), 0)
        totals[name, code] = totals.get((name, code), 0) + grown
    found = totals or changes
    rows = ((name, REASON_OF[code], count) for (name, code), count in found.items() if code in REASON_OF and count)
    return tuple(sorted(rows, key=lambda row: (row[0], -row[2]))), bool(totals)


def checks_of(
    pnl: PnlSplit, points: Sequence[Point], account: Sequence[Point], gaps: Sequence[tuple[float, float]]
) -> tuple[Check, ...]:
    """What must be true of the figures: the parts sum, the account agrees, nothing is missing."""
    checks = []
    if points:
        difference = points[-1][1] - points[0][1] - pnl.total
        told = f"price {usd(pnl.price)} - fees {usd(pnl.fees)} + funding {usd(pnl.funding)} = {usd(pnl.total)} USD"
        checks.append(Check("the parts sum to the equity change", abs(difference) < _TOLERANCE_USD, told))
    if len(account) > 1 and points:
        when, theirs = account[-1]
        ours = next((equity for time, equity in reversed(points) if time <= when), points[0][1])
        told = f"the account's own figure differs by {usd(theirs - ours, signed=True)} USD"
        checks.append(Check("equity agrees with the account", abs(theirs - ours) < _ACCOUNT_TOLERANCE_USD, told))
    else:
        checks.append(Check("equity agrees with the account", None, "its equity was recorded less than twice"))
    checks.append(Check("no gap in the record", not gaps, f"{len(gaps)} pauses over {GAP_S / 60:.0f} min"))
    return tuple(checks)


def counted_up_to(last: float | None, span_s: float) -> str:
    """Which moment the figures are of: a running system has moved on since."""
    if last is None:
        return ""
    return f" Counted up to {clock(last) if span_s <= _DAY_S else stamp(last)}."


def paper_assumptions(fees: str) -> tuple[str, ...]:
    """What the figures of a paper account rest on; `fees` as the last start said them, "" where it did not."""
    charged = fees or "as the exchange was started with"
    return (
        f"PAPER: no real money. The embedded exchange filled every order; its fees: {charged}, of the traded value.",
        (
            "Fills: by price and time against a synthetic book of levels, partly where it is thin; nobody reacts to the orders, the"
            " book refills quickly, and latency is this machine's alone. Perpetuals pay hourly funding and can be liquidated."
        ),
        "The market is synthetic and seeded, or recorded candles; results say how the program works, not what it would earn.",
    )


def verdict_of(pnl: PnlSplit, days: Sequence[SymbolDay], events: int) -> str:
    """One paragraph: what happened and what it came to."""
    fills = sum(len(day.filled) for day in days)
    refused = sum(len(day.refused) for day in days)
    if not events:
        return "Nothing was recorded in this time: the system did not run."
    if not fills:
        return f"No fill. {_refused(refused)} before sending; the reason table says what held back."
    traded = ", ".join(day.symbol for day in days if day.filled)
    return (
        f"{fills} fill{'' if fills == 1 else 's'} in {traded} {'gained' if pnl.total >= 0 else 'lost'} {usd(abs(pnl.total))} USD:"
        f" price {usd(pnl.price, signed=True)}, fees {usd(-pnl.fees, signed=True)},"
        f" funding {usd(pnl.funding, signed=True)}. {_refused(refused)}."
    )


def _refused(count: int) -> str:
    return f"{count} order{' was' if count == 1 else 's were'} refused"
