"""`run.py report`: one self-contained HTML file about a day or the last days, and the same as JSON beside it.

Only run.py imports this. Reads the event store of a profile, running or not, and writes two files readable for the owner.
"""

import argparse
import datetime as dt
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from trader.arguments import CommandParser
from trader.exit_code import Ends, ExitCode
from trader.report.daybook import Daybook
from trader.report.findings import LIVE, PAPER
from trader.report.history import daybook
from trader.report.page import render_html
from trader.report.state_files import plain
from trader.store.atomic import private_folder, write_atomically
from trader.store.payloads import BadPayload
from trader.store.reader import EventReader
from trader.store.running import chosen_folder
from trader.store.verdict import NoStore, StoreRefused

_DAY_S = 86_400
_ASSUMPTIONS = (
    "Times are UTC of the market's clock. Positions are valued at the last mark the system recorded.",
    "Slippage compares each fill with the mark its decision was made on; fees and funding are as booked.",
)


def main(argv: Sequence[str]) -> int:
    """Run the command; prints the path of the file. Raises Ends for wrong arguments and a store that cannot be read."""
    options = _parse(argv)
    folder = chosen_folder(options.profile)
    try:
        reader = EventReader.open_readonly(folder)
        since, until = _stretch(options, reader)
        money = PAPER if reader.belongs_to(f"paper:{reader.profile}") else LIVE
        book = daybook(reader.replay(), since=since, until=until, assumptions=_ASSUMPTIONS, money=money)
    except NoStore as error:
        raise Ends(ExitCode.NEGATIVE, f"run.py report: {error}") from error
    except (StoreRefused, BadPayload) as error:
        raise Ends(ExitCode.STORE_REFUSED, f"run.py report: {error}") from error
    try:
        page, data = write_report(book, options.out or folder / "reports", since, until)
    except OSError as error:
        raise Ends(
            ExitCode.NEGATIVE, f"run.py report: it cannot be written: {error}; name another place with --out"
        ) from error
    sys.stdout.write(f"{book.verdict}\n{page}\n{data}\n")
    return ExitCode.OK


def write_report(book: Daybook, folder: Path, since: float, until: float) -> tuple[Path, Path]:
    """Write the two files and return their paths. Raises OSError."""
    private_folder(folder)
    last = max(since, until - 1)
    name = _day(since) if _day(since) == _day(last) else f"{_day(since)}_{_day(last)}"
    page, data = folder / f"report_{name}.html", folder / f"report_{name}.json"
    write_atomically(page, render_html(book).encode())
    write_atomically(data, msgspec.json.format(msgspec.json.encode(plain(book)), indent=1) + b"\n")
    return page, data


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = CommandParser(prog="run.py report", description="Write a report of what happened and why.")
    parser.add_argument("--profile", help="the profile; without it the one that runs")
    stretch = parser.add_mutually_exclusive_group()
    stretch.add_argument("--day", type=_midnight, metavar="YYYY-MM-DD", help="one UTC day of the market's clock")
    stretch.add_argument("--days", type=_count, metavar="N", help="the last N days, the newest included")
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="where to write (default: reports in the data folder)"
    )
    return parser.parse_args(argv)


def _stretch(options: argparse.Namespace, reader: EventReader) -> tuple[float, float]:
    """The asked time; without one, the day of the newest event, which on replayed markets is not today."""
    if options.day is not None:
        return options.day, options.day + _DAY_S
    newest = reader.tail(reader.profile, 1)
    end = (newest[-1].market_time if newest else time.time()) // _DAY_S * _DAY_S + _DAY_S
    return end - (options.days or 1) * _DAY_S, end


def _midnight(text: str) -> float:
    try:
        return dt.datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=dt.UTC).timestamp()
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no day; write it like 2026-11-20") from None


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 366:
        raise argparse.ArgumentTypeError("a number of days from 1 to 366")
    return int(text)


def _day(utc_time: float) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(utc_time))
