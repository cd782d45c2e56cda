"""Which profile a command means, and whether it runs: the one answer for every command of run.py that takes --profile.

A profile runs while a process holds the file `lock` of its folder, or writes its store; the kernel lets go of both on any death, so
a free lock means that the process is gone, whatever its last files say. Commands import this; the trading process does not.
"""

import contextlib
import fcntl
import os
from pathlib import Path

from trader.config.layers import PROFILES
from trader.exit_code import Ends, ExitCode
from trader.store.layout import profile_folder, profiles_folder, running_profiles

LOCK_FILE = "lock"


def is_running(folder: Path) -> bool:
    """Whether a process runs the profile of this folder now."""
    return is_held(folder / LOCK_FILE) or folder.name in running_profiles(folder.parent.parent)


def chosen_folder(profile: str | None) -> Path:
    """The folder of `profile`; without a name the one that runs, else the only one there is. Raises Ends with 64.

    Raises PermissionError for a folder of another user: "it has not run here" would be a lie.
    """
    if profile is not None:
        if profile not in PROFILES:
            raise Ends(ExitCode.USAGE, f"unknown profile {profile!r}; one of {', '.join(PROFILES)}")
        return readable(profile_folder(profile))
    root = profiles_folder()
    present = [folder for name in PROFILES if (folder := root / name).is_dir()]
    running = [folder for folder in present if is_running(folder)]
    if len(running or present) == 1:
        return readable((running or present)[0])
    names = ", ".join(folder.name for folder in running or present)
    what = f"several profiles run ({names})" if running else f"no profile runs (there are: {names})"
    if not present:
        what = f"no profile has run under {root}"
    raise Ends(ExitCode.USAGE, f"{what}; name one with --profile")


def readable(folder: Path) -> Path:
    """The folder itself, existing or not; raises PermissionError when it is closed to this user."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        os.scandir(folder).close()
    return folder


def is_held(path: Path) -> bool:
    """Whether some process holds the lock at `path`; False when there is no such file. Raises PermissionError."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except PermissionError:
        raise
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
