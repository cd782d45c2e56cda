"""How the process ends, as one published table; anyone may import this. A service manager must not restart on `FINAL`."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of every command. The last range follows sysexits."""

    OK = 0
    NEGATIVE = 1
    CANCELS_UNCONFIRMED = 10
    HALTED = 20
    HALTED_UNCONFIRMED = 21
    SUPERVISOR_LOST = 30
    USAGE = 64
    VENUE_UNREACHABLE = 69
    ALREADY_RUNNING = 75
    STORE_REFUSED = 76
    CREDENTIALS_REFUSED = 77
    CONFIG_ERROR = 78


MEANING: dict[ExitCode, str] = {
    ExitCode.OK: "stopped on request, no order of ours is open",
    ExitCode.NEGATIVE: "a command's negative answer (also the watchdog's)",
    ExitCode.CANCELS_UNCONFIRMED: "stopped on request, cancels unconfirmed",
    ExitCode.HALTED: "halted, cancels confirmed",
    ExitCode.HALTED_UNCONFIRMED: "halted, cancels unconfirmed: a person is needed",
    ExitCode.SUPERVISOR_LOST: "the supervisor was lost; the cold path ran",
    ExitCode.USAGE: "wrong arguments, or an unknown profile or symbol on the command line",
    ExitCode.VENUE_UNREACHABLE: "the venue could not be reached at start",
    ExitCode.ALREADY_RUNNING: "another instance holds the lock",
    ExitCode.STORE_REFUSED: "the event store was refused",
    ExitCode.CREDENTIALS_REFUSED: "the credentials were refused",
    ExitCode.CONFIG_ERROR: "the configuration has errors",
}

FINAL = frozenset(
    {
        ExitCode.HALTED,
        ExitCode.HALTED_UNCONFIRMED,
        ExitCode.USAGE,
        ExitCode.STORE_REFUSED,
        ExitCode.CREDENTIALS_REFUSED,
        ExitCode.CONFIG_ERROR,
    }
)


class Ends(Exception):
    """Start-up ends here: an exit code and one sentence for a person, no traceback."""

    def __init__(self, code: ExitCode, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence
