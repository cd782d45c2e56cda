"""How a run ends: the exit code of each end, and the cold path where the running system can no longer be trusted.

Only `actors/system.py` imports this. The cold path shares nothing with the actors: a connection of its own, any thread.
"""

from __future__ import annotations

from loguru import logger

from actors.address import AddressBook
from actors.connection import Connection, cancel_portfolio
from actors.guardian import End, Outcome
from actors.live import LivePorts
from actors.messages import SetMode
from trader.exit_code import ExitCode
from trader.market.clock import Now
from trader.orders.reason import Reason
from trader.risk.holds import ACCOUNT, Hold, HoldTable, Level


def finish(outcome: Outcome, connection: Connection, ports: LivePorts, addresses: AddressBook, now: Now) -> ExitCode:
    """Turn the end of the main loop into an exit code, taking the cold path where the running system cannot be trusted."""
    if outcome.end is End.STOPPED:
        return ExitCode.OK
    if outcome.end is End.STOPPED_UNCONFIRMED:
        return ExitCode.CANCELS_UNCONFIRMED
    ports.shut = True
    halted = SetMode(HoldTable((Hold("cold_path", Level.HALTED, ACCOUNT, Reason.MODE_HALTED, outcome.text),)), now)
    addresses.broker.tell(halted)
    addresses.risk.tell(halted)
    logger.warning("cold path: cancelling every open order of the portfolio ({})", outcome.text)
    result = cancel_portfolio(connection)
    logger.warning(
        "cold path: {} cancelled, {} left, {}",
        result.cancelled,
        result.remaining,
        "confirmed" if result.confirmed else "UNCONFIRMED",
    )
    if outcome.end is End.SUPERVISOR_LOST:
        return ExitCode.SUPERVISOR_LOST
    if outcome.end is End.IMPATIENT:
        return ExitCode.OK if result.confirmed else ExitCode.CANCELS_UNCONFIRMED
    return ExitCode.HALTED if result.confirmed else ExitCode.HALTED_UNCONFIRMED
