"""What is said of a feed that comes and goes: each drop that matters, each return that lasts, and never an hour of flapping."""

from __future__ import annotations

from actors.feedvoice import STEADIEST_S, FeedVoice

CUT = "connection lost"


def heard(voice: FeedVoice, begin: float, end: float, every_s: float, up_for_s: float) -> list[str]:
    """Let a connection come back every so often and be cut again, with a tick each second; return what was said."""
    said = []
    for second in range(int(begin), int(end)):
        if (second - begin) % every_s == 0:
            said.append(voice.up(second))
        if (second - begin) % every_s == up_for_s:
            said.append(voice.down(CUT, second))
        said.append(voice.on_tick(second))
    return [line for line in said if line]


def test_the_first_connection_is_told_at_once() -> None:
    """Nothing to wait for at a start; a repeated report says nothing."""
    voice = FeedVoice("market")
    assert voice.up(0) == "market feed up"
    assert voice.up(1) == ""
    assert voice.on_tick(100) == ""


def test_a_drop_is_told_at_once_and_its_return_when_it_lasts() -> None:
    """One line each, with how long it was gone."""
    voice = FeedVoice("market")
    voice.up(0)
    assert voice.down(CUT, 100) == "market feed down: connection lost"
    voice.up(130)
    assert voice.on_tick(139) == ""
    assert voice.on_tick(140) == "market feed up for 10 s, after 30 s"
    assert voice.on_tick(150) == ""


def test_a_venue_that_was_never_there_is_told_once() -> None:
    """Down before it was ever up, then up: two lines."""
    voice = FeedVoice("user")
    assert voice.down(CUT, 0)
    assert voice.down(CUT, 5) == ""
    assert voice.up(60) == ""
    assert voice.on_tick(70) == "user feed up for 10 s, after 60 s and 2 drops"


def test_an_hour_of_connections_cut_at_once_is_two_lines() -> None:
    """The first drop and the return; in between they are counted."""
    voice = FeedVoice("user")
    voice.up(0)
    said = heard(voice, 10, 3610, every_s=30, up_for_s=1)
    assert said == ["user feed down: connection lost"]
    voice.up(3610)
    assert voice.on_tick(3620) == "user feed up for 10 s, after 3599 s and 120 drops"


def test_a_connection_that_drops_each_minute_must_stand_ever_longer_to_count_as_back() -> None:
    """Long enough to be told each time, at first: doubling ends it, and a quiet quarter of an hour forgets it."""
    voice = FeedVoice("user")
    voice.up(0)
    assert len(heard(voice, 60, 3660, every_s=60, up_for_s=45)) <= 8
    voice.up(3660)
    until = 3660 + STEADIEST_S
    assert voice.on_tick(until)
    assert voice.down(CUT, until + 1)
    voice.up(until + 2)
    assert voice.on_tick(until + 12)
