"""`run.py config`: what is configured and why, the meaning of every key, the schema for editors. Only run.py imports this.

Reads one file, the flags and the environment; starts nothing and writes nothing. The answer goes to stdout, errors raise
`Ends` with the code of settled.md (78, or 64 for the command line).
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from trader.arguments import CommandParser
from trader.config.environment import flag_overrides
from trader.config.explain import effective_text, explain, json_schema, render_toml
from trader.config.handbook import handbook
from trader.config.key import toml_text
from trader.config.load import load_settings
from trader.config.problem import ConfigErrors
from trader.config.settings import Settings, values_of
from trader.exit_code import Ends, ExitCode


def main(argv: Sequence[str]) -> int:
    """Run the command; returns its exit code, raises Ends for wrong arguments and a wrong configuration."""
    options = _parse(argv)
    if options.explain:
        text = explain()
    elif options.handbook:
        text = handbook(options.config)
    elif options.schema:
        text = json.dumps(json_schema(), indent=2)
    else:
        text = _FORMS[options.form](_load(options))
    sys.stdout.write(text.rstrip("\n") + "\n")
    return ExitCode.OK


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = CommandParser(
        prog="run.py config",
        description="Show the configuration in force and where each value came from.",
    )
    add = parser.add_argument
    add("--profile", default="canary", help="dev, demo, canary, prod or spot (default: canary)")
    add("--config", type=Path, default=Path("config.toml"), help="the configuration file (default: config.toml)")
    add("--live", action="store_true", help="show what --live would use; without it the paper values")
    add("--symbols", nargs="+", metavar="SYMBOL", help="as for trading")
    for flag in ("--leverage", "--order-type", "--tif", "--interval", "--status-interval", "--log-level"):
        add(flag, help="as for trading")
    add("--reduce-only", action="store_true", help="as for trading")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--toml", dest="form", action="store_const", const="toml", help="as a config.toml")
    form.add_argument(
        "--json", dest="form", action="store_const", const="json", help="as JSON, with the origin of each value"
    )
    form.add_argument(
        "--explain", action="store_true", help="every key: meaning, allowed values, when a change applies"
    )
    form.add_argument("--schema", action="store_true", help="the JSON schema of config.toml, for editors")
    form.add_argument("--handbook", action="store_true", help="profiles, keys and variables as tables in Markdown")
    parser.set_defaults(form="text")
    return parser.parse_args(argv)


def _load(options: argparse.Namespace) -> Settings:
    loaded = load_settings(
        options.config,
        options.profile,
        paper=not options.live,
        overrides=flag_overrides(vars(options)),
        environ=os.environ,
    )
    if isinstance(loaded, ConfigErrors):
        raise Ends(ExitCode(loaded.exit_code), str(loaded))
    return loaded


def _as_json(settings: Settings) -> str:
    values = values_of(settings)
    keys = {path: {"value": toml_text(value), "source": str(settings.sources[path])} for path, value in values.items()}
    head = {"profile": settings.profile, "venue": settings.venue, "config_hash": settings.config_hash}
    return json.dumps({**head, "notes": list(settings.notes), "keys": keys}, indent=2)


_FORMS: dict[str, Callable[[Settings], str]] = {"text": effective_text, "toml": render_toml, "json": _as_json}
