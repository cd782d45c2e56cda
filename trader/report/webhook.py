"""Sends alerts to a webhook from its own thread, and says so when it cannot. The system's wiring starts one.

The address comes from the environment (`ALERT_WEBHOOK_URL`, `ALERT_WEBHOOK_FORMAT` json or slack) and is a secret: it is
in no message, error or repr. Only https, or http to this machine. `send` never blocks; a message is tried three times
within about five seconds; a full queue drops the oldest. Delivery is not guaranteed, failure is visible: `state`.
"""

import http.client
import json
import ssl
import threading
import time
from collections import deque
from collections.abc import Mapping
from urllib.parse import urlsplit

import msgspec

from trader.report.alerts import Alert, Phase, Severity
from trader.report.words import iso

URL_VARIABLE, FORMAT_VARIABLE = "ALERT_WEBHOOK_URL", "ALERT_WEBHOOK_FORMAT"
FORMATS = ("json", "slack")
QUEUE_MAX = 100
_TRIES = 3
_TIMEOUT_S = 1.5
_PAUSES_S = (0.2, 0.5)
_LOCAL = ("127.0.0.1", "localhost", "::1")


class WebhookTarget(msgspec.Struct, frozen=True):
    """Where alerts go. Its repr names nothing of the address."""

    secure: bool
    host: str
    port: int | None
    path: str
    format: str

    def __repr__(self) -> str:
        return f"WebhookTarget(format={self.format!r}, address=hidden)"


class BadTarget(msgspec.Struct, frozen=True):
    """Why the environment names no usable address; never repeats it."""

    why: str


class SenderState(msgspec.Struct, frozen=True):
    """What got through so far; `last_error` is "" after the last success."""

    queued: int
    sent: int
    failed: int
    last_error: str


def target_from(environ: Mapping[str, str]) -> WebhookTarget | BadTarget | None:
    """The webhook of the environment, None when none is named."""
    url = environ.get(URL_VARIABLE, "").strip()
    form = environ.get(FORMAT_VARIABLE, "").strip() or "json"
    if not url:
        return None
    if form not in FORMATS:
        return BadTarget(f"{FORMAT_VARIABLE} must be json or slack")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return BadTarget(f"{URL_VARIABLE} is not a web address")
    if not parts.hostname or any(ord(char) <= 32 or ord(char) > 126 for char in url):
        return BadTarget(f"{URL_VARIABLE} is not a web address")
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOCAL):
        return BadTarget(f"{URL_VARIABLE} must begin with https:// (http only to this machine)")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return WebhookTarget(parts.scheme == "https", parts.hostname, port, path, form)


def body_of(alert: Alert, form: str) -> bytes:
    """The message as JSON: every field, or Slack's single text."""
    if form == "slack":
        return json.dumps({"text": alert.line()}).encode()
    told = {
        "key": alert.key,
        "severity": alert.severity.value,
        "phase": alert.phase.value,
        "text": alert.text,
        "profile": alert.profile,
        "since": iso(alert.since),
        "times": alert.times,
        "line": alert.line(),
    }
    return json.dumps(told).encode()


def trial_alert(profile: str, utc_time: float) -> Alert:
    """What `run.py test-alert` sends."""
    text = "a test: if you read this, alerts arrive"
    return Alert("test", Severity.NOTIFY, Phase.TOLD, text, profile, utc_time)


class AlertSender:
    """A bounded queue and one daemon thread that empties it."""

    def __init__(self, target: WebhookTarget) -> None:
        self._target = target
        self._queue: deque[Alert] = deque()
        self._wake = threading.Condition()
        self._closing = False
        self._busy = False
        self._sent = 0
        self._failed = 0
        self._last_error = ""
        self._thread = threading.Thread(target=self._run, name="alerts", daemon=True)
        self._thread.start()

    def send(self, alert: Alert) -> None:
        """Queue one message; the oldest falls out of a full queue and counts as failed. Any thread; never blocks."""
        with self._wake:
            if len(self._queue) >= QUEUE_MAX:
                self._queue.popleft()
                self._failed += 1
                self._last_error = "more alerts than the webhook takes"
            self._queue.append(alert)
            self._wake.notify()

    @property
    def state(self) -> SenderState:
        """Counts for the status screen. Any thread."""
        with self._wake:
            return SenderState(len(self._queue) + self._busy, self._sent, self._failed, self._last_error)

    def close(self, timeout_s: float) -> bool:
        """Send what is queued, for at most `timeout_s`; True when nothing is left."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join(timeout_s)
        return self.state.queued == 0

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._queue and not self._closing:
                    self._wake.wait()
                if not self._queue:
                    return
                alert = self._queue.popleft()
                self._busy = True
            error = self._deliver(alert)
            with self._wake:
                self._busy = False
                self._last_error = error
                if error:
                    self._failed += 1
                else:
                    self._sent += 1

    def _deliver(self, alert: Alert) -> str:
        """Try a few times; "" when the other side took it, else why not."""
        body, error = body_of(alert, self._target.format), ""
        for attempt in range(_TRIES):
            error = self._post(body)
            if not error:
                return ""
            if attempt < len(_PAUSES_S):
                time.sleep(_PAUSES_S[attempt])
        return error

    def _post(self, body: bytes) -> str:
        """One POST; redirects are not followed: they would carry the message to an address nobody configured."""
        target = self._target
        connection = (
            http.client.HTTPSConnection(
                target.host, target.port, timeout=_TIMEOUT_S, context=ssl.create_default_context()
            )
            if target.secure
            else http.client.HTTPConnection(target.host, target.port, timeout=_TIMEOUT_S)
        )
        try:
            connection.request("POST", target.path, body, {"Content-Type": "application/json"})
            code = connection.getresponse().status
        except (OSError, ValueError, http.client.HTTPException) as error:
            return f"{type(error).__name__} from the webhook"
        finally:
            connection.close()
        return "" if 200 <= code < 300 else f"the webhook answered {code}"
