"""What each command of a person does to the running system: tell the actor concerned, then watch the board for the effect.

Runs in a command's own thread and reads only what is published, so it answers while any actor hangs. An answer says what has
happened, not what was asked; without the effect within its time it says so and how to look. Only `operations.py` imports this.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from actors.address import SUPERVISOR, AddressBook
from actors.base import Board
from actors.clock import MarketClock
from actors.control import Say
from actors.control_wire import Request, Told
from actors.eventlog import EventLog
from actors.flatten import CAUSE as FLATTEN
from actors.messages import ClearDailyLoss, Escalate, Flatten, Kill, RestartSymbol, Resume
from actors.reports import ChildReport, FlattenReport, RiskReport, SupervisorReport
from trader.coinbase.cold import ColdResult
from trader.config.symbols import canonical
from trader.market.clock import utc_text
from trader.orders.reason import Reason
from trader.risk.holds import ACCOUNT, EPHEMERAL, Hold, HoldTable, Level
from trader.store.events import EventName, Payload

EFFECT_S = 5.0
SETTLE_S = 1.0
RESTART_S = 20.0
FLATTEN_S = 180.0
POLL_S = 0.05
MINUTES_MAX = 1440
T = TypeVar("T")


class Wiring(msgspec.Struct, frozen=True):
    """What the commands reach: addresses to tell, the board to watch, events to leave, and the main thread's services."""

    addresses: AddressBook
    board: Board
    events: EventLog
    clock: MarketClock
    cancel_everything: Callable[[], ColdResult]
    show_status: Callable[[], str]
    test_alert: Callable[[], Told]
    accept_config: Callable[[], Told]


class Commands:
    """The table of commands. `run` may be called from several threads at once."""

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring
        self._addresses = wiring.addresses
        self._runs: dict[str, Callable[[Request, Say], Told]] = {
            "reduce-only": self._reduce_only,
            "resume": self._resume,
            "kill": self._kill,
            "flatten": self._flatten,
            "pause": self._pause,
            "restart": self._restart,
            "clear-daily-loss": self._clear_daily_loss,
            "cancel-all": self._cancel_all,
            "status": lambda request, say: _done(wiring.show_status()),
            "test-alert": lambda request, say: wiring.test_alert(),
            "config-accept": lambda request, say: wiring.accept_config(),
        }

    def run(self, request: Request, say: Say) -> Told:
        """Run one command; both what was asked and what came of it stay in the event store."""
        command = self._runs.get(request.command)
        if command is None:
            return _failed(f"unknown command {request.command[:40]!r}; there are {', '.join(self._runs)}")
        self._record(request, "asked", "")
        answer = command(request, say)
        self._record(request, "done" if answer.ok else "failed", answer.text)
        return answer

    def _record(self, request: Request, step: str, text: str) -> None:
        told: Payload = {
            "command": request.command,
            "arguments": list(request.arguments),
            "by": request.by,
            "step": step,
            "text": text[:500],
        }
        self._wiring.events.write(EventName.OPERATOR_COMMAND, told, self._wiring.clock.now(), code=request.command)

    # --- modes -------------------------------------------------------------------------------------------------------------

    def _reduce_only(self, request: Request, say: Say) -> Told:
        before = self._holds().has("operator")
        text = "a person asked for it"
        self._place(Hold("operator", Level.REDUCE_ONLY, ACCOUNT, Reason.MODE_REDUCE_ONLY, text, request.by))
        if not self._until(lambda: self._holds().has("operator"), EFFECT_S):
            return _failed(f"the supervisor has not taken it within {EFFECT_S:g} s; see run.py status")
        if before:
            return _done(f"{self._mode().name} already, nothing changes; it ends with run.py resume operator")
        gone = self._until(lambda: not self._growing(), EFFECT_S)
        orders = "no order that could grow a position is open" if gone else f"still open: {self._growing()}"
        return _done(f"{self._mode().name}; {orders}; exits work; it ends with run.py resume operator")

    def _resume(self, request: Request, say: Say) -> Told:
        cause = request.arguments[0] if request.arguments else ""
        before = self._holds()
        asked = [hold for hold in before if hold.cause not in EPHEMERAL and cause in ("", hold.cause)]
        if not asked:
            known = ", ".join(sorted({hold.cause for hold in before if hold.cause not in EPHEMERAL})) or "none"
            what = f"no hold of cause {cause!r} is in force" if cause else "no hold is in force"
            return _done(f"{what}, nothing changes; holds: {known}; mode {before.mode().name}")
        if not self._is_clean():
            return _failed(
                "refused: the last reconciliation with the venue is not clean; wait for one, or run.py status"
            )
        self._addresses.supervisor.tell(Resume(cause, request.by))
        if not self._until(lambda: not _same(asked, self._holds()), EFFECT_S):
            why = "the last reconciliation is not clean" if not self._is_clean() else "the supervisor has not taken it"
            return _failed(f"refused: {why}; see run.py status")
        lifted = ", ".join(_named(hold) for hold in asked)
        self._until(lambda: _same(asked, self._holds()), SETTLE_S)
        back = _same(asked, self._holds())
        if back:
            told = "; ".join(f"{_named(hold)}: {hold.text}" for hold in back)
            return _failed(f"lifted {lifted}, but came back at once, because its condition still holds: {told}")
        return _done(f"lifted {lifted}; mode {self._mode().name}{self._still_held()}")

    def _pause(self, request: Request, say: Say) -> Told:
        symbols = self._symbols(request.arguments[:1])
        minutes = request.arguments[1] if len(request.arguments) == 2 else ""
        if isinstance(symbols, Told):
            return symbols
        if not symbols or not minutes.isdecimal() or not 1 <= int(minutes) <= MINUTES_MAX:
            return _failed(f"pause wants a symbol and 1 to {MINUTES_MAX} minutes, for example: pause BTC-USD 30")
        symbol, ends_at = symbols[0], self._wiring.clock.now().market_time + int(minutes) * 60
        text = f"{minutes} minutes asked for"
        self._place(Hold("pause", Level.REDUCE_ONLY, symbol, Reason.PAUSED, text, request.by, ends_at=ends_at))

        def in_force() -> Hold | None:
            return next((h for h in self._holds() if (h.cause, h.scope) == ("pause", symbol) and h.ends_at), None)

        if not self._until(in_force, EFFECT_S):
            return _failed(f"the supervisor has not taken it within {EFFECT_S:g} s; see run.py status")
        hold = self._until(lambda: h if (h := in_force()) and (h.ends_at or 0) >= ends_at - 1 else None, EFFECT_S)
        until = utc_text((hold.ends_at if hold else None) or ends_at)
        return _done(f"{symbol}: no entries until {until}; exits work; it ends by itself or with run.py resume pause")

    def _kill(self, request: Request, say: Say) -> Told:
        """Halt through the supervisor, and cancel with a client of our own, whatever the actors do (C-01)."""
        self._addresses.supervisor.tell(Kill(request.by, "run.py kill"))
        result = self._wiring.cancel_everything()
        halted = self._until(lambda: self._holds().has("kill"), EFFECT_S)
        mode = "HALTED" if halted else "the supervisor has not answered: the main loop will take the cold path"
        orders = _cancelled(result)
        text = (
            f"{mode}; {orders.text}; positions are kept: run.py flatten closes them, run.py resume kill ends the halt"
        )
        return _done(text) if halted and orders.ok else _failed(text)

    def _cancel_all(self, request: Request, say: Say) -> Told:
        return _cancelled(self._wiring.cancel_everything())

    # --- positions ---------------------------------------------------------------------------------------------------------

    def _flatten(self, request: Request, say: Say) -> Told:
        symbols = self._symbols(request.arguments)
        if isinstance(symbols, Told):
            return symbols
        symbols = symbols or tuple(self._addresses.symbols)
        halting = {h.cause for s in symbols for h in self._holds().of(s) if h.level >= Level.STARTING} - {"kill"}
        if halting:
            causes = ", ".join(sorted(halting))
            return _failed(
                f"refused: no order may leave because of {causes}. Look first; then run.py reduce-only, run.py resume"
                " CAUSE, and run.py flatten again. At the venue's own site positions can always be closed."
            )
        scopes = symbols if request.arguments else (ACCOUNT,)
        for scope in scopes:
            self._place(Hold(FLATTEN, Level.REDUCE_ONLY, scope, Reason.MODE_REDUCE_ONLY, "flatten", request.by))
        ticket = uuid.uuid4().hex
        self._until(lambda: all(self._holds().has(FLATTEN, scope) for scope in scopes), EFFECT_S)
        if not self._addresses.risk.tell(Flatten(symbols, request.by, ticket)):
            return _failed("risk is restarting: nothing was asked; repeat the command in a moment")
        return self._watch_flatten(symbols, ticket, say)

    def _watch_flatten(self, symbols: tuple[str, ...], ticket: str, say: Say) -> Told:
        """Tell each symbol's progress as it changes, until all are closed or the patience is over."""
        told: dict[str, str] = {}
        deadline = time.monotonic() + FLATTEN_S
        while True:
            rows = {row.symbol: row for row in self._flatten_rows() if row.request == ticket}
            for symbol, row in rows.items():
                line = f"{symbol}: {row.progress}, {row.text}"
                if (told.get(symbol) != line and row.progress != "working") or (
                    row.text != "asked" and symbol not in told
                ):
                    say(line)
                    told[symbol] = line
            over = [row for row in rows.values() if row.progress != "working"]
            if len(over) == len(symbols):
                bad = [row.symbol for row in over if row.progress == "given up"]
                hold = "entries stay refused: run.py resume flatten"
                return _failed(f"given up: {', '.join(bad)}") if bad else _done(f"flat; {hold}")
            if time.monotonic() > deadline:
                left = ", ".join(s for s in symbols if s not in {row.symbol for row in over})
                return _failed(f"not flat within {FLATTEN_S:g} s: {left}; risk goes on trying: run.py status")
            time.sleep(POLL_S)

    def _flatten_rows(self) -> tuple[FlattenReport, ...]:
        risk = self._risk()
        return risk.flattening if risk else ()

    def _clear_daily_loss(self, request: Request, say: Say) -> Told:
        ticket = uuid.uuid4().hex
        if not self._addresses.risk.tell(ClearDailyLoss(ticket, request.by)):
            return _failed("risk is restarting: repeat the command in a moment")

        def answered() -> str | None:
            risk = self._risk()
            return dict(risk.answers).get(ticket) if risk else None

        answer = self._until(answered, EFFECT_S)
        if answer is None:
            return _failed(f"risk has not answered within {EFFECT_S:g} s; see run.py status")
        held = self._holds().has("daily_loss")
        return _done(answer + ("; the hold stays until run.py resume daily_loss" if held else ""))

    def _restart(self, request: Request, say: Say) -> Told:
        symbols = self._symbols(request.arguments)
        if isinstance(symbols, Told):
            return symbols
        if len(symbols) != 1:
            return _failed("restart wants one symbol, for example: restart BTC-USD")
        symbol, before = symbols[0], self._child(symbols[0])
        if before is None or self._holds().has(f"quarantine:{symbol}"):
            return _failed(f"{symbol} is quarantined: look at its trouble, then run.py resume quarantine:{symbol}")
        self._addresses.supervisor.tell(RestartSymbol(symbol, request.by))

        def back() -> ChildReport | None:
            child = self._child(symbol)
            return child if child and child.incarnation > before.incarnation and child.state == "ok" else None

        child = self._until(back, RESTART_S)
        if child is None:
            now = self._child(symbol)
            return _failed(f"{symbol} is {now.state if now else 'unknown'} after {RESTART_S:g} s; see run.py status")
        return _done(
            f"{symbol} runs as incarnation {child.incarnation} with a fresh window; position and orders are kept"
        )

    # --- reading the board -------------------------------------------------------------------------------------------------

    def _symbols(self, names: tuple[str, ...]) -> tuple[str, ...] | Told:
        wanted = tuple(dict.fromkeys(canonical(name.upper()) for name in names))
        unknown = [name for name in wanted if name not in self._addresses.symbols]
        if unknown:
            return _failed(
                f"{', '.join(unknown)[:80]} is not traded here; there are {', '.join(self._addresses.symbols)}"
            )
        return wanted

    def _place(self, hold: Hold) -> None:
        since = self._wiring.clock.now().market_time
        self._addresses.supervisor.tell(Escalate(msgspec.structs.replace(hold, since=since)))

    def _supervisor(self) -> SupervisorReport | None:
        found: tuple[Any, float] | None = self._wiring.board.read(SUPERVISOR)
        return found[0] if found and isinstance(found[0], SupervisorReport) else None

    def _risk(self) -> RiskReport | None:
        found: tuple[Any, float] | None = self._wiring.board.read("risk")
        return found[0] if found and isinstance(found[0], RiskReport) else None

    def _child(self, symbol: str) -> ChildReport | None:
        report = self._supervisor()
        return next((child for child in report.children if child.name == symbol), None) if report else None

    def _holds(self) -> HoldTable:
        report = self._supervisor()
        return report.holds if report else HoldTable()

    def _mode(self) -> Level:
        return self._holds().mode()

    def _is_clean(self) -> bool:
        risk = self._risk()
        return risk is not None and risk.reconciled_clean

    def _growing(self) -> int:
        """Count our open orders that are no exits."""
        risk = self._risk()
        return sum(not order.reduce_only and not order.foreign for order in risk.orders) if risk else 0

    def _still_held(self) -> str:
        left = [_named(hold) for hold in self._holds() if hold.cause not in EPHEMERAL]
        return f"; still in force: {', '.join(left)}" if left else ""

    def _until(self, ask: Callable[[], T], seconds: float) -> T:
        """Return the first true answer, or the last false one when the time is over."""
        deadline = time.monotonic() + seconds
        while not (answer := ask()) and time.monotonic() < deadline:
            time.sleep(POLL_S)
        return answer


def _same(holds: list[Hold], table: HoldTable) -> list[Hold]:
    """Return those of `holds` that `table` still has."""
    return [hold for hold in holds if table.has(hold.cause, hold.scope)]


def _named(hold: Hold) -> str:
    return hold.cause if hold.scope == ACCOUNT else f"{hold.cause} ({hold.scope})"


def _cancelled(result: ColdResult) -> Told:
    if result.confirmed:
        return _done(f"{result.cancelled} orders cancelled, the venue confirms that none is open")
    trouble = f" ({result.errors[-1]})" if result.errors else ""
    return _failed(
        f"UNCONFIRMED: {result.cancelled} cancelled, {result.remaining} seen open{trouble}; look at the venue"
    )


def _done(text: str) -> Told:
    return Told(text, done=True)


def _failed(text: str) -> Told:
    return Told(text, done=True, ok=False)
