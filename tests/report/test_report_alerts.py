"""Alerts: one message per transition, pages repeated until acknowledged, flapping counted; and the webhook's thread."""

import json
import threading
import time
from collections.abc import Iterator
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, HTTPServer

import msgspec
import pytest
from status_examples import NOW, healthy, open_order, reduce_only

from trader.orders.reason import Reason
from trader.report.alerts import FLAP_S, REPEAT_PAGE_S, Alert, AlertBook, Phase, Severity
from trader.report.status import ActorStatus, FeedStatus, SystemStatus
from trader.report.webhook import AlertSender, BadTarget, SenderState, WebhookTarget, body_of, target_from, trial_alert
from trader.risk.holds import ACCOUNT, Hold, Level


def at(seconds: float, status: SystemStatus) -> SystemStatus:
    """The same status, some seconds later."""
    return msgspec.structs.replace(status, utc_time=NOW + seconds, market_time=NOW + seconds)


def halted() -> SystemStatus:
    hold = Hold("kill", Level.HALTED, ACCOUNT, Reason.KILL_SWITCH, "killed by the operator", "operator", NOW)
    return healthy(mode=Level.HALTED, holds=(hold,))


def told(book: AlertBook, status: SystemStatus) -> list[tuple[str, Phase]]:
    return [(alert.key, alert.phase) for alert in book.observe(status)]


def test_a_healthy_system_says_nothing() -> None:
    """For hours."""
    book = AlertBook()
    assert [book.observe(at(second, healthy())) for second in range(0, 7200, 60)] == [[]] * 120


def test_one_message_when_it_begins_and_one_when_it_ended() -> None:
    """Repeats of a notification are not sent."""
    book = AlertBook()
    assert told(book, at(0, reduce_only())) == [
        ("reduce_only", Phase.BEGAN),
        ("loss:50", Phase.BEGAN),
        ("loss:80", Phase.BEGAN),
        ("loss:100", Phase.BEGAN),
    ]
    assert told(book, at(1000, reduce_only())) == []
    assert book.firing() == ("reduce_only", "loss:50", "loss:80", "loss:100")
    assert told(book, at(1001, healthy())) == []
    ended = told(book, at(1001 + FLAP_S, healthy()))
    assert ended == [(key, Phase.ENDED) for key in ("reduce_only", "loss:50", "loss:80", "loss:100")]
    assert book.firing() == ()


def test_a_page_is_repeated_until_somebody_acknowledges_it() -> None:
    """Every five minutes; acknowledged it stays firing and silent."""
    book = AlertBook()
    assert told(book, at(0, halted())) == [("halted", Phase.BEGAN)]
    assert told(book, at(REPEAT_PAGE_S - 1, halted())) == []
    assert told(book, at(REPEAT_PAGE_S, halted())) == [("halted", Phase.REPEATED)]
    assert book.acknowledge("halted") == 1
    assert told(book, at(3 * REPEAT_PAGE_S, halted())) == []
    assert book.firing() == ("halted",)


def test_flapping_is_counted_and_told_once() -> None:
    """Ten changes in half a minute are one message, and later one with a count."""
    book = AlertBook()
    messages = [alert for n in range(10) for alert in book.observe(at(3 * n, halted() if n % 2 == 0 else healthy()))]
    assert [(alert.key, alert.phase) for alert in messages] == [("halted", Phase.BEGAN)]
    (again,) = book.observe(at(FLAP_S + 1, halted()))
    assert (again.phase, again.times) == (Phase.BEGAN, 6)
    assert "(6 times)" in again.line()


BROKEN_ACTOR = ActorStatus("BTC-USD", "quarantined", 9.0, 0, 1, 0.1, 4, 4)
SLOW_INBOX = ActorStatus("risk", "ok", 0.1, 900, 900, 0.1, 0, 0, "", 1500.0)
QUARANTINE = Hold("quarantine", Level.REDUCE_ONLY, "ETH-USD", Reason.QUARANTINED, "", "supervisor", NOW)
CASES = [
    (healthy(error="books do not balance"), "error", Severity.PAGE),
    (halted(), "halted", Severity.PAGE),
    (healthy(store=msgspec.structs.replace(healthy().store, failed=True)), "store", Severity.PAGE),
    (healthy(actors=(BROKEN_ACTOR,)), "unprotected:BTC-USD", Severity.PAGE),
    (healthy(orders=(open_order(state="UNKNOWN", age_s=21.0),)), "unknown:cb-81f2", Severity.PAGE),
    (healthy(holds=(QUARANTINE,)), "hold:quarantine:ETH-USD", Severity.NOTIFY),
    (healthy(actors=(SLOW_INBOX,)), "inbox:risk", Severity.NOTIFY),
    (healthy(feeds=FeedStatus()), "feed", Severity.LOG),
]


@pytest.mark.parametrize(("status", "key", "severity"), CASES, ids=[key for _, key, _ in CASES])
def test_each_condition_has_its_severity(status: SystemStatus, key: str, severity: Severity) -> None:
    """Page, notify or log, by the operator's guide."""
    assert [(alert.key, alert.severity) for alert in AlertBook().observe(status)] == [(key, severity)]


@pytest.mark.parametrize(
    "status",
    [
        healthy(orders=(open_order(state="UNKNOWN", age_s=5.0),)),
        healthy(actors=(BROKEN_ACTOR,), positions=()),
        healthy(feeds=FeedStatus(), mode=Level.STARTING),
        healthy(money=msgspec.structs.replace(healthy().money, day_pnl_usd=Decimal("-4.99"))),
    ],
)
def test_what_is_young_or_harmless_is_not_told(status: SystemStatus) -> None:
    """An order unanswered for five seconds, an actor without position, the first connection, half a limit not reached."""
    assert AlertBook().observe(status) == []


def test_five_reconnects_in_ten_minutes_are_a_storm() -> None:
    """And over an hour they are not."""
    fast, slow = AlertBook(), AlertBook()
    statuses = [healthy(feeds=msgspec.structs.replace(healthy().feeds, reconnects=n)) for n in range(6)]
    assert [key for n, one in enumerate(statuses) for key, _ in told(fast, at(60 * n, one))] == ["reconnect_storm"]
    assert [key for n, one in enumerate(statuses) for key, _ in told(slow, at(700 * n, one))] == []


def test_each_utc_day_ends_with_one_summary() -> None:
    """Of the market's clock, once."""
    book = AlertBook()
    keys = [key for hour in range(60) for key, _ in told(book, at(hour * 3600, healthy()))]
    assert keys == ["daily_summary"] * 3


class Receiver(HTTPServer):
    """A webhook on this machine that answers with the codes it is given and keeps what it got."""

    def __init__(self, codes: list[int]) -> None:
        self.codes, self.bodies = codes, list[dict[str, object]]()
        super().__init__(("127.0.0.1", 0), _Take)


class _Take(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        code = self.server.codes.pop(0) if self.server.codes else 200
        if code == 200:
            self.server.bodies.append(json.loads(body))
        self.send_response(code)
        self.send_header("Location", "/elsewhere")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Quiet."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A running webhook."""
    server = Receiver([])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def sender_to(receiver: Receiver, form: str = "json") -> AlertSender:
    url = f"http://127.0.0.1:{receiver.server_port}/hook?token=c4n4ry"
    target = target_from({"ALERT_WEBHOOK_URL": url, "ALERT_WEBHOOK_FORMAT": form})
    assert isinstance(target, WebhookTarget)
    return AlertSender(target)


@pytest.mark.parametrize("form", ["json", "slack"])
def test_a_message_arrives_within_five_seconds_in_either_form(receiver: Receiver, form: str) -> None:
    """Slack takes one text; ours has every field."""
    sender = sender_to(receiver, form)
    began = time.monotonic()
    sender.send(trial_alert("canary", NOW))
    assert sender.close(5.0)
    assert time.monotonic() - began < 5.0
    (body,) = receiver.bodies
    assert "canary told test" in str(body["text" if form == "slack" else "line"])
    assert (set(body) == {"text"}) is (form == "slack")
    assert sender.state.sent == 1


def test_a_refused_message_is_tried_again_and_a_lost_one_is_visible(receiver: Receiver) -> None:
    """Two failures then success is delivered; three failures are counted, and the error is cleared by a success."""
    sender = sender_to(receiver)
    receiver.codes[:] = [500, 302]
    sender.send(trial_alert("canary", NOW))
    assert _settled(sender).sent == 1
    receiver.codes[:] = [500, 500, 503]
    sender.send(trial_alert("canary", NOW))
    state = _settled(sender)
    assert (state.failed, state.last_error) == (1, "the webhook answered 503")
    sender.send(trial_alert("canary", NOW))
    assert _settled(sender).last_error == ""
    assert sender.close(5.0)


def test_nobody_listening_is_said_without_the_address() -> None:
    """The address is a secret: not in the error, not in the repr."""
    target = WebhookTarget(False, "127.0.0.1", 1, "/hook?token=c4n4ry", "json")
    sender = AlertSender(target)
    sender.send(trial_alert("canary", NOW))
    state = _settled(sender)
    assert state.failed == 1
    assert state.last_error == "ConnectionRefusedError from the webhook"
    assert "c4n4ry" not in repr(target) + repr(state)
    assert sender.close(5.0)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("ftp://example.org/x", "https"),
        ("http://example.org/x", "https"),
        ("https://", "not a web address"),
        ("https://example.org:99999/", "not a web address"),
        ("https://exa mple.org/", "not a web address"),
        ("nonsense", "not a web address"),
    ],
)
def test_only_https_or_this_machine_is_an_address(url: str, why: str) -> None:
    """And the refusal does not repeat it."""
    refused = target_from({"ALERT_WEBHOOK_URL": url})
    assert isinstance(refused, BadTarget)
    assert why in refused.why
    assert "example" not in refused.why


def test_no_address_is_no_target_and_an_unknown_form_is_refused() -> None:
    """Alerts are optional; a slip in their form is not."""
    assert target_from({}) is None
    refused = target_from({"ALERT_WEBHOOK_URL": "https://example.org/", "ALERT_WEBHOOK_FORMAT": "pager"})
    assert isinstance(refused, BadTarget)


def test_the_body_of_an_alert_names_everything() -> None:
    """Machines read the fields."""
    alert = Alert("halted", Severity.PAGE, Phase.BEGAN, "killed", "canary", NOW, 2)
    assert json.loads(body_of(alert, "json")) == {
        "key": "halted",
        "severity": "page",
        "phase": "began",
        "text": "killed",
        "profile": "canary",
        "since": "2026-11-20T17:24:09.250000+00:00",
        "times": 2,
        "line": "[PAGE] canary began halted: killed (2 times) since 17:24:09Z",
    }


def _settled(sender: AlertSender) -> SenderState:
    deadline = time.monotonic() + 10
    while sender.state.queued and time.monotonic() < deadline:
        time.sleep(0.01)
    return sender.state
