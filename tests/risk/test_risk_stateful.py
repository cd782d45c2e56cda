"""A share of the stateful test of the desk; `python -m tests.risk.stateful --steps 200000` runs the rest."""

from desk_machine import DeskMachine
from hypothesis import HealthCheck, settings

DeskMachine.TestCase.settings = settings(
    max_examples=40, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
TestDeskAgainstALyingVenue = DeskMachine.TestCase
