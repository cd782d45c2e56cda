"""What a filter's refusals would have come to at another limit: the recorded session lived again, with one value changed.

The symbol's own strategy decides as it did; at each moment that the gate refused, a second strategy with the changed limit is asked the
same question, and what it would have ordered is put to risk as it was then. Nothing is booked, so each moment is judged on its own.
Only `actors/why_command.py` and tests import this.
"""

from __future__ import annotations

from collections import Counter, deque
from pathlib import Path

import msgspec
from loguru import logger

from actors.address import RISK
from actors.intents import intent_of
from actors.recording import CannotReplay, Heard, Recording, read_recording, settings_of
from actors.replay import parted, relive
from actors.risk import Risk
from actors.symbol import Symbol
from trader.config import Settings
from trader.market.window import MarkWindow
from trader.orders.order import OrderIntent
from trader.orders.reason import Reason
from trader.report.why import Candidate, Verdicts
from trader.risk.refusal import Refusal
from trader.store.events import Event
from trader.store.reader import EventReader
from trader.store.verdict import StoreRefused
from trader.strategy.examine import examine
from trader.strategy.protocol import Action, Context, Decision, PositionView, Strategy
from trader.strategy.registry import MODULES, create_strategy
from trader.strategy.settings import FilterLimits

INPUTS_MAX = 64_000_000
"""Bytes of recorded inputs that are lived again for an answer; more would keep a person waiting for minutes."""


def look_further(profile_folder: Path, symbol: str, since: float, candidate: Candidate) -> Verdicts | None:
    """Judge the moments refused from market time `since` on; None for a gate that is no filter or a session that cannot be lived again.

    Nor can one with a strategy of the user's own: its file may lie elsewhere, or say something else by now.
    """
    name = candidate.config_key.removeprefix("filters.")
    if name == candidate.config_key or name not in FilterLimits.__struct_fields__:
        return None
    inputs = profile_folder / "inputs"
    logger.remove()  # what the actors log was logged when it happened
    try:
        if sum(file.stat().st_size for file in inputs.iterdir()) > INPUTS_MAX:
            return None
        recording = read_recording(inputs)
        reader = EventReader.open_readonly(profile_folder)
        settings = settings_of(profile_folder, recording, paper=reader.belongs_to(f"paper:{profile_folder.name}"))
        if settings.strategy.name not in MODULES:
            return None
        before, _ = parted(recording, reader.replay())
        changed = msgspec.structs.replace(settings.filters, **{name: candidate.value})
        asked = _Asked(settings, changed, candidate.reason, since)
        relive(recording, settings, symbol, Path(), before, look=asked.look)
    except (CannotReplay, StoreRefused, OSError):
        return None
    return _judged(recording, settings, before, asked)


class _Asked:
    """The symbol's side: moments refused by the gate, and what the changed strategy says of each."""

    def __init__(self, settings: Settings, filters: FilterLimits, gate: Reason, since: float) -> None:
        self._settings, self._filters, self._gate, self._since = settings, filters, gate, since
        self._watched: Strategy | None = None
        self.moments = 0
        self.later: Counter[Reason] = Counter()
        self.intents: deque[OrderIntent] = deque()

    def look(self, actor: Symbol, _heard: Heard) -> None:
        """Listen to the strategy's answers from the first message on."""
        strategy = actor.strategy
        if strategy is self._watched:
            return
        self._watched, on_bar = strategy, strategy.on_bar

        def heard(window: MarkWindow, position: PositionView, context: Context) -> Decision:
            answer = on_bar(window, position, context)
            if answer.reason is self._gate and context.market_time >= self._since:
                self._ask(strategy, window, position, context)
            return answer

        strategy.on_bar = heard  # type: ignore[method-assign]

    def _ask(self, strategy: Strategy, window: MarkWindow, position: PositionView, context: Context) -> None:
        self.moments += 1
        other = create_strategy(self._settings.strategy, self._filters, self._settings.sizing)
        other.restore(strategy.snapshot())
        answer = examine(other.on_bar(window, position, context))
        if answer.action is not Action.HOLD:
            name = f"what-if-{self.moments}"
            intent = intent_of(answer, context, position.size, self._settings.execution, name)
            if intent.size > 0:
                self.intents.append(intent)
            else:
                self.later[Reason.ROUNDS_TO_ZERO] += 1
        elif answer.reason is not self._gate:
            self.later[answer.reason] += 1


def _judged(recording: Recording, settings: Settings, before: list[Event], asked: _Asked) -> Verdicts:
    """Put what would have been ordered to risk as it was at each moment."""
    answers: list[Refusal | None] = []
    waiting = asked.intents

    def look(actor: Risk, heard: Heard) -> None:
        while waiting and heard.machine_time > waiting[0].machine_time:
            answers.append(actor.desk.would_refuse(waiting.popleft(), actor.now))

    relive(recording, settings, RISK, Path(), before, look=look)
    later = asked.later + Counter(answer.reason for answer in answers if answer is not None)
    return Verdicts(asked.moments, tuple(later.most_common()), answers.count(None))
