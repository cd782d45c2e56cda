"""The operator's commands about positions and symbols: flatten, clear the day's loss, restart a symbol.

As the others, they tell the actor concerned and then watch the board. Only `control_commands.py` imports this.
"""

from __future__ import annotations

import time
import uuid

from actors.control import Say
from actors.control_board import EFFECT_S, POLL_S, BoardWatch, done, failed
from actors.control_wire import Request, Told
from actors.flatten import CAUSE as FLATTEN
from actors.messages import ClearDailyLoss, Flatten, RestartSymbol
from actors.reports import ChildReport, FlattenReport
from trader.orders.reason import Reason
from trader.risk.holds import ACCOUNT, Hold, Level

FLATTEN_S = 180.0
RESTART_S = 20.0


class PositionCommands:
    """Each method is one command; several may run at once."""

    def __init__(self, watch: BoardWatch) -> None:
        self._watch = watch

    def flatten(self, request: Request, say: Say) -> Told:
        symbols = self._watch.symbols(request.arguments)
        if isinstance(symbols, Told):
            return symbols
        symbols = symbols or tuple(self._watch.addresses.symbols)
        halting = {h.cause for s in symbols for h in self._watch.holds().of(s) if h.level >= Level.STARTING} - {"kill"}
        if halting:
            causes = ", ".join(sorted(halting))
            return failed(
                f"refused: no order may leave because of {causes}. Look first; then run.py reduce-only, run.py resume"
                " CAUSE, and run.py flatten again. At the venue's own site positions can always be closed."
            )
        scopes = symbols if request.arguments else (ACCOUNT,)
        for scope in scopes:
            self._watch.place(Hold(FLATTEN, Level.REDUCE_ONLY, scope, Reason.MODE_REDUCE_ONLY, "flatten", request.by))
        ticket = uuid.uuid4().hex
        self._watch.until(lambda: all(self._watch.holds().has(FLATTEN, scope) for scope in scopes), EFFECT_S)
        if not self._watch.addresses.risk.tell(Flatten(symbols, request.by, ticket)):
            return failed("risk is restarting: nothing was asked; repeat the command in a moment")
        return self._watch_flatten(symbols, ticket, say)

    def _watch_flatten(self, symbols: tuple[str, ...], ticket: str, say: Say) -> Told:
        """Tell each symbol's progress as it changes, until all are closed or the patience is over."""
        told: dict[str, str] = {}
        deadline = time.monotonic() + FLATTEN_S
        while True:
            rows = {row.symbol: row for row in self._flatten_rows() if row.request == ticket}
            for symbol, row in rows.items():
                line = f"{symbol}: {row.progress}, {row.text}"
                if row.text != "asked" and told.get(symbol) != line:
                    say(line)
                    told[symbol] = line
            over = [row for row in rows.values() if row.progress != "working"]
            if len(over) == len(symbols):
                bad = [row.symbol for row in over if row.progress == "given up"]
                hold = "entries stay refused: run.py resume flatten"
                return failed(f"given up: {', '.join(bad)}") if bad else done(f"flat; {hold}")
            if time.monotonic() > deadline:
                left = ", ".join(s for s in symbols if s not in {row.symbol for row in over})
                return failed(f"not flat within {FLATTEN_S:g} s: {left}; risk goes on trying: run.py status")
            time.sleep(POLL_S)

    def _flatten_rows(self) -> tuple[FlattenReport, ...]:
        risk = self._watch.risk()
        return risk.flattening if risk else ()

    def clear_daily_loss(self, request: Request, say: Say) -> Told:
        ticket = uuid.uuid4().hex
        if not self._watch.addresses.risk.tell(ClearDailyLoss(ticket, request.by)):
            return failed("risk is restarting: repeat the command in a moment")

        def answered() -> str | None:
            risk = self._watch.risk()
            return dict(risk.answers).get(ticket) if risk else None

        answer = self._watch.until(answered, EFFECT_S)
        if answer is None:
            return failed(f"risk has not answered within {EFFECT_S:g} s; see run.py status")
        held = self._watch.holds().has("daily_loss")
        return done(answer + ("; the hold stays until run.py resume daily_loss" if held else ""))

    def restart(self, request: Request, say: Say) -> Told:
        symbols = self._watch.symbols(request.arguments)
        if isinstance(symbols, Told):
            return symbols
        if len(symbols) != 1:
            return failed("restart wants one symbol, for example: restart BTC-USD")
        symbol, before = symbols[0], self._watch.child(symbols[0])
        if before is None or self._watch.holds().has(f"quarantine:{symbol}"):
            return failed(f"{symbol} is quarantined: look at its trouble, then run.py resume quarantine:{symbol}")
        self._watch.addresses.supervisor.tell(RestartSymbol(symbol, request.by))

        def back() -> ChildReport | None:
            child = self._watch.child(symbol)
            return child if child and child.incarnation > before.incarnation and child.state == "ok" else None

        child = self._watch.until(back, RESTART_S)
        if child is None:
            now = self._watch.child(symbol)
            return failed(f"{symbol} is {now.state if now else 'unknown'} after {RESTART_S:g} s; see run.py status")
        return done(
            f"{symbol} runs as incarnation {child.incarnation} with a fresh window; position and orders are kept"
        )
