"""The exchange's command line. Imported by server.py."""

from __future__ import annotations

import argparse
from decimal import Decimal, InvalidOperation
from pathlib import Path

from trader.exchange.paths import REGIMES

_HIGHEST_PORT = 65_535


def parser() -> argparse.ArgumentParser:
    """The command line; usage errors exit with 64 by `main`."""
    flags = argparse.ArgumentParser(
        prog="run.py exchange", description="A Coinbase-compatible exchange on loopback, for paper trading and tests."
    )
    flags.add_argument("--port", type=_port, default=0, help="port on 127.0.0.1; 0 takes a free one (default)")
    flags.add_argument("--seed", type=int, default=7, help="seed of the synthetic market (default 7)")
    flags.add_argument(
        "--tls", action="store_true", help="serve https and wss with a fresh certificate, named in the ready line"
    )
    flags.add_argument(
        "--market",
        action="append",
        default=[],
        metavar="[PRODUCT=]FILE",
        help="replay candles (CSV, .csv.gz) as a product's market",
    )
    flags.add_argument("--speed", type=float, default=1.0, help="market seconds per second of a replay (default 1)")
    flags.add_argument("--regime", choices=sorted(REGIMES), default="usual", help="character of the synthetic market")
    flags.add_argument("--equity", type=_decimal, default=Decimal(10_000), help="dollars at the start (default 10000)")
    flags.add_argument(
        "--usdc", type=_decimal, default=Decimal(0), help="USDC at the start, for the -INTX products (default 0)"
    )
    flags.add_argument(
        "--symbols",
        nargs="+",
        default=[],
        metavar="NAME",
        help="what will be traded: the dollars are divided between USD and USDC by what these are quoted in",
    )
    flags.add_argument("--maker-fee", type=_decimal, default=Decimal("0.005"), help="fraction (default 0.005)")
    flags.add_argument("--taker-fee", type=_decimal, default=Decimal("0.009"), help="fraction (default 0.009)")
    flags.add_argument("--allow-transfer", action="store_true", help="the key may also move funds (off by default)")
    flags.add_argument("--key-type", choices=("ecdsa", "ed25519"), default="ecdsa", help="kind of the key handed out")
    flags.add_argument(
        "--rate-limit", type=_count, default=0, metavar="N", help="private requests a second; 0 is no limit (default)"
    )
    flags.add_argument(
        "--no-client-id", action="store_true", help="leave client_id out of stream messages, as live in 2026"
    )
    flags.add_argument("--data", type=Path, default=None, metavar="DIR", help="keep the account in this folder")
    flags.add_argument(
        "--faults", type=Path, default=None, metavar="FILE", help="JSON list of faults to arm at the start"
    )
    flags.add_argument(
        "--tls-name", default="localhost", help="host name in the certificate; another one makes it wrong"
    )
    flags.add_argument("--die-with-parent", action="store_true", help="end when standard input ends")
    return flags


def _decimal(raw: str) -> Decimal:
    try:
        value = Decimal(raw)
    except InvalidOperation:
        raise argparse.ArgumentTypeError(f"{raw!r} is no number") from None
    if not value.is_finite() or value < 0:
        raise argparse.ArgumentTypeError(f"{raw!r} must be zero or more")
    return value


def _port(raw: str) -> int:
    if not raw.isdigit() or int(raw) > _HIGHEST_PORT:
        raise argparse.ArgumentTypeError(f"{raw!r} is no port; choose 0 to {_HIGHEST_PORT}")
    return int(raw)


def _count(raw: str) -> int:
    if not raw.isdigit():
        raise argparse.ArgumentTypeError(f"{raw!r} must be a whole number, zero or more")
    return int(raw)
