"""Where a check looks: the live venue with the environment's key, or an embedded exchange that is attached to or started for it.

An exchange started here keeps its account in a temporary folder and ends with the check: no state of any profile is touched. Only
the commands `check` and `validate` import this.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from actors.check_venue import Client
from actors.connection import connect
from actors.exchange_process import ExchangeFailed, ExchangeProcess, ReadyLine
from trader.config import Settings
from trader.exit_code import Ends, ExitCode


@contextmanager
def client_for(settings: Settings, exchange: Path | None) -> Iterator[Client]:
    """A client of the profile's venue. Raises Ends as a start would: 77 without a key, 69 without an exchange."""
    if settings.is_paper:
        with _embedded(settings, exchange) as ready:
            yield from _opened(Client(connect(settings, ready), settings, is_fresh=exchange is None))
    else:
        yield from _opened(Client(connect(settings, None), settings))


def _opened(client: Client) -> Iterator[Client]:
    try:
        yield client
    finally:
        client.close()


@contextmanager
def _embedded(settings: Settings, file: Path | None) -> Iterator[ReadyLine]:
    if file is not None:
        try:
            yield msgspec.json.decode(file.read_bytes(), type=ReadyLine)
        except (OSError, msgspec.DecodeError) as error:
            raise Ends(
                ExitCode.USAGE, f"--exchange {file}: {error}; give the line that `run.py exchange` prints"
            ) from error
        return
    with tempfile.TemporaryDirectory(prefix="actor-trader-check-") as folder:
        arguments = ["--data", folder, "--equity", str(settings.paper.equity_usd)]
        if settings.environment.derivatives:
            arguments += ["--symbols", *settings.symbols]
        exchange = ExchangeProcess(arguments, Path(folder) / "exchange.log")
        try:
            yield exchange.ready()
        except ExchangeFailed as error:
            raise Ends(ExitCode.VENUE_UNREACHABLE, str(error)) from error
        finally:
            exchange.stop()
