"""Which profile a command means: the one named, else the one that runs. Commands import this; the trading process does not."""

from __future__ import annotations

import os
from pathlib import Path

from actors.lock import is_held
from trader.config.layers import PROFILES
from trader.exit_code import Ends, ExitCode


def data_root() -> Path:
    """Return the folder that holds all profiles: EVENT_STORE_ROOT, or ./data."""
    return Path(os.environ.get("EVENT_STORE_ROOT") or "data") / "perps_bot"


def folder_of(profile: str | None) -> Path:
    """Return the folder of `profile`, or of the one running profile; raises Ends with 64 when that is not one."""
    root = data_root()
    if profile is not None:
        if profile not in PROFILES:
            raise Ends(ExitCode.USAGE, f"unknown profile {profile!r}; one of {', '.join(PROFILES)}")
        return root / profile
    running = [path.parent for path in sorted(root.glob("*/lock")) if is_held(path)]
    if len(running) == 1:
        return running[0]
    what = "no profile runs" if not running else f"several run: {', '.join(path.name for path in running)}"
    raise Ends(ExitCode.USAGE, f"{what} under {root}; name one with --profile")
