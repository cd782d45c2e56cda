"""Configuration: config.toml, flags and environment, checked as a whole into frozen settings.

run.py, actors/system.py and the commands import this; the rooms of trader/ get their own record and import nothing.
"""

from trader.config.environment import flag_overrides
from trader.config.load import load_settings
from trader.config.problem import ConfigErrors, Problem
from trader.config.settings import Budget, Settings

__all__ = ["Budget", "ConfigErrors", "Problem", "Settings", "flag_overrides", "load_settings"]
