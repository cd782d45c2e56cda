"""Which profile a reading command means; see trader/store/running.py. Only trader/report's commands import this."""

from pathlib import Path

from trader.store.running import chosen_folder


def folder_of(command: str, profile: str | None) -> Path:
    """The data folder of the profile; raises Ends with 64 when no or an unknown one is meant."""
    return chosen_folder(profile)
