"""`run.py reduce-only|resume|kill|flatten|test-alert|clear-daily-loss|restart|pause`: what a person asks of a running profile.

Each sends one request over the profile's local socket and prints what came of it: exit 0 when it has happened, 1 when not, 64 for
wrong arguments. All are repeatable. Only `run.py` imports this; without --profile the one running profile is meant.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from actors.control_client import send_command
from trader.arguments import CommandParser
from trader.config.symbols import canonical, refusal
from trader.store.running import chosen_folder

FLATTEN_PATIENCE_S = 240.0


def reduce_only(arguments: Sequence[str]) -> int:
    """Refuse entries and cancel what could grow a position; exits go on."""
    return _simple(
        "reduce-only", "Refuse entries and cancel our growing orders; exits go on. Kept over restarts.", arguments
    )


def resume(arguments: Sequence[str]) -> int:
    """Lift holds after a clean reconciliation."""
    parser = _parser("resume", "Lift the holds that a person may lift, after a clean reconciliation.")
    parser.add_argument("cause", nargs="?", default="", metavar="CAUSE", help="only this one, as the status names it")
    options = parser.parse_args(arguments)
    return send_command(chosen_folder(options.profile), "resume", (options.cause,) if options.cause else ())


def kill(arguments: Sequence[str]) -> int:
    """Halt and cancel everything; positions are kept."""
    return _simple(
        "kill", "Halt: cancel every open order of the key's portfolio and send none. Kept over restarts.", arguments
    )


def flatten(arguments: Sequence[str]) -> int:
    """Close positions."""
    parser = _parser(
        "flatten", "Close positions in slices at collared prices, until flat; entries stay refused after it."
    )
    parser.add_argument("symbols", nargs="*", type=_symbol, metavar="SYMBOL", help="only these; without any, all")
    options = parser.parse_args(arguments)
    folder = chosen_folder(options.profile)
    return send_command(folder, "flatten", tuple(options.symbols), patience_s=FLATTEN_PATIENCE_S)


def pause(arguments: Sequence[str]) -> int:
    """Refuse entries of one symbol for a while."""
    parser = _parser("pause", "Refuse entries of one symbol for some minutes; it ends by itself.")
    parser.add_argument("symbol", type=_symbol, metavar="SYMBOL")
    parser.add_argument("minutes", type=_minutes, metavar="MINUTES", help="1 to 1440")
    options = parser.parse_args(arguments)
    return send_command(chosen_folder(options.profile), "pause", (options.symbol, str(options.minutes)))


def restart(arguments: Sequence[str]) -> int:
    """Start one symbol's actor anew."""
    parser = _parser(
        "restart", "Start one symbol's actor anew with a fresh window of marks; position and orders are kept."
    )
    parser.add_argument("symbol", type=_symbol, metavar="SYMBOL")
    options = parser.parse_args(arguments)
    return send_command(chosen_folder(options.profile), "restart", (options.symbol,))


def test_alert(arguments: Sequence[str]) -> int:
    """Send a test message to the webhook."""
    return _simple("test-alert", "Send a test message to the webhook and say whether it was taken.", arguments)


def clear_daily_loss(arguments: Sequence[str]) -> int:
    """Measure the day's loss from now on."""
    about = "Measure the day's loss from now on. The hold, if there is one, is lifted by run.py resume daily_loss."
    return _simple("clear-daily-loss", about, arguments)


def _simple(name: str, about: str, arguments: Sequence[str]) -> int:
    options = _parser(name, about).parse_args(arguments)
    return send_command(chosen_folder(options.profile), name)


def _parser(name: str, about: str) -> argparse.ArgumentParser:
    parser = CommandParser(prog=f"run.py {name}", description=about)
    parser.add_argument("--profile", help="dev, demo, canary, prod or spot (default: the one that runs)")
    return parser


def _symbol(text: str) -> str:
    if why := refusal(text):
        raise argparse.ArgumentTypeError(why)
    return canonical(text)


def _minutes(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 1440:
        raise argparse.ArgumentTypeError("a number of minutes from 1 to 1440")
    return int(text)
