"""`run.py why SYMBOL [--since 1h] [--json]`: why it did not trade, from what was recorded. Only actors/why_command.py imports this.

Reads the event store and the last status of a profile, running or not, over all of its runs. A total that a run recorded before the
asked time is subtracted; the answer says how far back it counts.
"""

import argparse
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from trader.arguments import CommandParser
from trader.config.symbols import canonical, refusal
from trader.exit_code import Ends, ExitCode
from trader.orders.reason import Reason
from trader.report.cycle import EVERY_S
from trader.report.files import STATUS_FILE
from trader.report.findings import REASON_OF
from trader.report.reasons import EXPLANATIONS
from trader.report.state_files import plain
from trader.report.why import Candidate, Refused, Verdicts, refusals_of, render_why, why
from trader.store.events import Event, EventName, EventType
from trader.store.reader import EventReader
from trader.store.running import chosen_folder
from trader.store.verdict import StoreRefused

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_TOTALS_AGE_S = 3 * EVERY_S
_TYPES = {EventType.STRATEGY.value, EventType.RISK.value, EventType.METRIC.value}


class _LastDecision(msgspec.Struct):
    symbol: str
    reason: str
    detail: str


class _LastStatus(msgspec.Struct):
    """The part of status.json that is needed."""

    market_time: float
    up_s: float
    run_id: str
    symbols: list[str]
    reasons: dict[str, dict[str, int]]
    places: dict[str, str]
    decisions: list[_LastDecision]

    def last_of(self, symbol: str) -> Refused | None:
        """The symbol's last evaluation, as the screen shows it."""
        for decision in self.decisions:
            if decision.symbol == symbol and decision.reason in REASON_OF:
                reason = REASON_OF[decision.reason]
                return Refused(self.market_time, reason, decision.detail, None, None, EXPLANATIONS[reason].config_key)
        return None


class _Record(msgspec.Struct, frozen=True):
    """What the store tells about the time since `since`: its events, and the totals each run had before. `first` is the oldest of all."""

    since: float
    first: float
    events: list[Event]
    before: dict[str, Event]


FurtherLook = Callable[[Path, str, float, Candidate], Verdicts | None]
"""What the checks behind a gate would have said in a profile's last session: folder, symbol, since when (market time), the gate."""


def main(argv: Sequence[str], further: FurtherLook = lambda *_: None) -> int:
    """Run the command; raises Ends for wrong arguments, a symbol nobody trades, and a store that cannot be read."""
    options = _parse(argv)
    folder, symbol = chosen_folder(options.profile), canonical(options.symbol)
    last = _last_status(folder)
    if symbol not in last.symbols:
        traded = ", ".join(last.symbols)
        raise Ends(ExitCode.USAGE, f"run.py why: {folder.name} does not trade {symbol}; it trades {traded}")
    try:
        record = _record(folder, last, last.market_time - options.since)
    except StoreRefused as error:
        raise Ends(ExitCode.STORE_REFUSED, f"run.py why: {error}") from error
    seconds = last.market_time - max(record.since, record.first)
    refusals = refusals_of(symbol, record.events, record.since)
    answer = why(
        symbol, _counts(record, symbol, last), refusals, last.places, seconds, last.last_of(symbol),
        look_further=partial(further, folder, symbol, record.since),
    )  # fmt: skip
    if options.json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(plain(answer)), indent=2).decode() + "\n")
    else:
        sys.stdout.write(render_why(answer) + "\n")
    return ExitCode.OK


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = CommandParser(prog="run.py why", description="Say why a symbol did not trade.")
    parser.add_argument("symbol", type=_symbol, metavar="SYMBOL", help="for example BTC-USD")
    parser.add_argument("--profile", help="the profile; without it the one that runs, else the only one there is")
    parser.add_argument("--since", type=_span, default=3600.0, metavar="SPAN", help="30m, 1h, 2d (default: 1h)")
    parser.add_argument("--json", action="store_true", help="the whole answer as JSON")
    return parser.parse_args(argv)


def _symbol(text: str) -> str:
    if told := refusal(text):
        raise argparse.ArgumentTypeError(told)
    return text


def _span(text: str) -> float:
    match = re.fullmatch(r"([1-9]\d{0,5})([smhd])", text, re.ASCII)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no time span; write 30m, 1h or 2d")
    return float(int(match[1]) * _UNITS[match[2]])


def _last_status(folder: Path) -> _LastStatus:
    try:
        return msgspec.json.decode((folder / STATUS_FILE).read_bytes(), type=_LastStatus)
    except (OSError, msgspec.DecodeError) as error:
        raise Ends(ExitCode.NEGATIVE, f"run.py why: {folder.name} has left no status here; has it run?") from error


def _record(folder: Path, last: _LastStatus, since: float) -> _Record:
    """Read what was recorded since then; from earlier on where a run left no totals near it, as on a market that runs faster."""
    events: list[Event] = []
    before: dict[str, Event] = {}
    first = last.market_time - last.up_s
    for event in EventReader.open_readonly(folder).replay(_TYPES):
        first = min(first, event.market_time)
        if event.market_time > since:
            events.append(event)
        elif event.event == EventName.CYCLE_METRICS:
            before[str(event.payload.get("run"))] = event
    went_on = {str(event.payload.get("run")) for event in events if event.event == EventName.CYCLE_METRICS} | {
        last.run_id
    }
    starts = [event.market_time for run, event in before.items() if run in went_on]
    if starts and since - min(starts) > _TOTALS_AGE_S:
        return _record(folder, last, min(starts))
    return _Record(since, first, events, before)


def _counts(record: _Record, symbol: str, last: _LastStatus) -> dict[Reason, int]:
    """The evaluations since then of every run: its newest totals, less those it had before."""

    def totals(event: Event) -> Mapping[str, Any]:
        reasons = event.payload.get("reasons")
        found: Mapping[str, Any] = reasons.get(symbol, {}) if isinstance(reasons, dict) else {}
        return found

    before = {run: totals(event) for run, event in record.before.items()}
    cycles = [event for event in record.events if event.event == EventName.CYCLE_METRICS]
    newest = {str(event.payload.get("run")): totals(event) for event in cycles}
    newest[last.run_id] = last.reasons.get(symbol, {})
    found: dict[Reason, int] = {}
    for run, now in newest.items():
        for code, count in now.items():
            if code in REASON_OF:
                grown = max(0, int(count) - int(before.get(run, {}).get(code, 0)))
                found[REASON_OF[code]] = found.get(REASON_OF[code], 0) + grown
    return found
