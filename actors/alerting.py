"""The alert path of one run: each status goes through the alert book, what it gives rise to goes to the log and the webhook.

Runs on the main thread, once a second, so an alert leaves within seconds of its cause; the webhook has its own thread and can
hold up nobody (C-23). Its failure shows in the status, and so in health.json. Only `operations.py` imports this.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

from loguru import logger

from actors.control_wire import Told
from trader.exit_code import Ends, ExitCode
from trader.report.alerts import Alert, AlertBook, Phase, Severity
from trader.report.redaction import redactor
from trader.report.status import AlertStatus, SystemStatus
from trader.report.webhook import FORMAT_VARIABLE, URL_VARIABLE, AlertSender, BadTarget, target_from, trial_alert

TEST_WITHIN_S = 8.0
POLL_S = 0.05
CLOSE_S = 5.0


class Alerting:
    """Owns the book and, when the environment names a webhook, its sender. Raises Ends with 78 for an address that is none."""

    def __init__(self, profile: str, environ: Mapping[str, str]) -> None:
        self._profile = profile
        self._book = AlertBook()
        target = target_from(environ)
        if isinstance(target, BadTarget):
            raise Ends(ExitCode.CONFIG_ERROR, f"{target.why}; set it right or unset it. Nothing was started.")
        redactor.know(environ.get(URL_VARIABLE, ""))
        self._sender = AlertSender(target) if target else None

    def observe(self, status: SystemStatus) -> None:
        """Take one status; main thread."""
        for alert in self._book.observe(status):
            self.tell(alert)

    def tell(self, alert: Alert) -> None:
        """Log one message and hand it to the webhook. Repetitions and what concerns nobody now stay in the file."""
        loud = alert.severity is Severity.PAGE and alert.phase is not Phase.REPEATED
        logger.log("WARNING" if loud else "DEBUG", "alert {}", alert.line())
        if self._sender is not None and alert.severity is not Severity.LOG:
            self._sender.send(alert)

    def notify(self, key: str, text: str) -> None:
        """Tell one thing that is no condition of the status: a configuration that was refused."""
        self.tell(Alert(key, Severity.NOTIFY, Phase.TOLD, text, self._profile, time.time()))

    def state(self) -> AlertStatus:
        """Return what the status says about alerts."""
        firing = self._book.firing()
        if self._sender is None:
            return AlertStatus(firing=firing)
        sent = self._sender.state
        return AlertStatus(firing, sent.queued, sent.sent, sent.failed, sent.last_error, configured=True)

    def test(self) -> Told:
        """Send a test message and wait for its fate. A command's thread."""
        if self._sender is None:
            text = (
                f"no webhook is configured: set {URL_VARIABLE} (and {FORMAT_VARIABLE} = json or slack) and start again"
            )
            return Told(f"{text}; until then alerts stand in the log and in health.json", done=True, ok=False)
        before = self._sender.state
        self._sender.send(trial_alert(self._profile, time.time()))
        deadline = time.monotonic() + TEST_WITHIN_S
        while time.monotonic() < deadline:
            now = self._sender.state
            if now.sent > before.sent and not now.queued:
                return Told("the webhook took the test message", done=True)
            if now.failed > before.failed and not now.queued:
                return Told(f"the test message did not get through: {now.last_error}", done=True, ok=False)
            time.sleep(POLL_S)
        return Told(f"no answer from the webhook within {TEST_WITHIN_S:g} s", done=True, ok=False)

    def close(self) -> None:
        """Send what is queued, for a few seconds at most."""
        if self._sender is not None:
            self._sender.close(CLOSE_S)
