"""What each command of a person does to the running system: tell the actor concerned, then watch the board for the effect.

Runs in a command's own thread and reads only what is published, so it answers while any actor hangs. An answer says what has
happened, not what was asked; without the effect within its time it says so and how to look. Only `operations.py` imports this.
"""

from __future__ import annotations

from collections.abc import Callable

from actors.control import Say
from actors.control_board import EFFECT_S, BoardWatch, Cancelled, Wiring, done, failed, named, same
from actors.control_positions import PositionCommands
from actors.control_wire import Request, Told
from actors.messages import Kill, Resume
from trader.market.clock import utc_text
from trader.orders.reason import Reason
from trader.risk.holds import ACCOUNT, EPHEMERAL, Hold, Level
from trader.store.events import EventName, Payload

SETTLE_S = 1.0
KILL_EFFECT_S = 2.0
"""After the orders are gone: a supervisor that is silent for longer is being dealt with by the main loop already."""
MINUTES_MAX = 1440


class Commands:
    """The table of commands. `run` may be called from several threads at once."""

    def __init__(self, wiring: Wiring) -> None:
        self._watch = BoardWatch(wiring)
        positions = PositionCommands(self._watch)
        self._runs: dict[str, Callable[[Request, Say], Told]] = {
            "reduce-only": self._reduce_only,
            "resume": self._resume,
            "kill": self._kill,
            "flatten": positions.flatten,
            "pause": self._pause,
            "restart": positions.restart,
            "clear-daily-loss": positions.clear_daily_loss,
            "cancel-all": self._cancel_all,
            "status": lambda request, say: done(wiring.show_status()),
            "test-alert": lambda request, say: wiring.test_alert(),
            "config-accept": lambda request, say: wiring.accept_config(),
        }

    def run(self, request: Request, say: Say) -> Told:
        """Run one command; both what was asked and what came of it stay in the event store."""
        command = self._runs.get(request.command)
        if command is None:
            return failed(f"unknown command {request.command[:40]!r}; there are {', '.join(self._runs)}")
        self._record(request, "asked", "")
        answer = command(request, say)
        self._record(request, "done" if answer.ok else "failed", answer.text)
        self._watch.wiring.show_effect()
        return answer

    def _record(self, request: Request, step: str, text: str) -> None:
        told: Payload = {
            "command": request.command,
            "arguments": list(request.arguments),
            "by": request.by,
            "step": step,
            "text": text[:500],
        }
        self._watch.wiring.events.write(
            EventName.OPERATOR_COMMAND, told, self._watch.wiring.clock.now(), code=request.command
        )

    # --- modes -------------------------------------------------------------------------------------------------------------

    def _reduce_only(self, request: Request, say: Say) -> Told:
        before = self._watch.holds().has("operator")
        text = "a person asked for it"
        self._watch.place(Hold("operator", Level.REDUCE_ONLY, ACCOUNT, Reason.MODE_REDUCE_ONLY, text, request.by))
        if not self._watch.until(lambda: self._watch.holds().has("operator"), EFFECT_S):
            return failed(f"the supervisor has not taken it within {EFFECT_S:g} s; see run.py status")
        if before:
            return done(f"{self._watch.mode().name} already, nothing changes; it ends with run.py resume operator")
        gone = self._watch.until(lambda: not self._watch.growing(), EFFECT_S)
        orders = "no order that could grow a position is open" if gone else f"still open: {self._watch.growing()}"
        return done(f"{self._watch.mode().name}; {orders}; exits work; it ends with run.py resume operator")

    def _resume(self, request: Request, say: Say) -> Told:
        cause = request.arguments[0] if request.arguments else ""
        before = self._watch.holds()
        asked = [hold for hold in before if hold.cause not in EPHEMERAL and cause in ("", hold.cause)]
        if not asked:
            known = ", ".join(sorted({hold.cause for hold in before if hold.cause not in EPHEMERAL})) or "none"
            what = f"no hold of cause {cause!r} is in force" if cause else "no hold is in force"
            return done(f"{what}, nothing changes; holds: {known}; mode {before.mode().name}")
        kill_file = self._watch.wiring.kill_file
        if any(hold.cause == "kill" for hold in asked) and kill_file.exists():
            return failed(f"refused: the file {kill_file} still says halt; remove it first, then resume")
        if not self._watch.is_clean():
            return failed(
                "refused: the last reconciliation with the venue is not clean; wait for one, or run.py status"
            )
        self._watch.addresses.supervisor.tell(Resume(cause, request.by))
        if not self._watch.until(lambda: not same(asked, self._watch.holds()), EFFECT_S):
            why = (
                "the last reconciliation is not clean"
                if not self._watch.is_clean()
                else "the supervisor has not taken it"
            )
            return failed(f"refused: {why}; see run.py status")
        lifted = ", ".join(named(hold) for hold in asked)
        self._watch.until(lambda: same(asked, self._watch.holds()), SETTLE_S)
        back = same(asked, self._watch.holds())
        if back:
            told = "; ".join(f"{named(hold)}: {hold.text}" for hold in back)
            return failed(f"lifted {lifted}, but came back at once, because its condition still holds: {told}")
        return done(f"lifted {lifted}; mode {self._watch.mode().name}{self._watch.still_held()}")

    def _pause(self, request: Request, say: Say) -> Told:
        symbols = self._watch.symbols(request.arguments[:1])
        minutes = request.arguments[1] if len(request.arguments) == 2 else ""
        if isinstance(symbols, Told):
            return symbols
        if not symbols or not minutes.isdecimal() or not 1 <= int(minutes) <= MINUTES_MAX:
            return failed(f"pause wants a symbol and 1 to {MINUTES_MAX} minutes, for example: pause BTC-USD 30")
        symbol, ends_at = symbols[0], self._watch.wiring.clock.now().market_time + int(minutes) * 60
        text = f"{minutes} minutes asked for"
        self._watch.place(Hold("pause", Level.REDUCE_ONLY, symbol, Reason.PAUSED, text, request.by, ends_at=ends_at))

        def in_force() -> Hold | None:
            return next((h for h in self._watch.holds() if (h.cause, h.scope) == ("pause", symbol) and h.ends_at), None)

        if not self._watch.until(in_force, EFFECT_S):
            return failed(f"the supervisor has not taken it within {EFFECT_S:g} s; see run.py status")
        hold = self._watch.until(lambda: h if (h := in_force()) and (h.ends_at or 0) >= ends_at - 1 else None, EFFECT_S)
        until = utc_text((hold.ends_at if hold else None) or ends_at)
        return done(f"{symbol}: no entries until {until}; exits work; it ends by itself or with run.py resume pause")

    def _kill(self, request: Request, say: Say) -> Told:
        """Halt through the supervisor, and cancel with a client of our own, whatever the actors do (C-01)."""
        self._watch.addresses.supervisor.tell(Kill(request.by, "run.py kill"))
        result = self._watch.wiring.cancel_everything()
        halted = self._watch.until(lambda: self._watch.holds().has("kill"), KILL_EFFECT_S)
        mode = "HALTED" if halted else "the supervisor has not answered: the main loop will take the cold path"
        orders = _cancelled(result)
        text = (
            f"{mode}; {orders.text}; positions are kept: run.py flatten closes them, run.py resume kill ends the halt"
        )
        return done(text) if halted and orders.ok else failed(text)

    def _cancel_all(self, request: Request, say: Say) -> Told:
        return _cancelled(self._watch.wiring.cancel_everything())


def _cancelled(result: Cancelled) -> Told:
    if result.confirmed:
        return done(f"{result.cancelled} orders cancelled, the venue confirms that none is open")
    trouble = f" ({result.trouble})" if result.trouble else ""
    return failed(
        f"UNCONFIRMED: {result.cancelled} cancelled, {result.remaining} seen open{trouble}; look at the venue"
    )
