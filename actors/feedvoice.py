"""What people are told of a feed's connection: a drop at once, its return when it has stood for a while, and no flapping in between.

Only `actors/broker.py` imports this. Pure: it is told the machine's time. A venue that lets connections in and cuts them again
would otherwise fill the log with an hour of `up` and `down`; how often it was is said when it is over, and stands on the screen.
"""

from __future__ import annotations

STEADY_S = 10.0
STEADIEST_S = 900.0


class FeedVoice:
    """One feed's words. A connection that drops again soon after its return must stand twice as long before it counts as back."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._ever = False
        self._said_down_at: float | None = None
        self._up_since: float | None = None
        self._is_down_said = False
        self._steady_s = STEADY_S
        self._drops = 0

    def up(self, now: float) -> str:
        """Hear that the feed is up; return what to say, "" for nothing. The first time is said at once."""
        self._up_since = now
        if self._ever or self._is_down_said:
            return ""
        self._ever = True
        return f"{self._name} feed up"

    def down(self, reason: str, now: float) -> str:
        """Hear that the feed is down; return what to say: nothing while the last word was that it is down."""
        self._up_since = None
        self._drops += 1
        if self._is_down_said:
            return ""
        again = self._said_down_at is not None and now - self._said_down_at < STEADIEST_S
        self._steady_s = min(2 * self._steady_s, STEADIEST_S) if again else STEADY_S
        self._is_down_said, self._said_down_at, self._drops = True, now, 1
        return f"{self._name} feed down: {reason}"

    def on_tick(self, now: float) -> str:
        """Return what to say about a connection that has stood long enough."""
        if not self._is_down_said or self._up_since is None or now - self._up_since < self._steady_s:
            return ""
        self._is_down_said, self._ever = False, True
        assert self._said_down_at is not None
        gone_s = self._up_since - self._said_down_at
        often = f" and {self._drops} drops" if self._drops > 1 else ""
        return f"{self._name} feed up for {self._steady_s:.0f} s, after {gone_s:.0f} s{often}"
