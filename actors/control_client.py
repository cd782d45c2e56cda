"""The other end of the operator's socket: sends one command to a running profile and prints what it answers.

The commands of `run.py` import this; the trading process does not.
"""

from __future__ import annotations

import getpass
import socket
import sys
from pathlib import Path

import msgspec

from actors.control_wire import LINE_BYTES_MAX, NoSocketFolder, Request, Told, read_line, socket_path
from trader.exit_code import Ends, ExitCode
from trader.store.running import is_running

CONNECT_S = 2.0
WITHOUT_IT = "With the live key in the environment, python run.py cancel-all cancels every open order without it."


def send_command(folder: Path, command: str, arguments: tuple[str, ...] = (), *, patience_s: float = 30.0) -> ExitCode:
    """Send a command to the profile in `folder` and print its answer; 0 when it happened, 1 when not.

    `patience_s` bounds the silence between two lines of the answer. Raises Ends with 1 when nobody hears it.
    """
    with _connect(folder) as connection:
        request = Request(command, arguments, _who())
        connection.sendall(msgspec.json.encode(request) + b"\n")
        connection.settimeout(patience_s)
        return _follow(connection, command, patience_s)


def _connect(folder: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(CONNECT_S)
    try:
        connection.connect(str(socket_path(folder)))
    except (OSError, NoSocketFolder) as error:
        connection.close()
        raise Ends(ExitCode.NEGATIVE, unheard(folder, error)) from error
    return connection


def unheard(folder: Path, error: Exception) -> str:
    """Say why nobody hears a command, and what does without the trader."""
    if not is_running(folder):
        return f"profile {folder.name} does not run under {folder.parent}. {WITHOUT_IT}"
    return f"profile {folder.name} runs but does not listen ({error}); signals still work. {WITHOUT_IT}"


def _follow(connection: socket.socket, command: str, patience_s: float) -> ExitCode:
    buffered = bytearray()
    while True:
        try:
            line = read_line(connection, buffered, LINE_BYTES_MAX)
        except (OSError, ValueError) as error:
            raise Ends(
                ExitCode.NEGATIVE, f"{command}: no answer within {patience_s:g} s ({error}); see run.py status"
            ) from error
        if line is None:
            raise Ends(ExitCode.NEGATIVE, f"{command}: the trader ended before it answered; see run.py status")
        told = msgspec.json.decode(line, type=Told)
        (sys.stdout if told.ok else sys.stderr).write(told.text.rstrip() + "\n")
        sys.stdout.flush()
        if told.done:
            return ExitCode.OK if told.ok else ExitCode.NEGATIVE


def _who() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "somebody"
