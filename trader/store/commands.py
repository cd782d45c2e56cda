"""`run.py events tail|verify|export|prune|rotate-key`: what an operator does with the event store.

Only run.py imports this.

tail, verify and export read beside a running system; prune and rotate-key need it stopped and say so (exit 75).
"""

import argparse
import os
import sqlite3
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import msgspec

from trader.arguments import CommandParser
from trader.exit_code import ExitCode
from trader.store.events import Event
from trader.store.export import KINDS, write_csv, write_jsonl
from trader.store.housekeeping import prune, rotate_key
from trader.store.layout import KEY_FOLDER_VARIABLE
from trader.store.payloads import BadPayload
from trader.store.projections import readable, utc_text
from trader.store.reader import EventReader
from trader.store.running import chosen_folder
from trader.store.verdict import StoreRefused

_TAIL_PAYLOAD_CHARS = 160


def main(argv: Sequence[str]) -> int:
    """Run one `events` command; returns its exit code. Answers go to stdout, problems to stderr."""
    options = _parse(argv)
    try:
        root = options.root or chosen_folder(options.profile)
        command: Callable[[argparse.Namespace, Path], int] = options.command
        return command(options, root)
    except StoreRefused as refusal:
        sys.stderr.write(f"events: {refusal}\n")
        return refusal.exit_code
    except BadPayload as error:
        sys.stderr.write(f"events: {error}; the export stops there\n")
        return ExitCode.NEGATIVE
    except ValueError as error:
        sys.stderr.write(f"events: {error}\n")
        return ExitCode.USAGE
    except BrokenPipeError:  # the reader of our output, `head` for one, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.OK
    except PermissionError:  # run.py says whose the place is
        raise
    except (OSError, sqlite3.Error) as error:
        sys.stderr.write(f"events: {error}\n")
        return ExitCode.NEGATIVE


def tail(options: argparse.Namespace, root: Path) -> int:
    """Print the newest events, oldest first."""
    reader = EventReader.open_readonly(root, key_file=options.key_file)
    for event in reader.tail(options.bot_id or reader.profile, options.limit, options.types):
        sys.stdout.write((msgspec.json.encode(readable(event)).decode() if options.json else _line(event)) + "\n")
    return ExitCode.OK


def verify(options: argparse.Namespace, root: Path) -> int:
    """Open every record of every segment and compare the end with both witnesses."""
    found = EventReader.open_readonly(root, key_file=options.key_file).verify()
    sys.stdout.write(
        f"ok: {found.records} records from {found.first} in {found.segments} segment(s), every one authentic; "
        f"head {found.head}, store {found.store_id}\n"
    )
    return ExitCode.OK


def export(options: argparse.Namespace, root: Path) -> int:
    """Write the decrypted events, or one table of them, to stdout or to a file only the owner can read."""
    reader = EventReader.open_readonly(root, key_file=options.key_file)
    with _destination(options.out) as out:
        if options.format == "jsonl":
            count = write_jsonl(reader.replay(options.types), out)
        else:
            count = write_csv(options.table, reader.replay(), out)
    sys.stderr.write(f"{count} row{'' if count == 1 else 's'}\n")
    return ExitCode.OK


def prune_command(options: argparse.Namespace, root: Path) -> int:
    """Remove old sealed segments."""
    result = prune(root, keep_days=options.keep_days, key_file=options.key_file, dry_run=options.dry_run)
    verb = "would remove" if options.dry_run else "removed"
    why = f"; more is kept: {result.kept_because}" if result.kept_because else ""
    sys.stdout.write(f"{verb} {result.segments} segment(s), {result.records} records, {result.bytes} bytes{why}\n")
    return ExitCode.OK


def rotate_command(options: argparse.Namespace, root: Path) -> int:
    """Seal all further records under a fresh key."""
    name = rotate_key(root, key_file=options.key_file)
    sys.stdout.write(f"new records use key {name}; back up the key file now, it also holds the old keys\n")
    return ExitCode.OK


def _whole(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number, for example 30")
    return int(text)


# --profile, --root and --key-file stand behind each command, so that `events tail --profile canary` reads naturally.
def _parse(argv: Sequence[str]) -> argparse.Namespace:
    common = CommandParser(add_help=False)
    common.add_argument("--profile", help="the profile whose store is meant (default: the one that is running)")
    common.add_argument("--root", type=Path, help="a store's folder elsewhere, for a copy or a backup")
    common.add_argument(
        "--key-file",
        type=Path,
        help=f"default: <profile>.key in ${KEY_FOLDER_VARIABLE}, else store.key beside the store",
    )
    parser = CommandParser(
        prog="run.py events", description="Read, check, export and maintain the encrypted event store."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, command: Callable[[argparse.Namespace, Path], int], help_text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, parents=[common], help=help_text, description=command.__doc__)
        added.set_defaults(command=command)
        return added

    tailing = add("tail", tail, "print the newest events")
    tailing.add_argument("--bot-id", help="coinbase_perps (everything), risk_engine, or the profile")
    tailing.add_argument("--limit", type=_whole, default=100, metavar="N", help="how many (default: 100)")
    tailing.add_argument("--types", nargs="+", metavar="TYPE", help="trade, position, metric, error, order, risk, …")
    tailing.add_argument("--json", action="store_true", help="one JSON object a line")
    add("verify", verify, "check every record")
    exporting = add("export", export, "decrypt to a stream")
    exporting.add_argument("--format", choices=["jsonl", "csv"], default="jsonl")
    exporting.add_argument("--table", choices=sorted(KINDS), default="fills", help="which table, for csv")
    exporting.add_argument("--types", nargs="+", metavar="TYPE", help="only these types, for jsonl")
    exporting.add_argument("--out", type=Path, help="a new file, mode 0600 (default: stdout)")
    pruning = add("prune", prune_command, "remove old segments (system stopped; export first)")
    pruning.add_argument("--keep-days", type=_whole, required=True, metavar="DAYS")
    pruning.add_argument("--dry-run", action="store_true", help="say what would go")
    add("rotate-key", rotate_command, "use a fresh key from now on (system stopped)")
    return parser.parse_args(argv)


def _line(event: Event) -> str:
    payload = msgspec.json.encode(event.payload).decode()
    if len(payload) > _TAIL_PAYLOAD_CHARS:
        payload = payload[:_TAIL_PAYLOAD_CHARS] + "…"
    return f"{utc_text(event.utc_time)} {event.sequence:>7} {event.type:8} {event.event:24} {event.code:22} {payload}"


@contextmanager
def _destination(path: Path | None) -> Iterator[TextIO]:
    """Stdout, or a new file for the owner alone; an existing file is never overwritten."""
    if path is None:
        yield sys.stdout
        return
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise FileExistsError(f"{path} exists and is never overwritten; choose a new name") from None
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as out:
        yield out
