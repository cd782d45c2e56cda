"""Alerts of a real run: one message a transition, within five seconds, and a broken path that is seen."""

from __future__ import annotations

import json

from local_webhook import Webhook
from operator_desk import OperatorDesk
from trader_process import until


def test_a_halt_reaches_the_webhook_within_five_seconds_and_once(calm: OperatorDesk, webhook: Webhook) -> None:
    """C-23: one page for the transition, not one for each look; a second kill is no transition."""

    def pages() -> list[str]:
        return [body for body in tuple(webhook.bodies) if json.loads(body)["key"] == "halted"]

    assert not webhook.failing

    assert not pages()
    calm.ok("kill")
    until(pages, 5, "a page at the webhook")
    calm.ok("kill")
    assert len(pages()) == 1
    told = json.loads(pages()[0])
    assert (told["severity"], told["phase"], told["profile"]) == ("page", "began", "dev")


def test_a_webhook_that_refuses_shows_in_health_and_on_the_screen(calm: OperatorDesk, webhook: Webhook) -> None:
    """The failure of the alert path is itself visible, and its address is not."""
    webhook.failing = True
    try:
        assert "did not get through" in calm.no("test-alert")
        until(lambda: "alerts do not get out" in calm.type("status").stdout, 5, "the broken path on the screen")
    finally:
        webhook.failing = False
    assert webhook.url not in calm.trader.stderr.text + calm.ok("status")
    assert "hook-7d1f0c9ab2" not in (calm.room.profile_folder / "logs" / "perps_bot.log").read_text()
