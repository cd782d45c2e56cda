"""The exchange as a process: command line, sockets, timers, end of life.

Imported by run.py's launcher and `python -m trader.exchange`.

Prints one JSON line on stdout when it accepts connections, and nothing else ever. Binds loopback only. Ends with 0 on
SIGTERM, SIGINT, or, with --die-with-parent, when its standard input reaches its end (which a parent's death causes).
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import sys
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web

from trader.exchange import (
    rest_account,
    rest_conversions,
    rest_futures,
    rest_helpers_v2,
    rest_market,
    rest_orders,
    rest_perpetuals,
    rest_portfolios,
    rest_trading,
)
from trader.exchange.account_file import reset
from trader.exchange.arguments import parser
from trader.exchange.certificate import server_context, write_certificate
from trader.exchange.faults import Board
from trader.exchange.keys import KeyRing, fresh_key
from trader.exchange.refusals import BadRequestError
from trader.exchange.rest import Counter, Desk
from trader.exchange.rest_faults import fault_routes
from trader.exchange.setup import Settings, SettingsError, World, build_world
from trader.exchange.stream import Hub

_TABLES = (
    rest_market,
    rest_orders,
    rest_trading,
    rest_account,
    rest_portfolios,
    rest_conversions,
    rest_futures,
    rest_perpetuals,
    rest_helpers_v2,
)
_USAGE_ERROR = 64
_GRACE_S = 0.3
_KEEP_TIME_S, _FAULTS_S = 5.0, 0.05


def main(argv: list[str] | None = None) -> int:
    """Run the exchange until it is told to end, or `reset --data DIR` a stored account; returns the exit code."""
    arguments = sys.argv[1:] if argv is None else argv
    if arguments[:1] == ["reset"]:
        return _reset(arguments[1:])
    try:
        flags = parser().parse_args(arguments)
    except SystemExit as exit_request:
        return _USAGE_ERROR if exit_request.code else 0
    settings = Settings(
        seed=flags.seed,
        markets=tuple(flags.market),
        speed=flags.speed,
        regime=flags.regime,
        equity_usd=flags.equity,
        usdc=flags.usdc,
        symbols=tuple(flags.symbols),
        maker_fee=flags.maker_fee,
        taker_fee=flags.taker_fee,
        data=flags.data,
        faults=flags.faults,
    )
    try:
        world = build_world(settings)
    except SettingsError as error:
        sys.stderr.write(f"exchange: {error}\n")
        return _USAGE_ERROR
    with tempfile.TemporaryDirectory(prefix="exchange-") as folder:
        return asyncio.run(_run(world, flags, Path(folder)))


def _reset(arguments: list[str]) -> int:
    """Delete a stored paper account."""
    flags = argparse.ArgumentParser(
        prog="run.py exchange reset", description="Delete a stored paper account; it starts anew."
    )
    flags.add_argument("--data", type=Path, required=True, metavar="DIR", help="the folder given to the exchange")
    try:
        folder: Path = flags.parse_args(arguments).data
    except SystemExit as exit_request:
        return _USAGE_ERROR if exit_request.code else 0
    existed = reset(folder)
    sys.stdout.write(f"{folder}: {'the account is deleted' if existed else 'there was no account'}\n")
    return 0


async def _run(world: World, flags: argparse.Namespace, folder: Path) -> int:
    key, ring = fresh_key(can_transfer=flags.allow_transfer, kind=flags.key_type), KeyRing()
    ring.add(key)
    hub = Hub(world.exchange, world.clock, ring, with_client_id=not flags.no_client_id)
    desk = Desk(world.exchange, world.clock, hub, ring, world.account_file)
    board = Board(desk)
    try:
        for fault in world.faults:
            board.arm(fault)
    except BadRequestError as error:
        sys.stderr.write(f"exchange: --faults: {error.details}\n")
        return _USAGE_ERROR
    certificate = write_certificate(folder, host=flags.tls_name) if flags.tls else None
    runner = web.AppRunner(_application(desk, board, flags.rate_limit), access_log=None, shutdown_timeout=_GRACE_S)
    await runner.setup()
    site = web.TCPSite(
        runner, "127.0.0.1", flags.port, ssl_context=server_context(certificate) if certificate else None
    )
    try:
        await site.start()
    except OSError as error:
        sys.stderr.write(
            f"exchange: cannot listen on 127.0.0.1:{flags.port}: {error.strerror}; choose another --port or 0\n"
        )
        await runner.cleanup()
        return _USAGE_ERROR
    told = asyncio.Event()  # before the ready line: whoever reads it may signal at once
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    _announce(runner.addresses[0][1], key.name, key.secret, certificate)
    await _until_told(told, desk, board, world, die_with_parent=flags.die_with_parent)
    for connection in list(hub.connections):
        connection.abort()
    await runner.cleanup()
    world.keep_time()
    if world.account_file is not None:
        world.account_file.close()
    return 0


def _application(desk: Desk, board: Board, rate_limit: int) -> web.Application:
    app = web.Application(client_max_size=2 << 20)
    counter = Counter(desk, rate_limit)
    counter.interceptor, desk.hub.gate = board.intercept, board.gate
    desk.hub.admit, desk.hub.welcome = board.admit, board.welcome
    counter.install(app, fault_routes(board))
    for table in _TABLES:
        counter.install(app, table.ROUTES)
    app.router.add_get("/", desk.hub.serve)
    return app


def _announce(port: int, key_name: str, key_secret: str, certificate: Path | None) -> None:
    host, secure = f"127.0.0.1:{port}", "s" if certificate else ""
    ready: dict[str, Any] = {
        "rest_url": f"http{secure}://{host}",
        "ws_url": f"ws{secure}://{host}",
        "ws_user_url": f"ws{secure}://{host}",
        "api_key": key_name,
        "api_secret": key_secret,
        "pid": os.getpid(),
    }
    if certificate is not None:
        ready["ca_file"] = str(certificate)
    sys.stdout.write(msgspec.json.encode(ready).decode() + "\n")
    sys.stdout.flush()


async def _until_told(told: asyncio.Event, desk: Desk, board: Board, world: World, *, die_with_parent: bool) -> None:
    """Run the timers until a signal, the end of standard input, or the failure of a timer (which is raised)."""
    work: list[Coroutine[Any, Any, None]] = [
        _every(world.tick_seconds, desk.tick),
        _every(_FAULTS_S, board.tick),
        _every(1.0, desk.hub.second),
        _every(_KEEP_TIME_S, world.keep_time),
    ]
    if die_with_parent:
        work.append(_stdin_ended())
    tasks = [asyncio.create_task(job) for job in work]
    waiter = asyncio.create_task(told.wait())
    await asyncio.wait([waiter, *tasks], return_when=asyncio.FIRST_COMPLETED)
    failures = [task.exception() for task in tasks if task.done()]
    for task in (waiter, *tasks):
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait([task])
    for failure in failures:
        if failure is not None:
            raise failure


async def _every(seconds: float, act: Any) -> None:
    """Call on a fixed grid of machine time; a late call does not shift the later ones."""
    loop = asyncio.get_running_loop()
    due = loop.time()
    while True:
        act()
        due = max(due + seconds, loop.time())
        await asyncio.sleep(due - loop.time())


async def _stdin_ended() -> None:
    """Return when standard input reaches its end."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while await reader.read(4096):
        pass
