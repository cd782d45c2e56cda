"""The command line: parses, loads the configuration, hands over, and turns the outcome into an exit code.

`python run.py [flags]` trades; any other command comes first: `python run.py status`. Each command imports only what it needs, so
the trading process never loads the exchange's or the terminal's libraries.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence

from trader.exit_code import MEANING, Ends, ExitCode
from trader.report.lastwords import guard_last_words
from trader.report.redaction import redactor
from trader.store.owner import not_ours

PYTHON_MIN = (3, 11)

COMMANDS: dict[str, tuple[str, str]] = {
    "trade": ("actors.trade_command", "trade (the default)"),
    "status": ("actors.status_command", "print the last status of a profile"),
    "why": ("actors.why_command", "say why a symbol did or did not trade"),
    "health": ("trader.report.health_command", "one line; exit 0 when healthy, 1 when not"),
    "report": ("trader.report.report_command", "write one day as a self-contained page"),
    "config": ("actors.config_command", "the effective configuration, every key explained; accept a changed one"),
    "reduce-only": ("actors.operator_command:reduce_only", "refuse entries, keep exits"),
    "resume": ("actors.operator_command:resume", "lift holds after a clean reconciliation"),
    "kill": ("actors.operator_command:kill", "halt, cancel every open order, keep positions"),
    "flatten": ("actors.operator_command:flatten", "close positions until flat"),
    "pause": ("actors.operator_command:pause", "no entries of one symbol for some minutes"),
    "restart": ("actors.operator_command:restart", "start one symbol anew with a fresh window"),
    "clear-daily-loss": ("actors.operator_command:clear_daily_loss", "measure the day's loss from now on"),
    "test-alert": ("actors.operator_command:test_alert", "send a test message to the webhook"),
    "check": ("actors.check_command", "check machine, configuration, store and venue; sends no live order"),
    "validate": ("actors.validate_command", "the validation scripts: perps-client, ws, strategy, e2e, all"),
    "cancel-all": ("actors.cancel_all_command", "cancel every open order without the running trader"),
    "backtest": ("actors.backtest_command", "run the live actors over recorded candles"),
    "replay": ("actors.replay_command", "let the last recorded session decide again and compare"),
    "exchange": ("trader.exchange.server", "run the embedded exchange alone"),
    "events": ("trader.store.commands", "tail, verify, export, prune or rotate-key the event store"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given and given[0] in {"-h", "--help"}:
        sys.stdout.write(usage())
        return ExitCode.OK
    name = given.pop(0) if given and not given[0].startswith("-") else "trade"
    if name not in COMMANDS:
        sys.stderr.write(f"run.py: unknown command {name!r}; one of {', '.join(COMMANDS)}\n")
        return ExitCode.USAGE
    place, _, entry = COMMANDS[name][0].partition(":")
    if sys.version_info < PYTHON_MIN:
        sys.stderr.write(f"run.py needs Python 3.11 or newer; this is {sys.version.split()[0]}\n")
        return ExitCode.CONFIG_ERROR
    guard_last_words()
    try:
        return int(getattr(importlib.import_module(place), entry or "main")(given))
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in {"actors", "trader"}:
            raise
        sys.stderr.write(
            f"the package {error.name} is missing in {sys.executable}: type .venv/bin/python instead of python, or install with"
            " pip install -r requirements.lock\n"
        )
        return ExitCode.CONFIG_ERROR
    except Ends as end:
        sys.stderr.write(redactor.clean(end.sentence.rstrip()) + "\n")
        return end.code
    except PermissionError as error:
        sys.stderr.write(f"{not_ours(error)}\n")
        return ExitCode.NEGATIVE
    except KeyboardInterrupt:
        return ExitCode.NEGATIVE
    except BrokenPipeError:
        # `run.py check | head`: nobody reads any more, also not what the interpreter would flush at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.NEGATIVE


def usage() -> str:
    """Return the help text: commands and exit codes."""
    commands = "\n".join(f"  {name:<17} {text}" for name, (_, text) in COMMANDS.items())
    codes = "\n".join(f"  {code.value:>3}  {text}" for code, text in MEANING.items())
    return (
        "usage: python run.py [--profile NAME] [flags]      trade\n"
        "       python run.py COMMAND [flags]               anything else\n\n"
        f"commands (each has --help):\n{commands}\n\nexit codes:\n{codes}\n"
    )


if __name__ == "__main__":
    sys.exit(main())
