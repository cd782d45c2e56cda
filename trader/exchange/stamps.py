"""Times and ids as the venue writes them. Imported by the renderers, rest.py and stream.py."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

UNSET_TIME = "0001-01-01T00:00:00Z"
_NAMESPACE = uuid.UUID("5b0c9a34-7f5e-4d0c-9d2a-0d6a3f1c8e11")
USER_ID = str(uuid.uuid5(_NAMESPACE, "user"))
PORTFOLIO_ID = USER_ID  # on the real venue the default portfolio carries the user's id
INTX_PORTFOLIO_ID = str(uuid.uuid5(_NAMESPACE, "intx-portfolio"))


def iso(unix_seconds: float) -> str:
    """RFC 3339 in UTC with six fraction digits."""
    return datetime.fromtimestamp(unix_seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def iso_or_unset(unix_seconds: float | None) -> str:
    """RFC 3339, or the venue's year-one stamp for a time that was never set."""
    return UNSET_TIME if unix_seconds is None else iso(unix_seconds)


def go_time(unix_seconds: float, uptime_s: float) -> str:
    """The time text of the heartbeats channel, as Go prints a time with its monotonic reading."""
    return (
        datetime.fromtimestamp(unix_seconds, UTC).strftime("%Y-%m-%d %H:%M:%S.%f") + f"000 +0000 UTC m=+{uptime_s:.9f}"
    )


def account_id(currency: str) -> str:
    """The uuid of a wallet; the same for ever."""
    return str(uuid.uuid5(_NAMESPACE, f"wallet-{currency}"))


def derived_id(name: str) -> str:
    """A stable uuid for anything that has a name."""
    return str(uuid.uuid5(_NAMESPACE, name))
