"""The mailbox: lanes, conflation, high-water mark, limit (S13, S14)."""

from __future__ import annotations

import itertools
import threading
from decimal import Decimal
from typing import Any

import pytest
from pykka._envelope import Envelope

from actors.mailbox import Mailbox
from actors.messages import CancelIntent, FeedState, Hello, Tick
from trader.market.clock import Now
from trader.market.quote import Quote

UP = FeedState(True, True, 0.0, 0.0)


def quote(symbol: str, half_ticks: int) -> Quote:
    price = Decimal(half_ticks) / 2
    return Quote(symbol, price, price, Decimal(1), Decimal(1), half_ticks, None, None, 0.0, 0.0)


def filled(*messages: Any) -> Mailbox:
    mailbox = Mailbox()
    for message in messages:
        mailbox.put(Envelope(message))
    return mailbox


def taken(mailbox: Mailbox) -> list[Any]:
    found = []
    while (envelope := mailbox.take()) is not None:
        found.append(envelope.message)
    return found


def test_s14_control_overtakes_data() -> None:
    """A mode change is not kept waiting behind quotes."""
    hello = Hello("BTC-USD", 1)
    assert taken(filled(hello, UP)) == [UP, hello]


def test_s13_only_the_newest_quote_of_a_symbol_waits_and_it_keeps_the_oldest_place() -> None:
    """Conflation loses what is stale, not what is in between."""
    hello = Hello("BTC-USD", 1)
    mailbox = filled(quote("BTC-USD", 1), hello, quote("BTC-USD", 2), quote("ETH-USD", 9))
    assert mailbox.depth == 3
    assert mailbox.conflated == 1
    assert [getattr(message, "half_ticks", message) for message in taken(mailbox)] == [2, hello, 9]


def test_s13_orders_and_control_are_never_conflated() -> None:
    """Ten times the same request is ten messages."""
    assert len(taken(filled(*[CancelIntent("BTC-USD", "x")] * 10, *[UP] * 10))) == 20


def test_s13_high_water_and_overflow_are_visible_from_outside() -> None:
    """The supervisor reads them without a lock."""
    mailbox = Mailbox(limit=3)
    for number in range(4):
        mailbox.put(Envelope(Hello("BTC-USD", number)))
    assert mailbox.overflowed
    mailbox.take()
    assert not mailbox.overflowed
    assert mailbox.high_water == 4


def test_a_tick_replaces_the_tick_before_it() -> None:
    """A busy actor gets the present time once, not every time there was."""
    mailbox = filled(Tick(Now(1.0, 1.0)), Tick(Now(2.0, 2.0)))
    assert taken(mailbox) == [Tick(Now(2.0, 2.0))]


def test_many_senders_and_one_reader_lose_nothing_and_keep_each_senders_order() -> None:
    """Four threads put while one reads with waiting."""
    mailbox, each = Mailbox(limit=10**9), 5_000

    def send(sender: int) -> None:
        for number in range(each):
            mailbox.put(Envelope(Hello(str(sender), number)))

    senders = [threading.Thread(target=send, args=(sender,)) for sender in range(4)]
    for thread in senders:
        thread.start()
    seen: dict[str, list[int]] = {str(sender): [] for sender in range(4)}
    for _ in range(4 * each):
        message = mailbox.get().message
        seen[message.symbol].append(message.incarnation)
    for thread in senders:
        thread.join()
    assert all(numbers == list(range(each)) for numbers in seen.values())
    assert mailbox.empty()


def test_a_reader_that_sleeps_is_woken_by_one_message() -> None:
    """`get` returns what arrives later."""
    mailbox, got = Mailbox(), []
    reader = threading.Thread(target=lambda: got.append(mailbox.get().message))
    reader.start()
    mailbox.put(Envelope(UP))
    reader.join(5)
    assert got == [UP]


def test_a_message_taken_the_moment_it_is_put_leaves_no_age_that_grows(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader may be faster than the sender's next line: the age of a message that is gone must not stand for the actor's."""
    mailbox = Mailbox()
    clock = itertools.count()

    def reads_at_once() -> float:
        mailbox.take()
        return float(next(clock))

    monkeypatch.setattr("actors.mailbox.time.monotonic", reads_at_once)
    mailbox.put(Envelope(Hello("BTC-USD", 1)))
    monkeypatch.setattr("actors.mailbox.time.monotonic", lambda: 1_000.0 + next(clock))
    mailbox.drop_all()
    first = mailbox.age_p99_s
    assert mailbox.age_p99_s == first


def test_dropping_everything_says_how_much_it_was() -> None:
    """A crash loses its mailbox; tests can do the same."""
    mailbox = filled(UP, Hello("A", 1), quote("B", 1))
    assert mailbox.drop_all() == 3
    assert mailbox.empty()
