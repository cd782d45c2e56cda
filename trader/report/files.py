"""The status files of a profile's folder: written whole each second, read by people, probes and `run.py status`.

health.json, metrics.json and last_state.json have the documents' names; status.json holds everything, with the screen as
text, so that the last status can be shown when the program is gone. Readers never see half a file. Unlike the store these
files are not flushed to the disk: a power cut may lose their last seconds, and no slow disk can hold up the main loop.
"""

import os
import re
from pathlib import Path

import msgspec

from trader.report.metrics import metrics_json
from trader.report.screen import render_screen
from trader.report.state_files import health_json, last_state_json, status_json
from trader.report.status import SystemStatus
from trader.report.words import span, stamp

HEALTH_FILE = "health.json"
METRICS_FILE = "metrics.json"
LAST_STATE_FILE = "last_state.json"
STATUS_FILE = "status.json"
STALE_AFTER_S = 10.0


class LastStatus(msgspec.Struct, frozen=True):
    """What the files say: the screen, the JSON behind it, and how old they are. `fresh` means the program is up."""

    screen: str
    content: bytes
    age_s: float
    fresh: bool


def write_status_files(folder: Path, status: SystemStatus) -> None:
    """Replace the four files in `folder`, readable for the owner only. Raises OSError and then leaves old files whole."""
    everything = {**status_json(status), "screen": render_screen(status)}
    for name, content in (
        (STATUS_FILE, everything),
        (METRICS_FILE, metrics_json(status)),
        (LAST_STATE_FILE, last_state_json(status)),
        (HEALTH_FILE, health_json(status)),
    ):
        _replace(folder / name, msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n")


def read_last_status(folder: Path, utc_time: float, *, running: bool = True) -> LastStatus | None:
    """The last status a run left in `folder`, or None when there is none that can be read.

    `running` says whether a process holds the profile now. The screen of a run that is down begins with a line that says so and since
    when.
    """
    try:
        content = (folder / STATUS_FILE).read_bytes()
        told = msgspec.json.decode(content, type=_StatusFile)
    except (OSError, msgspec.DecodeError):
        return None
    age_s = max(0.0, utc_time - told.utc_time)
    fresh = running and age_s <= STALE_AFTER_S and not told.ended
    word = "stopped at" if told.ended else "stuck since" if running else "not running since"
    down = "" if fresh else f"DOWN     {word} {stamp(told.utc_time)} ({span(age_s)} ago). Its last status:\n"
    screen = told.screen
    if not running and not told.ended:
        screen = re.sub(rf"  {told.mode}(  pid \d+)?  ", f"  DOWN (was {told.mode})  ", screen, count=1)
    return LastStatus(down + screen, content, age_s, fresh)


class _StatusFile(msgspec.Struct):
    """The part of status.json that is read back."""

    utc_time: float
    screen: str
    mode: str = ""
    ended: str = ""


def _replace(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    temporary.replace(path)
