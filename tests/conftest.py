"""What every test run does: search all it has written for planted secrets."""

from __future__ import annotations

pytest_plugins = ["tests.planted_secrets"]
