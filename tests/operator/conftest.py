"""One trader on a busy market for a whole module of operator tests, and the commands as a person types them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "process"))

from busy_market import write_candles, write_config
from local_webhook import Webhook
from operator_desk import OperatorDesk
from trader_process import exchange_process, room, until


@pytest.fixture(scope="module")
def webhook() -> Iterator[Webhook]:
    """A webhook for the module's trader."""
    hook = Webhook()
    yield hook
    hook.close()


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, webhook: Webhook) -> Iterator[OperatorDesk]:
    """A trader with a configuration of its own on a market that crosses every few seconds, ready to be commanded."""
    folder = tmp_path_factory.mktemp("operator")
    with (
        exchange_process(*write_candles(folder)) as exchange,
        room(folder / "room", exchange, config=write_config(folder)) as where,
    ):
        trader = where.start("--duration", "300", METRICS_PORT="0", ALERT_WEBHOOK_URL=webhook.url)
        trader.ready()
        found = OperatorDesk(where, trader)
        until(lambda: trader.mode() == "NORMAL", 20, "the mode NORMAL")
        yield found
        trader.process.terminate()
        assert trader.wait(20) in {0, 10}


@pytest.fixture
def calm(desk: OperatorDesk) -> Iterator[OperatorDesk]:
    """The desk without holds and faults, before the test and after it."""
    desk.calm()
    yield desk
    desk.calm()
