"""The live outside of the broker: a feed that fails says so and begins anew."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from actors import live
from trader.venue import FeedEvent, FeedItem, FeedKind


class Breaking:
    """A feed whose first two runs fail."""

    kind = FeedKind.USER

    def __init__(self) -> None:
        self.runs = 0

    def run(self, on_item: Callable[[FeedItem], None], stop: Callable[[], bool]) -> None:
        self.runs += 1
        if self.runs <= 2:
            raise ValueError("a bug")


def test_a_feed_that_raises_is_down_and_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that ended in silence would leave the status saying that the feed is up."""
    monkeypatch.setattr(live, "AFTER_FAILURE_S", 0.0)
    feed, told = Breaking(), []
    live._run_feed(feed, told.append, lambda: feed.runs >= 3)
    assert feed.runs == 3
    assert [(item.kind, item.up, item.reason) for item in told if isinstance(item, FeedEvent)] == [
        (FeedKind.USER, False, "ValueError: a bug")
    ] * 2
