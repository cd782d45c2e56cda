"""A recorded session read back: what each actor handled, in the order recorded.

The configuration it ran with is the copy that its start kept. Only the modules of replay and tests import this.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import msgspec

from actors.messages import Began, RiskMessage, Session, SymbolMessage
from trader.config import Settings, load_settings
from trader.store.recorder import GAP, Input, read_inputs

KINDS: dict[str, type] = {
    kind.__name__: kind for kind in (Began, Session, *get_args(RiskMessage), *get_args(SymbolMessage))
}


class CannotReplay(ValueError):
    """The recording does not hold what a replay needs; the message says what is missing."""


class Heard(msgspec.Struct, frozen=True):
    """One recorded input, decoded."""

    actor: str
    machine_time: float
    message: Any


class Recording(msgspec.Struct, frozen=True):
    """The newest session of a folder of recorded inputs, in the order recorded."""

    session: Session
    inputs: tuple[Heard, ...]

    def of(self, actor: str) -> list[Heard]:
        """Return what one actor handled."""
        return [heard for heard in self.inputs if heard.actor == f"{actor}#1"]


def read_recording(folder: Path) -> Recording:
    """Read the newest session. Raises CannotReplay, OSError."""
    session: Session | None = None
    inputs: list[Heard] = []
    for entry in read_inputs(folder):
        if entry.kind == GAP:
            raise CannotReplay(
                f"{entry.body.decode()} messages were lost by the recorder; a replay would be of another session"
            )
        heard = Heard(entry.actor, entry.machine_time, _decoded(entry))
        if isinstance(heard.message, Session):
            session, inputs = heard.message, []
        else:
            inputs.append(heard)
    if session is None:
        raise CannotReplay(f"{folder}: the head of the session is not among the files kept; replay a shorter session")
    if any(not heard.actor.endswith("#1") for heard in inputs):
        raise CannotReplay(
            "an actor restarted in this session: its successor began from the store, which is not recorded"
        )
    return Recording(session, tuple(inputs))


def _decoded(entry: Input) -> Any:
    try:
        return entry.message(KINDS)
    except (KeyError, msgspec.DecodeError) as error:
        raise CannotReplay(
            f"{entry.kind} to {entry.actor} holds what has no bytes (settings changed while running?): {error}"
        ) from error


def settings_of(profile_folder: Path, recording: Recording, *, paper: bool) -> Settings:
    """Return the settings a session ran with, from the copy its start kept. Raises CannotReplay when that is gone."""
    wanted = recording.session.config_hash
    for kept in (profile_folder / "config").glob(f"*_{wanted[:12]}.toml"):
        loaded = load_settings(kept, recording.session.profile, paper=paper, overrides={}, environ={})
        if isinstance(loaded, Settings) and loaded.config_hash == wanted:
            return loaded
    raise CannotReplay(
        f"the configuration {wanted[:12]} of that session is not among the copies in {profile_folder}/config"
    )
