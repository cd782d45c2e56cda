"""The trading command: configuration, the embedded exchange if there is one, then the system. `run.py` calls `main`.

The exchange is spawned before the trader's own libraries are imported: it starts while we load.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from actors.exchange_process import ExchangeFailed, ExchangeProcess, ReadyLine
from actors.lock import AlreadyRunning, ProcessLock
from actors.options import parse, read_settings
from trader.config import ConfigErrors, Settings
from trader.exit_code import Ends, ExitCode


def main(arguments: Sequence[str]) -> int:
    """Trade until stopped; return the exit code. Raises Ends for everything that keeps it from starting."""
    options = parse(arguments)
    settings = load(options)
    folder = profile_folder(settings)
    prepare_folder(folder)
    lock = _lock(settings, folder)
    try:
        exchange, ready = _exchange(settings, options, folder)
        try:
            from actors.system import trade

            return int(trade(settings, options, folder, lock, exchange.ready() if exchange else ready))
        except ExchangeFailed as error:
            ours = options.market is not None and error.code == ExitCode.USAGE
            raise Ends(ExitCode.USAGE if ours else ExitCode.VENUE_UNREACHABLE, str(error)) from error
        except OSError as error:
            raise Ends(ExitCode.CONFIG_ERROR, f"the data folder cannot be used: {error}") from error
        finally:
            if exchange:
                exchange.stop()
    finally:
        lock.release()


def load(options: argparse.Namespace) -> Settings:
    """Read and check the configuration with the flags and the environment on top; every error at once ends with 78."""
    loaded = read_settings(options)
    if isinstance(loaded, ConfigErrors):
        raise Ends(ExitCode(loaded.exit_code), str(loaded))
    return loaded


def profile_folder(settings: Settings) -> Path:
    """Return the folder that holds everything of one profile."""
    return Path(settings.environment.data_root) / "perps_bot" / settings.profile


def prepare_folder(folder: Path) -> None:
    """Make the profile's folder, owner-only, or say why it cannot be."""
    os.umask(0o077)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        (folder / "logs").mkdir(exist_ok=True, mode=0o700)
    except OSError as error:
        raise Ends(
            ExitCode.CONFIG_ERROR, f"the data folder cannot be made: {error}; set EVENT_STORE_ROOT to another place"
        ) from error


def _lock(settings: Settings, folder: Path) -> ProcessLock:
    """Take the profile before anything of it is touched, the paper account's exchange included."""
    try:
        return ProcessLock(folder / "lock")
    except AlreadyRunning as error:
        raise Ends(
            ExitCode.ALREADY_RUNNING, f"profile {settings.profile} already runs: {error}. Nothing was started."
        ) from error
    except OSError as error:
        raise Ends(
            ExitCode.CONFIG_ERROR, f"the data folder cannot be written: {error}. Nothing was started."
        ) from error


def _exchange(
    settings: Settings, options: argparse.Namespace, folder: Path
) -> tuple[ExchangeProcess | None, ReadyLine | None]:
    """Spawn the embedded exchange, or read where one already runs; nothing for the live venue."""
    if not settings.is_paper:
        return None, None
    if options.exchange is not None:
        try:
            return None, msgspec.json.decode(options.exchange.read_bytes(), type=ReadyLine)
        except (OSError, msgspec.DecodeError) as error:
            raise Ends(
                ExitCode.USAGE, f"--exchange {options.exchange}: {error}; give the line that `run.py exchange` prints"
            ) from error
    paper = settings.paper
    arguments = [
        "--data", str(folder / "exchange"),
        "--equity", str(paper.equity_usd),
        "--maker-fee", str(paper.maker_fee),
        "--taker-fee", str(paper.taker_fee),
    ]  # fmt: skip
    if settings.environment.derivatives:
        arguments += ["--symbols", *settings.symbols]
    if options.seed is not None:
        arguments += ["--seed", str(options.seed)]
    for file in options.market or ():
        if not Path(file.partition("=")[2] or file).is_file():
            raise Ends(ExitCode.USAGE, f"--market {file}: there is no such file")
        arguments += ["--market", file]
    if options.market:
        arguments += ["--speed", str(options.speed)]
    return ExchangeProcess(arguments, folder / "logs" / "exchange.log"), None
