"""Which profile a reading command means: the one named, else the one that runs. Only trader/report's commands import this."""

from pathlib import Path

from trader.config.layers import PROFILES
from trader.exit_code import Ends, ExitCode
from trader.store.layout import profile_folder, running_profiles


def folder_of(command: str, profile: str | None) -> Path:
    """The data folder of the profile; raises Ends with 64 when no or an unknown one is meant."""
    if profile is not None and profile not in PROFILES:
        raise Ends(ExitCode.USAGE, f"run.py {command}: unknown profile {profile!r}; one of {', '.join(PROFILES)}")
    if profile is not None:
        return profile_folder(profile)
    names = running_profiles()
    if len(names) != 1:
        running = ", ".join(names) or "none"
        raise Ends(ExitCode.USAGE, f"run.py {command}: running profiles: {running}; name one with --profile")
    return profile_folder(names[0])
