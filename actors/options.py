"""The flags of the trading command, parsed; what they mean stands in their help. Only `run.py`'s trade command imports this."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from trader.arguments import CommandParser
from trader.config import ConfigErrors, Settings, flag_overrides, load_settings


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Parse the trading flags; raises Ends with code 64 for what cannot be understood."""
    parser = CommandParser(prog="run.py trade", description="Trade one profile: on paper unless --live is given.")
    add = parser.add_argument
    add("--profile", default="canary", help="dev, demo, canary, prod or spot (default: canary)")
    add("--config", type=Path, default=Path("config.toml"), help="the configuration file (default: config.toml)")
    add("--symbols", nargs="+", metavar="SYMBOL", help="trade these instead of the profile's")
    add("--leverage", help="target leverage")
    add("--order-type", choices=["market", "limit"], help="how entries are priced")
    add("--tif", metavar="TIF", help="time in force of limit orders: GTC or IOC")
    add("--interval", metavar="SECONDS", help="bar length in seconds")
    add("--market", nargs="+", metavar="FILE", help="replay recorded candles as the market (embedded exchange)")
    add("--speed", type=_positive, default=1.0, help="how many times real time the recorded market runs")
    add("--exchange", type=Path, metavar="READY.json", help="attach to an embedded exchange that already runs")
    add("--duration", type=_positive, metavar="SECONDS", help="stop by itself after this long")
    add("--status-interval", metavar="SECONDS", help="time between status screens")
    add("--dry-run", action="store_true", help="decide and approve, but send no order")
    add("--dev-fast", action="store_true", help="one decision cycle per symbol, then exit 0")
    add(
        "--record-inputs",
        action="store_true",
        help="keep what each actor is told for run.py replay, live too; in the clear",
    )
    add("--reduce-only", action="store_true", help="start in REDUCE_ONLY: exits only")
    add("--live", action="store_true", help="trade real money: needs venue coinbase and credentials")
    add("--seed", type=_whole, default=None, help="seed of the synthetic market (embedded exchange)")
    add("--log-level", help="DEBUG, INFO, WARNING or ERROR")
    return parser.parse_args(arguments)


def read_settings(options: argparse.Namespace) -> Settings | ConfigErrors:
    """Read the configuration that these flags and the environment name; also again, while running."""
    flags = flag_overrides(vars(options))
    return load_settings(options.config, options.profile, paper=not options.live, overrides=flags, environ=os.environ)


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number, for example 7") from None


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1e9:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0, for example 60")
    return value
