"""`run.py cancel-all`: the cold path by hand. It needs no running trader and nothing of its state, only the venue's key.

Cancels every open order of the key's portfolio, also those of a person or of another program, and proves it: exit 0 when the venue
shows none, 1 when that could not be proven. Only `run.py` imports this.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from actors.control_client import send_command
from actors.exchange_process import ReadyLine
from trader.arguments import CommandParser
from trader.coinbase.auth import Credentials
from trader.coinbase.cold import cancel_everything
from trader.coinbase.hosts import ForbiddenHost, check_host
from trader.coinbase.keyshape import CredentialProblem
from trader.exit_code import Ends, ExitCode
from trader.report.redaction import redactor
from trader.store.owner import not_ours
from trader.store.running import chosen_folder, is_running

REST_URL = "https://api.coinbase.com"
DEADLINE_S = 30.0


def main(arguments: Sequence[str]) -> int:
    """Cancel everything; raises Ends for wrong arguments and for a key that is none."""
    parser = CommandParser(
        prog="run.py cancel-all", description="Cancel every open order of the key's portfolio and prove it."
    )
    parser.add_argument("--exchange", type=Path, metavar="READY.json", help="the embedded exchange of this file")
    parser.add_argument("--profile", help="the running paper profile that is meant, when there is no key")
    parser.add_argument(
        "--paper", action="store_true", help="never the live venue, even when the environment holds a key"
    )
    parser.add_argument("--deadline", type=float, default=DEADLINE_S, metavar="SECONDS", help="give up after this long")
    options = parser.parse_args(arguments)
    if not 1 <= options.deadline <= 600:
        parser.error("--deadline must be from 1 to 600 seconds")
    if options.exchange is not None:
        return _cancel(*_exchange(options.exchange), options.deadline)
    if os.environ.get("COINBASE_API_KEY") and not options.paper:
        return _cancel(*_live(), None, options.deadline)
    # On paper the running trader alone holds its exchange's key: it takes the same cold path for us, in a thread of its own.
    return send_command(_running(options.profile, paper=options.paper), "cancel-all", patience_s=options.deadline)


def _running(profile: str | None, *, paper: bool) -> Path:
    """The folder of the running trader that can do it for us; raises Ends with what is missing when there is none."""
    try:
        folder = chosen_folder(profile)
        if is_running(folder):
            return folder
        told = f"profile {folder.name} does not run"
    except Ends as end:
        if profile is not None:
            raise
        told = end.sentence
    except PermissionError as error:
        told = not_ours(error)
    if paper:
        raise Ends(ExitCode.NEGATIVE, f"{told}; an embedded exchange that runs alone is named by --exchange READY.json")
    raise Ends(
        ExitCode.CREDENTIALS_REFUSED,
        "NOTHING WAS CANCELLED: no key in this environment. Set COINBASE_API_KEY and COINBASE_API_SECRET and type it again, or"
        f" cancel on the venue's own site. (Without a key a running trader can do it, but {told}.)",
    )


def _exchange(file: Path) -> tuple[Credentials, str, str | None]:
    try:
        ready = msgspec.json.decode(file.read_bytes(), type=ReadyLine)
    except (OSError, msgspec.DecodeError) as error:
        raise Ends(
            ExitCode.USAGE, f"--exchange {file}: {error}; give the line that `run.py exchange` prints"
        ) from error
    redactor.know(ready.api_secret)
    return Credentials.parse(ready.api_key, ready.api_secret), ready.rest_url, ready.ca_file or None


def _live() -> tuple[Credentials, str]:
    secret, url = os.environ.get("COINBASE_API_SECRET", ""), os.environ.get("COINBASE_REST_URL", REST_URL)
    redactor.know(secret)
    try:
        check_host(url)
        return Credentials.parse(os.environ["COINBASE_API_KEY"], secret), url
    except ForbiddenHost as error:
        raise Ends(ExitCode.USAGE, str(error)) from error
    except CredentialProblem as error:
        raise Ends(ExitCode.CREDENTIALS_REFUSED, f"COINBASE_API_KEY/COINBASE_API_SECRET: {error}") from error


def _cancel(credentials: Credentials, url: str, ca_file: str | None, deadline_s: float) -> int:
    result = cancel_everything(
        credentials, url, deadline_s, ca_file=ca_file or os.environ.get("COINBASE_CA_FILE") or None
    )
    for error in result.errors[-5:]:
        sys.stderr.write(redactor.clean(error) + "\n")
    if result.confirmed:
        sys.stdout.write(f"{result.cancelled} orders cancelled; the venue confirms that none is open\n")
        return ExitCode.OK
    sys.stdout.write(
        f"UNCONFIRMED after {deadline_s:g} s: {result.cancelled} cancelled, {result.remaining} seen open."
        " Look at the venue's own site, then run this again.\n"
    )
    return ExitCode.NEGATIVE
